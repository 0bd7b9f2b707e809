"""An HTTP request inside a connection manager: virtual host, route, cluster, fault."""

from __future__ import annotations

from meshdoctor.model.proxy import HttpConnectionManager, Route, RouteConfig
from meshdoctor.model.trace import Expect
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.envoy.virtual_hosts import DomainIndex, Request, choose_route, without_port
from meshdoctor.trace.walk import Outcome, Walk

POLICY_HOSTS = ("block_all", "allow_any", "allow_any_dynamic_dns")
"""Virtual hosts Istio adds for what no service registers (istio pilot/pkg/networking/core/httproute.go)."""


class Domains:
    """Domain indexes of one proxy's route configurations, each made once."""

    def __init__(self) -> None:
        self._made: dict[str, DomainIndex] = {}

    def of(self, config: RouteConfig) -> DomainIndex:
        """The index of this configuration; its place in the dump tells it from others."""
        if config.path not in self._made:
            self._made[config.path] = DomainIndex(config)
        return self._made[config.path]


def request_of(walk: Walk, hcm: HttpConnectionManager) -> Request:
    """The request the client sends: Host as given, else the host, with its port unless it is 80."""
    destination = walk.destination
    authority = destination.authority
    if authority is None:
        host = f"[{destination.host}]" if ":" in destination.host else destination.host
        authority = host if destination.port == 80 else f"{host}:{destination.port}"
    if hcm.strip_port:
        authority = without_port(authority)
    return Request(authority, destination.path, destination.method)


def pass_http(walk: Walk, hcm: HttpConnectionManager, domains: Domains) -> Outcome | None:
    """Follow the request to a cluster name; an Outcome where Envoy answers itself or cannot route."""
    if walk.destination.protocol != "http":
        return _not_http(walk)
    config = hcm.route_config or walk.proxy.routes.get(hcm.route_config_name)
    if config is None:
        return _no_routes(walk, hcm)
    request = request_of(walk, hcm)
    found = domains.of(config).find(request.authority)
    if found is None:
        walk.step("route", None, f"no virtual host of route {config.name} has {request.authority}", config.path)
        why = f"route {config.name} has no virtual host for {request.authority}"
        return Outcome(Verdict.BLOCKED, "no-virtual-host", why, Expect(("NR",), 404))
    walk.virtual_host, walk.domain = found
    choice = choose_route(found.virtual_host.routes, request)
    if choice is None:
        walk.step(
            "route",
            None,
            f"virtual host {found.virtual_host.name} has no route for {request.path}",
            found.virtual_host.path,
        )
        why = f"no route of virtual host {found.virtual_host.name} matches {request.method} {request.path}"
        return Outcome(Verdict.BLOCKED, "no-route", why, Expect(("NR",), 404))
    walk.route = choice.route
    walk.route_name = choice.route.name or found.virtual_host.name
    walk.config = choice.route.config
    passed = f"; passed over: {', '.join(choice.passed_over[:3])}" if choice.passed_over else ""
    walk.step(
        "route",
        walk.route_name,
        f"route {config.name}: domain {found.domain} of virtual host {found.virtual_host.name}{passed}",
        choice.route.path,
    )
    return _act(walk, choice.route)


def _not_http(walk: Walk) -> Outcome:
    """Other bytes than HTTP in a connection manager: it waits for a request, or answers 400."""
    if walk.destination.protocol == "server-first":
        why = "an HTTP connection manager waits for a request; the client waits for the server's greeting"
        walk.step("filter_chain", None, why, walk.chain.path if walk.chain else "")
        return Outcome(Verdict.BROKEN, "hang", why, Expect(hangs=True))
    why = f"an HTTP connection manager gets {walk.destination.protocol} bytes and answers 400"
    walk.step("filter_chain", None, why, walk.chain.path if walk.chain else "")
    return Outcome(Verdict.BROKEN, "not-http", why, Expect(("DPE",), 400))


def _no_routes(walk: Walk, hcm: HttpConnectionManager) -> Outcome:
    name = hcm.route_config_name
    if "routes" not in walk.proxy.sections:
        walk.step("route", name, "the dump has no routes section")
        return Outcome(Verdict.UNKNOWN, "no-routes", "the dump has no routes section", missing=("routes",))
    walk.step("route", name, "the proxy has not got this route configuration yet")
    return Outcome(Verdict.BLOCKED, "no-route-config", f"route configuration {name} is missing", Expect(("NR",), 404))


def _act(walk: Walk, route: Route) -> Outcome | None:
    if route.action == "direct_response":
        return _direct(walk, route)
    if route.action == "redirect":
        status = Expect(http_status=route.status)
        return Outcome(Verdict.MISROUTED, "redirect", f"the route answers {route.status} itself: a redirect", status)
    if route.action == "route" and route.clusters:
        walk.cluster_name = route.clusters[0].name
        return None
    if route.cluster_header:
        why = f"the cluster is named by request header {route.cluster_header}, which the trace does not know"
        return Outcome(Verdict.UNKNOWN, "cluster-header", why, missing=(f"request header {route.cluster_header}",))
    return Outcome(
        Verdict.UNKNOWN,
        "route-action",
        "the route's action is of a kind this version does not read",
        missing=("route action",),
    )


def _direct(walk: Walk, route: Route) -> Outcome:
    expect = Expect(http_status=route.status)
    if walk.virtual_host is not None and walk.virtual_host.name in POLICY_HOSTS:
        return Outcome(
            Verdict.BLOCKED, "block-all", f"virtual host {walk.virtual_host.name} answers {route.status}", expect
        )
    return Outcome(
        Verdict.MISROUTED, "direct-response", f"the route answers {route.status} itself and sends nothing on", expect
    )


def fault_on_every_request(walk: Walk) -> str:
    """What a fault does to every request, in words; empty where at most some are hit."""
    route, chain = walk.route, walk.chain
    fault = route.fault if route else None
    if fault is None and chain is not None and chain.http is not None:
        fault = chain.http.fault
    if fault is None or fault.by_header or fault.abort_percent < 100:
        return ""
    return f"the route aborts every request with status {fault.abort_status}"

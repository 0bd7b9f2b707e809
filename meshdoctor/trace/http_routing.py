"""An HTTP request inside a connection manager: virtual host, route, cluster, fault."""

from __future__ import annotations

from collections.abc import Mapping

from meshdoctor.model.proxy import HttpConnectionManager
from meshdoctor.model.routes import Fault, Route, RouteConfig
from meshdoctor.model.trace import Expect
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.envoy import request_paths
from meshdoctor.semantics.envoy.first_bytes import http_codec_waits
from meshdoctor.semantics.envoy.virtual_hosts import DomainIndex, Request, choose_route, without_port
from meshdoctor.trace.arrival import SERVER_FIRST
from meshdoctor.trace.walk import Outcome, Walk

POLICY_HOSTS = ("block_all", "allow_any", "allow_any_dynamic_dns")
"""Virtual hosts Istio adds for what no service registers (istio pilot/pkg/networking/core/httproute.go)."""


class Domains:
    """Domain indexes of one proxy's route configurations, each made once."""

    def __init__(self) -> None:
        self._made: dict[str, DomainIndex] = {}

    def of(self, config: RouteConfig) -> DomainIndex:
        """The index of this configuration, which its path in the dump identifies."""
        if config.path not in self._made:
            self._made[config.path] = DomainIndex(config)
        return self._made[config.path]


def request_of(walk: Walk, hcm: HttpConnectionManager) -> Request:
    """The request as routes see it: Host as given, else the host, with its port unless it is 80; the path normalised
    as the connection manager does it."""
    destination = walk.destination
    authority = destination.authority
    if authority is None:
        host = f"[{destination.host}]" if ":" in destination.host else destination.host
        has_port = destination.port != 80 or destination.method == "CONNECT"
        authority = f"{host}:{destination.port}" if has_port else host
    elif destination.method == "CONNECT" and without_port(authority) == authority:
        authority = f"{authority}:{destination.port}"  # Envoy answers 400 to a CONNECT without port
    if hcm.strip_port or (hcm.strip_own_port and authority.endswith(f":{destination.port}")):
        authority = without_port(authority)
    if hcm.strip_dot:
        bare = without_port(authority)
        authority = bare.removesuffix(".") + authority.removeprefix(bare)
    path = "" if destination.method == "CONNECT" else _path_of(destination.path, hcm)
    return Request(authority, path, destination.method, dict(destination.headers))


def _path_of(path: str, hcm: HttpConnectionManager) -> str:
    if hcm.escaped_slashes.startswith("UNESCAPE"):
        path = request_paths.with_unescaped_slashes(path)
    if hcm.normalizes_path:
        path = request_paths.normalized(path)
    return request_paths.with_single_slashes(path) if hcm.merges_slashes else path


def _refused(walk: Walk, hcm: HttpConnectionManager, request: Request) -> Outcome | None:
    """Envoy's own answer to a request that it does not even route: its version or its path."""
    destination = walk.destination
    at = walk.chain.path if walk.chain else ""
    if destination.http_version == "1.0" and not hcm.accepts_http_10:
        why = "the HTTP connection manager does not accept HTTP/1.0 (accept_http_10): Envoy answers 426"
        walk.step("route", None, why, at)
        return Outcome(Verdict.BROKEN, "http-1.0", why, Expect(("DPE",), 426))
    if destination.method == "CONNECT":
        return None
    escaped = request_paths.has_escaped_slashes(destination.path)
    if escaped and hcm.escaped_slashes in ("REJECT_REQUEST", "UNESCAPE_AND_REDIRECT"):
        is_redirect = hcm.escaped_slashes != "REJECT_REQUEST"
        why = f"the path has an escaped slash (path_with_escaped_slashes_action {hcm.escaped_slashes}): Envoy answers "
        why += "307" if is_redirect else "400"
        walk.step("route", None, why, at)
        verdict, kind = (Verdict.MISROUTED, "path-redirect") if is_redirect else (Verdict.BROKEN, "path-refused")
        return Outcome(verdict, kind, why, Expect(http_status=307 if is_redirect else 400))
    if not request.path:
        why = f"Envoy cannot normalise the path {destination.path} and answers 400"
        walk.step("route", None, why, at)
        return Outcome(Verdict.BROKEN, "path-refused", why, Expect(http_status=400))
    return None


def pass_http(walk: Walk, hcm: HttpConnectionManager, domains: Domains) -> Outcome | None:
    """Follow the request to a cluster name; an Outcome where Envoy answers itself or cannot route."""
    if walk.destination.protocol != "http":
        return _not_http(walk)
    config = walk.proxy.routes_of(hcm)
    request = request_of(walk, hcm)
    if config is None:
        answered: Outcome | None = _no_routes(walk, hcm)
    else:
        answered = _refused(walk, hcm, request) or _choose(walk, hcm, config, domains, request)
    by_router = answered is None or answered.kind in _BY_ROUTER
    return (_faulty(walk, answered) if by_router else None) or answered


def _choose(
    walk: Walk, hcm: HttpConnectionManager, config: RouteConfig, domains: Domains, request: Request
) -> Outcome | None:
    """Virtual host and route, and what the route does."""
    found = domains.of(config).find(request.authority)
    if config.unread and (found is None or "*" in found.domain):
        # only the exact name of a virtual host excludes that another one takes the request
        return _unread(walk, "route configuration", config.name, config.path, config.unread)
    if found is None:
        why = f"route configuration {config.name} has no virtual host for {request.authority}"
        walk.step("route", None, why, config.path)
        return Outcome(Verdict.BLOCKED, "no-virtual-host", why, Expect(("NR",), 404))
    walk.virtual_host, walk.domain = found
    if found.virtual_host.unread:
        host = found.virtual_host
        return _unread(walk, "virtual host", host.name, host.path, host.unread)
    walk.guards = (*walk.guards, *hcm.guards)
    return _not_encrypted(walk, hcm, request) or _choose_route(walk, hcm, config, request)


def _not_encrypted(walk: Walk, hcm: HttpConnectionManager, request: Request) -> Outcome | None:
    """Envoy's redirect to https where the virtual host has require_tls: what reaches a sidecar is in plain text."""
    host = walk.virtual_host
    if host is None or not host.require_tls:
        return None
    why = f"virtual host {host.name} has require_tls {host.require_tls}"
    if host.require_tls != "ALL":
        because = f"{why}, and whether Envoy takes the client for an external one is not worked out"
        return Outcome(Verdict.UNKNOWN, "require-tls", because, missing=("outcome of require_tls",))
    refused = _upgrade_refused(walk, hcm, {}, request, host.path)
    if refused is not None:
        return refused
    walk.step("route", None, f"{why}: Envoy answers with a redirect to https", host.path)
    return Outcome(Verdict.MISROUTED, "redirect", f"{why}: Envoy redirects to https", Expect(http_status=301))


def _choose_route(walk: Walk, hcm: HttpConnectionManager, config: RouteConfig, request: Request) -> Outcome | None:
    host, domain = walk.virtual_host, walk.domain
    assert host is not None
    choice = choose_route(host.routes, request)
    if choice is None:
        asked = f"{request.method} {request.path or request.authority}"
        why = f"no route of virtual host {host.name} matches {asked}"
        if request.method == "CONNECT":
            why += ": Envoy forwards CONNECT only by a route with a connect_matcher, which Istio makes for no host"
        walk.step("route", None, why, host.path)
        return Outcome(Verdict.BLOCKED, "no-route", why, Expect(("NR",), 404))
    walk.route = choice.route
    walk.route_name = choice.route.name or host.name
    walk.config = choice.route.config
    skipped = f"; earlier routes do not match: {', '.join(choice.passed_over[:3])}" if choice.passed_over else ""
    why = f"virtual host {host.name} of route configuration {config.name} has domain {domain}"
    walk.step("route", walk.route_name, why + skipped, choice.route.path)
    if choice.route.unread:
        return _unread(walk, "route", walk.route_name, choice.route.path, choice.route.unread)
    if choice.not_modelled:
        why = f"the route matches by {choice.not_modelled}, whose outcome meshdoctor does not work out"
        return Outcome(Verdict.UNKNOWN, "route-match", why, missing=(f"outcome of {choice.not_modelled}",))
    refused = _upgrade_refused(walk, hcm, choice.route.upgrades, request, choice.route.path)
    return refused or _act(walk, choice.route)


def _upgrade_refused(
    walk: Walk, hcm: HttpConnectionManager, own: Mapping[str, bool], request: Request, at: str
) -> Outcome | None:
    """Envoy's 403 for an upgrade that neither route nor connection manager enables.

    Envoy drops an upgrade to h2c and goes on in HTTP/1.1 (source/common/http/http1/codec_impl.cc).
    """
    asked = (request.header("upgrade") or "").lower()
    wanted = asked if asked not in ("", "h2c") else "connect" if request.method == "CONNECT" else ""
    if not wanted or own.get(wanted, wanted in hcm.upgrades):
        return None
    why = f"no upgrade_configs enables {wanted}: Envoy answers 403"
    walk.step("route", walk.route_name, why, at)
    return Outcome(Verdict.BROKEN, "upgrade-refused", why, Expect(http_status=403))


def _unread(walk: Walk, kind: str, name: str, path: str, lost: str) -> Outcome:
    """The request depends on an object that was not read whole."""
    why = f"{kind} {name} was not read whole: {lost}"
    walk.step("route", name, why, path)
    return Outcome(Verdict.UNKNOWN, f"{kind.split()[-1]}-unread", why, missing=(f"{kind} {name}",))


def _not_http(walk: Walk) -> Outcome:
    """A protocol other than HTTP in a connection manager: it waits for a request, or answers 400."""
    if walk.destination.protocol == "server-first":
        why = f"the HTTP connection manager waits for a request, but {SERVER_FIRST}: the connection hangs"
        walk.step("filter_chain", None, why, walk.chain.path if walk.chain else "")
        return Outcome(Verdict.BROKEN, "hang", why, Expect(hangs=True))
    sent = walk.destination.first_bytes
    if sent and http_codec_waits(sent):
        why = (
            "the HTTP connection manager waits for the end of a request line, but the client waits for an answer: the "
        )
        why += "connection hangs"
        walk.step("filter_chain", None, why, walk.chain.path if walk.chain else "")
        return Outcome(Verdict.BROKEN, "hang", why, Expect(hangs=True))
    spoken = "TLS" if walk.destination.protocol == "tls" else "a TCP protocol that is not HTTP"
    why = f"the HTTP connection manager expects plain HTTP and gets {spoken}: Envoy answers 400"
    walk.step("filter_chain", None, why, walk.chain.path if walk.chain else "")
    return Outcome(Verdict.BROKEN, "not-http", why, Expect(("DPE",), 400))


def _no_routes(walk: Walk, hcm: HttpConnectionManager) -> Outcome:
    name = hcm.route_config_name
    coverage = walk.proxy.coverage("routes")
    if coverage.may_hold(name):
        why = f"route configuration {name} was not read: {coverage.because}"
        walk.step("route", name, why)
        return Outcome(Verdict.UNKNOWN, "no-routes", why, missing=(f"route configuration {name}",))
    why = f"the proxy has not received route configuration {name}"
    walk.step("route", name, why)
    return Outcome(Verdict.BLOCKED, "no-route-config", why, Expect(("NR",), 404))


_BY_ROUTER = ("no-virtual-host", "no-route", "no-route-config", "redirect", "direct-response", "block-all")
"""Kinds of what the router answers itself: the fault filter is before it."""


def _faulty(walk: Walk, answered: Outcome | None) -> Outcome | None:
    """What the fault filter does to a request that the router would answer so, or send on; None where nothing."""
    fault = fault_on_every_request(walk)
    doubt = walk.route.not_modelled if walk.route else ""
    if fault is not None and fault.not_modelled:
        doubt = f"the fault's {fault.not_modelled}"
    elif fault is not None and walk.chain and walk.chain.http and walk.chain.http.fault_filter == "disabled":
        doubt = "whether the route's fault enables the fault filter, which is disabled"
    if doubt:
        why = f"it depends on {doubt}, which meshdoctor does not work out"
        return Outcome(Verdict.UNKNOWN, "fault-unknown", why, missing=(f"outcome of {doubt}",))
    if fault is None or answered is None:
        return None  # where the request is sent on, the cluster is looked at first
    why = f"fault injection aborts every request with status {fault.abort_status}"
    return Outcome(Verdict.BROKEN, "fault", why, Expect(("FI",), fault.abort_status))


def _act(walk: Walk, route: Route) -> Outcome | None:
    if route.action == "direct_response":
        return _direct(walk, route)
    if route.action == "redirect":
        status = Expect(http_status=route.status)
        return Outcome(
            Verdict.MISROUTED, "redirect", f"the route answers with a redirect, status {route.status}", status
        )
    if route.action == "route" and route.clusters:
        walk.cluster_name = route.clusters[0].name
        return None
    if route.cluster_header:
        why = f"the route takes the cluster from request header {route.cluster_header}, whose value is not known"
        return Outcome(Verdict.UNKNOWN, "cluster-header", why, missing=(f"request header {route.cluster_header}",))
    return Outcome(
        Verdict.UNKNOWN,
        "route-action",
        "the route has an action that this version of meshdoctor does not read",
        missing=("route action",),
    )


def _direct(walk: Walk, route: Route) -> Outcome:
    expect = Expect(http_status=route.status)
    if walk.virtual_host is not None and walk.virtual_host.name in POLICY_HOSTS:
        why = f"virtual host {walk.virtual_host.name} answers {route.status}: the host is not registered"
        return Outcome(Verdict.BLOCKED, "block-all", why, expect)
    why = f"the route answers with status {route.status} (directResponse); the request is not sent to the host"
    return Outcome(Verdict.MISROUTED, "direct-response", why, expect)


def fault_on_every_request(walk: Walk) -> Fault | None:
    """The fault injection that aborts every request; None where it hits none or some."""
    route, chain = walk.route, walk.chain
    fault = route.fault if route else None
    manager = chain.http if chain is not None else None
    if manager is not None and manager.fault_filter == "absent":
        return None
    if fault is None and manager is not None:
        fault = manager.fault
    return None if fault is None or fault.by_header or fault.abort_percent < 100 else fault

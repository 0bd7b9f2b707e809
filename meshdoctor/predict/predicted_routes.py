"""The route configuration of a port: a virtual host for each HTTP service, and the outbound policy for all other hosts.

pilot/pkg/networking/core/httproute.go (BuildSidecarOutboundVirtualHosts, buildCatchAllVirtualHost) and route/route.go
(TranslateRoute) of istio/istio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from meshdoctor.model.mesh import Service, VirtualService
from meshdoctor.model.routes import (
    Fault,
    HeaderMatch,
    QueryMatch,
    Route,
    RouteConfig,
    RouteMatch,
    VirtualHost,
    WeightedCluster,
)
from meshdoctor.predict.sidecar_services import SidecarService
from meshdoctor.predict.unknown import Unknown
from meshdoctor.predict.virtual_services import VirtualServices
from meshdoctor.semantics.ip_addresses import bare
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.protocols import protocol_class
from meshdoctor.semantics.istio.resource_names import PASSTHROUGH, config_path
from meshdoctor.semantics.istio.virtual_service_rules import Rule
from meshdoctor.semantics.kubernetes.manifests import objects_in

UNREGISTERED_PORT = 80
"""The only port on which a VirtualService creates a virtual host for an unregistered name."""


class Routes:
    """Route configurations of one sidecar. What it cannot translate is added to `virtual.unknowns`."""

    def __init__(self, virtual: VirtualServices, policy_host: VirtualHost | None) -> None:
        self._virtual = virtual
        self._policy_host = policy_host

    def shared(self, members: Sequence[SidecarService], port: int) -> RouteConfig:
        """The configuration that all HTTP and undeclared services of a port share."""
        hosts: dict[str, VirtualHost] = {}
        for member in members:
            declared = next((p.protocol for p in member.ports if p.number == port), None)
            if declared is None or member.host in hosts or protocol_class(declared) not in ("http", "auto"):
                continue
            if getattr(member.item, "type", "") == "ExternalName":
                continue
            hosts[member.host] = self._virtual_host(member, port, (member.host, *_other_names(member)))
        if port == UNREGISTERED_PORT:
            self._add_unregistered(members, hosts)
        return self._config(str(port), [*hosts.values(), *([self._policy_host] if self._policy_host else [])])

    def own(self, member: SidecarService, port: int) -> RouteConfig:
        """The configuration of a service with its own listener: it matches any Host header."""
        return self._config(f"{member.host}:{port}", [self._virtual_host(member, port, ("*",))])

    def _config(self, name: str, hosts: Iterable[VirtualHost]) -> RouteConfig:
        return RouteConfig(name, tuple(hosts), ignore_port_in_host_matching=True, path=f"$.predicted.routes.{name}")

    def _add_unregistered(self, members: Sequence[SidecarService], hosts: dict[str, VirtualHost]) -> None:
        known = {m.host for m in members if any(p.number == UNREGISTERED_PORT for p in m.ports)}
        for service, host in self._virtual.all_hosts():
            if host in hosts or not service.http or any(covers(host, name) for name in known):
                continue
            routes = tuple(self._routes(service, host, UNREGISTERED_PORT))
            if routes:
                hosts[host] = VirtualHost(f"{host}:{UNREGISTERED_PORT}", (host,), routes)

    def _virtual_host(self, member: SidecarService, port: int, domains: tuple[str, ...]) -> VirtualHost:
        """Routes of the first VirtualService that has any for this port, else the default route."""
        made = (tuple(self._routes(v, member.host, port)) for v in self._virtual.with_routes(member.host))
        routes = next(filter(None, made), ())
        if not routes:
            cluster = WeightedCluster(f"outbound|{port}||{member.host}")
            routes = (
                Route("default", RouteMatch(prefix="/"), "route", (cluster,), path=f"$.predicted.{cluster.name}"),
            )
        name = f"{member.host}:{port}"
        return VirtualHost(name, domains, routes, f"$.predicted.{name}")

    def _routes(self, service: VirtualService, host: str, port: int) -> Iterator[Route]:
        for place, rule in enumerate(service.http):
            if rule.get("delegate"):
                because = f"{service.ref} delegates routes of {host}; delegation is not evaluated"
                self._virtual.unknowns.append(Unknown(because, port, host))
            for match in objects_in(rule.get("match") or [{}]):
                if self._virtual.fits(match, port, host):
                    yield self._route(service, rule, match, host, port, place)

    def _route(self, service: VirtualService, rule: Rule, match: Rule, host: str, port: int, place: int) -> Route:
        action, status = "route", None
        if rule.get("redirect"):
            action, status = "redirect", int(rule["redirect"].get("redirectCode") or 301)
        elif rule.get("directResponse"):
            action, status = "direct_response", int(rule["directResponse"].get("status") or 200)
        return Route(
            name=str(rule.get("name") or ""),
            match=self._match(match, host, port),
            action=action,
            clusters=self._virtual.clusters(rule.get("route"), service, port) if action == "route" else (),
            status=status,
            fault=_fault(rule.get("fault")),
            config=config_path(service.ref),
            path=f"$.predicted.{service.ref}.http[{place}]",
        )

    def _match(self, match: Rule, host: str, port: int) -> RouteMatch:
        kind, value = _string_match(match.get("uri"))
        headers = [_header(str(name), wanted) for name, wanted in (match.get("headers") or {}).items()]
        for field, pseudo in (("method", ":method"), ("authority", ":authority"), ("scheme", ":scheme")):
            if match.get(field):
                headers.append(_header(pseudo, match[field]))
        headers += [_header(str(name), wanted, True) for name, wanted in (match.get("withoutHeaders") or {}).items()]
        return RouteMatch(
            prefix=value if kind == "prefix" else ("/" if not kind else None),
            path=value if kind == "exact" else None,
            regex=value if kind == "regex" else None,
            case_sensitive=not match.get("ignoreUriCase"),
            headers=tuple(headers),
            query_parameters=tuple(_query(str(n), wanted) for n, wanted in (match.get("queryParams") or {}).items()),
        )


def policy_host(unmatched: str, blocked: str) -> VirtualHost:
    """The virtual host for unregistered Host headers, by outbound policy."""
    match = RouteMatch(prefix="/")
    if unmatched == blocked:
        route = Route("block_all", match, "direct_response", status=502, path="$.predicted.block_all")
        return VirtualHost("block_all", ("*",), (route,), "$.predicted.block_all")
    clusters = (WeightedCluster(PASSTHROUGH),)
    route = Route("allow_any", match, "route", clusters, path="$.predicted.allow_any")
    return VirtualHost("allow_any", ("*",), (route,), "$.predicted.allow_any")


def _other_names(member: SidecarService) -> tuple[str, ...]:
    """Further domains of a virtual host: addresses, and the short forms of a Service's name."""
    singles = tuple(bare(a) for a in member.addresses if "/" not in bare(a))
    if not isinstance(member.item, Service):
        return singles[-1:]
    name, namespace = member.ref.name, member.ref.namespace
    return (f"{name}.{namespace}", f"{name}.{namespace}.svc", *singles)


def _string_match(given: Any) -> tuple[str, str]:
    """(exact, prefix or regex; value); two empty strings where there is no match."""
    if not isinstance(given, dict):
        return "", ""
    return next(((kind, str(given[kind])) for kind in ("exact", "prefix", "regex") if given.get(kind)), ("", ""))


def _query(name: str, wanted: Any) -> QueryMatch:
    kind, value = _string_match(wanted)
    return QueryMatch(name, kind or "present", value)


def _header(name: str, wanted: Any, invert: bool = False) -> HeaderMatch:
    kind, value = _string_match(wanted)
    # a missing header meets `withoutHeaders`, whatever value that names (core/route/route.go, TranslateRouteMatch)
    return HeaderMatch(name, kind or "present", value, invert, missing_as_empty=invert and bool(kind))


def _fault(given: Any) -> Fault | None:
    if not isinstance(given, dict):
        return None
    abort, delay = given.get("abort") or {}, given.get("delay") or {}
    return Fault(
        abort_percent=_percent(abort),
        abort_status=abort.get("httpStatus"),
        delay_percent=_percent(delay),
    )


def _percent(given: Any) -> float:
    """The percentage of a fault; without one the fault applies to no request (route/route.go, TranslateFault)."""
    share = given.get("percentage")
    return float((share.get("value") if isinstance(share, dict) else given.get("percent")) or 0.0)

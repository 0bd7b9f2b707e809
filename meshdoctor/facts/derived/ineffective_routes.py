"""HTTP routes of VirtualServices that have no effect in a sidecar: of hosts whose ports are opaque, or shadowed by
another VirtualService.

A sidecar merges no HTTP routes: of several VirtualServices for one host the first makes the virtual host, and the
domains of the next are dropped as duplicates (pilot/pkg/networking/core/httproute.go of istio/istio). The order is
that of `precedence`: private, exported by name, public, then the oldest, then the name. Merging happens in gateways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from meshdoctor.facts.derived.proxy_context import ProxyContext, host_lost
from meshdoctor.model.mesh import VirtualService
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.precedence import OrderKey, virtual_service_key
from meshdoctor.semantics.istio.protocols import protocol_class
from meshdoctor.semantics.istio.resource_names import config_ref
from meshdoctor.semantics.istio.route_destinations import destinations
from meshdoctor.semantics.kubernetes.manifests import objects_in

HTTP_POLICIES = ("timeout", "retries", "fault", "mirror", "mirrors")
OPAQUE = frozenset({"tls", "tcp"})


class Shadow(NamedTuple):
    """The VirtualService in force instead of another, and why."""

    active: VirtualService
    why: str


def for_mesh(rule: Mapping[str, Any]) -> bool:
    """Whether a route of a VirtualService may apply to sidecars: it has no match, or one that is not for gateways
    only."""
    matches = objects_in(rule.get("match"))
    gateways = [match.get("gateways") or ["mesh"] for match in matches]
    return not gateways or any("mesh" in names for names in gateways)


def http_policies(service: VirtualService) -> Iterator[tuple[int, str]]:
    """(index in spec.http, field) of each policy for HTTP requests of sidecars."""
    for index, rule in enumerate(service.http):
        if for_mesh(rule):
            yield from ((index, name) for name in HTTP_POLICIES if rule.get(name))


def opaque_ports(case: ProxyContext, host: str) -> tuple[str, ...]:
    """`443/TLS`: the host's ports in this proxy, where requests can be seen on none of them; else empty."""
    if any(service.external_name == host for service in case.mesh.services):
        return ()
    ports = [port for _, name, port in case.entry_ports if covers(name, host) or covers(host, name)]
    families = {protocol_class(port.protocol) for port in ports}
    numbers = {port.number for port in ports}
    if not families <= OPAQUE or any(to == host and number not in numbers for to, number in case.dependencies):
        return ()
    return tuple(dict.fromkeys(f"{port.number}/{port.protocol.upper()}" for port in ports))


def route_makers(case: ProxyContext) -> dict[str, set[str]]:
    """By host, the VirtualServices (`namespace/name`) that made HTTP routes of its virtual hosts in this proxy."""
    found: dict[str, set[str]] = {}
    for uses in case.uses.values():
        for use in uses:
            ref = config_ref(use.made_by) if use.virtual_host is not None else None
            if ref is not None and ref.kind == "VirtualService":
                found.setdefault(host_lost(use)[0], set()).add(ref.place)
    return found


def shadow(case: ProxyContext, service: VirtualService, host: str, makers: Mapping[str, set[str]]) -> Shadow | None:
    """The VirtualService whose HTTP routes this proxy has for the host instead of those of `service`."""
    here = makers.get(host, set())
    if service.ref.place in here or not _routes_http(service):
        return None
    own = _key(case, service)
    for other in case.mesh.virtual_services:
        if other.ref.place not in here or host not in map(str.lower, other.hosts):
            continue
        first = _key(case, other)
        if own is not None and first is not None and first < own:
            return Shadow(other, _why(first, own, case.viewer.namespace))
    return None


def _routes_http(service: VirtualService) -> bool:
    return any(for_mesh(rule) and any(destinations(rule)) for rule in service.http)


def _key(case: ProxyContext, service: VirtualService) -> OrderKey | None:
    return virtual_service_key(service, case.viewer.namespace, case.mesh.mesh_config)


def _why(first: OrderKey, second: OrderKey, namespace: str) -> str:
    if first[0] != second[0]:
        return f"its export to namespace {namespace} is narrower"
    if first[1] != second[1]:
        return f"it is older (created at {first[1] or 'an unknown time'}, the other at {second[1]})"
    return "both are of the same age, and its name sorts first"

"""VirtualServices as one sidecar applies them: which one applies to a host, and its routes.

pilot/pkg/model/virtualservice.go (SelectVirtualServices), pilot/pkg/networking/core/tls.go and route/route.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, structs

from meshdoctor.model.mesh import Port, VirtualService
from meshdoctor.model.routes import WeightedCluster
from meshdoctor.predict.sidecar_services import SidecarService
from meshdoctor.predict.unknown import Unknown
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.precedence import virtual_service_key
from meshdoctor.semantics.istio.registry import Registry, Viewer, long_host
from meshdoctor.semantics.istio.resource_names import config_path
from meshdoctor.semantics.istio.virtual_service_rules import Rule, fits
from meshdoctor.semantics.istio.visibility import imported
from meshdoctor.semantics.kubernetes.manifests import objects_in


class OpaqueRoute(Struct, frozen=True):
    """The content of one filter chain: server names, ranges, clusters, and the VirtualService that defines it."""

    names: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    clusters: tuple[WeightedCluster, ...] = ()
    config: str = ""


class VirtualServices:
    """The VirtualServices of one sidecar. What it cannot evaluate is added to `unknowns`."""

    def __init__(self, registry: Registry, viewer: Viewer, labels: Mapping[str, str]) -> None:
        self.unknowns: list[Unknown] = []
        self._viewer = structs.replace(viewer, labels=labels)
        self._sole_ports = _sole_ports(registry)
        config = registry.mesh.mesh_config
        keyed = ((virtual_service_key(v, viewer.namespace, config), v) for v in registry.mesh.virtual_services)
        seen = [(key, v) for key, v in keyed if key is not None and "mesh" in v.gateways]
        seen = [(key, v) for key, v in seen if any(self._imports(v, host) for host in v.hosts)]
        self._all = [v for _, v in sorted(seen, key=lambda found: found[0])]

    def _imports(self, service: VirtualService, host: str) -> bool:
        namespace = self._viewer.namespace
        return imported(self._viewer.sidecar, service.ref.namespace, host, None, namespace).ok

    def all_hosts(self) -> Iterator[tuple[VirtualService, str]]:
        """Every host of every VirtualService that applies, in order of precedence."""
        return ((service, long_host(host, service.ref.namespace)) for service in self._all for host in service.hosts)

    def with_routes(self, host: str) -> list[VirtualService]:
        """VirtualServices whose HTTP routes may apply to a registered host: first those that name it, then by wildcard.

        Only the most specific wildcard counts, and of equal ones the first, whether or not it has HTTP routes
        (httproute.go, mostSpecificWildcardVirtualServiceIndex).
        """
        named = [v for v, h in self.all_hosts() if h == host]
        wild = [(v, h) for v, h in self.all_hosts() if h != host and covers(h, host)]
        nearest = [max(wild, key=lambda found: len(found[1]))[0]] if wild else []
        return [v for v in (*named, *nearest) if v.http]

    def opaque_routes(self, member: SidecarService, port: Port, family: str, sni: bool) -> list[OpaqueRoute]:
        """The filter chains of an opaque port of a host. `sni`: the server name matched where no VirtualService sets
        one."""
        found: list[OpaqueRoute] = []
        host = member.host
        covering = {v.ref: v for v, h in self.all_hosts() if covers(h, host) or covers(host, h)}
        for service in covering.values():
            rules = service.tls if family == "tls" else service.tcp
            for rule in rules:
                found += self._opaque(service, rule, member, port, family)
            if found and family != "tls":
                break
        if not found or (family != "tls" and all(r.subnets for r in found)):
            own = WeightedCluster(f"outbound|{port.number}||{member.host}")
            found.append(OpaqueRoute((member.host,) if sni and family == "tls" else (), (), (own,)))
        return list({(r.names, r.subnets): r for r in reversed(found)}.values())[::-1]

    def _opaque(
        self, service: VirtualService, rule: Rule, member: SidecarService, port: Port, family: str
    ) -> Iterator[OpaqueRoute]:
        matches = objects_in(rule.get("match")) or ([] if family == "tls" else [{}])
        clusters = self.clusters(rule.get("route"), service, port.number)
        for match in matches:
            if not self.fits(match, port.number, member.host):
                continue
            names = tuple(str(n).lower() for n in match.get("sniHosts") or ())
            subnets = tuple(str(n) for n in match.get("destinationSubnets") or ())
            yield OpaqueRoute(() if "*" in names else names, subnets, clusters, config_path(service.ref))

    def fits(self, match: Rule, port: int, host: str) -> bool:
        """Whether a match can apply to this sidecar and port, by criteria known before any connection."""
        if not fits(match, port, self._viewer):
            return False
        if match.get("sourceSubnet"):
            self.unknowns.append(Unknown(f"a VirtualService for {host} matches the client's address", port, host))
        return True

    def clusters(self, routes: Any, service: VirtualService, port: int) -> tuple[WeightedCluster, ...]:
        """The clusters of a route list, the heaviest first; weight 0 is left out unless it is the only one."""
        found: list[WeightedCluster] = []
        listed = objects_in(routes)
        for route in listed:
            weight = int(route.get("weight") or (100 if len(listed) == 1 else 0))
            name = self.destination(route.get("destination"), service, port)
            if name and weight:
                found.append(WeightedCluster(name, weight))
        return tuple(sorted(found, key=lambda c: -c.weight))

    def destination(self, destination: Any, service: VirtualService, port: int) -> str:
        """The cluster of a destination: its own port, else the only one of its host, else the listener's."""
        if not isinstance(destination, dict) or not destination.get("host"):
            return ""
        host = long_host(str(destination["host"]), service.ref.namespace)
        number = (destination.get("port") or {}).get("number") or self._sole_ports.get(host) or port
        return f"outbound|{number}|{destination.get('subset') or ''}|{host}"


def _sole_ports(registry: Registry) -> dict[str, int]:
    services = {s.host: s.ports[0].number for s in registry.mesh.services if len(s.ports) == 1}
    entries = {
        h.lower(): e.ports[0].number for e in registry.mesh.service_entries if len(e.ports) == 1 for h in e.hosts
    }
    return services | entries

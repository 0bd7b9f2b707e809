"""VirtualServices as one sidecar applies them: which one applies to a host, and its routes.

pilot/pkg/model/virtualservice.go (SelectVirtualServices), pilot/pkg/networking/core/tls.go and route/route.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from meshdoctor.model.mesh import MeshConfig, Port, VirtualService
from meshdoctor.model.proxy import WeightedCluster
from meshdoctor.predict.sidecar_services import SidecarService
from meshdoctor.predict.unknown import Unknown
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Registry, Viewer
from meshdoctor.semantics.istio.visibility import imported

Rule = Mapping[str, Any]


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
        self._viewer = viewer
        self._labels = labels
        config = registry.mesh.mesh_config
        self._sole_ports = _sole_ports(registry)
        seen = [v for v in registry.mesh.virtual_services if "mesh" in v.gateways and exports_to(v, viewer, config)]
        seen = [v for v in seen if any(self._imports(v, host) for host in v.hosts)]
        self._all = sorted(seen, key=lambda v: (_tier(v, viewer, config), v.created, v.ref.name, v.ref.namespace))

    def _imports(self, service: VirtualService, host: str) -> bool:
        namespace = self._viewer.namespace
        return imported(self._viewer.sidecar, service.ref.namespace, host, None, namespace).ok

    def all_hosts(self) -> Iterator[tuple[VirtualService, str]]:
        """Every host of every VirtualService that applies, in order of precedence."""
        return ((service, _long(host, service)) for service in self._all for host in service.hosts)

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
        for service in self._for_opaque(member.host):
            rules = service.tls if family == "tls" else service.tcp
            for rule in rules:
                found += self._opaque(service, rule, member, port, family)
            if found and family != "tls":
                break
        if not found or (family != "tls" and all(r.subnets for r in found)):
            own = WeightedCluster(f"outbound|{port.number}||{member.host}")
            found.append(OpaqueRoute((member.host,) if sni and family == "tls" else (), (), (own,)))
        return list({(r.names, r.subnets): r for r in reversed(found)}.values())[::-1]

    def _for_opaque(self, host: str) -> list[VirtualService]:
        """VirtualServices whose hosts cover this one, or are covered by it where it is a wildcard."""
        hosts = ((v, _long(h, v)) for v in self._all for h in v.hosts)
        return list({v.ref: v for v, h in hosts if covers(h, host) or covers(host, h)}.values())

    def _opaque(
        self, service: VirtualService, rule: Rule, member: SidecarService, port: Port, family: str
    ) -> Iterator[OpaqueRoute]:
        matches = _dicts(rule.get("match")) or ([] if family == "tls" else [{}])
        clusters = self.clusters(rule.get("route"), service, port.number)
        for match in matches:
            if not self.fits(match, port.number, member.host):
                continue
            names = tuple(str(n).lower() for n in match.get("sniHosts") or ())
            subnets = tuple(str(n) for n in match.get("destinationSubnets") or ())
            yield OpaqueRoute(() if "*" in names else names, subnets, clusters, config_path(service))

    def fits(self, match: Rule, port: int, host: str) -> bool:
        """Whether a match can apply to this sidecar and port, by criteria known before any connection."""
        if match.get("gateways") and "mesh" not in match["gateways"]:
            return False
        if match.get("port") and match["port"] != port:
            return False
        if match.get("sourceNamespace") and match["sourceNamespace"] != self._viewer.namespace:
            return False
        labels = match.get("sourceLabels") or {}
        if match.get("sourceSubnet"):
            self.unknowns.append(Unknown(f"a VirtualService for {host} matches the client's address", port, host))
        return bool(labels.items() <= self._labels.items()) if isinstance(labels, dict) else False

    def clusters(self, routes: Any, service: VirtualService, port: int) -> tuple[WeightedCluster, ...]:
        """The clusters of a route list, the heaviest first; weight 0 is left out unless it is the only one."""
        found: list[WeightedCluster] = []
        listed = _dicts(routes)
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
        host = _long(str(destination["host"]), service)
        number = (destination.get("port") or {}).get("number") or self._sole_ports.get(host) or port
        return f"outbound|{number}|{destination.get('subset') or ''}|{host}"


def config_path(service: VirtualService) -> str:
    """The path of metadata `istio.config` for it."""
    return f"/apis/networking.istio.io/v1/namespaces/{service.ref.namespace}/virtual-service/{service.ref.name}"


def _sole_ports(registry: Registry) -> dict[str, int]:
    services = {s.host: s.ports[0].number for s in registry.mesh.services if len(s.ports) == 1}
    entries = {
        h.lower(): e.ports[0].number for e in registry.mesh.service_entries if len(e.ports) == 1 for h in e.hosts
    }
    return services | entries


def _long(host: str, service: VirtualService) -> str:
    """A short name means a Service of the VirtualService's own namespace."""
    name = host.lower().rstrip(".")
    return name if "." in name or name.startswith("*") else f"{name}.{service.ref.namespace}{CLUSTER_LOCAL}"


def exports_to(service: VirtualService, viewer: Viewer, config: MeshConfig | None) -> bool:
    """Whether the VirtualService is exported to the sidecar's namespace."""
    return _tier(service, viewer, config) is not None


def _tier(service: VirtualService, viewer: Viewer, config: MeshConfig | None) -> int | None:
    """0 private, 1 exported by name, 2 public; None where it is not exported to the sidecar's namespace."""
    default = config.default_virtual_service_export_to if config else ("*",)
    exports = service.export_to or default or ("*",)
    if "*" in exports:
        return 2
    own = service.ref.namespace
    if own == viewer.namespace and ("." in exports or own in exports):
        return 0
    return 1 if viewer.namespace in exports else None


def _dicts(given: Any) -> list[dict[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, Iterable) else []

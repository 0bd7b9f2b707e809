"""The services visible to one sidecar, in the order in which they claim listeners.

istiod treats ServiceEntries and Kubernetes Services alike: a host with ports. Where several namespaces have a host, a
sidecar uses one of them: its own, else that of a Kubernetes Service, else the first (pilot/pkg/model/sidecar.go,
selectServices).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct, structs

from meshdoctor.model.mesh import MeshConfig, Port, Service, ServiceEntry, Sidecar
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.ip_addresses import address
from meshdoctor.semantics.istio.precedence import order_key
from meshdoctor.semantics.istio.registry import Registry, Viewer
from meshdoctor.semantics.istio.visibility import Exported, imported, visible

HEADLESS = "None"


class SidecarService(Struct, frozen=True):
    """One host of a ServiceEntry, or a Service, as visible to one sidecar."""

    item: Exported
    host: str
    ports: tuple[Port, ...]
    addresses: tuple[str, ...]
    """Addresses and ranges by which the sidecar matches it; empty for any address."""
    order: tuple[object, ...]
    """Sort key: the smallest takes precedence."""

    @property
    def entry(self) -> ServiceEntry | None:
        """The ServiceEntry, None where it is a Service."""
        return self.item if isinstance(self.item, ServiceEntry) else None

    @property
    def ref(self) -> ObjectRef:
        """The object it comes from."""
        return self.item.ref

    @property
    def per_endpoint(self) -> bool:
        """Whether istiod creates a listener per endpoint for opaque ports: headless Services, and NONE with a selector
        and no address."""
        if isinstance(self.item, Service):
            return self.item.type != "ExternalName" and not self.addresses
        selects = self.item.workload_selector is not None
        return self.item.resolution == "NONE" and selects and not self.addresses


def members(registry: Registry, viewer: Viewer, ports: Collection[int]) -> tuple[SidecarService, ...]:
    """The services visible to the sidecar, in order of precedence: every ServiceEntry, and the Services with one of
    `ports`."""
    config = registry.mesh.mesh_config
    found: list[SidecarService] = []
    everything: tuple[Exported, ...] = (*registry.mesh.service_entries, *registry.mesh.services)
    for item in everything:
        if isinstance(item, Service) and not any(p.number in ports for p in item.ports):
            continue
        if visible(item, viewer.namespace, config).ok:
            found += _members_of(item, registry, viewer, config)
    found.sort(key=lambda member: member.order)
    return tuple(_of_chosen_namespaces(found, viewer.namespace))


def member_of(registry: Registry, viewer: Viewer, service: Service) -> SidecarService | None:
    """The Service for this sidecar, whether or not its Sidecar resource includes it: routes may still lead to it."""
    config = registry.mesh.mesh_config
    if not visible(service, viewer.namespace, config).ok:
        return None
    return next(iter(_members_of(service, registry, structs.replace(viewer, sidecar=None), config)), None)


def _members_of(
    item: Exported, registry: Registry, viewer: Viewer, config: MeshConfig | None
) -> Iterator[SidecarService]:
    for host in item.hosts if isinstance(item, ServiceEntry) else (item.host,):
        name = host.lower().rstrip(".")
        place = _egress_place(viewer.sidecar, item.ref.namespace, name, viewer.namespace)
        if place is None:
            continue
        order = (place, *order_key(item, viewer.namespace, config, name))
        yield SidecarService(item, name, item.ports, _addresses(item, host, registry, viewer), order)


def _addresses(item: Exported, host: str, registry: Registry, viewer: Viewer) -> tuple[str, ...]:
    if isinstance(item, ServiceEntry):
        return registry.used_addresses(item, host, viewer)
    parsed = ((ip, address(ip)) for ip in item.cluster_ips if ip != HEADLESS)
    return tuple(ip for ip, known in parsed if known is not None and known.version in viewer.families)


def _egress_place(sidecar: Sidecar | None, namespace: str, host: str, own: str) -> int | None:
    """Index of the Sidecar's egress listener that includes the host; istiod processes them in order."""
    if sidecar is None or not sidecar.egress:
        return 0
    for place, listener in enumerate(sidecar.egress):
        alone = structs.replace(sidecar, egress=(structs.replace(listener, port=None),))
        if imported(alone, namespace, host, None, own).ok:
            return place
    return None


def _of_chosen_namespaces(ordered: Iterable[SidecarService], namespace: str) -> Iterator[SidecarService]:
    ordered = list(ordered)
    chosen: dict[str, str] = {}
    for member in sorted(ordered, key=lambda m: (m.ref.namespace != namespace, m.entry is not None)):
        chosen.setdefault(member.host, member.ref.namespace)
    return (member for member in ordered if chosen[member.host] == member.ref.namespace)

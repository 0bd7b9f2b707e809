"""Which pods see the objects of a change, and which of them see alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from meshdoctor.fixes.impact.changed_mesh import Item, MovedAddress
from meshdoctor.fixes.impact.predicted_sidecar import after_change
from meshdoctor.model.mesh import DestinationRule, Mesh, MeshConfig, Pod, ServiceEntry, Sidecar, VirtualService
from meshdoctor.predict.predicted_clusters import is_exported_rule
from meshdoctor.predict.prediction import SidecarIdentity
from meshdoctor.semantics.istio.data_plane import pod_kind
from meshdoctor.semantics.istio.precedence import virtual_service_tier
from meshdoctor.semantics.istio.registry import Registry, Viewer
from meshdoctor.semantics.istio.traffic_capture import capture_settings
from meshdoctor.semantics.istio.visibility import Exported, imported, visible


class SidecarGroup(Struct, frozen=True):
    """Pods whose sidecars get the same whatever the services are; `first` stands for all."""

    first: str
    pods: tuple[str, ...]


class AffectedSidecars:
    """The sidecars of a mesh before and after a change."""

    def __init__(self, before: Registry, after: Registry, moved: Iterable[MovedAddress]) -> None:
        self._before = before
        self._after = after
        self._moved = tuple(moved)
        self._decided: dict[tuple[object, ...], bool] = {}
        self._label_names = _label_names(before.mesh) | _label_names(after.mesh)

    def pods(self) -> list[str]:
        """Every pod with a sidecar that gets one of the objects, before or after, sorted."""
        return [key for key in sorted(self._before.mesh.pod_names) if self._sees(key)]

    def _sees(self, key: str) -> bool:
        mesh = self._before.mesh
        pod = mesh.pods.get(key)
        if pod is None or not pod.namespace:
            summary = mesh.summary(key)
            if summary is None or pod_kind(key, pod, summary, mesh.namespaces) != "sidecar":
                return False
            return self._looks(summary.node.namespace or key.split("/", 1)[0], summary.node.labels)
        return pod_kind(key, pod, None, mesh.namespaces) == "sidecar" and self._looks(pod.namespace, pod.labels)

    def _looks(self, namespace: str, labels: Mapping[str, str]) -> bool:
        stand_in = Pod(namespace, "", labels=dict(labels))
        before, after = self._before.viewer(None, stand_in), self._after.viewer(None, stand_in)
        chosen = tuple(sorted((k, v) for k, v in labels.items() if k in self._label_names))
        key = (namespace, _ref(before), _ref(after), chosen)
        if key not in self._decided:
            self._decided[key] = any(self._gets(one, before, after, labels) for one in self._moved)
        return self._decided[key]

    def _gets(self, moved: MovedAddress, before: Viewer, after: Viewer, labels: Mapping[str, str]) -> bool:
        return (moved.before is not None and gets(self._before, before, moved.before, labels)) or (
            moved.after is not None and gets(self._after, after, moved.after, labels)
        )

    def outlook(self, who: SidecarIdentity, pod: Pod | None) -> tuple[object, ...]:
        """What two pods must have in common to be of one group, before and after."""
        later = after_change(who, self._after.mesh, self._after)
        labels = tuple(sorted((k, v) for k, v in who.labels.items() if k in self._label_names))
        settings = capture_settings(pod, who.node)
        return (
            *(self._standing(one.viewer) for one in (who, later)),
            *(_ref(one.viewer) for one in (who, later)),
            who.viewer.dns_capture,
            who.viewer.families,
            who.unmatched,
            later.unmatched,
            who.inspection_timeout,
            who.node.version,
            labels,
            *(one.value for one in (settings.include_ranges, settings.exclude_ranges, settings.include_ports)),
            settings.exclude_ports.value,
            settings.mode.value,
            settings.host_network is not None,
            settings.known,
            len(settings.exempt_containers),
        )

    def _standing(self, viewer: Viewer) -> object:
        """What a namespace comes to: itself, or, where it owns nothing that counts, what else it may see."""
        namespace = viewer.namespace
        if viewer.sidecar is not None or namespace in self._particular:
            return namespace
        if namespace not in self._standings:
            config = self._before.mesh.mesh_config
            alone = Viewer(namespace)
            seen = (_sees_exported(item, alone, config) for item in self._restricted)
            self._standings[namespace] = tuple(seen)
        return self._standings[namespace]

    @cached_property
    def _standings(self) -> dict[str, object]:
        return {}

    @cached_property
    def _restricted(self) -> list[Exported | VirtualService | DestinationRule]:
        """Objects that some namespaces get and others do not."""
        found: list[Exported | VirtualService | DestinationRule] = []
        for mesh in (self._before.mesh, self._after.mesh):
            lists = (mesh.service_entries, mesh.services, mesh.virtual_services, mesh.destination_rules)
            found += [item for items in lists for item in items if item.export_to and "*" not in item.export_to]
        return list({id(item): item for item in found}.values())

    @cached_property
    def _particular(self) -> frozenset[str]:
        """Namespaces in which a sidecar gets something for being there: what is exported to them, what they own of a
        host that others have too, DestinationRules, and all of them where the mesh's default is not public."""
        found: set[str] = set()
        for mesh in (self._before.mesh, self._after.mesh):
            config = mesh.mesh_config
            if config is not None and not _is_public(config):
                return frozenset(key.split("/", 1)[0] for key in mesh.pod_names)
            owners: dict[str, set[str]] = {}
            for entry in mesh.service_entries:
                for host in entry.hosts:
                    owners.setdefault(host.lower(), set()).add(entry.ref.namespace)
            for service in mesh.services:
                if service.host in owners:
                    owners[service.host].add(service.ref.namespace)
            found |= {space for spaces in owners.values() if len(spaces) > 1 for space in spaces}
            found |= {item.ref.namespace for items in (mesh.destination_rules, mesh.envoy_filters) for item in items}
        return frozenset(found | {item.ref.namespace for item in self._restricted})


def _is_public(config: MeshConfig) -> bool:
    return "*" in config.default_service_export_to and "*" in config.default_virtual_service_export_to


def _sees_exported(
    item: Exported | VirtualService | DestinationRule, viewer: Viewer, config: MeshConfig | None
) -> bool:
    if isinstance(item, VirtualService):
        return virtual_service_tier(item, viewer.namespace, config) is not None
    if isinstance(item, DestinationRule):
        return is_exported_rule(item, viewer.namespace)
    return visible(item, viewer.namespace, config).ok


def gets(registry: Registry, viewer: Viewer, item: Item, labels: Mapping[str, str]) -> bool:
    """Whether a sidecar gets an object, or what is made of it."""
    if isinstance(item, ServiceEntry):
        return any(registry.visibility(item, host, None, viewer).ok for host in item.hosts)
    if isinstance(item, Sidecar):
        return viewer.sidecar is not None and viewer.sidecar.ref == item.ref
    if isinstance(item, DestinationRule):
        selects = item.workload_selector is None or item.workload_selector.items() <= labels.items()
        return selects and is_exported_rule(item, viewer.namespace)
    tier = virtual_service_tier(item, viewer.namespace, registry.mesh.mesh_config)
    if "mesh" not in item.gateways or tier is None:
        return False
    return any(imported(viewer.sidecar, item.ref.namespace, h, None, viewer.namespace).ok for h in item.hosts)


def _ref(viewer: Viewer) -> object:
    return viewer.sidecar.ref if viewer.sidecar else None


def _label_names(mesh: Mesh) -> frozenset[str]:
    """Labels by which any object picks its sidecars, other than Sidecars themselves."""
    rules = (r.workload_selector or {} for r in mesh.destination_rules)
    filters = (f.selector or {} for f in mesh.envoy_filters)
    return frozenset(
        name for wanted in (*rules, *filters, *map(dict, _source_labels(mesh.virtual_services))) for name in wanted
    )


def _source_labels(services: Iterable[VirtualService]) -> Iterator[dict[str, str]]:
    for service in services:
        for rule in (*service.http, *service.tls, *service.tcp):
            for match in rule.get("match") or ():
                if isinstance(match, dict) and isinstance(match.get("sourceLabels"), dict):
                    yield match["sourceLabels"]

"""Which sidecars a change affects, grouped by identical configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from meshdoctor.fixes.impact.changed_mesh import ChangedObject, Item
from meshdoctor.fixes.impact.predicted_sidecar import after_change
from meshdoctor.model.mesh import DestinationRule, Mesh, MeshConfig, Pod, ServiceEntry, Sidecar, VirtualService
from meshdoctor.predict.prediction import SidecarIdentity
from meshdoctor.semantics.istio.capture_settings import capture_settings
from meshdoctor.semantics.istio.data_plane import pod_kind
from meshdoctor.semantics.istio.destination_rules import is_exported_rule
from meshdoctor.semantics.istio.precedence import virtual_service_tier
from meshdoctor.semantics.istio.registry import Registry, Viewer
from meshdoctor.semantics.istio.visibility import Exported, imported, visible


class SidecarGroup(Struct, frozen=True):
    """Pods whose sidecars receive the same configuration; `first` is compared for all."""

    first: str
    pods: tuple[str, ...]


class AffectedSidecars:
    """The sidecars of a mesh before and after a change."""

    def __init__(self, before: Registry, after: Registry, moved: Iterable[ChangedObject]) -> None:
        self._before = before
        self._after = after
        self._moved = tuple(moved)
        self._received: dict[tuple[object, ...], bool] = {}
        self._label_names = _label_names(before.mesh) | _label_names(after.mesh)

    def pods(self) -> list[str]:
        """Every pod whose sidecar receives one of the objects, before or after, sorted."""
        return [key for key in sorted(self._before.mesh.pod_names) if self._is_affected(key)]

    def _is_affected(self, key: str) -> bool:
        mesh = self._before.mesh
        pod = mesh.pods.get(key)
        if pod is None or not pod.namespace:
            summary = mesh.summary(key)
            if summary is None or pod_kind(key, pod, summary, mesh.namespaces) != "sidecar":
                return False
            return self._receives(summary.node.namespace or key.split("/", 1)[0], summary.node.labels)
        return pod_kind(key, pod, None, mesh.namespaces) == "sidecar" and self._receives(pod.namespace, pod.labels)

    def _receives(self, namespace: str, labels: Mapping[str, str]) -> bool:
        typical = Pod(namespace, "", labels=dict(labels))
        before, after = self._before.viewer(None, typical), self._after.viewer(None, typical)
        chosen = tuple(sorted((k, v) for k, v in labels.items() if k in self._label_names))
        key = (namespace, _ref(before), _ref(after), chosen)
        if key not in self._received:
            self._received[key] = any(
                (one.before is not None and gets(self._before, before, one.before, labels))
                or (one.after is not None and gets(self._after, after, one.after, labels))
                for one in self._moved
            )
        return self._received[key]

    def group_key(self, who: SidecarIdentity, pod: Pod | None) -> tuple[object, ...]:
        """The settings that all pods of a group have in common, before and after."""
        later = after_change(who, self._after.mesh, self._after)
        labels = tuple(sorted((k, v) for k, v in who.labels.items() if k in self._label_names))
        settings = capture_settings(pod, who.node)
        return (
            *(self._namespace_key(one.viewer) for one in (who, later)),
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

    def _namespace_key(self, viewer: Viewer) -> object:
        """The namespace, or where it has no configuration of its own, which restricted objects it may see."""
        namespace = viewer.namespace
        if viewer.sidecar is not None or namespace in self._namespaces_apart:
            return namespace
        if namespace not in self._namespace_keys:
            config = self._before.mesh.mesh_config
            viewer_there = Viewer(namespace)
            seen = (_sees_exported(item, viewer_there, config) for item in self._restricted)
            self._namespace_keys[namespace] = tuple(seen)
        return self._namespace_keys[namespace]

    @cached_property
    def _namespace_keys(self) -> dict[str, object]:
        return {}

    @cached_property
    def _restricted(self) -> list[Exported | VirtualService | DestinationRule]:
        """Objects that are exported to some namespaces only."""
        found: list[Exported | VirtualService | DestinationRule] = []
        for mesh in (self._before.mesh, self._after.mesh):
            lists = (mesh.service_entries, mesh.services, mesh.virtual_services, mesh.destination_rules)
            found += [item for items in lists for item in items if item.export_to and "*" not in item.export_to]
        return list({id(item): item for item in found}.values())

    @cached_property
    def _namespaces_apart(self) -> frozenset[str]:
        """Namespaces with configuration of their own: DestinationRules, EnvoyFilters, restricted objects, or an entry
        for a host that others have too. All of them, where the mesh does not export to all by default.
        """
        found: set[str] = set()
        for mesh in (self._before.mesh, self._after.mesh):
            config = mesh.mesh_config
            defaults = (config.default_service_export_to, config.default_virtual_service_export_to) if config else ()
            if any("*" not in export_to for export_to in defaults):
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


def _sees_exported(
    item: Exported | VirtualService | DestinationRule, viewer: Viewer, config: MeshConfig | None
) -> bool:
    if isinstance(item, VirtualService):
        return virtual_service_tier(item, viewer.namespace, config) is not None
    if isinstance(item, DestinationRule):
        return is_exported_rule(item, viewer.namespace, config)
    return visible(item, viewer.namespace, config).ok


def gets(registry: Registry, viewer: Viewer, item: Item, labels: Mapping[str, str]) -> bool:
    """Whether a sidecar receives an object."""
    if isinstance(item, ServiceEntry):
        return any(registry.visibility(item, host, None, viewer).ok for host in item.hosts)
    if isinstance(item, Sidecar):
        return viewer.sidecar is not None and viewer.sidecar.ref == item.ref
    if isinstance(item, DestinationRule):
        selects = item.workload_selector is None or item.workload_selector.items() <= labels.items()
        return selects and is_exported_rule(item, viewer.namespace, registry.mesh.mesh_config)
    tier = virtual_service_tier(item, viewer.namespace, registry.mesh.mesh_config)
    if "mesh" not in item.gateways or tier is None:
        return False
    return any(imported(viewer.sidecar, item.ref.namespace, h, None, viewer.namespace).ok for h in item.hosts)


def _ref(viewer: Viewer) -> object:
    return viewer.sidecar.ref if viewer.sidecar else None


def _label_names(mesh: Mesh) -> frozenset[str]:
    """Labels by which objects other than Sidecars select workloads."""
    rules = (r.workload_selector or {} for r in mesh.destination_rules)
    filters = (f.selector or {} for f in mesh.envoy_filters)
    return frozenset(
        name for selector in (*rules, *filters, *map(dict, _source_labels(mesh.virtual_services))) for name in selector
    )


def _source_labels(services: Iterable[VirtualService]) -> Iterator[dict[str, str]]:
    for service in services:
        for rule in (*service.http, *service.tls, *service.tcp):
            for match in rule.get("match") or ():
                if isinstance(match, dict) and isinstance(match.get("sourceLabels"), dict):
                    yield match["sourceLabels"]

"""Which of several services takes precedence in one proxy, where they claim the same listener or the same host.

Istio's order (pilot/pkg/model/push_context.go of istio/istio: servicesExportedToNamespace, SortServicesByCreationTime):
private to the proxy's namespace, then exported to it by name, then public; in each part the oldest
creationTimestamp, then the name (for a ServiceEntry its host, for a Service its own name), then the namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meshdoctor.model.mesh import MeshConfig, Service, ServiceEntry, VirtualService
from meshdoctor.semantics.istio.visibility import Exported
from meshdoctor.text.times import apart

PRIVATE, NAMED, PUBLIC = 0, 1, 2

_TIER_WORDS = ("private to {namespace}", "exported to {namespace} by name", "exported to every namespace")

OrderKey = tuple[int, str, str, str]


def export_tier(exports: Sequence[str], own: str, namespace: str) -> int | None:
    """PRIVATE, NAMED or PUBLIC: how an object of namespace `own` is exported to `namespace`; None where it is not."""
    if "*" in exports:
        return PUBLIC
    if own == namespace and ("." in exports or own in exports):
        return PRIVATE
    return NAMED if namespace in exports else None


def virtual_service_exports(service: VirtualService, config: MeshConfig | None) -> tuple[str, ...]:
    """Its exportTo, or the mesh's default where it has none."""
    default = config.default_virtual_service_export_to if config else ()
    return service.export_to or default or ("*",)


def virtual_service_tier(service: VirtualService, namespace: str, config: MeshConfig | None) -> int | None:
    """The same for a VirtualService."""
    return export_tier(virtual_service_exports(service, config), service.ref.namespace, namespace)


def virtual_service_key(service: VirtualService, namespace: str, config: MeshConfig | None) -> OrderKey | None:
    """Sort key of a VirtualService for sidecars of `namespace`, the smallest is in force; None where it is not exported
    there."""
    found = virtual_service_tier(service, namespace, config)
    return None if found is None else (found, service.created, service.ref.name, service.ref.namespace)


def tier(item: Exported, namespace: str, mesh_config: MeshConfig | None = None) -> int:
    """PRIVATE, NAMED or PUBLIC: how the item is exported to `namespace`. Only for items visible there."""
    exports = item.export_to or (mesh_config.default_service_export_to if mesh_config else ("*",))
    found = export_tier(exports, item.ref.namespace, namespace)
    return PUBLIC if found is None else found


def order_key(item: Exported, namespace: str, mesh_config: MeshConfig | None = None, host: str = "") -> OrderKey:
    """Sort key of one item for proxies of `namespace`; the smallest takes precedence.

    `host` is the entry's host in question; without it the alphabetically first.
    """
    name = item.ref.name if isinstance(item, Service) else host or min(item.hosts, default="")
    return (tier(item, namespace, mesh_config), item.created, name, item.ref.namespace)


def precedence(
    items: Iterable[ServiceEntry], namespace: str, mesh_config: MeshConfig | None = None
) -> tuple[ServiceEntry, ...]:
    """The entries in order of precedence for proxies of `namespace`."""
    return tuple(sorted(items, key=lambda e: order_key(e, namespace, mesh_config)))


def origin_namespace(
    entries: Sequence[ServiceEntry], namespace: str, mesh_config: MeshConfig | None = None
) -> str | None:
    """The one namespace whose entries for a host a proxy uses, where several have one (pilot/pkg/model/sidecar.go).

    Its own namespace if that is among them, else the first by `precedence`. `entries` are the visible ones for the
    host; None where there is none.
    """
    if any(e.ref.namespace == namespace for e in entries):
        return namespace
    ordered = precedence(entries, namespace, mesh_config)
    return ordered[0].ref.namespace if ordered else None


def why_first(
    winner: Exported,
    loser: Exported,
    namespace: str,
    mesh_config: MeshConfig | None = None,
    winner_host: str = "",
    loser_host: str = "",
) -> str:
    """Why `winner` comes before `loser` for proxies of `namespace`, in one clause, with the ages to the second."""
    first = order_key(winner, namespace, mesh_config, winner_host)
    second = order_key(loser, namespace, mesh_config, loser_host)
    here, there = str(winner.ref), str(loser.ref)
    if first > second and {first[0], second[0]} == {PRIVATE, NAMED}:
        # since 1.32 both are in one list, in which the oldest comes first (push_context.go, initServiceRegistry)
        first, second = (NAMED, *first[1:]), (NAMED, *second[1:])
    if first > second:
        return f"{here} is active in this proxy, although {_reason(second, first, there, here, namespace)}"
    return _reason(first, second, here, there, namespace)


def _reason(first: OrderKey, second: OrderKey, here: str, there: str, namespace: str) -> str:
    """The first criterion by which two keys differ, in words."""
    if first[0] != second[0]:
        ours, theirs = (_TIER_WORDS[k].format(namespace=namespace) for k in (first[0], second[0]))
        return f"{here} is {ours} and {there} is {theirs}; the narrower export takes precedence, whatever the age"
    if first[1] != second[1]:
        ours, theirs = first[1], second[1]
        if not ours:
            return f"{there} was created at {theirs}, and {here} has no creation time yet"
        age = f"{here} was created at {ours}, {apart(ours, theirs)} before {there} ({theirs})"
        return f"{age}; the oldest takes precedence"
    same = f"both were created at {first[1]}" if first[1] else "neither has a creation time yet"
    if first[2] != second[2]:
        return f"{same}; then the name decides: {first[2]} sorts before {second[2]}"
    if first[3] != second[3]:
        return f"{same} for the same host; then the namespace decides: {first[3]} sorts before {second[3]}"
    return f"{same} for the same host in one namespace, and nothing else decides: the order may change"

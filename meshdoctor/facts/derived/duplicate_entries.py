"""Duplicates: several different visible ServiceEntries for one host, which one is active, and what is shadowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.facts.derived.entry_merge import merge
from meshdoctor.facts.derived.known_addresses import dns_answers
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import entry_view, role, seen_at
from meshdoctor.model.mesh import ServiceEntry
from meshdoctor.model.sheet import Duplicate
from meshdoctor.semantics.istio.precedence import order_key, origin_namespace, why_first
from meshdoctor.semantics.istio.resource_names import CLUSTER_TYPES


def duplicates(case: ProxyContext) -> Iterator[Duplicate]:
    """One fact per host that several entries register differently for this proxy."""
    by_host: dict[str, list[ServiceEntry]] = {}
    for entry, host, _ in case.entry_ports:
        seen = by_host.setdefault(host, [])
        if entry not in seen:
            seen.append(entry)
    for host, entries in by_host.items():
        differs = _differences(entries)
        if len(entries) > 1 and differs:
            yield _duplicate(case, host, entries, differs)


def _differences(entries: Sequence[ServiceEntry]) -> tuple[str, ...]:
    """The fields in which the entries differ, of resolution, protocol, endpoints and ports."""
    first = entries[0]
    found = []
    if any(e.resolution != first.resolution for e in entries):
        found.append("resolution")
    protocols: dict[int, set[str]] = {}
    for entry in entries:
        for port in entry.ports:
            protocols.setdefault(port.number, set()).add(port.protocol.upper())
    if any(len(p) > 1 for p in protocols.values()):
        found.append("protocol")
    if any(_endpoints(e) != _endpoints(first) for e in entries):
        found.append("endpoints")
    if any({p.number for p in e.ports} != {p.number for p in first.ports} for e in entries):
        found.append("ports")
    return tuple(found)


def _endpoints(entry: ServiceEntry) -> tuple[object, ...]:
    selector = tuple(sorted((entry.workload_selector or {}).items()))
    return (tuple(sorted(e.address for e in entry.endpoints)), selector)


def _duplicate(case: ProxyContext, host: str, entries: list[ServiceEntry], differs: tuple[str, ...]) -> Duplicate:
    namespace, config = case.viewer.namespace, case.mesh.mesh_config
    origin = origin_namespace(entries, namespace, config)
    ranked = sorted(
        entries,
        key=lambda e: (e.ref.namespace != origin, order_key(e, namespace, config, host), _absent(case, e, host)),
    )
    winner, losers = ranked[0], ranked[1:]
    won = {p.number for p in winner.ports}
    lost = sorted(
        {p.number for e in losers for p in e.ports if p.number not in won and case.lacks_cluster(host, p.number)}
    )
    if winner.ref.namespace == namespace != losers[0].ref.namespace:
        because = f"{winner.ref} is in the pod's own namespace, which takes precedence"
    else:
        because = why_first(winner, losers[0], namespace, config, host, host)
    if order_key(winner, namespace, config, host) == order_key(losers[0], namespace, config, host):
        because += f"; the clusters of this proxy are those of {winner.ref}"
    # With DNS capture each entry gets its own virtual address, which serves only its own ports.
    split = differs == ("ports",) and not lost and not case.viewer.dns_capture
    exports = config.default_service_export_to if config else ("*",)
    merged = merge(host, winner, losers, dns_answers(case, host)[0], exports)
    return Duplicate(
        pod=case.key,
        host=host,
        port=lost[0] if lost else min(won, default=0),
        policy=case.policy,
        resources=(role(winner.ref, "active"), *(role(e.ref, "shadowed") for e in losers)),
        evidence=tuple(seen_at(e.pointer, str(e.ref), ".spec") for e in ranked),
        active=entry_view(winner),
        shadowed=tuple(entry_view(e) for e in losers),
        differs=differs,
        lost_ports=tuple(lost),
        effect=_effect(winner, losers, lost, because, split),
        split=split,
        because=because,
        same_namespace=all(e.ref.namespace == winner.ref.namespace for e in losers),
        merged=merged.manifest,
        trimmed=merged.trimmed,
        deleted=merged.deleted,
        merge_tradeoff=merged.price,
    )


def _absent(case: ProxyContext, entry: ServiceEntry, host: str) -> int:
    """How many of the entry's ports have no cluster in this proxy, or one of another resolution."""
    found = [case.own_cluster(host, port.number) for port in entry.ports]
    return sum(cluster is None or cluster.type != CLUSTER_TYPES.get(entry.resolution) for cluster in found)


def _effect(winner: ServiceEntry, losers: Sequence[ServiceEntry], lost: list[int], because: str, split: bool) -> str:
    """The effect on the entries, in one clause."""
    others = " and ".join(str(e.ref) for e in losers)
    if split:
        return f"the ports of {winner.ref} and {others} are merged, and all of them work"
    missing = f"; ports without effect: {', '.join(map(str, lost))}" if lost else ""
    return f"{winner.ref} is active, {others} {'are' if len(losers) > 1 else 'is'} shadowed, because {because}{missing}"

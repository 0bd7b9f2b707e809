"""The external hosts as rows: what registers each, which pods use it, and the verdict for every sidecar."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from meshdoctor.facts.derived.connections import registered
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import seen_at
from meshdoctor.model.host_table import HostRow, PodVerdict, TracedVerdict, UsedBy
from meshdoctor.model.mesh import Dependency
from meshdoctor.semantics.istio.protocols import known_protocol

Pair = tuple[str, int | None]
Dependencies = dict[Pair, list[Dependency]]


class PodColumn(Struct):
    """One sidecar's verdicts by host and port; replicas share them."""

    pod: str
    registered: Collection[Pair]
    verdicts: dict[Pair, TracedVerdict]

    def lacks(self, pairs: Iterable[Pair]) -> bool:
        """Whether one of these pairs has no verdict; a name without port never has one."""
        return any(pair not in self.verdicts for pair in pairs if pair[1] is not None)

    def of_replica(self, pod: str) -> PodColumn:
        """The same column for a replica."""
        return PodColumn(pod, self.registered, self.verdicts)


def dependencies_of(sheet: FactSheet) -> Dependencies:
    """The dependencies in scope, by host and port."""
    dependencies: Dependencies = {}
    for dependency in sheet.mesh.dependencies:
        if sheet.is_asked(dependency.pod):
            dependencies.setdefault((dependency.host, dependency.port), []).append(dependency)
    return dependencies


def likely_pairs(sheet: FactSheet) -> list[Pair]:
    """The pairs traced in every sidecar: registered by an entry, or a dependency."""
    entries = sheet.mesh.service_entries
    pairs = [(h.lower(), p.number) for e in entries for h in e.hosts for p in e.ports if p.protocol.upper() != "UDP"]
    return list(dict.fromkeys([*(pair for pair in pairs if not pair[0].startswith("*")), *dependencies_of(sheet)]))


def early_rows(sheet: FactSheet) -> tuple[HostRow, ...]:
    """The rows known without reading any sidecar's configuration, without verdicts."""
    dependencies = dependencies_of(sheet)
    pairs = sorted(likely_pairs(sheet), key=lambda p: (p[0], p[1] or 0))
    return tuple(_row(sheet, host, port, dependencies.get((host, port), []), []) for host, port in pairs)


def pairs_of(sheet: FactSheet, columns: Iterable[PodColumn]) -> list[Pair]:
    """The pairs of the table's rows: registered in a sidecar, or a dependency.

    Without any sidecar, registered by an entry, whoever sees it.
    """
    found = list(columns)
    if not found:
        return likely_pairs(sheet)
    return list(dict.fromkeys([*(pair for column in found for pair in column.registered), *dependencies_of(sheet)]))


def rows_of(sheet: FactSheet, columns: Mapping[str, PodColumn], pairs: Collection[Pair]) -> tuple[HostRow, ...]:
    """The rows by host and port, of columns (by pod) that have all these pairs."""
    dependencies = dependencies_of(sheet)
    found = [columns[name] for name in sheet.names if name in columns]
    ordered = sorted(pairs, key=lambda p: (p[0], p[1] or 0))
    return tuple(_row(sheet, host, port, dependencies.get((host, port), []), found) for host, port in ordered)


def column_of(case: ProxyContext, pairs: Collection[Pair]) -> PodColumn:
    """One sidecar's verdicts for these pairs and all that it has registered itself."""
    own = registered(case)
    verdicts: dict[Pair, TracedVerdict] = {}
    for host, port in dict.fromkeys([*pairs, *own]):
        if port is not None:
            traced = case.tracer.assess(host, port)
            verdicts[host, port] = (traced.verdict, traced.reason, traced.cluster)
    return PodColumn(case.key, own, verdicts)


def _row(
    sheet: FactSheet, host: str, port: int | None, dependencies: list[Dependency], found: list[PodColumn]
) -> HostRow:
    entries = [e for e in sheet.registry.entries(host) if port is None or any(p.number == port for p in e.ports)]
    declared = next((p.protocol.upper() for e in entries for p in e.ports if p.number == port), "")
    return HostRow(
        host=host,
        port=port,
        protocol=declared or (known_protocol(port) if port else ""),
        registered_by=tuple(dict.fromkeys(str(e.ref) for e in entries)),
        used_by=tuple(
            UsedBy(w.pod, tuple(s.where for s in w.seen), tuple(seen_at(s.pointer, s.where) for s in w.seen))
            for w in dependencies
        ),
        verdicts=tuple(PodVerdict(c.pod, *c.verdicts[host, port]) for c in found) if port is not None else (),
    )

"""The external hosts as rows: what registers each, which pods use it, and the verdict for every sidecar."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from meshdoctor.facts.derived.connections import registered
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.replicas import ProxyToCheck, proxies_to_check
from meshdoctor.facts.derived.resource_views import seen_at
from meshdoctor.model.host_table import HostRow, PodVerdict, TracedVerdict, UsedBy
from meshdoctor.model.mesh import Dependency
from meshdoctor.semantics.istio.protocols import known_protocol
from meshdoctor.trace.outbound import trace_host

NEEDED = ("serviceentries", "pods")

Pair = tuple[str, int | None]
Dependencies = dict[Pair, list[Dependency]]


class PodColumn(Struct):
    """One sidecar's verdicts by host and port; replicas share them."""

    pod: str
    registered: Collection[Pair]
    verdicts: dict[Pair, TracedVerdict]


def dependencies_of(sheet: FactSheet) -> Dependencies:
    """The dependencies in scope, by host and port."""
    dependencies: Dependencies = {}
    for dependency in sheet.mesh.dependencies:
        if sheet.is_asked(dependency.pod):
            dependencies.setdefault((dependency.host, dependency.port), []).append(dependency)
    return dependencies


class PodColumns:
    """The columns of pods, for these pairs and all that a pod's own proxy has registered; filled proxy by proxy."""

    def __init__(self, sheet: FactSheet, pairs: Collection[Pair]) -> None:
        self._pairs = pairs
        self._wanted = dependencies_of(sheet)
        self.by_pod: dict[str, PodColumn] = {}

    def take(self, proxy: ProxyToCheck) -> None:
        """Add the column of one proxy. Only sidecars have one."""
        pod = proxy.place.pod
        if proxy.case is None and proxy.first in self.by_pod:
            first = self.by_pod[proxy.first]
            self.by_pod[pod] = PodColumn(pod, first.registered, first.verdicts)
        elif proxy.case is not None and proxy.case.viewer.is_sidecar:
            self.by_pod[pod] = column_of(proxy.case, self._pairs, self._wanted)


def columns(sheet: FactSheet, names: Collection[str], pairs: Collection[Pair]) -> list[PodColumn]:
    """The columns of these pods. Opens each dump once."""
    made = PodColumns(sheet, pairs)
    for proxy in proxies_to_check(sheet.mesh, sheet.registry, names):
        made.take(proxy)
        del proxy  # frees this dump before the next one is read
    return list(made.by_pod.values())


Work = Callable[[Collection[str]], list[PodColumn]]
Spread = Callable[[Collection[str], Work], list[list[PodColumn]]]


def at_once(names: Collection[str], work: Work) -> list[list[PodColumn]]:
    """Do the work for all pods at once."""
    return [work(names)]


def likely_pairs(sheet: FactSheet) -> list[Pair]:
    """The pairs traced in every sidecar: registered by an entry, or a dependency."""
    return list(dict.fromkeys([*_of_entries(sheet), *dependencies_of(sheet)]))


def early_rows(sheet: FactSheet) -> tuple[HostRow, ...]:
    """The rows known without reading any sidecar's configuration, without verdicts."""
    dependencies = dependencies_of(sheet)
    pairs = sorted(likely_pairs(sheet), key=lambda p: (p[0], p[1] or 0))
    return tuple(_row(sheet, host, port, dependencies.get((host, port), []), []) for host, port in pairs)


def host_rows(sheet: FactSheet, spread: Spread = at_once) -> tuple[tuple[HostRow, ...], tuple[str, ...]]:
    """(rows by host and port, documents that were not read). `spread` divides the work over the pods."""
    likely = likely_pairs(sheet)
    return rows_of(sheet, _all(spread(sheet.names, lambda names: columns(sheet, names, likely))), spread)


def rows_of(
    sheet: FactSheet, found: list[PodColumn], spread: Spread = at_once
) -> tuple[tuple[HostRow, ...], tuple[str, ...]]:
    """The same from existing columns, each with all `likely_pairs`.

    A host that only some sidecars have registered is traced in the others in a second round.
    """
    dependencies = dependencies_of(sheet)
    pairs = dict.fromkeys([pair for column in found for pair in column.registered] + list(dependencies))
    lacking = [c.pod for c in found if any(p not in c.verdicts for p in pairs if p[1] is not None)]
    if lacking:
        again = _all(spread(lacking, lambda names: columns(sheet, names, pairs)))
        found = [*(c for c in found if c.pod not in set(lacking)), *again]
    order = {name: place for place, name in enumerate(sheet.names)}
    found.sort(key=lambda column: order[column.pod])
    ordered = sorted(pairs, key=lambda p: (p[0], p[1] or 0))
    rows = tuple(_row(sheet, host, port, dependencies.get((host, port), []), found) for host, port in ordered)
    return rows, tuple(f"resources/{kind}.yaml" for kind in NEEDED if kind not in sheet.mesh.kinds_read)


def _all(shares: list[list[PodColumn]]) -> list[PodColumn]:
    return [column for share in shares for column in share]


def _of_entries(sheet: FactSheet) -> list[Pair]:
    """host:port pairs of all ServiceEntries, without wildcards."""
    entries = sheet.mesh.service_entries
    pairs = [(h.lower(), p.number) for e in entries for h in e.hosts for p in e.ports if p.protocol.upper() != "UDP"]
    return [pair for pair in pairs if not pair[0].startswith("*")]


def column_of(case: ProxyContext, pairs: Collection[Pair], dependencies: Dependencies) -> PodColumn:
    """One sidecar's verdicts for these pairs and all that it has registered itself."""
    own = registered(case)
    verdicts: dict[Pair, TracedVerdict] = {}
    for host, port in dict.fromkeys([*pairs, *own]):
        if port is not None:
            scheme = _scheme(dependencies.get((host, port), ()))
            traced = trace_host(case.tracer, case.tracer.destination(host, port, scheme=scheme))
            verdicts[host, port] = (traced.verdict, traced.reason, traced.cluster)
    return PodColumn(case.key, own, verdicts)


def _scheme(dependencies: Sequence[Dependency]) -> str:
    return next((w.scheme for w in dependencies if w.scheme), "")


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

"""The external hosts as rows: who registers each, who wants it, and the verdict for every sidecar."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from meshdoctor.facts.derived.connections import registered
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.replicas import ProxyTurn, proxy_turns
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
    """Who wants what, by host and port."""
    wanted: Dependencies = {}
    for dependency in sheet.mesh.dependencies:
        if sheet.is_asked(dependency.pod):
            wanted.setdefault((dependency.host, dependency.port), []).append(dependency)
    return wanted


class PodColumns:
    """The columns of some pods, with these pairs and all that a pod itself has registered, made look by look."""

    def __init__(self, sheet: FactSheet, pairs: Collection[Pair]) -> None:
        self._pairs = pairs
        self._wanted = dependencies_of(sheet)
        self.by_pod: dict[str, PodColumn] = {}

    def take(self, look: ProxyTurn) -> None:
        """One proxy's turn. Only sidecars have a column."""
        pod = look.place.pod
        if look.case is None and look.first in self.by_pod:
            first = self.by_pod[look.first]
            self.by_pod[pod] = PodColumn(pod, first.registered, first.verdicts)
        elif look.case is not None and look.case.viewer.is_sidecar:
            self.by_pod[pod] = column_of(look.case, self._pairs, self._wanted)


def columns(sheet: FactSheet, names: Collection[str], pairs: Collection[Pair]) -> list[PodColumn]:
    """The columns of these pods. Opens each dump once."""
    made = PodColumns(sheet, pairs)
    for look in proxy_turns(sheet.mesh, sheet.registry, names):
        made.take(look)
        del look  # or this dump is held while the next one is read
    return list(made.by_pod.values())


Work = Callable[[Collection[str]], list[PodColumn]]
Spread = Callable[[Collection[str], Work], list[list[PodColumn]]]


def at_once(names: Collection[str], work: Work) -> list[list[PodColumn]]:
    """The work over all pods as one share."""
    return [work(names)]


def likely_pairs(sheet: FactSheet) -> list[Pair]:
    """What is asked of every sidecar: what an entry registers or a pod wants."""
    return list(dict.fromkeys([*_of_entries(sheet), *dependencies_of(sheet)]))


def early_rows(sheet: FactSheet) -> tuple[HostRow, ...]:
    """The rows that are known without a look at any sidecar, without verdicts."""
    wanted = dependencies_of(sheet)
    pairs = sorted(likely_pairs(sheet), key=lambda p: (p[0], p[1] or 0))
    return tuple(_row(sheet, host, port, wanted.get((host, port), []), []) for host, port in pairs)


def host_rows(sheet: FactSheet, spread: Spread = at_once) -> tuple[tuple[HostRow, ...], tuple[str, ...]]:
    """(rows by host and port, what was not read). `spread` shares the work over the pods out."""
    likely = likely_pairs(sheet)
    return rows_of(sheet, _all(spread(sheet.names, lambda names: columns(sheet, names, likely))), spread)


def rows_of(
    sheet: FactSheet, found: list[PodColumn], spread: Spread = at_once
) -> tuple[tuple[HostRow, ...], tuple[str, ...]]:
    """The same of columns that are there, each with all `likely_pairs`.

    A host that one sidecar alone knows is asked of all others in a second round.
    """
    wanted = dependencies_of(sheet)
    pairs = dict.fromkeys([pair for column in found for pair in column.registered] + list(wanted))
    lacking = [c.pod for c in found if any(p not in c.verdicts for p in pairs if p[1] is not None)]
    if lacking:
        again = _all(spread(lacking, lambda names: columns(sheet, names, pairs)))
        found = [*(c for c in found if c.pod not in set(lacking)), *again]
    order = {name: place for place, name in enumerate(sheet.names)}
    found.sort(key=lambda column: order[column.pod])
    ordered = sorted(pairs, key=lambda p: (p[0], p[1] or 0))
    rows = tuple(_row(sheet, host, port, wanted.get((host, port), []), found) for host, port in ordered)
    return rows, tuple(f"resources/{kind}.yaml" for kind in NEEDED if kind not in sheet.mesh.kinds_read)


def _all(shares: list[list[PodColumn]]) -> list[PodColumn]:
    return [column for share in shares for column in share]


def _of_entries(sheet: FactSheet) -> list[Pair]:
    """What any sidecar may have registered by a ServiceEntry."""
    entries = sheet.mesh.service_entries
    pairs = [(h.lower(), p.number) for e in entries for h in e.hosts for p in e.ports if p.protocol.upper() != "UDP"]
    return [pair for pair in pairs if not pair[0].startswith("*")]


def column_of(case: ProxyContext, pairs: Collection[Pair], wanted: Dependencies) -> PodColumn:
    """One sidecar's verdicts for these pairs and all that it has registered itself."""
    own = registered(case)
    verdicts: dict[Pair, TracedVerdict] = {}
    for host, port in dict.fromkeys([*pairs, *own]):
        if port is not None:
            scheme = _scheme(wanted.get((host, port), ()))
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

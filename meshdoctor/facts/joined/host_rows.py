"""The external hosts as rows: who registers each, who wants it, and the verdict for every sidecar."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from meshdoctor.facts.joined.connections import registered
from meshdoctor.facts.joined.proxy_case import ProxyCase
from meshdoctor.facts.joined.replicas import Look, looks
from meshdoctor.facts.joined.sheet import Sheet
from meshdoctor.facts.joined.views import seen_at
from meshdoctor.model.hosts import HostRow, PodVerdict, Wish
from meshdoctor.model.mesh import WantedHost
from meshdoctor.semantics.protocols import known_protocol
from meshdoctor.trace.outbound import trace_host

NEEDED = ("serviceentries", "pods")

Pair = tuple[str, int | None]
Wishes = dict[Pair, list[WantedHost]]
Verdict = tuple[str, str, str | None]
"""Verdict, reason and cluster."""


class Column(Struct):
    """One sidecar's verdicts by host and port; replicas share them."""

    pod: str
    registered: Collection[Pair]
    verdicts: dict[Pair, Verdict]


def wishes_of(sheet: Sheet) -> Wishes:
    """Who wants what, by host and port."""
    wanted: Wishes = {}
    for wish in sheet.mesh.wanted:
        if sheet.is_asked(wish.pod):
            wanted.setdefault((wish.host, wish.port), []).append(wish)
    return wanted


class Columns:
    """The columns of some pods, with these pairs and all that a pod itself has registered, made look by look."""

    def __init__(self, sheet: Sheet, pairs: Collection[Pair]) -> None:
        self._pairs = pairs
        self._wanted = wishes_of(sheet)
        self.by_pod: dict[str, Column] = {}

    def take(self, look: Look) -> None:
        """One proxy's turn. Only sidecars have a column."""
        pod = look.place.pod
        if look.case is None and look.first in self.by_pod:
            first = self.by_pod[look.first]
            self.by_pod[pod] = Column(pod, first.registered, first.verdicts)
        elif look.case is not None and look.case.viewer.is_sidecar:
            self.by_pod[pod] = column_of(look.case, self._pairs, self._wanted)


def columns(sheet: Sheet, names: Collection[str], pairs: Collection[Pair]) -> list[Column]:
    """The columns of these pods. Opens each dump once."""
    made = Columns(sheet, pairs)
    for look in looks(sheet.mesh, sheet.registry, names):
        made.take(look)
        del look  # or this dump is held while the next one is read
    return list(made.by_pod.values())


Work = Callable[[Collection[str]], list[Column]]
Spread = Callable[[Collection[str], Work], list[list[Column]]]


def at_once(names: Collection[str], work: Work) -> list[list[Column]]:
    """The work over all pods as one share."""
    return [work(names)]


def likely_pairs(sheet: Sheet) -> list[Pair]:
    """What is asked of every sidecar: what an entry registers or a pod wants."""
    return list(dict.fromkeys([*_of_entries(sheet), *wishes_of(sheet)]))


def early_rows(sheet: Sheet) -> tuple[HostRow, ...]:
    """The rows that are known without a look at any sidecar, without verdicts."""
    wanted = wishes_of(sheet)
    pairs = sorted(likely_pairs(sheet), key=lambda p: (p[0], p[1] or 0))
    return tuple(_row(sheet, host, port, wanted.get((host, port), []), []) for host, port in pairs)


def host_rows(sheet: Sheet, spread: Spread = at_once) -> tuple[tuple[HostRow, ...], tuple[str, ...]]:
    """(rows by host and port, what was not read). `spread` shares the work over the pods out."""
    likely = likely_pairs(sheet)
    return rows_of(sheet, _all(spread(sheet.names, lambda names: columns(sheet, names, likely))), spread)


def rows_of(sheet: Sheet, found: list[Column], spread: Spread = at_once) -> tuple[tuple[HostRow, ...], tuple[str, ...]]:
    """The same of columns that are there, each with all `likely_pairs`.

    A host that one sidecar alone knows is asked of all others in a second round.
    """
    wanted = wishes_of(sheet)
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


def _all(shares: list[list[Column]]) -> list[Column]:
    return [column for share in shares for column in share]


def _of_entries(sheet: Sheet) -> list[Pair]:
    """What any sidecar may have registered by a ServiceEntry."""
    entries = sheet.mesh.service_entries
    pairs = [(h.lower(), p.number) for e in entries for h in e.hosts for p in e.ports if p.protocol.upper() != "UDP"]
    return [pair for pair in pairs if not pair[0].startswith("*")]


def column_of(case: ProxyCase, pairs: Collection[Pair], wanted: Wishes) -> Column:
    """One sidecar's verdicts for these pairs and all that it has registered itself."""
    own = registered(case)
    verdicts: dict[Pair, Verdict] = {}
    for host, port in dict.fromkeys([*pairs, *own]):
        if port is not None:
            scheme = _scheme(wanted.get((host, port), ()))
            traced = trace_host(case.tracer, case.tracer.destination(host, port, scheme=scheme))
            verdicts[host, port] = (traced.verdict, traced.reason, traced.cluster)
    return Column(case.key, own, verdicts)


def _scheme(wishes: Sequence[WantedHost]) -> str:
    return next((w.scheme for w in wishes if w.scheme), "")


def _row(sheet: Sheet, host: str, port: int | None, wishes: list[WantedHost], found: list[Column]) -> HostRow:
    entries = [e for e in sheet.registry.entries(host) if port is None or any(p.number == port for p in e.ports)]
    declared = next((p.protocol.upper() for e in entries for p in e.ports if p.number == port), "")
    return HostRow(
        host=host,
        port=port,
        protocol=declared or (known_protocol(port) if port else ""),
        registered_by=tuple(dict.fromkeys(str(e.ref) for e in entries)),
        wanted_by=tuple(
            Wish(w.pod, tuple(s.where for s in w.seen), tuple(seen_at(s.pointer, s.where) for s in w.seen))
            for w in wishes
        ),
        verdicts=tuple(PodVerdict(c.pod, *c.verdicts[host, port]) for c in found) if port is not None else (),
    )

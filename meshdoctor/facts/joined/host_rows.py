"""The external hosts as rows: who registers each, who wants it, and the verdict for every sidecar."""

from __future__ import annotations

from meshdoctor.facts.joined.connections import registered
from meshdoctor.facts.joined.proxy_case import ProxyCase
from meshdoctor.facts.joined.sheet import Sheet
from meshdoctor.facts.joined.views import seen_at
from meshdoctor.model.hosts import HostRow, PodVerdict, Wish
from meshdoctor.model.mesh import WantedHost
from meshdoctor.semantics.protocols import known_protocol
from meshdoctor.trace.outbound import trace_host

NEEDED = ("serviceentries", "pods")


def host_rows(sheet: Sheet) -> tuple[tuple[HostRow, ...], tuple[str, ...]]:
    """(rows by host and port, what was not read)."""
    pairs: dict[tuple[str, int | None], None] = {}
    for case in sheet.sidecars:
        pairs.update(dict.fromkeys(registered(case)))
    wanted: dict[tuple[str, int | None], list[WantedHost]] = {}
    for wish in sheet.mesh.wanted:
        if sheet.is_asked(wish.pod):
            wanted.setdefault((wish.host, wish.port), []).append(wish)
    pairs.update(dict.fromkeys(wanted))
    ordered = sorted(pairs, key=lambda p: (p[0], p[1] or 0))
    rows = tuple(_row(sheet, host, port, wanted) for host, port in ordered)
    return rows, tuple(f"resources/{kind}.yaml" for kind in NEEDED if kind not in sheet.mesh.kinds_read)


def _row(sheet: Sheet, host: str, port: int | None, wanted: dict[tuple[str, int | None], list[WantedHost]]) -> HostRow:
    wishes = wanted.get((host, port), [])
    scheme = next((w.scheme for w in wishes if w.scheme), "")
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
        verdicts=tuple(_verdict(case, host, port, scheme) for case in sheet.sidecars) if port is not None else (),
    )


def _verdict(case: ProxyCase, host: str, port: int, scheme: str) -> PodVerdict:
    traced = trace_host(case.tracer, case.tracer.destination(host, port, scheme=scheme))
    return PodVerdict(case.key, traced.verdict, traced.reason, traced.cluster)

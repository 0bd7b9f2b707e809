"""External hosts: a paragraph a host:port, its verdicts counted, so that 400 equal pods take one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.model.host_table import NOT_CONFIGURED, HostRow, HostTable, PodVerdict
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.phrases import count, some
from meshdoctor.view.blocks import GAP, Block, Labelled, Marked, Paragraph, Rows, TableRow, names
from meshdoctor.view.sort_order import rows_in_order

_PODS = 2


def report(hosts: HostTable, *, verbose: bool = False) -> Iterator[Block]:
    """The whole table."""
    rows = rows_in_order(hosts.hosts)
    unregistered = "no ServiceEntry" if hosts.are_entries_read else "not known: ServiceEntries were not read"
    if rows:
        table = tuple(_row(row, unregistered, None if verbose else _PODS) for row in rows)
        yield Rows(table, ("HOST:PORT", "PROTOCOL", "VERDICT"))
        pods = {verdict.pod for row in rows for verdict in row.verdicts}
        yield GAP
        counted = count(len(rows), "external host")
        checked = f", checked for {count(len(pods), 'sidecar')}"
        yield Paragraph(counted + (checked if pods else "; no verdicts, because no sidecar's configuration was read"))
    elif hosts.missing:
        yield Paragraph("no external hosts are known: not all was read that could name one")
    else:
        yield Paragraph("no external hosts: no object registers one and no pod uses one")
    for missing in hosts.missing:
        yield Marked("unknown", f"not read: {missing}")


def _row(row: HostRow, unregistered: str, limit: int | None) -> TableRow:
    by_verdict = _by_verdict(row.verdicts)
    worst, pods = next(iter(_by_verdict(row.counted).items()), (Verdict.UNKNOWN, []))
    verdict = f"{worst} for {count(len(pods), 'pod')}" if pods else worst
    is_meant = row.used_by or not pods or any(pod.reason not in NOT_CONFIGURED for pod in pods)
    below: list[Block] = [names("registered by", row.registered_by or (unregistered,), limit)]
    if row.used_by:
        using = ((one.pod, some(one.seen, 2)) for one in row.used_by)
        below.append(names("used by", tuple(f"{pod} ({seen})" if seen else pod for pod, seen in using), limit))
    if not row.verdicts:
        why = "a bare name, no port is known" if row.port is None else "no sidecar's configuration was read"
        below.append(Labelled("unknown", why))
    for each, those in by_verdict.items():
        reasons = sorted({pod.reason for pod in those if pod.reason not in ("", each, "own")})
        because = f" ({', '.join(reasons)})" if reasons else ""
        most = 1 if limit is not None and each is Verdict.DELIVERED else limit
        below.append(names(f"{each}{because}", tuple(pod.pod for pod in those), most))
    cells = (host_port(row.host, row.port), row.protocol, verdict)
    return TableRow(worst.icon if is_meant else "step", cells, tuple(below))


def _by_verdict(verdicts: Sequence[PodVerdict]) -> dict[Verdict, list[PodVerdict]]:
    """Pods by verdict, the worst verdict first, pods by name."""
    groups: dict[Verdict, list[PodVerdict]] = {}
    for pod in sorted(verdicts, key=lambda p: (p.verdict.rank, p.pod)):
        groups.setdefault(pod.verdict, []).append(pod)
    return groups

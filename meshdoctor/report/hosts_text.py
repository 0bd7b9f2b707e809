"""`hosts` as text: one paragraph a host:port, its verdicts counted, so that 400 equal pods take one line."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.model.host_table import HostRow, HostTable, PodVerdict, UsedBy
from meshdoctor.model.verdict import Verdict
from meshdoctor.report.sort_order import rows_in_order
from meshdoctor.report.text_writer import TextWriter, columns, count, pad, some
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import printable

_PODS = 2
_WIDEST_NAME = 36


def render(hosts: HostTable, writer: TextWriter, *, verbose: bool = False) -> str:
    """The whole table, ending in a line break."""
    rows = rows_in_order(hosts.hosts)
    names = [printable(host_port(row.host, row.port)) for row in rows]
    width = min(max(map(columns, names), default=0), _WIDEST_NAME)
    unregistered = "nobody" if hosts.are_entries_read else "not known: ServiceEntries were not read"
    lines: list[str] = []
    if rows:
        lines.append(writer.strong(f"  {pad('HOST:PORT', width)}  {pad('PROTOCOL', 8)}  VERDICT"))
    for row, name in zip(rows, names, strict=True):
        lines += _first_line(row, name, width, writer)
        lines += _details(row, writer, verbose, unregistered)
    lines += ["", _total(hosts)] if rows else [_no_hosts(hosts)]
    for missing in hosts.missing:
        lines += writer.marked("unknown", f"not read: {missing}")
    return "\n".join(lines) + "\n"


def _no_hosts(hosts: HostTable) -> str:
    """Why there is no row."""
    if hosts.missing:
        return "no external hosts are known: not all was read that could name one"
    return "no external hosts: nothing registers or wants one"


def _first_line(row: HostRow, name: str, width: int, writer: TextWriter) -> Iterator[str]:
    """Host, protocol and the worst verdict, which goes to a line of its own where the name is too long."""
    worst, pods = next(iter(_by_verdict(row).items()), (Verdict.UNKNOWN, []))
    verdict = f"{worst} for {count(len(pods), 'pod')}" if pods else worst
    before = f"{pad(name, width)}  {pad(printable(row.protocol) or '-', 8)}  "
    line = before + verdict
    mark = writer.mark(worst.icon)
    if columns(line) + 2 <= writer.width:
        yield f"{mark} {line}"
        return
    yield f"{mark} {before.rstrip()}"
    yield from writer.paragraph(line[len(before) :], 4)


def _details(row: HostRow, writer: TextWriter, verbose: bool, unregistered: str) -> Iterator[str]:
    limit = None if verbose else _PODS
    yield from writer.field("registered by", some(row.registered_by, limit) or unregistered)
    if row.used_by:
        dependencies = [_dependency(dependency) for dependency in row.used_by]
        yield from writer.field("wanted by", some(dependencies, limit))
    if not row.verdicts:
        why = "a bare name, no port is known" if row.port is None else "no sidecar's configuration to judge by"
        yield from writer.field("unknown", why)
    for verdict, pods in _by_verdict(row).items():
        reasons = sorted({pod.reason for pod in pods if pod.reason not in ("", verdict, "own")})
        because = f" ({', '.join(reasons)})" if reasons else ""
        named = some([pod.pod for pod in pods], limit if verbose or verdict is not Verdict.DELIVERED else 1)
        yield from writer.field(f"{verdict}{because}", named)


def _dependency(dependency: UsedBy) -> str:
    seen = some(dependency.seen, 2)
    return f"{dependency.pod} ({seen})" if seen else dependency.pod


def _by_verdict(row: HostRow) -> dict[Verdict, list[PodVerdict]]:
    """Pods by verdict, the worst verdict first, pods by name."""
    groups: dict[Verdict, list[PodVerdict]] = {}
    for pod in sorted(row.verdicts, key=lambda p: (p.verdict.rank, p.pod)):
        groups.setdefault(pod.verdict, []).append(pod)
    return groups


def _total(hosts: HostTable) -> str:
    pods = {verdict.pod for row in hosts.hosts for verdict in row.verdicts}
    return f"{count(len(hosts.hosts), 'external host')}, judged for {count(len(pods), 'sidecar')}"

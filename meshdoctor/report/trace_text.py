"""`trace` as text: the way of one connection, each decision with its reason, and where it goes wrong."""

from __future__ import annotations

from collections.abc import Container, Iterator

from meshdoctor.model.trace import Destination, Step, Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.report.text_writer import TextWriter, columns, pad, wrap
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import printable

_DECIDED_AT = {
    Verdict.BYPASSED: "capture",
    Verdict.PASSTHROUGH: "cluster",
    Verdict.LEAKED: "cluster",
    Verdict.MISROUTED: "cluster",
}
"""Step that makes the verdict; for the others it is the last one."""


def render(trace: Trace, writer: TextWriter, *, rules: Container[str] = ()) -> str:
    """The whole story, ending in a line break. `rules` are the ids that `rules explain` knows."""
    lines = [*(writer.strong(line) for line in wrap(_title(trace), writer.width))]
    broken = deciding_step(trace)
    if broken is not None:
        lines.append("")
    for number, step in enumerate(trace.steps):
        if step.at != "verdict":
            lines += _step(step, trace.verdict.icon if number == broken else "step", writer)
    lines += ["", *_verdict(trace, writer)]
    if trace.reason in rules and trace.verdict is not Verdict.DELIVERED:
        lines.append(f"  see: meshdoctor rules explain {trace.reason}")
    if len(trace.addresses) > 1:
        lines += ["", *_addresses(trace, writer)]
    return "\n".join(lines) + "\n"


def _title(trace: Trace) -> str:
    return f"{trace.pod} -> {host_port(trace.destination.host, trace.destination.port)} ({manner(trace.destination)})"


def manner(destination: Destination) -> str:
    """How the connection is made, as far as it was said or assumed."""
    parts = [destination.protocol]
    if destination.ip is not None and destination.ip != destination.host:
        parts.insert(0, f"dialling {destination.ip}")
    if destination.protocol == "tls":
        parts.append(f"SNI {destination.sni}" if destination.sni else "without SNI")
    if destination.protocol == "http":
        parts.append(f"{destination.method} {destination.path}")
        if destination.authority and destination.authority != destination.host:
            parts.append(f"Host {destination.authority}")
    return ", ".join(parts)


def deciding_step(trace: Trace) -> int | None:
    """Index of the step that makes the verdict; None where no step is known."""
    at = _DECIDED_AT.get(trace.verdict)
    ways = [number for number, step in enumerate(trace.steps) if step.at != "verdict"]
    return next((n for n in reversed(ways) if at is None or trace.steps[n].at == at), ways[-1] if ways else None)


def _step(step: Step, mark: str, writer: TextWriter) -> Iterator[str]:
    name = step.at.replace("_", " ")
    chose = printable(step.chose) if step.chose else "none"
    line = f"{pad(name, 16)}  {chose}"
    yield f"  {writer.mark(mark)} {line if mark == 'step' else writer.strong(line)}"
    yield from writer.paragraph(step.because, 22)
    if step.evidence is not None and mark != "step":
        yield writer.faint(f"    {printable(step.evidence.document)}")
        if step.evidence.path:
            yield writer.faint(f"      {printable(step.evidence.path)}")


def _verdict(trace: Trace, writer: TextWriter) -> Iterator[str]:
    because = trace.because or next((s.because for s in reversed(trace.steps) if s.at == "verdict"), "")
    reason = f" [{trace.reason}]" if trace.reason and trace.verdict is not Verdict.DELIVERED else ""
    yield from writer.marked(trace.verdict.icon, f"{trace.verdict}{share(trace)}{reason}")
    yield from writer.paragraph(because, 2)
    if trace.missing:
        yield from writer.field("missing", ", ".join(trace.missing), 2)
    expected = signs(trace)
    if expected:
        yield from writer.field("expect", expected, 2)
    if trace.advice:
        yield from writer.field("do", trace.advice, 2)


def share(trace: Trace) -> str:
    """For how many of a host's addresses the verdict holds, where they differ."""
    same = sum(row.verdict == trace.verdict for row in trace.addresses)
    return f" for {same} of {len(trace.addresses)} addresses" if 0 < same < len(trace.addresses) else ""


def signs(trace: Trace) -> str:
    """By what the client and the access log give it away."""
    expect, parts = trace.expect, []
    if expect.hangs:
        parts.append("the client hangs until one side gives up")
    if expect.http_status is not None and trace.verdict is not Verdict.DELIVERED:
        parts.append(f"HTTP status {expect.http_status}")
    if expect.response_flags:
        parts.append(f"response flags {','.join(expect.response_flags)} in Envoy's access log")
    return "; ".join(parts)


def _addresses(trace: Trace, writer: TextWriter) -> Iterator[str]:
    """A small table, the worst first."""
    yield f"all addresses known for {printable(trace.destination.host)}, the worst first:"
    rows = sorted(trace.addresses, key=lambda a: (a.verdict.rank, a.ip))
    ip_width = max(columns(printable(row.ip)) for row in rows)
    verdict_width = max(len(row.verdict) for row in rows)
    for row in rows:
        line = f"  {writer.mark(row.verdict.icon)} {pad(printable(row.ip), ip_width)}  "
        last = row.cluster or row.reason
        yield (line + f"{pad(row.verdict, verdict_width)}  {printable(last)}").rstrip()

"""The way of one connection, from the application to its endpoint, with the step that goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.model.trace import Step, Trace
from meshdoctor.semantics.hosts import host_port
from meshdoctor.tui.board.cells import Cell
from meshdoctor.tui.board.lines import Line, line, paragraph
from meshdoctor.tui.board.marks import VERDICT_TONES, sign

_AT = {"bypassed": "capture", "passthrough": "cluster", "leaked": "cluster", "misrouted": "cluster"}
"""The step that makes the verdict; for the others it is the last one."""
_WORDS = {"filter_chain": "chain", "listener_filters": "inspectors"}


def broken_step(trace: Trace) -> int | None:
    """Index of the step at which the connection goes wrong; None where it does not, or no step is known."""
    if trace.verdict == "delivered":
        return None
    at = _AT.get(trace.verdict)
    ways = [number for number, step in enumerate(trace.steps) if step.at != "verdict"]
    return next((n for n in reversed(ways) if at is None or trace.steps[n].at == at), ways[-1] if ways else None)


def way_lines(trace: Trace, width: int, *, ascii_only: bool = False) -> Iterator[Line]:
    """The pod and what it dials, then a step a paragraph, then the verdict and what to do."""
    broken = broken_step(trace)
    bar = "|" if ascii_only else "│"
    destination = trace.destination
    yield from paragraph(_dials(trace), width, lead=(Cell("  "), Cell("app  ", "strong")))
    yield line(f"  {bar}", "faint")
    for number, step in enumerate(trace.steps):
        if step.at == "verdict":
            continue
        yield from _step(step, trace, width, bar, is_broken=number == broken, ascii_only=ascii_only)
    yield ()
    kind = {"fine": "fine", "unknown": "unknown"}.get(VERDICT_TONES[trace.verdict], "error")
    tone = VERDICT_TONES[trace.verdict]
    because = f": {trace.because}" if trace.because else ""
    about = f"{host_port(destination.host, destination.port)} is {trace.verdict}{because}"
    yield from paragraph(about, width, tone, lead=(Cell(f"{sign(kind, ascii_only=ascii_only)} ", tone),))
    for seen in _seen(trace):
        yield from paragraph(seen, width, "faint", lead=(Cell("  "),))
    if trace.missing:
        yield from paragraph(f"not read: {', '.join(trace.missing)}", width, "unknown", lead=(Cell("  "),))
    if len(trace.addresses) > 1:
        yield from _addresses(trace, width)


def _dials(trace: Trace) -> str:
    destination = trace.destination
    parts = [destination.protocol]
    if destination.protocol == "tls":
        parts.append(f"SNI {destination.sni}" if destination.sni else "without SNI")
    to = host_port(destination.ip or destination.host, destination.port)
    return f"dials {to} ({', '.join(parts)})"


def _step(step: Step, trace: Trace, width: int, bar: str, *, is_broken: bool, ascii_only: bool) -> Iterator[Line]:
    tone = VERDICT_TONES[trace.verdict] if is_broken else "plain"
    mark = sign("unknown" if trace.verdict == "unknown" else "error", ascii_only=ascii_only) if is_broken else " "
    name = _WORDS.get(step.at, step.at.replace("_", " "))
    lead = (Cell(f"{mark} ", tone), Cell(f"{name:<9} ", "strong" if not is_broken else tone))
    yield from paragraph(step.chose or "none", width, tone, lead=lead)
    is_last = step is next((s for s in reversed(trace.steps) if s.at != "verdict"), None)
    side = Cell("    " if is_last else f"  {bar} ", "faint")
    for piece in paragraph(step.because, width - 4, "faint" if not is_broken else "plain"):
        yield (side, *piece)


def _seen(trace: Trace) -> Iterator[str]:
    expect = trace.expect
    if expect.hangs:
        yield "seen as: the client hangs until one side gives up"
    elif expect.response_flags:
        yield f"seen as: {','.join(expect.response_flags)} in Envoy's access log"
    elif expect.http_status is not None and trace.verdict != "delivered":
        yield f"seen as: HTTP status {expect.http_status}"


def _addresses(trace: Trace, width: int) -> Iterator[Line]:
    yield ()
    yield from paragraph(f"all addresses known for {trace.destination.host}:", width, "faint")
    for row in trace.addresses:
        tone = VERDICT_TONES[row.verdict]
        yield from paragraph(f"{row.verdict}  {row.cluster or row.reason}", width, tone, lead=(Cell(f"  {row.ip}  "),))

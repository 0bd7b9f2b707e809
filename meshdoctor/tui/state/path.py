"""The way of one connection, from the application to its endpoint, with the step that goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.model.trace import Step, Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.report.trace_text import deciding_step
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.icons import icon
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.icons import LOUD, Tone
from meshdoctor.tui.state.text_lines import Line, paragraph

_WORDS = {"filter_chain": "chain", "listener_filters": "inspectors"}


def broken_step(trace: Trace) -> int | None:
    """Index of the step at which the connection goes wrong; None where it does not, or no step is known."""
    return None if trace.verdict is Verdict.DELIVERED else deciding_step(trace)


def path_lines_of(trace: Trace, width: int, *, summary: bool = False, ascii_only: bool = False) -> Iterator[Line]:
    """The verdict, then the pod and what it dials, then the steps. `brief`: only the broken step says why."""
    yield from _verdict(trace, width, ascii_only=ascii_only)
    if not summary:
        yield ()
    broken = broken_step(trace)
    bar = "|" if ascii_only else "│"
    yield from paragraph(_dials(trace), width, lead=(Cell("  "), Cell("app       ", "strong")))
    ways = [(number, step) for number, step in enumerate(trace.steps) if step.at != "verdict"]
    for number, step in ways:
        yield from _step(step, trace, width, is_broken=number == broken, ascii_only=ascii_only)
        if not summary or number == broken:
            is_last = step is ways[-1][1]
            side = Cell("    " if is_last else f"  {bar} ", "faint")
            told = paragraph(step.because, width - 4, "plain" if number == broken else "faint")
            yield from ((side, *piece) for piece in told)
    if trace.missing:
        yield from paragraph(f"not read: {', '.join(trace.missing)}", width, "unknown", lead=(Cell("  "),))
    if len(trace.addresses) > 1:
        yield from _addresses(trace, width)


def _verdict(trace: Trace, width: int, *, ascii_only: bool) -> Iterator[Line]:
    destination, tone = trace.destination, trace.verdict.icon
    because = f": {trace.because}" if trace.because else ""
    about = f"{host_port(destination.host, destination.port)} is {trace.verdict}{because}"
    yield from paragraph(about, width, tone, lead=(Cell(f"{icon(tone, ascii_only=ascii_only)} ", tone),))
    for told in _expected(trace):
        yield from paragraph(told, width, "faint", lead=(Cell("  "),))


def _dials(trace: Trace) -> str:
    destination = trace.destination
    parts = [destination.protocol]
    if destination.protocol == "tls":
        parts.append(f"SNI {destination.sni}" if destination.sni else "without SNI")
    to = host_port(destination.ip or destination.host, destination.port)
    return f"dials {to} ({', '.join(parts)})"


def _step(step: Step, trace: Trace, width: int, *, is_broken: bool, ascii_only: bool) -> Iterator[Line]:
    tone: Tone = trace.verdict.icon if is_broken else "plain"
    tone = LOUD.get(tone, tone)
    mark = icon(trace.verdict.icon, ascii_only=ascii_only) if is_broken else " "
    name = _WORDS.get(step.at, step.at.replace("_", " "))
    lead = (Cell(f"{mark} ", tone), Cell(f"{name:<9} ", tone if is_broken else "strong"))
    yield from paragraph(step.chose or "none", width, tone, lead=lead)


def _expected(trace: Trace) -> Iterator[str]:
    expect = trace.expect
    if expect.hangs:
        yield "expect: the client hangs until one side gives up"
    elif expect.response_flags:
        yield f"expect: {','.join(expect.response_flags)} in Envoy's access log"
    elif expect.http_status is not None and trace.verdict is not Verdict.DELIVERED:
        yield f"expect: HTTP status {expect.http_status}"


def _addresses(trace: Trace, width: int) -> Iterator[Line]:
    yield ()
    yield from paragraph(f"all addresses known for {trace.destination.host}:", width, "faint")
    for row in trace.addresses:
        tone = row.verdict.icon
        yield from paragraph(f"{row.verdict}  {row.cluster or row.reason}", width, tone, lead=(Cell(f"  {row.ip}  "),))

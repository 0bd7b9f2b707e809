"""The path of one connection, each decision with its reason, and the verdict."""

from __future__ import annotations

from collections.abc import Container, Iterator

from meshdoctor.model.trace import AddressTrace, Destination, Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.view.blocks import GAP, Block, Labelled, Marked, Paragraph, PathStep, PathSteps, Rows, TableRow

_NOTES = {Verdict.DELIVERED: "", Verdict.UNKNOWN: "not known from here on"}
_DECIDED_AT = {
    Verdict.BYPASSED: "redirection",
    Verdict.PASSTHROUGH: "cluster",
    Verdict.LEAKED: "cluster",
    Verdict.MISROUTED: "cluster",
}
"""Step that makes the verdict; for the others it is the last one."""


def report(trace: Trace, *, rules: Container[str] = ()) -> Iterator[Block]:
    """The whole answer. `rules` are the ids that `rules explain` knows."""
    destination = trace.destination
    to = host_port(destination.host, destination.port)
    by = f" by forward proxy {host_port(*_dialled(trace))}" if trace.forward_proxy else ""
    yield Paragraph(f"{trace.pod} -> {to}{by} ({_manner(trace.forward_proxy or destination)})", "strong")
    if deciding_step(trace) is not None:
        yield GAP
    yield PathSteps(steps(trace))
    yield GAP
    has_page = trace.reason in rules and trace.verdict is not Verdict.DELIVERED
    see = f"meshdoctor rules explain {trace.reason}" if has_page else ""
    yield verdict(trace, see=see)
    if len(trace.addresses) > 1:
        yield GAP
        yield from addresses(trace)


def path(trace: Trace) -> Iterator[Block]:
    """The verdict, then the path from the application on: what is seen first stands first."""
    yield verdict(trace)
    yield PathSteps(steps(trace, with_app=True))
    if len(trace.addresses) > 1:
        yield GAP
        yield from addresses(trace)


def _dialled(trace: Trace) -> tuple[str, int]:
    """Host and port that the client connects to: a forward proxy's, where it goes by one."""
    destination = trace.forward_proxy or trace.destination
    return destination.host, destination.port


def _manner(destination: Destination) -> str:
    """How the connection is made, as far as it was said or assumed."""
    speaks = ": the server speaks first" if destination.protocol == "server-first" else ""
    parts = [destination.protocol + speaks]
    if destination.ip is not None and destination.ip != destination.host:
        parts.insert(0, f"to IP {destination.ip}")
    if destination.protocol == "tls":
        parts.append(f"SNI {destination.sni}" if destination.sni else "without SNI")
        parts += [f"ALPN {', '.join(destination.alpn)}"] if destination.alpn else []
    if destination.protocol == "http":
        is_connect = destination.method == "CONNECT"
        target = (destination.authority or destination.host) if is_connect else destination.path
        parts.append(f"{destination.method} {target}")
        if destination.authority and not is_connect and destination.authority != destination.host:
            parts.append(f"Host {destination.authority}")
        parts += [f"HTTP/{destination.http_version}"] if destination.http_version != "1.1" else []
        parts += [f"{name}: {value}" for name, value in destination.headers]
    return ", ".join(parts)


def deciding_step(trace: Trace) -> int | None:
    """Index of the step that makes the verdict; None where no step is known."""
    at = _DECIDED_AT.get(trace.verdict)
    path = [number for number, step in enumerate(trace.steps) if step.at != "verdict"]
    return next((n for n in reversed(path) if at is None or trace.steps[n].at == at), path[-1] if path else None)


def steps(trace: Trace, *, with_app: bool = False) -> tuple[PathStep, ...]:
    """The steps, from the application on if `with_app`; the one that makes the verdict has its icon."""
    decides = deciding_step(trace)
    app = (PathStep("app", f"{host_port(*_dialled(trace))} ({_manner(trace.forward_proxy or trace.destination)})"),)
    return (app if with_app else ()) + tuple(
        PathStep(
            step.at.replace("_", " "),
            step.chose or "none",
            step.because,
            trace.verdict.icon if number == decides else "step",
            _NOTES.get(trace.verdict, "goes wrong here") if number == decides else "",
            step.evidence,
        )
        for number, step in enumerate(trace.steps)
        if step.at != "verdict"
    )


def verdict(trace: Trace, *, see: str = "") -> Marked:
    """The verdict, why, what the client and the access log show of it, and what to do. `see` is a command."""
    is_fault = trace.verdict is not Verdict.DELIVERED
    reason = f" [{trace.reason}]" if trace.reason and is_fault else ""
    because = trace.because or next((s.because for s in reversed(trace.steps) if s.at == "verdict"), "")
    below: list[Block] = [Paragraph(because)] if because else []
    if trace.missing:
        below.append(Labelled("not read", ", ".join(trace.missing), tone="unknown"))
    expected = _expected(trace)
    if expected:
        below.append(Labelled("expect", expected))
    for one in trace.conditions:
        flag = f" (flag {one.flag})" if one.flag else ""
        below.append(Labelled("if", f"{one.name.replace('-', ' ')} {one.value}: {one.because}{flag}"))
    if trace.advice:
        below.append(Labelled("do" if is_fault else "note", trace.advice))
    if see:
        below.append(Labelled("see", see))
    icon = trace.verdict.icon
    same = sum(row.verdict == trace.verdict for row in trace.addresses)
    share = f" for {same} of {len(trace.addresses)} addresses" if 0 < same < len(trace.addresses) else ""
    return Marked(icon, f"{trace.verdict}{share}{reason}", tuple(below), tone="strong")


def _expected(trace: Trace) -> str:
    """What the client and the access log show."""
    expect, parts = trace.expect, []
    if expect.hangs:
        parts.append("the client hangs until one side gives up")
    if expect.http_status is not None and trace.verdict is not Verdict.DELIVERED:
        parts.append(f"HTTP status {expect.http_status}")
    if expect.response_flags:
        parts.append(f"response flags {','.join(expect.response_flags)} in Envoy's access log")
    return "; ".join(parts)


def addresses(trace: Trace) -> Iterator[Block]:
    """The verdict of each known address."""
    yield Paragraph(f"all addresses known for {_dialled(trace)[0]}, the worst first:")
    yield Rows(
        tuple(
            TableRow(row.verdict.icon, (row.ip, row.verdict, row.cluster or row.reason)) for row in worst_first(trace)
        )
    )


def worst_first(trace: Trace) -> list[AddressTrace]:
    """The addresses, by verdict."""
    return sorted(trace.addresses, key=lambda row: (row.verdict.rank, row.ip))

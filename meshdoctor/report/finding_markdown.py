"""One finding as Markdown, for the postmortem: what happened and why, the evidence, and what was done about it.

Texts come from captures, which anyone may have written: what would be markup in them is escaped, names stand in code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from meshdoctor.model.finding import Diagnosis, Finding, Fix
from meshdoctor.model.fix import ConnectionChange, JournalEntry
from meshdoctor.model.trace import Trace
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import printable, printable_lines

_PODS = 40
_MARKUP = re.compile(r"[\\`*<>\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_OPENS = re.compile(r"^(\s*)([#+-]|\d+[.)])(?=\s|$)")
"""What would begin a heading or a list."""


class EvidencePiece(Struct, frozen=True):
    """An excerpt of a document."""

    name: str
    """Document and line."""
    form: str
    """`json` or `yaml`."""
    text: str


class Action(Struct, frozen=True):
    """What was done about it."""

    entry: JournalEntry
    diff: str
    improvements: tuple[ConnectionChange, ...] = ()
    """Connections that it turned for the better, where that is still known."""


def render(
    finding: Finding,
    about: str,
    *,
    diagnosis: Diagnosis | None = None,
    way: Trace | None = None,
    broken: int | None = None,
    pieces: Sequence[EvidencePiece] = (),
    actions: Sequence[Action] = (),
    at: str = "",
) -> str:
    """The whole text. `about` is what the finding is about, in a word; `broken` the index of the way's step that goes
    wrong; `at` the time of writing, RFC 3339."""
    blocks = [f"# {text(about)}: {text(finding.title)}", *_head(finding, diagnosis, at)]
    blocks += ["## What happens", text(finding.message)]
    if finding.why:
        blocks += ["## Why it matters", text(finding.why)]
    if finding.resources:
        blocks += ["## Objects", "\n".join(_objects(finding))]
    if finding.pods:
        blocks += ["## Pods", "\n".join(_pods(finding.pods))]
    if way is not None:
        blocks += ["## The way of the connection", *_way(way, broken)]
    if pieces:
        blocks += ["## Evidence", *(block for piece in pieces for block in _piece(piece))]
    if actions:
        blocks += ["## What was done", *(block for action in actions for block in _action(action))]
    if finding.fixes:
        blocks += ["## Fixes", "\n".join(_fixes(finding.fixes))]
    return "\n\n".join(blocks) + "\n"


def text(given: str) -> str:
    """Text that Markdown shows as it is."""
    lines = (_MARKUP.sub(r"\\\g<0>", line) for line in printable_lines(given.strip()).split("\n"))
    return "\n".join(_OPENS.sub(r"\1\\\2", line) for line in lines)


def code(given: str) -> str:
    """A name in code."""
    shown = printable(given)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    blank = " " if "`" in shown else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def fenced(given: str, form: str = "") -> str:
    """Lines in a block of code."""
    shown = printable_lines(given.rstrip("\n"))
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{fence}{form}\n{shown}\n{fence}"


def _head(finding: Finding, diagnosis: Diagnosis | None, at: str) -> Iterator[str]:
    rows = [("Rule", code(finding.rule)), ("Severity", f"{finding.severity}, {finding.confidence}")]
    if diagnosis is not None:
        rows.append(("Seen in", f"{diagnosis.source_kind} {code(diagnosis.location)}"))
        if diagnosis.captured_at:
            rows.append(("Captured", diagnosis.captured_at))
        if diagnosis.istio_versions:
            rows.append(("Istio", ", ".join(map(text, diagnosis.istio_versions))))
    rows.append(("Fingerprint", code(finding.fingerprint)))
    if at:
        rows.append(("Written", at))
    yield "\n".join(f"- {name}: {value}" for name, value in rows)


def _objects(finding: Finding) -> Iterator[str]:
    for item in finding.resources:
        yield f"- {text(item.role or 'object')}: {text(item.kind)} {code(item.place)}"


def _pods(pods: Sequence[str]) -> Iterator[str]:
    yield from (f"- {code(pod)}" for pod in pods[:_PODS])
    if len(pods) > _PODS:
        yield f"- and {len(pods) - _PODS} more"


def _way(way: Trace, broken: int | None) -> Iterator[str]:
    destination = way.destination
    yield f"{code(way.pod)} to {code(host_port(destination.host, destination.port))}, {text(destination.protocol)}."
    lines: list[str] = []
    for number, step in enumerate(way.steps):
        if step.at != "verdict":
            mark = " **goes wrong here:**" if number == broken else ""
            chose = f" {code(step.chose)}" if step.chose else ""
            lines.append(f"{len(lines) + 1}.{mark} {text(step.at.replace('_', ' '))}{chose}: {text(step.because)}")
    if lines:
        yield "\n".join(lines)
    because = f": {text(way.because)}" if way.because else ""
    yield f"Verdict: **{way.verdict}**{because}."
    if way.missing:
        yield f"Not read: {', '.join(map(code, way.missing))}."


def _piece(piece: EvidencePiece) -> Iterator[str]:
    yield code(piece.name)
    yield fenced(piece.text, piece.form)


def _action(action: Action) -> Iterator[str]:
    entry = action.entry
    where = entry.place.folder or entry.place.context
    yield f"Fix {entry.id}, {entry.at}, in {code(where)}: {text(entry.title)}. State: **{entry.state}**."
    if entry.note:
        yield text(entry.note)
    if action.improvements:
        yield "\n".join(
            f"- {code(t.host)} of {code(t.pod)}: {t.before} before, {t.after} after" for t in action.improvements
        )
    if entry.awaits_person:
        yield f"Left to do: {text(entry.manual_steps)}"
    if action.diff:
        yield fenced(action.diff, "diff")


def _fixes(fixes: Sequence[Fix]) -> Iterator[str]:
    for number, fix in enumerate(fixes, 1):
        yield f"{number}. {text(fix.title)} ({fix.disposition}). {text(fix.cost)}"

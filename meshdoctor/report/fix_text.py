"""`fix` as text: the findings that can be fixed, one fix before it is applied, and how it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshdoctor.model.finding import Diagnosis, Finding, Fix
from meshdoctor.model.fix import (
    Change,
    ConnectionChange,
    FindingSummary,
    FixResult,
    Impact,
    JournalEntry,
    PredictedChange,
    Verification,
)
from meshdoctor.report.sort_order import under_causes
from meshdoctor.report.text_writer import TextWriter, count, pad, some
from meshdoctor.report.verification_text import age, as_before, nothing_worse, ownership_change_lines
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.printable import printable, printable_lines

_FINGERPRINT = 8
_PODS = 3
_SHOWN = 12
FILE_WORDS = {"create": "made", "delete": "removed", "update": "changed"}
"""What became of a file, by action."""
_MARKS = {"verified": "fine", "written": "fine", "undone": "step", "failed": "unknown", "unverified": "warning"}
"""Of states of the journal; all others are open."""


def findings(diagnosis: Diagnosis, firsts: Mapping[str, Fix], writer: TextWriter, source: str = "") -> str:
    """The findings that have a fix, those that another one explains left out, and how to look at one.

    `firsts` has for each fingerprint the fix that is taken where none is chosen; `source` the options that name what
    was looked at.
    """
    rows = [f for f, _ in under_causes(diagnosis.findings) if f.fixes and not f.caused_by]
    lines: list[str] = []
    for finding in rows:
        first = f"{finding.fingerprint[:_FINGERPRINT]}  {printable(subject(finding))}"
        lines.append(f"{writer.mark(finding.severity)} {writer.strong(first)}  [{finding.rule}]")
        best = firsts[finding.fingerprint]
        lines += writer.paragraph(f"{best.title} [{best.disposition}]", 4)
        if len(finding.fixes) > 1:
            lines.append(writer.faint(f"    and {count(len(finding.fixes) - 1, 'other fix')}"))
    if not rows and diagnosis.findings:
        lines.append(f"no fix for {count(len(diagnosis.findings), 'finding')}: `meshdoctor check` shows them")
    elif not rows:
        lines.append("nothing to fix: no finding")
    missing = sorted({entry.rule for entry in diagnosis.not_evaluated})
    if missing:
        lines += writer.marked("unknown", f"not evaluated: {some(missing, _PODS)}; `meshdoctor check` says why")
    if rows:
        name = rows[0].fingerprint[:_FINGERPRINT]
        lines += ["", "To see what a fix would change, and whom it touches:"]
        lines.append(f"  meshdoctor fix {name}{printable(source)}")
    return "\n".join(lines) + "\n"


def preview(
    finding: Finding,
    fix: Fix,
    changes: Sequence[tuple[Change, str]],
    impact: Impact,
    writer: TextWriter,
    next_: Sequence[tuple[str, str]] = (),
) -> str:
    """One fix before it is applied: the diff of each object, who is touched, the other fixes.

    `next_` are commands that may follow, each with what it does.
    """
    lines = [*writer.marked(finding.severity, f"{subject(finding)}: {finding.title}")]
    lines.append(writer.faint(f"    {finding.fingerprint[:_FINGERPRINT]} [{finding.rule}]"))
    lines += [*writer.paragraph(finding.message, 4), ""]
    lines += [writer.strong(line) for line in writer.field("fix", f"{fix.title} [{fix.disposition}]", 0)]
    lines += writer.paragraph(fix.cost, 2)
    for diff in (diff for _, diff in changes if diff):
        lines += ["", *(_coloured(line, writer) for line in printable_lines(diff.rstrip("\n")).split("\n"))]
    if fix.steps:
        lines += ["", *writer.field("afterwards, by hand" if changes else "by hand", fix.steps, 0)]
    if changes:
        lines += ["", *writer.heading("who is touched"), *_impact(impact, writer)]
    others = [other for other in finding.fixes if other.id != fix.id]
    if others:
        lines += ["", *writer.heading("other fixes")]
        for other in others:
            lines += writer.paragraph(f"--fix {other.id}: {other.title} [{other.disposition}]", 0, 2)
            lines += writer.paragraph(other.cost, 4)
    if next_:
        lines += ["", *writer.heading("next")]
        for command, does in next_:
            lines += [f"  {printable(command)}", f"    {does}"]
    return "\n".join(lines) + "\n"


def result(made: FixResult, writer: TextWriter, cluster: str = "") -> str:
    """How a fix ended: what the proxies did, what is better, what is worse, and what to do next.

    `cluster` are the options that name the cluster, for the next command.
    """
    entry, verification = made.entry, made.verification
    holds = verification is not None and verification.holds
    waits = ", and waits for you" if entry.awaits_person else ", and not verified"
    word = f"is applied{' and verified' if holds else waits}"
    lines = [*writer.marked("fine" if holds else "warning", f"fix {entry.id} {word}: {entry.title}")]
    lines += _waited(made, writer)
    if verification is not None:
        lines += _verification(made, verification, writer)
    elif entry.awaits_person:
        lines += writer.marked("unknown", f"it works once this is done: {entry.manual_steps}")
        lines += ["", "Then, to have it verified:", f"  meshdoctor fix --resume {entry.id}{printable(cluster)}"]
    else:
        lines += writer.marked("unknown", entry.note or "it was not judged again")
        lines += writer.paragraph("`meshdoctor check` tells how it is now.", 2)
    if entry.manual_steps and not entry.awaits_person:
        lines += writer.field("left to do", entry.manual_steps, 0)
    lines += ["", "To take it back:", f"  meshdoctor undo {entry.id}{printable(cluster)}"]
    return "\n".join(lines) + "\n"


def exported(
    fix: Fix,
    folder: str,
    files: Sequence[str],
    lines: Sequence[tuple[str, str | None]],
    notes: Sequence[str],
    writer: TextWriter,
) -> str:
    """What an export wrote, and the kubectl lines, each as (does it, undoes it)."""
    name = printable(folder)
    if files:
        text = [
            *writer.marked("fine", f"{count(len(files), 'file')} written below {name}:"),
            *(f"    {f}" for f in files),
        ]
    else:
        text = [*writer.marked("fine", f"{name} holds all of it already, nothing was written")]
    text += ["", "To apply it:", *(f"  {printable(do)}" for do, _ in lines)]
    back = [f"  {printable(undo)}" for _, undo in lines if undo]
    if back:
        text += ["", "To take it back:", *back]
    for note in notes:
        text += ["", *writer.marked("unknown", note)]
    if fix.steps:
        text += ["", *writer.field("afterwards, by hand", fix.steps, 0)]
    return "\n".join(text) + "\n"


def written(entry: JournalEntry, writer: TextWriter) -> str:
    """What a fix wrote to files, and what is left to do."""
    lines: list[str] = []
    for edit in entry.files:
        lines += writer.marked("fine", f"{FILE_WORDS[edit.action]} {edit.shown}")
    lines += writer.marked("unknown", entry.note)
    if entry.manual_steps:
        lines += writer.field("left to do", entry.manual_steps, 0)
    lines += ["", "To take it back:", f"  meshdoctor undo {entry.id}"]
    return "\n".join(lines) + "\n"


def undone(made: FixResult, writer: TextWriter) -> str:
    """How an undo ended."""
    entry, verification = made.entry, made.verification
    lines = [*_waited(made, writer)]
    if entry.files:
        names = some([edit.shown for edit in entry.files], None)
        lines += writer.marked("fine", f"fix {entry.id} is undone; as they were before: {names}")
    elif not made.wrote:
        lines += writer.marked("fine", f"fix {entry.id} was never applied: there was nothing to take back")
    elif verification is None:
        lines += writer.marked("unknown", f"fix {entry.id} is undone; it was not judged again")
    elif made.is_as_before:
        mark, text = as_before(made)
        lines += writer.marked(mark, f"fix {entry.id} is undone: {text}")
    else:
        lines += writer.marked("warning", f"fix {entry.id} is undone, and not everything is as it was before it")
        lines += _turns("differs", (*verification.regressions, *verification.improvements), writer)
        lines += _judged("new", verification.new_findings, writer)
        for text in ownership_change_lines(made.ownership_changes, has_happened=True):
            lines += writer.marked("warning", text)
    if verification is not None and verification.unread:
        lines += writer.marked(
            "unknown", f"not there any more, or not judged again: {some(verification.unread, _PODS)}"
        )
    if verification is not None and age(verification):
        lines += writer.marked("unknown", age(verification))
    return "\n".join(lines) + "\n"


def history(entries: Sequence[JournalEntry], writer: TextWriter) -> str:
    """The journal, the newest first."""
    if not entries:
        return "no fix was applied from here yet\n"
    lines: list[str] = []
    for entry in reversed(entries):
        state = "unfinished" if entry.awaits_person else "interrupted" if entry.was_interrupted else entry.state
        mark = writer.mark(_MARKS.get(entry.state, "error"))
        lines.append(f"{mark} {pad(str(entry.id), 4)} {entry.at}  {pad(state, 11)}  {printable(entry.subject)}")
        where = entry.place.folder or entry.place.context
        lines += writer.paragraph(f"{entry.title} [{entry.rule}, {entry.fix}] in {where}", 7)
        if entry.note:
            lines += writer.paragraph(entry.note, 7)
        if entry.was_interrupted:
            lines += writer.paragraph("unless it still runs:", 7)
            lines += [f"         meshdoctor fix --resume {entry.id}    goes on with it"]
            lines += [f"         meshdoctor undo {entry.id}            takes it back"]
        if entry.awaits_person:
            lines += writer.field("left to do", entry.manual_steps, 7)
            lines += [f"         meshdoctor fix --resume {entry.id}    verifies it then"]
    return "\n".join(lines) + "\n"


def _coloured(line: str, writer: TextWriter) -> str:
    if line.startswith(("---", "+++", "@@")):
        return writer.faint(line)
    return {"+": writer.added, "-": writer.removed}.get(line[:1], str)(line)


def _impact(impact: Impact, writer: TextWriter) -> Iterator[str]:
    """What gets worse comes first, what sidecars listen for last."""
    pods = some(impact.pods, _PODS) if impact.pods else "no pod that was read sees it"
    yield from writer.field("sidecars that get it", pods, 0)
    for kept in impact.managed:
        yield from writer.marked("error", f"{kept}: --apply will not change it, --export writes the change")
    for fault in impact.regressions:
        where = f" for {host_port(fault.host, fault.port or None)}" if fault.host else ""
        yield from writer.marked("error", f"it would break {fault.rule}{where}")
        yield from writer.paragraph(f"{fault.because} ({some(fault.pods, _PODS)})", 4)
    yield from _effects([effect for effect in impact.connections if effect.is_worse], "warning", writer)
    yield from _effects([effect for effect in impact.connections if not effect.is_worse], "fine", writer)
    for text in ownership_change_lines(impact.not_restored):
        yield from writer.marked("warning", text)
    for unknown in impact.unknown:
        yield from writer.marked("unknown", unknown)
    if impact.claims:
        yield "what they listen for:"
    for claim in impact.claims[:_SHOWN]:
        what = f"{claim.move} {host_port(claim.host, claim.port)} on {claim.bind}"
        yield from writer.paragraph(f"{what}: {count(len(claim.pods), 'pod')}", 2, 4)
    yield from _more(len(impact.claims), "claim")


def _effects(effects: Sequence[PredictedChange], mark: str, writer: TextWriter) -> Iterator[str]:
    for effect in effects[:_SHOWN]:
        what = (
            f"{host_port(effect.host, effect.port)}: {effect.before} -> {effect.after} for {some(effect.pods, _PODS)}"
        )
        lines = writer.paragraph(what + (f", because {effect.because}" if effect.because else ""), 2, 4)
        for number, line in enumerate(lines):
            yield f"{writer.mark(mark)} {line[2:]}" if number == 0 else line
    yield from _more(len(effects), "connections that get worse" if mark == "warning" else "connection")


def _more(total: int, noun: str, shown: int = _SHOWN) -> Iterator[str]:
    if total > shown:
        yield (
            f"  and {total - shown:,} more: {noun}" if " " in noun else f"  and {count(total - shown, f'more {noun}')}"
        )


def _waited(made: FixResult, writer: TextWriter) -> Iterator[str]:
    waited = made.waited
    if waited.accepted:
        yield from writer.marked("fine", f"{count(len(waited.accepted), 'sidecar')} took it")
    if waited.rejected:
        yield from writer.marked("error", f"refused by {some(waited.rejected, _PODS)}: they run the old configuration")
    if waited.pending:
        yield from writer.marked("unknown", f"no new configuration was seen in {some(waited.pending, _PODS)}")
    for pod, because in list(waited.unread.items())[:_PODS]:
        yield from writer.marked("unknown", f"{pod} could not be asked: {because}")
    yield from _more(len(waited.unread), "pod", _PODS)


def _verification(made: FixResult, verification: Verification, writer: TextWriter) -> Iterator[str]:
    subject = made.entry.subject
    if verification.is_gone:
        yield from writer.marked("fine", f"{subject}: the finding is gone")
    else:
        yield from writer.marked("error", f"{subject}: the finding is still there")
        if made.waited.pending:
            yield from writer.paragraph("A sidecar may take it later: `meshdoctor check` looks again.", 4)
    yield from _turns("still_failing", verification.still_failing, writer)
    yield from _turns("better", verification.improvements, writer)
    yield from _turns("worse", verification.regressions, writer)
    yield from _judged("new", verification.new_findings, writer)
    yield from _turns("as predicted", verification.predicted, writer)
    yield from _judged("as predicted", verification.predicted_findings, writer)
    if verification.first_seen:
        hosts = [host_port(judged.host, judged.port or None) for judged in verification.first_seen]
        text = f"first wanted since, so nobody knows whether it worked before: {some(hosts, _PODS)}"
        yield from writer.marked("unknown", text)
    if verification.unread:
        yield from writer.marked("unknown", f"not judged again: {some(verification.unread, _PODS)}")
    if verification.is_worse:
        yield from writer.marked("error", "something got worse that the preview did not predict")
    elif not verification.unread:
        yield from writer.marked(*nothing_worse(made))
    if age(verification):
        yield from writer.marked("unknown", age(verification))


def _turns(word: str, turns: Sequence[ConnectionChange], writer: TextWriter) -> Iterator[str]:
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for turn in turns:
        grouped.setdefault((turn.host, turn.before, turn.after), []).append(turn.pod)
    mark = {"better": "fine", "worse": "error", "still_failing": "error"}.get(word, "warning")
    for (host, was, is_now), pods in list(grouped.items())[:_SHOWN]:
        predicted = ", as predicted" if word == "as predicted" else ""
        yield from writer.marked(mark, f"{host}: {was} -> {is_now}{predicted}")
        yield from writer.paragraph(some(pods, _PODS), 4)
    yield from _more(len(grouped), "connection")


def _judged(word: str, found: Sequence[FindingSummary], writer: TextWriter) -> Iterator[str]:
    for judged in found[:_SHOWN]:
        where = f"{host_port(judged.host, judged.port or None)} [{judged.rule}]" if judged.host else judged.rule
        yield from writer.marked("warning" if word == "as predicted" else judged.severity, f"{word}: {where}")
        yield from writer.paragraph(judged.message, 4)
    yield from _more(len(found), "finding")

"""`fix` as text: the findings that can be mended, one mend before it is applied, and how it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshdoctor.model.finding import Diagnosis, Finding, Fix
from meshdoctor.model.mend import Change, Effect, Entry, Judged, Proof, Result, Touched, Turn
from meshdoctor.report.order import under_causes
from meshdoctor.report.paper import Paper, count, pad, some
from meshdoctor.report.proof_words import age, as_before, handed_over, nothing_worse
from meshdoctor.report.text import subject
from meshdoctor.semantics.hosts import host_port
from meshdoctor.semantics.text import printable, printable_lines

_FINGERPRINT = 8
_PODS = 3
_SHOWN = 12
FILE_WORDS = {"create": "made", "delete": "removed", "update": "changed"}
"""What became of a file, by action."""
_MARKS = {"proved": "fine", "written": "fine", "undone": "step", "failed": "unknown", "unproved": "warning"}
"""Of states of the journal; all others are open."""


def findings(diagnosis: Diagnosis, firsts: Mapping[str, Fix], paper: Paper, source: str = "") -> str:
    """The findings that have a mend, those that another one explains left out, and how to look at one.

    `firsts` has for each fingerprint the mend that is taken where none is chosen; `source` the options that name what
    was looked at.
    """
    rows = [f for f, _ in under_causes(diagnosis.findings) if f.fixes and not f.caused_by]
    lines: list[str] = []
    for finding in rows:
        first = f"{finding.fingerprint[:_FINGERPRINT]}  {printable(subject(finding))}"
        lines.append(f"{paper.mark(finding.severity)} {paper.strong(first)}  [{finding.rule}]")
        best = firsts[finding.fingerprint]
        lines += paper.paragraph(f"{best.title} [{_how(best)}]", 4)
        if len(finding.fixes) > 1:
            lines.append(paper.faint(f"    and {count(len(finding.fixes) - 1, 'other mend')}"))
    if not rows and diagnosis.findings:
        lines.append(f"no mend for {count(len(diagnosis.findings), 'finding')}: `meshdoctor check` shows them")
    elif not rows:
        lines.append("nothing to mend: no finding")
    missing = sorted({entry.rule for entry in diagnosis.not_evaluated})
    if missing:
        lines += paper.marked("unknown", f"not evaluated: {some(missing, _PODS)}; `meshdoctor check` says why")
    if rows:
        name = rows[0].fingerprint[:_FINGERPRINT]
        lines += ["", "To see what a mend would change, and whom it touches:"]
        lines.append(f"  meshdoctor fix {name}{printable(source)}")
    return "\n".join(lines) + "\n"


def preview(
    finding: Finding,
    fix: Fix,
    changes: Sequence[tuple[Change, str]],
    touched: Touched,
    paper: Paper,
    next_: Sequence[tuple[str, str]] = (),
) -> str:
    """One mend before it is applied: the diff of each object, who is touched, the other mends.

    `next_` are commands that may follow, each with what it does.
    """
    lines = [*paper.marked(finding.severity, f"{subject(finding)}: {finding.title}")]
    lines.append(paper.faint(f"    {finding.fingerprint[:_FINGERPRINT]} [{finding.rule}]"))
    lines += [*paper.paragraph(finding.message, 4), ""]
    lines += [paper.strong(line) for line in paper.field("mend", f"{fix.title} [{_how(fix)}]", 0)]
    lines += paper.paragraph(fix.tradeoff, 2)
    for diff in (diff for _, diff in changes if diff):
        lines += ["", *(_coloured(line, paper) for line in printable_lines(diff.rstrip("\n")).split("\n"))]
    if fix.steps:
        lines += ["", *paper.field("afterwards, by hand" if changes else "by hand", fix.steps, 0)]
    if changes:
        lines += ["", *paper.heading("who is touched"), *_touched(touched, paper)]
    others = [other for other in finding.fixes if other.id != fix.id]
    if others:
        lines += ["", *paper.heading("other mends")]
        for other in others:
            lines += paper.paragraph(f"--choose {other.id}: {other.title} [{_how(other)}]", 0, 2)
            lines += paper.paragraph(other.tradeoff, 4)
    if next_:
        lines += ["", *paper.heading("next")]
        for command, does in next_:
            lines += [f"  {printable(command)}", f"    {does}"]
    return "\n".join(lines) + "\n"


def result(made: Result, paper: Paper, cluster: str = "") -> str:
    """How a mend ended: what the proxies did, what is better, what is worse, and what to do next.

    `cluster` are the options that name the cluster, for the next command.
    """
    entry, proof = made.entry, made.proof
    holds = proof is not None and proof.holds
    waits = ", and waits for you" if entry.awaits_person else ", and not proved"
    word = f"is applied{' and proved' if holds else waits}"
    lines = [*paper.marked("fine" if holds else "warning", f"mend {entry.id} {word}: {entry.title}")]
    lines += _waited(made, paper)
    if proof is not None:
        lines += _proof(made, proof, paper)
    elif entry.awaits_person:
        lines += paper.marked("unknown", f"it works once this is done: {entry.left_to_do}")
        lines += ["", "Then, to have it proved:", f"  meshdoctor fix --resume {entry.id}{printable(cluster)}"]
    else:
        lines += paper.marked("unknown", entry.note or "it was not judged again")
        lines += paper.paragraph("`meshdoctor check` tells how it is now.", 2)
    if entry.left_to_do and not entry.awaits_person:
        lines += paper.field("left to do", entry.left_to_do, 0)
    lines += ["", "To take it back:", f"  meshdoctor undo {entry.id}{printable(cluster)}"]
    return "\n".join(lines) + "\n"


def exported(
    fix: Fix,
    folder: str,
    files: Sequence[str],
    lines: Sequence[tuple[str, str | None]],
    notes: Sequence[str],
    paper: Paper,
) -> str:
    """What an export wrote, and the kubectl lines, each as (does it, undoes it)."""
    name = printable(folder)
    if files:
        text = [
            *paper.marked("fine", f"{count(len(files), 'file')} written below {name}:"),
            *(f"    {f}" for f in files),
        ]
    else:
        text = [*paper.marked("fine", f"{name} holds all of it already, nothing was written")]
    text += ["", "To apply it:", *(f"  {printable(do)}" for do, _ in lines)]
    back = [f"  {printable(undo)}" for _, undo in lines if undo]
    if back:
        text += ["", "To take it back:", *back]
    for note in notes:
        text += ["", *paper.marked("unknown", note)]
    if fix.steps:
        text += ["", *paper.field("afterwards, by hand", fix.steps, 0)]
    return "\n".join(text) + "\n"


def written(entry: Entry, paper: Paper) -> str:
    """What a mend wrote to files, and what is left to do."""
    lines: list[str] = []
    for edit in entry.files:
        lines += paper.marked("fine", f"{FILE_WORDS[edit.action]} {edit.shown}")
    lines += paper.marked("unknown", entry.note)
    if entry.left_to_do:
        lines += paper.field("left to do", entry.left_to_do, 0)
    lines += ["", "To take it back:", f"  meshdoctor undo {entry.id}"]
    return "\n".join(lines) + "\n"


def undone(made: Result, paper: Paper) -> str:
    """How an undo ended."""
    entry, proof = made.entry, made.proof
    lines = [*_waited(made, paper)]
    if entry.files:
        names = some([edit.shown for edit in entry.files], None)
        lines += paper.marked("fine", f"mend {entry.id} is undone; as they were before: {names}")
    elif not made.wrote:
        lines += paper.marked("fine", f"mend {entry.id} was never applied: there was nothing to take back")
    elif proof is None:
        lines += paper.marked("unknown", f"mend {entry.id} is undone; it was not judged again")
    elif made.is_as_before:
        mark, text = as_before(made)
        lines += paper.marked(mark, f"mend {entry.id} is undone: {text}")
    else:
        lines += paper.marked("warning", f"mend {entry.id} is undone, and not everything is as it was before it")
        lines += _turns("differs", (*proof.worse, *proof.better), paper)
        lines += _judged("new", proof.new, paper)
        for text in handed_over(made.handed, has_happened=True):
            lines += paper.marked("warning", text)
    if proof is not None and proof.unread:
        lines += paper.marked("unknown", f"not there any more, or not judged again: {some(proof.unread, _PODS)}")
    if proof is not None and age(proof):
        lines += paper.marked("unknown", age(proof))
    return "\n".join(lines) + "\n"


def history(entries: Sequence[Entry], paper: Paper) -> str:
    """The journal, the newest first."""
    if not entries:
        return "no mend was applied from here yet\n"
    lines: list[str] = []
    for entry in reversed(entries):
        state = "unfinished" if entry.awaits_person else "interrupted" if entry.was_interrupted else entry.state
        mark = paper.mark(_MARKS.get(entry.state, "error"))
        lines.append(f"{mark} {pad(str(entry.id), 4)} {entry.at}  {pad(state, 11)}  {printable(entry.subject)}")
        where = entry.place.folder or entry.place.context
        lines += paper.paragraph(f"{entry.title} [{entry.rule}, {entry.fix}] in {where}", 7)
        if entry.note:
            lines += paper.paragraph(entry.note, 7)
        if entry.was_interrupted:
            lines += paper.paragraph("unless it still runs:", 7)
            lines += [f"         meshdoctor fix --resume {entry.id}    goes on with it"]
            lines += [f"         meshdoctor undo {entry.id}            takes it back"]
        if entry.awaits_person:
            lines += paper.field("left to do", entry.left_to_do, 7)
            lines += [f"         meshdoctor fix --resume {entry.id}    proves it then"]
    return "\n".join(lines) + "\n"


def _how(fix: Fix) -> str:
    """`safe`, `review` or `by hand`."""
    return fix.disposition if fix.disposition != "manual" and (fix.manifests or fix.deletes) else "by hand"


def _coloured(line: str, paper: Paper) -> str:
    if line.startswith(("---", "+++", "@@")):
        return paper.faint(line)
    return {"+": paper.added, "-": paper.removed}.get(line[:1], str)(line)


def _touched(touched: Touched, paper: Paper) -> Iterator[str]:
    """What gets worse comes first, what sidecars listen for last."""
    pods = some(touched.pods, _PODS) if touched.pods else "no pod that was read sees it"
    yield from paper.field("sidecars that get it", pods, 0)
    for kept in touched.kept:
        yield from paper.marked("error", f"{kept}: --apply will not change it, --export writes the change")
    for fault in touched.faults:
        where = f" for {host_port(fault.host, fault.port or None)}" if fault.host else ""
        yield from paper.marked("error", f"it would break {fault.rule}{where}")
        yield from paper.paragraph(f"{fault.because} ({some(fault.pods, _PODS)})", 4)
    yield from _effects([effect for effect in touched.effects if effect.worse], "warning", paper)
    yield from _effects([effect for effect in touched.effects if not effect.worse], "fine", paper)
    for text in handed_over(touched.after_undo):
        yield from paper.marked("warning", text)
    for unknown in touched.unknown:
        yield from paper.marked("unknown", unknown)
    if touched.claims:
        yield "what they listen for:"
    for claim in touched.claims[:_SHOWN]:
        what = f"{claim.move} {host_port(claim.host, claim.port)} on {claim.bind}"
        yield from paper.paragraph(f"{what}: {count(len(claim.pods), 'pod')}", 2, 4)
    yield from _more(len(touched.claims), "claim")


def _effects(effects: Sequence[Effect], mark: str, paper: Paper) -> Iterator[str]:
    for effect in effects[:_SHOWN]:
        what = f"{host_port(effect.host, effect.port)}: {effect.was} -> {effect.becomes} for {some(effect.pods, _PODS)}"
        lines = paper.paragraph(what + (f", because {effect.because}" if effect.because else ""), 2, 4)
        for number, line in enumerate(lines):
            yield f"{paper.mark(mark)} {line[2:]}" if number == 0 else line
    yield from _more(len(effects), "connections that get worse" if mark == "warning" else "connection")


def _more(total: int, noun: str, shown: int = _SHOWN) -> Iterator[str]:
    if total > shown:
        yield (
            f"  and {total - shown:,} more: {noun}" if " " in noun else f"  and {count(total - shown, f'more {noun}')}"
        )


def _waited(made: Result, paper: Paper) -> Iterator[str]:
    waited = made.waited
    if waited.took:
        yield from paper.marked("fine", f"{count(len(waited.took), 'sidecar')} took it")
    if waited.rejected:
        yield from paper.marked("error", f"refused by {some(waited.rejected, _PODS)}: they run the old configuration")
    if waited.lagging:
        yield from paper.marked("unknown", f"no new configuration was seen in {some(waited.lagging, _PODS)}")
    for pod, because in list(waited.unread.items())[:_PODS]:
        yield from paper.marked("unknown", f"{pod} could not be asked: {because}")
    yield from _more(len(waited.unread), "pod", _PODS)


def _proof(made: Result, proof: Proof, paper: Paper) -> Iterator[str]:
    subject = made.entry.subject
    if proof.is_gone:
        yield from paper.marked("fine", f"{subject}: the finding is gone")
    else:
        yield from paper.marked("error", f"{subject}: the finding is still there")
        if made.waited.lagging:
            yield from paper.paragraph("A sidecar may take it later: `meshdoctor check` looks again.", 4)
    yield from _turns("stuck", proof.stuck, paper)
    yield from _turns("better", proof.better, paper)
    yield from _turns("worse", proof.worse, paper)
    yield from _judged("new", proof.new, paper)
    yield from _turns("as foretold", proof.foretold, paper)
    yield from _judged("as foretold", proof.foretold_new, paper)
    if proof.first_seen:
        hosts = [host_port(judged.host, judged.port or None) for judged in proof.first_seen]
        text = f"first wanted since, so nobody knows whether it worked before: {some(hosts, _PODS)}"
        yield from paper.marked("unknown", text)
    if proof.unread:
        yield from paper.marked("unknown", f"not judged again: {some(proof.unread, _PODS)}")
    if proof.is_worse:
        yield from paper.marked("error", "something got worse that the preview did not foretell")
    elif not proof.unread:
        yield from paper.marked(*nothing_worse(made))
    if age(proof):
        yield from paper.marked("unknown", age(proof))


def _turns(word: str, turns: Sequence[Turn], paper: Paper) -> Iterator[str]:
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for turn in turns:
        grouped.setdefault((turn.host, turn.was, turn.is_now), []).append(turn.pod)
    mark = {"better": "fine", "worse": "error", "stuck": "error"}.get(word, "warning")
    for (host, was, is_now), pods in list(grouped.items())[:_SHOWN]:
        foretold = ", as foretold" if word == "as foretold" else ""
        yield from paper.marked(mark, f"{host}: {was} -> {is_now}{foretold}")
        yield from paper.paragraph(some(pods, _PODS), 4)
    yield from _more(len(grouped), "connection")


def _judged(word: str, found: Sequence[Judged], paper: Paper) -> Iterator[str]:
    for judged in found[:_SHOWN]:
        where = f"{host_port(judged.host, judged.port or None)} [{judged.rule}]" if judged.host else judged.rule
        yield from paper.marked("warning" if word == "as foretold" else judged.severity, f"{word}: {where}")
        yield from paper.paragraph(judged.message, 4)
    yield from _more(len(found), "finding")

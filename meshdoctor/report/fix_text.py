"""`fix` as text: the findings that can be mended, one mend before it is applied, and how it went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.mend import Change, Entry, Judged, Proof, Result, Touched, Turn
from meshdoctor.report.order import under_causes
from meshdoctor.report.paper import Paper, count, pad, some
from meshdoctor.report.text import subject
from meshdoctor.semantics.hosts import host_port
from meshdoctor.semantics.text import printable, printable_lines

_FINGERPRINT = 8
_PODS = 3
_SHOWN = 12


def listed(findings: Sequence[Finding], automatic: Sequence[bool], paper: Paper) -> str:
    """The findings that have a mend, those that are explained by another left out, and how to look at one."""
    rows = [f for f, _ in under_causes(findings) if f.fixes and not f.caused_by]
    ready = {f.fingerprint for f, is_ready in zip(findings, automatic, strict=True) if is_ready}
    if not rows:
        return "nothing to mend: no finding has a mend\n"
    lines: list[str] = []
    for finding in rows:
        first = f"{finding.fingerprint[:_FINGERPRINT]}  {printable(subject(finding))}"
        lines.append(f"{paper.mark(finding.severity)} {paper.strong(first)}  [{finding.rule}]")
        word = "" if finding.fingerprint in ready else " (by hand)"
        best = finding.fixes[0]
        lines += paper.paragraph(f"{best.title}{word}", 4)
        if len(finding.fixes) > 1:
            lines.append(paper.faint(f"    and {count(len(finding.fixes) - 1, 'other mend')}"))
    lines += [
        "",
        f"meshdoctor fix {rows[0].fingerprint[:_FINGERPRINT]}    shows what it would change, and whom that touches",
    ]
    return "\n".join(lines) + "\n"


def preview(
    finding: Finding,
    fix: Fix,
    changes: Sequence[tuple[Change, str]],
    touched: Touched,
    paper: Paper,
    *,
    hint: bool = False,
) -> str:
    """One mend before it is applied: the diff of each object, who is touched, the other mends.

    `hint` adds what to type to apply it.
    """
    lines = [*paper.marked(finding.severity, f"{subject(finding)}: {finding.title}")]
    lines.append(paper.faint(f"    {finding.fingerprint[:_FINGERPRINT]} [{finding.rule}]"))
    lines += [*paper.paragraph(finding.message, 4), ""]
    lines += paper.heading(f"mend: {printable(fix.title)} [{fix.disposition}]")
    lines += paper.paragraph(fix.tradeoff, 0)
    for _, diff in changes:
        lines += ["", *(_coloured(line, paper) for line in printable_lines(diff.rstrip("\n")).split("\n"))]
    if fix.steps:
        lines += ["", *paper.paragraph(("then: " if changes else "") + fix.steps, 0)]
    if changes:
        lines += ["", *paper.heading("who is touched"), *_touched(touched, paper)]
    others = [other for other in finding.fixes if other.id != fix.id]
    if others:
        lines += ["", *paper.heading("other mends")]
        for other in others:
            by_hand = "" if other.manifests or other.deletes else ", by hand"
            lines += paper.paragraph(f"--choose {other.id}  {other.title} [{other.disposition}{by_hand}]", 0, 2)
            lines += paper.paragraph(other.tradeoff, 4)
    if hint and changes:
        name = finding.fingerprint[:_FINGERPRINT]
        lines += ["", *paper.heading("next"), *_next(f"meshdoctor fix {name} --choose {fix.id}")]
    return "\n".join(lines) + "\n"


def result(made: Result, paper: Paper) -> str:
    """How a mend ended: what the proxies did, what is better, what is worse, and what to do next."""
    entry, proof = made.entry, made.proof
    lines = [*_waited(made, paper)]
    if proof is not None:
        lines += _proof(entry, proof, paper)
    elif entry.note:
        lines += paper.marked("unknown", entry.note)
    if entry.left_to_do:
        lines += paper.field("left to do", entry.left_to_do, 0)
    lines.append(f"meshdoctor undo {entry.id}    takes it back")
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
    text = [*paper.marked("fine", f"{count(len(files), 'file')} written below {name}, `kustomization.yaml` among them")]
    text += ["", *paper.heading("by hand"), *(printable(do) for do, _ in lines)]
    text += ["", *paper.heading("taken back by hand"), *(printable(undo) for _, undo in lines if undo)]
    for note in notes:
        text += ["", *paper.paragraph(note, 0)]
    if fix.steps:
        text += ["", *paper.paragraph(f"then: {fix.steps}", 0)]
    return "\n".join(text) + "\n"


def written(entry: Entry, paper: Paper) -> str:
    """What a mend wrote to files, and what is left to do."""
    lines: list[str] = []
    for edit in entry.files:
        word = "made" if edit.before is None else "removed" if edit.after is None else "changed"
        lines += paper.marked("fine", f"{word} {edit.shown}")
    lines += paper.marked("unknown", entry.note)
    if entry.left_to_do:
        lines += paper.field("left to do", entry.left_to_do, 0)
    lines.append(f"meshdoctor undo {entry.id}    takes it back")
    return "\n".join(lines) + "\n"


def undone(made: Result, paper: Paper) -> str:
    """How an undo ended."""
    entry, proof = made.entry, made.proof
    lines = [*_waited(made, paper)]
    if entry.files:
        lines += paper.marked(
            "fine", f"mend {entry.id} is undone: {some([e.shown for e in entry.files], None)} as before"
        )
    elif proof is None:
        lines += paper.marked("unknown", f"mend {entry.id} is undone; it was not judged again")
    elif not (proof.worse or proof.better or proof.new):
        lines += paper.marked("fine", f"mend {entry.id} is undone: every verdict is what it was before it")
    else:
        lines += paper.marked("warning", f"mend {entry.id} is undone, and not everything is as it was before it")
        lines += _turns("differs", (*proof.worse, *proof.better), paper)
        lines += _judged(proof.new, paper)
    return "\n".join(lines) + "\n"


def history(entries: Sequence[Entry], paper: Paper) -> str:
    """The journal, the newest first."""
    if not entries:
        return "no mend was applied from here yet\n"
    lines: list[str] = []
    for entry in reversed(entries):
        state = "interrupted" if entry.state in ("planned", "applied") else entry.state
        mark = {"proved": "fine", "undone": "step", "failed": "unknown", "unproved": "warning"}.get(
            entry.state, "error"
        )
        where = entry.place.context or entry.place.folder
        lines.append(
            f"{paper.mark(mark)} {pad(str(entry.id), 4)} {entry.at}  {pad(state, 11)}  {printable(entry.subject)}"
        )
        lines += paper.paragraph(f"{entry.title} [{entry.rule}, {entry.fix}] in {where}", 7)
        if entry.note:
            lines += paper.paragraph(entry.note, 7)
        if state == "interrupted":
            lines.append(f"       meshdoctor fix --resume {entry.id}   or   meshdoctor undo {entry.id}")
    return "\n".join(lines) + "\n"


def _next(command: str) -> Iterator[str]:
    yield f"{command} --apply          applies and proves it"
    yield f"{command} --export DIR     writes it out"


def _coloured(line: str, paper: Paper) -> str:
    if line.startswith(("---", "+++", "@@")):
        return paper.faint(line)
    return {"+": paper.added, "-": paper.removed}.get(line[:1], str)(line)


def _touched(touched: Touched, paper: Paper) -> Iterator[str]:
    pods = some(touched.pods, _PODS) if touched.pods else "no pod that was read sees it"
    yield from paper.field("sidecars that get it", pods, 0)
    for claim in touched.claims[:_SHOWN]:
        what = f"{claim.move} {host_port(claim.host, claim.port)} on {claim.bind}"
        yield from paper.paragraph(f"{what}: {count(len(claim.pods), 'pod')}", 2, 4)
    yield from _more(len(touched.claims), "claim")
    for effect in touched.effects[:_SHOWN]:
        what = f"{host_port(effect.host, effect.port)}: {effect.was} -> {effect.becomes}"
        who = some(effect.pods, _PODS)
        lines = paper.paragraph(f"{what} for {who}" + (f", because {effect.because}" if effect.because else ""), 2, 4)
        for number, line in enumerate(lines):
            yield f"{paper.mark('warning' if effect.worse else 'fine')} {line[2:]}" if number == 0 else line
    yield from _more(len(touched.effects), "connection")
    for fault in touched.faults:
        yield from paper.marked("error", f"it would break {fault.rule} for {host_port(fault.host, fault.port or None)}")
        yield from paper.paragraph(f"{fault.because} ({some(fault.pods, _PODS)})", 4)
    for unknown in touched.unknown:
        yield from paper.marked("unknown", unknown)


def _more(total: int, noun: str) -> Iterator[str]:
    if total > _SHOWN:
        yield f"  and {count(total - _SHOWN, f'more {noun}')}"


def _waited(made: Result, paper: Paper) -> Iterator[str]:
    waited = made.waited
    if waited.took:
        yield from paper.marked("fine", f"{count(len(waited.took), 'proxy')} took it".replace("proxys", "proxies"))
    if waited.rejected:
        yield from paper.marked("error", f"refused by {some(waited.rejected, _PODS)}: they run the old configuration")
    if waited.lagging:
        yield from paper.marked("unknown", f"no new configuration was seen in {some(waited.lagging, _PODS)}")
    for pod, because in list(waited.unread.items())[:_PODS]:
        yield from paper.marked("unknown", f"{pod} could not be asked: {because}")


def _proof(entry: Entry, proof: Proof, paper: Paper) -> Iterator[str]:
    if proof.is_gone:
        yield from paper.marked("fine", f"{entry.subject}: the finding is gone")
    else:
        yield from paper.marked("error", f"{entry.subject}: the finding is still there")
    yield from _turns("stuck", proof.stuck, paper)
    yield from _turns("better", proof.better, paper)
    yield from _turns("worse", proof.worse, paper)
    yield from _judged(proof.new, paper)
    yield from _turns("as foretold", proof.foretold, paper)
    if proof.first_seen:
        hosts = [host_port(judged.host, judged.port or None) for judged in proof.first_seen]
        text = f"first wanted since, so nobody knows whether it worked before: {some(hosts, _PODS)}"
        yield from paper.marked("unknown", text)
    if proof.unread:
        yield from paper.marked("unknown", f"not judged again: {some(proof.unread, _PODS)}")
    if proof.is_worse:
        yield from paper.marked("error", f"something got worse: `meshdoctor undo {entry.id}` takes the mend back")
    elif not proof.unread:
        yield from paper.marked("fine", "nothing else got worse")


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


def _judged(found: Sequence[Judged], paper: Paper) -> Iterator[str]:
    for judged in found:
        where = host_port(judged.host, judged.port or None) if judged.host else judged.rule
        yield from paper.marked(judged.severity, f"new: {where} [{judged.rule}]")
        yield from paper.paragraph(judged.message, 4)

"""A mend in words: its diff, whom it touches, and what it came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.mending.plan import Plan
from meshdoctor.model.mend import Effect, Entry, Judged, Proof, Result, Touched, Turn
from meshdoctor.report.paper import columns, some
from meshdoctor.report.proof_words import age, as_before, handed_over, nothing_worse
from meshdoctor.semantics.hosts import host_port
from meshdoctor.semantics.text import printable
from meshdoctor.tui.board.cells import Cell
from meshdoctor.tui.board.finding_text import disposition
from meshdoctor.tui.board.lines import Line, field, line, paragraph
from meshdoctor.tui.board.marks import Tone, sign, tone

_SHOWN = 12
_PODS = 3


def title_lines(name: str, about: str, width: int) -> list[Line]:
    """What the mend is called and, beside it or where there is no room below it, what it comes to."""
    first, second = Cell(f" {printable(name)}", "strong"), Cell(f"   {printable(about)}" if about else "", "faint")
    if columns(first.text + second.text) < width or not about:
        return [(first, second)]
    return [(first,), (second,)]


def diff_lines(diffs: Sequence[str]) -> Iterator[Line]:
    """Unified diffs, each line with its sign and the sign's colour."""
    for number, diff in enumerate(diffs):
        if number:
            yield ()
        for text in diff.rstrip("\n").split("\n"):
            yield line(text, _diff_tone(text))


def _diff_tone(text: str) -> Tone:
    if text.startswith(("--- ", "+++ ", "@@")):
        return "faint"
    return {"+": "fine", "-": "error"}.get(text[:1], "plain")  # type: ignore[return-value]


def by_hand_lines(plan: Plan, width: int) -> Iterator[Line]:
    """What a person does, for a mend that nothing can be applied of."""
    yield from paragraph("This mend is done by hand; nothing is written.", width, "strong")
    yield ()
    yield from paragraph(plan.fix.steps or "The objects are as it wants them already.", width)


def summary(plan: Plan) -> str:
    """Whom it touches, in a line."""
    if not plan.changes:
        return disposition(plan.fix)
    objects, touched = len(plan.changes), plan.touched
    parts = [
        disposition(plan.fix),
        f"touches {objects} object{'s' * (objects != 1)}",
        f"{len(touched.pods)} pod{'s' * (len(touched.pods) != 1)} get{'s' * (len(touched.pods) == 1)} it",
    ]
    worse = [effect for effect in touched.effects if effect.worse]
    others = {effect.host for effect in touched.effects} - {plan.finding.host}
    if worse or touched.faults:
        parts.append(f"{len(worse) + len(touched.faults)} for the worse")
    elif others:
        parts.append(f"{len(others)} other host{'s' * (len(others) != 1)} change{'s' * (len(others) == 1)}")
    elif not touched.unknown:
        parts.append("no other host changes")
    return ", ".join(parts)


def touched_lines(plan: Plan, width: int, *, ascii_only: bool = False) -> Iterator[Line]:
    """The price, who gets the objects, what gets worse and better, what nobody knows."""
    touched, fix = plan.touched, plan.fix
    yield from paragraph(fix.tradeoff, width, "faint")
    if not plan.changes:
        return
    yield ()
    yield from field("sidecars", some(touched.pods, _PODS) if touched.pods else "no pod that was read gets it", width)
    marked = [("error", f"{kept}: it is not changed here, s writes the change") for kept in touched.kept]
    marked += [("error", _fault(touched, at)) for at in range(min(_SHOWN, len(touched.faults)))]
    marked += [("warning", _effect(effect)) for effect in touched.effects if effect.worse][:_SHOWN]
    marked += [("fine", _effect(effect)) for effect in touched.effects if not effect.worse][:_SHOWN]
    marked += [("warning", text) for text in handed_over(touched.after_undo)]
    marked += [("unknown", unknown) for unknown in touched.unknown]
    for kind, text in marked:
        yield from _marked(kind, text, width, ascii_only=ascii_only)
    left = len(touched.effects) - min(_SHOWN, len([e for e in touched.effects if e.worse]))
    if left > _SHOWN:
        yield line(f"  and {left - _SHOWN} connections more", "faint")
    for claim in touched.claims[:_SHOWN]:
        what = f"{host_port(claim.host, claim.port)} {claim.move} {claim.bind}"
        yield from field("listeners", what, width, "faint")
    if fix.steps:
        yield ()
        yield from field("afterwards", fix.steps, width)


def _fault(touched: Touched, at: int) -> str:
    fault = touched.faults[at]
    where = f" for {host_port(fault.host, fault.port or None)}" if fault.host else ""
    return f"it would break {fault.rule}{where}: {fault.because} ({some(fault.pods, _PODS)})"


def _effect(effect: Effect) -> str:
    because = f", because {effect.because}" if effect.because else ""
    where = host_port(effect.host, effect.port)
    return f"{where}: {effect.was} -> {effect.becomes} for {some(effect.pods, _PODS)}{because}"


def _marked(kind: str, text: str, width: int, *, ascii_only: bool) -> list[Line]:
    own: Tone = tone(kind)
    return paragraph(text, width, own if kind in ("error", "warning") else "plain",
                     lead=(Cell(f"{sign(kind, ascii_only=ascii_only)} ", own),))  # fmt: skip


def result_lines(made: Result, width: int, *, is_undo: bool = False, ascii_only: bool = False) -> Iterator[Line]:
    """What the proxies did, each verdict before and after, and what that proves."""
    waited, entry = made.waited, made.entry
    marked: list[tuple[str, str]] = []
    if waited.rejected:
        marked.append(("error", f"refused by {some(waited.rejected, _PODS)}: they run the old configuration"))
    if waited.lagging:
        marked.append(("unknown", f"no new configuration was seen in {some(waited.lagging, _PODS)}"))
    for pod, because in list(waited.unread.items())[:_PODS]:
        marked.append(("unknown", f"{pod} could not be asked: {because}"))
    marked += _undone(made) if is_undo else _proved(made)
    if entry.left_to_do and not is_undo:
        marked.append(("warning", f"left to do: {entry.left_to_do}"))
    for kind, text in marked:
        yield from _marked(kind, text, width, ascii_only=ascii_only)


def _proved(made: Result) -> list[tuple[str, str]]:
    entry, proof = made.entry, made.proof
    if proof is None:
        kind = "unknown" if entry.state != "written" else "info"
        return [(kind, entry.note)] if entry.note else []
    marked = [("fine" if proof.is_gone else "error", f"{entry.subject}: the finding is {_gone(proof)}")]
    marked += [("fine", text) for text in turns(proof.better)]
    marked += [("error", f"worse: {text}") for text in turns(proof.worse)]
    marked += [("error", f"new: {_judged(one)}") for one in proof.new]
    marked += [("warning", f"as foretold: {text}") for text in turns(proof.foretold)]
    marked += [("warning", f"as foretold: {_judged(one)}") for one in proof.foretold_new]
    if proof.first_seen:
        hosts = [host_port(one.host, one.port or None) for one in proof.first_seen]
        marked.append(("unknown", f"first wanted since, so nobody knows about before: {some(hosts, _PODS)}"))
    if proof.unread:
        marked.append(("unknown", f"not judged again: {some(proof.unread, _PODS)}"))
    if proof.is_worse:
        marked.append(("error", "something got worse that was not foretold: u takes the mend back"))
    elif proof.holds:
        kind, text = nothing_worse(made)
        marked.append((kind, f"verified: mend {entry.id} works, and {text}"))
    if age(proof):
        marked.append(("unknown", age(proof)))
    return marked


def _gone(proof: Proof) -> str:
    return "gone" if proof.is_gone else "still there"


def _undone(made: Result) -> list[tuple[str, str]]:
    entry, proof = made.entry, made.proof
    if entry.files:
        return [("fine", f"mend {entry.id} is taken back; as before: {some([f.shown for f in entry.files], None)}")]
    if proof is None:
        return [("unknown", f"mend {entry.id} is taken back; it was not judged again")]
    if made.is_as_before:
        kind, text = as_before(made)
        marked: list[tuple[str, str]] = [(kind, f"mend {entry.id} is taken back: {text}")]
    else:
        marked = [("warning", f"mend {entry.id} is taken back, and not everything is as it was before it")]
        marked += [("warning", f"differs: {text}") for text in turns((*proof.worse, *proof.better))]
        marked += [("error", f"new: {_judged(one)}") for one in proof.new]
        marked += [("warning", text) for text in handed_over(made.handed, has_happened=True)]
    if proof.unread:
        marked.append(("unknown", f"not there any more, or not judged again: {some(proof.unread, _PODS)}"))
    return marked


def turns(found: Sequence[Turn]) -> list[str]:
    """Connections whose verdict turned, those alike in one line."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for turn in found:
        grouped.setdefault((turn.host, turn.was, turn.is_now), []).append(turn.pod)
    texts = [
        f"{host}: {was} -> {now} ({some(pods, _PODS)})" for (host, was, now), pods in list(grouped.items())[:_SHOWN]
    ]
    return [*texts, f"and {len(grouped) - _SHOWN} connections more"] if len(grouped) > _SHOWN else texts


def _judged(one: Judged) -> str:
    where = f"{host_port(one.host, one.port or None)} " if one.host else ""
    return f"{where}[{one.rule}] {one.message}"


def entry_lines(entry: Entry, width: int) -> Iterator[Line]:
    """A mend of the journal."""
    yield from field("mend", f"{entry.id}  {entry.title}", width)
    yield from field("of", f"{entry.rule} {entry.subject}", width)
    yield from field("in", entry.place.folder or entry.place.context, width)
    yield from field("at", entry.at, width)
    note = entry.note if entry.note.startswith(entry.state) else f"{entry.state}, {entry.note}".rstrip(", ")
    yield from field("state", note, width)
    if entry.left_to_do:
        yield from field("left to do", entry.left_to_do, width)
    yield from field("pods", some(entry.pods, _PODS), width)
    for text in handed_over(entry.after_undo):
        yield from field("undo", text, width, "warning")

"""A fix in words: its diff, whom it touches, and what it came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.fixes.plan.fix_plan import FixPlan
from meshdoctor.model.fix import (
    ConnectionChange,
    FindingSummary,
    FixResult,
    Impact,
    JournalEntry,
    PredictedChange,
    Verification,
)
from meshdoctor.report.text_writer import columns, some
from meshdoctor.report.verification_text import age, as_before, nothing_worse, ownership_change_lines
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.icons import icon
from meshdoctor.text.printable import printable
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.icons import Tone, tone
from meshdoctor.tui.state.text_lines import Line, field, line, paragraph

_SHOWN = 12
_PODS = 3


def title_lines(name: str, about: str, width: int) -> list[Line]:
    """What the fix is called and, beside it or where there is no room below it, what it comes to."""
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


def manual_lines(plan: FixPlan, width: int) -> Iterator[Line]:
    """What a person does, for a fix that nothing can be applied of."""
    yield from paragraph("This fix is done by hand; nothing is written.", width, "strong")
    yield ()
    yield from paragraph(plan.fix.steps or "The objects are as it wants them already.", width)


def summary(plan: FixPlan) -> str:
    """Whom it touches, in a line."""
    if not plan.changes:
        return plan.fix.disposition
    objects, impact = len(plan.changes), plan.impact
    parts = [
        plan.fix.disposition,
        f"touches {objects} object{'s' * (objects != 1)}",
        f"{len(impact.pods)} pod{'s' * (len(impact.pods) != 1)} get{'s' * (len(impact.pods) == 1)} it",
    ]
    worse = [effect for effect in impact.connections if effect.is_worse]
    others = {effect.host for effect in impact.connections} - {plan.finding.host}
    if worse or impact.regressions:
        parts.append(f"{len(worse) + len(impact.regressions)} for the worse")
    elif others:
        parts.append(f"{len(others)} other host{'s' * (len(others) != 1)} change{'s' * (len(others) == 1)}")
    elif not impact.unknown:
        parts.append("no other host changes")
    return ", ".join(parts)


def impact_lines(plan: FixPlan, width: int, *, ascii_only: bool = False) -> Iterator[Line]:
    """The price, who gets the objects, what gets worse and better, what nobody knows."""
    impact, fix = plan.impact, plan.fix
    yield from paragraph(fix.cost, width, "faint")
    if not plan.changes:
        return
    yield ()
    yield from field("sidecars", some(impact.pods, _PODS) if impact.pods else "no pod that was read gets it", width)
    marked = [("error", f"{kept}: it is not changed here, s writes the change") for kept in impact.managed]
    marked += [("error", _fault(impact, at)) for at in range(min(_SHOWN, len(impact.regressions)))]
    marked += [("warning", _effect(effect)) for effect in impact.connections if effect.is_worse][:_SHOWN]
    marked += [("fine", _effect(effect)) for effect in impact.connections if not effect.is_worse][:_SHOWN]
    marked += [("warning", text) for text in ownership_change_lines(impact.not_restored)]
    marked += [("unknown", unknown) for unknown in impact.unknown]
    for kind, text in marked:
        yield from _marked(kind, text, width, ascii_only=ascii_only)
    left = len(impact.connections) - min(_SHOWN, len([e for e in impact.connections if e.is_worse]))
    if left > _SHOWN:
        yield line(f"  and {left - _SHOWN} connections more", "faint")
    for claim in impact.claims[:_SHOWN]:
        what = f"{host_port(claim.host, claim.port)} {claim.move} {claim.bind}"
        yield from field("listeners", what, width, "faint")
    if fix.steps:
        yield ()
        yield from field("afterwards", fix.steps, width)


def _fault(impact: Impact, at: int) -> str:
    fault = impact.regressions[at]
    where = f" for {host_port(fault.host, fault.port or None)}" if fault.host else ""
    return f"it would break {fault.rule}{where}: {fault.because} ({some(fault.pods, _PODS)})"


def _effect(effect: PredictedChange) -> str:
    because = f", because {effect.because}" if effect.because else ""
    where = host_port(effect.host, effect.port)
    return f"{where}: {effect.before} -> {effect.after} for {some(effect.pods, _PODS)}{because}"


def _marked(kind: str, text: str, width: int, *, ascii_only: bool) -> list[Line]:
    own: Tone = tone(kind)
    return paragraph(text, width, own if kind in ("error", "warning") else "plain",
                     lead=(Cell(f"{icon(kind, ascii_only=ascii_only)} ", own),))  # fmt: skip


def result_lines(made: FixResult, width: int, *, is_undo: bool = False, ascii_only: bool = False) -> Iterator[Line]:
    """What the proxies did, each verdict before and after, and what that verifies."""
    waited, entry = made.waited, made.entry
    marked: list[tuple[str, str]] = []
    if waited.rejected:
        marked.append(("error", f"refused by {some(waited.rejected, _PODS)}: they run the old configuration"))
    if waited.pending:
        marked.append(("unknown", f"no new configuration was seen in {some(waited.pending, _PODS)}"))
    for pod, because in list(waited.unread.items())[:_PODS]:
        marked.append(("unknown", f"{pod} could not be asked: {because}"))
    marked += _undone(made) if is_undo else _verified(made)
    if entry.manual_steps and not is_undo:
        marked.append(("warning", f"left to do: {entry.manual_steps}"))
    for kind, text in marked:
        yield from _marked(kind, text, width, ascii_only=ascii_only)


def _verified(made: FixResult) -> list[tuple[str, str]]:
    entry, verification = made.entry, made.verification
    if verification is None:
        kind = "unknown" if entry.state != "written" else "info"
        return [(kind, entry.note)] if entry.note else []
    marked = [("fine" if verification.is_gone else "error", f"{entry.subject}: the finding is {_gone(verification)}")]
    marked += [("fine", text) for text in turns(verification.improvements)]
    marked += [("error", f"worse: {text}") for text in turns(verification.regressions)]
    marked += [("error", f"new: {_judged(one)}") for one in verification.new_findings]
    marked += [("warning", f"as predicted: {text}") for text in turns(verification.predicted)]
    marked += [("warning", f"as predicted: {_judged(one)}") for one in verification.predicted_findings]
    if verification.first_seen:
        hosts = [host_port(one.host, one.port or None) for one in verification.first_seen]
        marked.append(("unknown", f"first wanted since, so nobody knows about before: {some(hosts, _PODS)}"))
    if verification.unread:
        marked.append(("unknown", f"not judged again: {some(verification.unread, _PODS)}"))
    if verification.is_worse:
        marked.append(("error", "something got worse that was not predicted: u takes the fix back"))
    elif verification.holds:
        kind, text = nothing_worse(made)
        marked.append((kind, f"verified: fix {entry.id} works, and {text}"))
    if age(verification):
        marked.append(("unknown", age(verification)))
    return marked


def _gone(verification: Verification) -> str:
    return "gone" if verification.is_gone else "still there"


def _undone(made: FixResult) -> list[tuple[str, str]]:
    entry, verification = made.entry, made.verification
    if entry.files:
        return [("fine", f"fix {entry.id} is taken back; as before: {some([f.shown for f in entry.files], None)}")]
    if verification is None:
        return [("unknown", f"fix {entry.id} is taken back; it was not judged again")]
    if made.is_as_before:
        kind, text = as_before(made)
        marked: list[tuple[str, str]] = [(kind, f"fix {entry.id} is taken back: {text}")]
    else:
        marked = [("warning", f"fix {entry.id} is taken back, and not everything is as it was before it")]
        marked += [
            ("warning", f"differs: {text}") for text in turns((*verification.regressions, *verification.improvements))
        ]
        marked += [("error", f"new: {_judged(one)}") for one in verification.new_findings]
        marked += [("warning", text) for text in ownership_change_lines(made.ownership_changes, has_happened=True)]
    if verification.unread:
        marked.append(("unknown", f"not there any more, or not judged again: {some(verification.unread, _PODS)}"))
    return marked


def turns(found: Sequence[ConnectionChange]) -> list[str]:
    """Connections whose verdict turned, those alike in one line."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for turn in found:
        grouped.setdefault((turn.host, turn.before, turn.after), []).append(turn.pod)
    texts = [
        f"{host}: {was} -> {now} ({some(pods, _PODS)})" for (host, was, now), pods in list(grouped.items())[:_SHOWN]
    ]
    return [*texts, f"and {len(grouped) - _SHOWN} connections more"] if len(grouped) > _SHOWN else texts


def _judged(one: FindingSummary) -> str:
    where = f"{host_port(one.host, one.port or None)} " if one.host else ""
    return f"{where}[{one.rule}] {one.message}"


def entry_lines(entry: JournalEntry, width: int) -> Iterator[Line]:
    """A fix of the journal."""
    yield from field("fix", f"{entry.id}  {entry.title}", width)
    yield from field("of", f"{entry.rule} {entry.subject}", width)
    yield from field("in", entry.place.folder or entry.place.context, width)
    yield from field("at", entry.at, width)
    note = entry.note if entry.note.startswith(entry.state) else f"{entry.state}, {entry.note}".rstrip(", ")
    yield from field("state", note, width)
    if entry.manual_steps:
        yield from field("left to do", entry.manual_steps, width)
    yield from field("pods", some(entry.pods, _PODS), width)
    for text in ownership_change_lines(entry.not_restored):
        yield from field("undo", text, width, "warning")

"""A finding in words: what happens and why, whose it is, and the fixes with their prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.model.finding import Confidence, Disposition, Finding
from meshdoctor.model.fix import JournalEntry
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.icons import icon
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.icons import Tone, tone
from meshdoctor.tui.state.text_lines import Line, field, line, paragraph

_PODS = 8
_DISPOSITIONS: dict[Disposition, Tone] = {
    Disposition.SAFE: "fine",
    Disposition.REVIEW: "warning",
    Disposition.MANUAL: "faint",
}


def title_cells(found: Finding, change: str = "", *, ascii_only: bool = False) -> list[Cell]:
    """The first line: sign, rule, subject, pods. `change`: what became of it since it was opened, as of a row."""
    kind = {"gone": "fine", "unseen": "unknown"}.get(change, found.severity)
    pods = f"{len(found.pods)} pod{'s' * (len(found.pods) != 1)}" if found.pods else ""
    since = {"gone": "   gone since the last look", "unseen": "   what showed it could not be read again"}.get(
        change, ""
    )
    return [
        Cell(f" {icon(kind, ascii_only=ascii_only)} ", tone(kind)),
        Cell(found.rule, "strong"),
        Cell(f"   {subject(found)}   "),
        Cell(f"{pods}{since}", "faint"),
    ]


def what_lines(found: Finding, width: int, others: Sequence[Finding] = ()) -> Iterator[Line]:
    """What happens, why, the objects with their roles, the pods. `others` are the session's findings."""
    yield from paragraph(found.message, width)
    if found.why:
        yield ()
        yield from paragraph(found.why, width, "faint")
    causes = [one for one in others if one.fingerprint in found.caused_by]
    explained = [one for one in others if found.fingerprint in one.caused_by]
    if causes or explained or found.resources or found.pods:
        yield ()
    for cause in causes:
        yield from field("cause", f"{cause.rule} {subject(cause)}", width, "warning")
    for item in found.resources:
        yield from field(item.role or "object", str(item), width)
    for one in explained:
        yield from field("explains", f"{one.rule} {subject(one)}", width, "faint")
    yield from _pods(found, width)
    if found.confidence is not Confidence.CERTAIN:
        yield from field("confidence", found.confidence, width, "warning")


def _pods(found: Finding, width: int) -> Iterator[Line]:
    for number, pod in enumerate(found.pods[:_PODS]):
        yield from field("" if number else "pods" if len(found.pods) > 1 else "pod", pod, width)
    if len(found.pods) > _PODS:
        yield from field("", f"and {len(found.pods) - _PODS} more: p lists them", width, "faint")


def fix_lines(
    found: Finding, chosen: int, width: int, entry: JournalEntry | None = None, *, ascii_only: bool = False
) -> tuple[list[Line], list[int]]:
    """The fixes, numbered, the chosen one pointed at; and for each line the number of its fix from 0, -1 for none.

    `entry` is the last fix of this finding that stands in the journal.
    """
    lines: list[Line] = []
    owners: list[int] = []

    def put(more: Sequence[Line], owner: int) -> None:
        lines.extend(more)
        owners.extend([owner] * len(more))

    if entry is not None:
        put(_journaled(entry, width), -1)
    if not found.fixes:
        put(paragraph(f"No fix is known. {found.docs} says more.", width, "faint"), -1)
    for at, fix in enumerate(found.fixes):
        how = fix.disposition
        pointer = icon("chosen", ascii_only=ascii_only) if at == chosen else " "
        lead = (Cell(f"{pointer} {at + 1} ", "strong" if at == chosen else "plain"),)
        made = paragraph(fix.title, width - 9, "strong" if at == chosen else "plain", lead=lead)
        used = sum(len(cell.text) for cell in made[0])
        made[0] = (*made[0], Cell(" " * max(1, width - 8 - used)), Cell(f"{how:>8}", _DISPOSITIONS[how]))
        price = paragraph(fix.cost, width - 4, "faint")
        if at != chosen:
            price = price[:1] if len(price) < 2 else [(Cell(_dotted(price[0][0].text, width - 4), "faint"),)]
        put([*made, *((Cell("    "), *one) for one in price)], at)
    return lines, owners


def _dotted(text: str, width: int) -> str:
    return f"{text[: max(0, width - 3)].rstrip()} .."


def _journaled(entry: JournalEntry, width: int) -> list[Line]:
    if entry.was_interrupted:
        return [
            *paragraph(f"! fix {entry.id} of it was interrupted: u goes on with it or takes it back", width, "warning"),
            (),
        ]
    if entry.awaits_person:
        text = f"fix {entry.id} of it waits for: {entry.manual_steps}"
        return [*paragraph(text, width, "warning"), line("u verifies it then, or takes it back", "faint"), ()]
    word = {"verified": "applied and verified", "written": "written to files", "unverified": "applied, not verified"}
    return [
        *paragraph(
            f"fix {entry.id} of it is {word.get(entry.state, entry.state)} ({entry.at}): u takes it back",
            width,
            "info",
        ),
        (),
    ]

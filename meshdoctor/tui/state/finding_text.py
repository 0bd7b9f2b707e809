"""The title of a finding's screen, and its fixes with their prices, of which one is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.model.finding import Disposition, Finding
from meshdoctor.model.fix import JournalEntry
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.text.icons import icon
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.draw import draw
from meshdoctor.tui.state.text_lines import Line, paragraph
from meshdoctor.tui.state.tones import Tone, tone
from meshdoctor.view.journal import state

_DISPOSITIONS: dict[Disposition, Tone] = {
    Disposition.SAFE: "fine",
    Disposition.REVIEW: "warning",
    Disposition.MANUAL: "faint",
}


def title_cells(found: Finding, change: str = "", *, ascii_only: bool = False) -> list[Cell]:
    """The first line: sign, rule, subject, pods. `change`: what became of it since it was opened, as of a row."""
    kind = {"gone": "fine", "unseen": "unknown"}.get(change, found.severity)
    pods = f"{len(found.pods)} pod{'s' * (len(found.pods) != 1)}" if found.pods else ""
    since = {"gone": "   gone since the last refresh", "unseen": "   its evidence could not be read again"}.get(
        change, ""
    )
    return [
        Cell(f" {icon(kind, ascii_only=ascii_only)} ", tone(kind)),
        Cell(found.rule, "strong"),
        Cell(f"   {subject(found)}   "),
        Cell(f"{pods}{since}", "faint"),
    ]


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
        put(draw(state(entry), width, ascii_only=ascii_only), -1)
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
            start = price[0][0].text[: max(0, width - 7)].rstrip()
            price = price[:1] if len(price) < 2 else [(Cell(f"{start} ..", "faint"),)]
        put([*made, *((Cell("    "), *one) for one in price)], at)
    return lines, owners

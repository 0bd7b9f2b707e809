"""Prose laid out in lines of a given width, each a few cells of text with a tone."""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.text.printable import printable
from meshdoctor.text.wrapping import columns, wrap
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.tones import Tone

Line = tuple[Cell, ...]


def line(text: str, tone: Tone = "plain") -> Line:
    """A line of one cell."""
    return (Cell(printable(text), tone),)


def paragraph(text: str, width: int, tone: Tone = "plain", *, lead: Sequence[Cell] = (), hang: int = 0) -> list[Line]:
    """Text broken into lines. `lead` stands in front of the first, and the others begin below its end, or at `hang`."""
    before = sum(columns(cell.text) for cell in lead)
    hang = hang or before
    if before > width // 2:
        return [tuple(lead), *paragraph(text, width, tone, lead=(Cell(" " * (hang if hang < width // 2 else 2)),))]
    lines: list[Line] = []
    for piece in wrap(text, max(8, width - hang), cut=True):
        start: Sequence[Cell] = (Cell(" " * hang),) if lines and hang else () if lines else lead
        lines.append((*start, Cell(piece, tone)))
    return lines or [tuple(lead)]


def field(name: str, text: str, width: int, tone: Tone = "plain", *, at: int = 12) -> list[Line]:
    """A name in front of a text, whose lines begin at the same column."""
    return paragraph(text, width, tone, lead=(Cell(f"{printable(name):<{at - 1}} ", "faint"),))


def shown(lines: Sequence[Line]) -> str:
    """The lines as plain text."""
    return "\n".join("".join(cell.text for cell in one) for one in lines)


def title_lines(name: str, about: str, width: int) -> list[Line]:
    """What the fix is called and, beside it or where there is no room below it, what it comes to."""
    first, second = Cell(f" {printable(name)}", "strong"), Cell(f"   {printable(about)}" if about else "", "faint")
    if columns(first.text + second.text) < width or not about:
        return [(first, second)]
    return [(first,), (second,)]

"""Prose laid out in lines of a given width, each a few cells of text with a tone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.report.text_writer import columns
from meshdoctor.text.printable import printable
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.icons import Tone

Line = tuple[Cell, ...]
BLANK: Line = ()


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
    for piece in _broken(text, max(8, width - hang)):
        start: Sequence[Cell] = (Cell(" " * hang),) if lines and hang else () if lines else lead
        lines.append((*start, Cell(piece, tone)))
    return lines or [tuple(lead)]


def field(name: str, text: str, width: int, tone: Tone = "plain", *, at: int = 12) -> list[Line]:
    """A name in front of a text, whose lines begin at the same column."""
    return paragraph(text, width, tone, lead=(Cell(f"{printable(name):<{at}}", "faint"),))


def _broken(text: str, width: int) -> Iterator[str]:
    """Harmless lines of at most `width` columns. A word that is longer is cut; an indented line stays a line."""
    for part in text.strip("\n").split("\n"):
        shown = printable(part.rstrip())
        indent = shown[: len(shown) - len(shown.lstrip(" "))]
        now = ""
        for word in shown.split():
            now_with = f"{now} {word}" if now else indent + word
            if columns(now_with) <= width:
                now = now_with
                continue
            if now:
                yield now
            now = indent + word
            while columns(now) > width:
                cut = _cut(now, width)
                yield now[:cut]
                now = now[cut:]
        yield now


def _cut(word: str, width: int) -> int:
    """How many characters of a word fit, up to a sign at which people expect it to be broken."""
    fits = next(n for n in range(len(word), 0, -1) if columns(word[:n]) <= width or n == 1)
    at = max(word.rfind(sign, fits // 2, fits) for sign in "-./|,")
    return at + 1 if at > 0 else fits


def shown(lines: Sequence[Line]) -> str:
    """The lines as plain text."""
    return "\n".join("".join(cell.text for cell in one) for one in lines)

"""What a text report is written on: how wide it is, and whether it takes colour and symbols beyond ASCII.

Every string that came from a capture passes through `printable` before it becomes a line, so that no name can move the
cursor. Lines are wrapped at spaces only: a path, a host or a pod name stays whole and can be copied.
Colour is eight plain ANSI sequences; importing rich for them would cost a cold `check` 40 ms.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from meshdoctor.text.icons import icon
from meshdoctor.text.wrapping import wrap

_COLOURS = {
    "error": "31",
    "warning": "33",
    "info": "36",
    "fine": "32",
    "unknown": "35",
    "step": "2",
    "strong": "1",
    "faint": "2",
}
"""ANSI colours of icons and tones."""


class TextWriter(Struct, frozen=True):
    """A place to write on. The defaults are a pipe or a file: 80 columns, no colour."""

    width: int = 80
    colour: bool = False
    symbols: bool = True
    """The encoding has the symbols; else ASCII letters stand for them."""

    def mark(self, kind: str) -> str:
        """The symbol of an icon."""
        return self.toned(icon(kind, ascii_only=not self.symbols), kind)

    def toned(self, text: str, tone: str) -> str:
        """The text in the colour of a tone."""
        return f"\x1b[{_COLOURS[tone]}m{text}\x1b[0m" if self.colour and tone in _COLOURS else text

    def paragraph(self, text: str, indent: int, hang: int = 0) -> Iterator[str]:
        """Text wrapped at `indent`, its lines after the first `hang` columns further in."""
        for number, line in enumerate(wrap(text, max(20, self.width - indent - hang))):
            yield " " * (indent + hang if number else indent) + line

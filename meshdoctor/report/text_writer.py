"""What a text report is written on: how wide it is, and whether it takes colour and symbols beyond ASCII.

Every string that came from a capture passes through `printable` here before it becomes a line, so that no name can
move the cursor. Lines are wrapped at spaces only: a path, a host or a pod name stays whole and can be copied.
Colour is eight plain ANSI sequences; importing rich for them would cost a cold `check` 40 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from meshdoctor.text.icons import icon
from meshdoctor.text.printable import printable

_COLOURS = {"error": "31", "warning": "33", "info": "36", "fine": "32", "unknown": "35", "step": "2"}
"""ANSI colours of the icons."""


class TextWriter(Struct, frozen=True):
    """A place to write on. The defaults are a pipe or a file: 80 columns, no colour."""

    width: int = 80
    colour: bool = False
    symbols: bool = True
    """The encoding has the symbols; else ASCII letters stand for them."""

    def mark(self, kind: str) -> str:
        """The symbol of a severity, or of `fine`, `unknown` and `step`."""
        return self._paint(icon(kind, ascii_only=not self.symbols), _COLOURS[kind])

    def strong(self, text: str) -> str:
        """Text that catches the eye."""
        return self._paint(text, "1")

    def faint(self, text: str) -> str:
        """Text that is there for those who look for it."""
        return self._paint(text, "2")

    def added(self, text: str) -> str:
        """A line of a diff that comes in."""
        return self._paint(text, "32")

    def removed(self, text: str) -> str:
        """A line of a diff that goes."""
        return self._paint(text, "31")

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colour else text

    def heading(self, title: str) -> Iterator[str]:
        """A heading with a line under it."""
        yield self.strong(title)
        yield "-" * len(title)

    def marked(self, kind: str, text: str) -> Iterator[str]:
        """A paragraph behind a symbol, its further lines indented under the text."""
        for number, line in enumerate(wrap(text, self.width - 2)):
            yield f"{self.mark(kind)} {self.strong(line)}" if number == 0 else f"  {self.strong(line)}"

    def field(self, label: str, text: str, indent: int = 4) -> Iterator[str]:
        """`label: text`, wrapped, its further lines two columns in."""
        return self.paragraph(f"{label}: {text}", indent, indent + 2)

    def paragraph(self, text: str, indent: int, hang: int | None = None) -> Iterator[str]:
        """Text wrapped at `indent`, its lines after the first at `hang` columns."""
        hang = indent if hang is None else hang
        for number, line in enumerate(wrap(text, self.width - max(indent, hang))):
            yield " " * (hang if number else indent) + line


def wrap(text: str, width: int) -> list[str]:
    """Harmless lines of at most `width` columns, as far as single words allow; line breaks of the text are kept.

    An indented line is a command to be copied: it stays whole.
    """
    lines: list[str] = []
    for part in text.strip().split("\n"):
        if part.startswith("  "):
            lines.append(printable(part.rstrip()))
            continue
        line, used = "", 0
        for word in printable(part).split():
            size = columns(word)
            if line and used + 1 + size > max(width, 20):
                lines.append(line)
                line, used = word, size
            else:
                used += size + bool(line)
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines


def columns(text: str) -> int:
    """Terminal columns that a text takes: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def pad(text: str, width: int) -> str:
    """The text with spaces up to `width` columns; a longer text stays whole."""
    return text + " " * max(0, width - columns(text))


def some(names: Sequence[str], limit: int | None) -> str:
    """Names with commas; beyond `limit` (None: all) only how many more there are."""
    if limit is None or len(names) <= limit + 1:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit:,} more"


def count(number: int, noun: str) -> str:
    """`1 pod`, `400 pods`, `2 fixes`."""
    plural = "es" if noun.endswith("x") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"

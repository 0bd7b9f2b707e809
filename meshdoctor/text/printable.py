"""Makes text from captures safe for a terminal.

Names, hosts and environment values come from files that anyone may have written; an escape sequence in one of them
must not move the cursor, recolour a verdict or reorder a line.
"""

from __future__ import annotations

from collections.abc import Iterable

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, bidi and other format characters, lone surrogates, and separators."""


def printable(text: str) -> str:
    """The text with control and invisible characters, line breaks too, escaped as `\\x1b` or `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    from unicodedata import category  # most captures are plain ASCII and never need the table

    return "".join(_escaped(c) if category(c) in _HARMFUL else c for c in text)


class TextLines(str):
    """A text whose line breaks count: an author's, or one that `in_lines` made. Any other text is one line, so that no
    name with a line break in it can begin a line of the output. An f-string of it is plain text again. Results do not
    hold it: front ends and errors do."""

    __slots__ = ()


def in_lines(lines: Iterable[str]) -> TextLines:
    """Texts as the lines of one."""
    return TextLines("\n".join(map(printable, lines)))


def printable_lines(text: str) -> str:
    """A document of several lines, safe for a terminal: line breaks are kept."""
    return "\n".join(map(printable, text.split("\n")))


def lines_of(text: str) -> list[str]:
    """The lines of a text, safe for a terminal: of `TextLines` as many as it has, of any other text one."""
    return [printable(line) for line in (text.split("\n") if isinstance(text, TextLines) else [text])]


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

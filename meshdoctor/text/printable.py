"""Makes text from captures safe for a terminal.

Names, hosts and environment values come from files that anyone may have written; an escape sequence in one of them
must not move the cursor, recolour a verdict or reorder a line.
"""

from __future__ import annotations

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, bidi and other format characters, lone surrogates, and separators."""


def printable(text: str) -> str:
    """The text with control and invisible characters, line breaks too, escaped as `\\x1b` or `\\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    from unicodedata import category  # most captures are plain ASCII and never need the table

    return "".join(_escaped(c) if category(c) in _HARMFUL else c for c in text)


def printable_lines(text: str) -> str:
    """The same for text of several lines: line breaks are kept."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""Text from captures, made fit for a terminal.

Names, hosts and environment values come from files that anyone may have written; an escape sequence in one of them
must not move the cursor, recolour a verdict or reorder a line.
"""

from __future__ import annotations

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of C0, DEL and C1; bidi overrides, isolates and invisible marks; lone surrogates; line and
paragraph separators."""


def printable(text: str) -> str:
    """The text with control and invisible characters written out, `\\x1b` or `\\u202e`; line breaks as well."""
    if text.isascii() and text.isprintable():
        return text
    from unicodedata import category  # most captures are plain ASCII and never need the table

    return "".join(_written_out(c) if category(c) in _HARMFUL else c for c in text)


def printable_lines(text: str) -> str:
    """The same for text of several lines, whose line breaks stay."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _written_out(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

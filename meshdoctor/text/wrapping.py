"""Text broken into lines, by the columns it takes in a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from meshdoctor.text.printable import TextLines, lines_of

_QUOTED = re.compile(r"(?<!\w)'[^']*'")
"""A word of a command in quotes; `printable` leaves no NUL in a text, which stands for its spaces."""


def wrap(text: str, width: int, *, cut: bool = False) -> list[str]:
    """Harmless lines of at most `width` columns; line breaks of `TextLines` are kept.

    A word stays whole; so do a quoted word beside a command, and an indented line, which is one: both are to be copied.
    With `cut` nothing is wider than `width`: long words are cut where people expect it, and an indented line is wrapped
    at its indent.
    """
    lines: list[str] = []
    stripped = text.strip("\n") if cut else text.strip()
    for part in lines_of(TextLines(stripped) if isinstance(text, TextLines) else stripped):
        shown = part.rstrip()
        indent = shown[: len(shown) - len(shown.lstrip(" "))]
        if cut or len(indent) < 2:
            lines += _wrapped(_words(shown), width, indent if cut else "", cut)
        else:
            lines.append(shown)
    return lines


def trimmed(text: str) -> list[str]:
    """The lines of a text, harmless and as they are, without empty ones before and after them."""
    lines = lines_of(text)
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    while len(lines) > 1 and not lines[0]:
        lines.pop(0)
    return lines


def _words(text: str) -> list[str]:
    if "`" not in text or "'" not in text:
        return text.split()
    kept = _QUOTED.sub(lambda quoted: quoted[0].replace(" ", "\0"), text)
    return [word.replace("\0", " ") for word in kept.split()]


def _wrapped(words: Iterable[str], width: int, indent: str, cut: bool) -> Iterator[str]:
    line = ""
    for word in words:
        if line and columns(line) + 1 + columns(word) <= width:
            line = f"{line} {word}"
            continue
        if line:
            yield line
        line = indent + word
        while cut and columns(line) > width:
            fits = next(n for n in range(len(line), 0, -1) if columns(line[:n]) <= width or n == 1)
            # A long word breaks after a sign at which people expect it, unless the sign stands in its first half.
            at = 1 + max(line.rfind(sign, fits // 2, fits) for sign in "-./|,") or fits
            yield line[:at]
            line = line[at:]
    yield line


def columns(text: str) -> int:
    """Terminal columns that a text takes: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def pad(text: str, width: int) -> str:
    """The text with spaces up to `width` columns; a longer text stays whole."""
    return text + " " * max(0, width - columns(text))


def in_columns(cells: Iterable[str], widths: Iterable[int]) -> str:
    """Cells side by side, each as wide as its column at least."""
    return "  ".join(pad(cell, width) for cell, width in zip(cells, widths, strict=False))

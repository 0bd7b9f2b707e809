"""Text broken into lines, by the columns it takes in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.text.printable import printable


def wrap(text: str, width: int, *, cut: bool = False) -> list[str]:
    """Harmless lines of at most `width` columns; line breaks of the text are kept.

    A word stays whole, and so does an indented line, which is a command to be copied. With `cut` nothing is wider than
    `width`: long words are cut where people expect it, and an indented line is wrapped at its indent.
    """
    lines: list[str] = []
    for part in (text.strip("\n") if cut else text.strip()).split("\n"):
        shown = printable(part.rstrip())
        indent = shown[: len(shown) - len(shown.lstrip(" "))]
        if cut:
            lines += _cut_lines(shown, indent, width)
        elif len(indent) > 1:
            lines.append(shown)
        else:
            lines += _whole_words(shown, max(width, 20))
    return lines


def _whole_words(text: str, width: int) -> Iterator[str]:
    line, used = "", 0
    for word in text.split():
        size = columns(word)
        if line and used + 1 + size > width:
            yield line
            line, used = word, size
        else:
            used += size + bool(line)
            line = f"{line} {word}" if line else word
    yield line


def _cut_lines(text: str, indent: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else indent + word
        if columns(longer) <= width:
            line = longer
            continue
        if line:
            yield line
        line = indent + word
        while columns(line) > width:
            at = _cut_at(line, width)
            yield line[:at]
            line = line[at:]
    yield line


def _cut_at(word: str, width: int) -> int:
    """How many characters of a word fit, up to a sign at which people expect it to be broken."""
    fits = next(n for n in range(len(word), 0, -1) if columns(word[:n]) <= width or n == 1)
    at = max(word.rfind(sign, fits // 2, fits) for sign in "-./|,")
    return at + 1 if at > 0 else fits


def columns(text: str) -> int:
    """Terminal columns that a text takes: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def pad(text: str, width: int) -> str:
    """The text with spaces up to `width` columns; a longer text stays whole."""
    return text + " " * max(0, width - columns(text))

"""Blocks as Markdown.

Texts come from captures, which anyone may have written: what would be markup in them is escaped, names stand in code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, pairwise
from textwrap import dedent
from typing import Any, NamedTuple

from meshdoctor.text.printable import TextLines, printable
from meshdoctor.text.wrapping import trimmed
from meshdoctor.view import blocks as view

_MARKUP = re.compile(r"[\\`*<>\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=#?\w+;)")
_OPENS = re.compile(r"^(\s*\d*)(#+|[+.)-]|-+|=+)(?=\s|$)")
"""What would begin a heading, a list or a rule, or make a heading of the line before."""


class MarkdownPiece(NamedTuple):
    """A paragraph, or an item of a list."""

    text: str
    is_item: bool = False


def render(blocks: Iterable[view.Block]) -> str:
    """The whole text, ending in a line break."""
    return _joined(_pieces(blocks, 1)) + "\n"


def text(given: str) -> str:
    """Text that Markdown shows as it is, and commands of it as code."""
    parts = []
    for is_command, lines in groupby(
        trimmed(given), lambda line: isinstance(given, TextLines) and line.startswith("  ")
    ):
        whole = "\n".join(lines)
        parts.append(fenced(TextLines(dedent(whole)), "sh") if is_command else _escaped(whole))
    return "\n\n".join(part for part in parts if part)


def _escaped(lines: str) -> str:
    marked = _MARKUP.sub(r"\\\g<0>", lines.strip())
    return "\n".join(_OPENS.sub(r"\1\\\2", line) for line in marked.split("\n"))


def code(given: str) -> str:
    """A name in code."""
    shown = printable(given)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    blank = " " if "`" in shown else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def fenced(given: str, form: str = "") -> str:
    """Lines in a block of code."""
    shown = "\n".join(trimmed(given))
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{fence}{form}\n{shown}\n{fence}"


def _pieces(blocks: Iterable[view.Block], depth: int) -> list[MarkdownPiece]:
    return [piece for block in blocks for piece in _DRAWN[type(block)](block, depth)]


def _joined(pieces: list[MarkdownPiece]) -> str:
    if not pieces:
        return ""
    further = (("\n" if one.is_item and other.is_item else "\n\n") + other.text for one, other in pairwise(pieces))
    return pieces[0].text + "".join(further)


def _item(said: str, blocks: Iterable[view.Block], depth: int, bullet: str = "-") -> MarkdownPiece:
    """An item, and what belongs to it further in."""
    below = _pieces(blocks, depth)
    whole = said + ("\n" if below and below[0].is_item else "\n\n") + _joined(below) if below else said
    indented = re.sub(r"\n(?=[^\n])", "\n" + " " * (len(bullet) + 1), whole)
    return MarkdownPiece(f"{bullet} {indented}", True)


def _labelled(block: view.Labelled, depth: int) -> Iterator[MarkdownPiece]:
    said = code(block.text) if block.is_name else text(block.text)
    yield _item(f"{text(block.label)}: {said}".rstrip(), block.blocks, depth)


def _names(block: view.NameList, depth: int) -> Iterator[MarkdownPiece]:
    more = f" and {block.more:,} more" if block.more else ""
    yield _item(f"{text(block.label)}: {', '.join(map(code, block.names))}{more}", (), depth)


def _icon(icon: str) -> str:
    return "" if icon == "step" else f"**{icon}:** "


def _rows(block: view.Rows, depth: int) -> Iterator[MarkdownPiece]:
    heads = [f"{text(title)}: " for title in block.columns] or [""] * len(block.rows[0].cells if block.rows else ())
    for row in block.rows:
        cells = ", ".join(head + text(cell or "-") for head, cell in zip(heads, row.cells, strict=True))
        yield _item(_icon(row.icon) + cells, row.blocks, depth)


def _steps(block: view.PathSteps, depth: int) -> Iterator[MarkdownPiece]:
    for number, step in enumerate(block.steps, 1):
        note = f"**{text(step.note)}:** " if step.note else ""
        because = f": {text(step.because)}" if step.because else ""
        blocks = []
        if step.evidence is not None and step.icon != "step":
            blocks.append(
                view.Passage(step.evidence.document, ((step.evidence.path, ""),) if step.evidence.path else ())
            )
        yield _item(f"{note}{text(step.at)} {code(step.chose)}{because}", blocks, depth, f"{number}.")


def _passage(block: view.Passage, depth: int) -> Iterator[MarkdownPiece]:
    yield _item(code(block.document), (), depth)
    for parts in block.values:
        yield MarkdownPiece(f"  - {' = '.join(code(part) for part in parts if part)}", True)


def _headed(block: view.Headed, depth: int) -> Iterator[MarkdownPiece]:
    yield MarkdownPiece(f"{'#' * depth} {text(block.title)}")
    yield from _pieces(block.blocks, depth + 1)


_DRAWN: dict[type, Callable[[Any, int], Iterable[MarkdownPiece]]] = {
    view.Paragraph: lambda block, _: [MarkdownPiece(text(block.text))] if block.text else [],
    view.Labelled: _labelled,
    view.NameList: _names,
    view.Marked: lambda block, depth: [_item(_icon(block.icon) + text(block.text), block.blocks, depth)],
    view.Rows: _rows,
    view.PathSteps: _steps,
    view.Passage: _passage,
    view.DiffText: lambda block, _: [MarkdownPiece(fenced(block.text, "diff"))],
    view.CodeText: lambda block, _: [MarkdownPiece(fenced(block.text, block.form))],
    view.Headed: _headed,
}

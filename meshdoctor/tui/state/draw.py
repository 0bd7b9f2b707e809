"""Blocks as lines of cells, laid out for a width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from meshdoctor.text.icons import icon
from meshdoctor.text.printable import printable
from meshdoctor.text.wrapping import columns, in_columns, trimmed
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.text_lines import Line, field, line, paragraph
from meshdoctor.tui.state.tones import LOUD, Tone, tone
from meshdoctor.view import blocks as view

_NAME = 12
"""Columns of a step's name."""


class Room(NamedTuple):
    """What there is to draw in."""

    width: int
    ascii_only: bool = False
    is_brief: bool = False
    """Of a path only the step that makes the verdict says why."""

    def mark(self, kind: str) -> str:
        """The sign of an icon; a plain step has none."""
        return " " if kind == "step" else icon(kind, ascii_only=self.ascii_only)


def draw(blocks: Iterable[view.Block], width: int, *, ascii_only: bool = False, is_brief: bool = False) -> list[Line]:
    """The blocks as lines."""
    return list(_lines(blocks, Room(width, ascii_only, is_brief)))


def _lines(blocks: Iterable[view.Block], room: Room) -> Iterator[Line]:
    for block in blocks:
        yield from _DRAWN[type(block)](block, room)


def _below(blocks: Iterable[view.Block], room: Room, by: int = 2) -> Iterator[Line]:
    """Blocks that belong to another, further in."""
    lead = Cell(" " * by)
    for one in _lines(blocks, room._replace(width=room.width - by)):
        yield (lead, *one) if one else one


def _labelled(block: view.Labelled, room: Room) -> Iterator[Line]:
    yield from field(block.label, block.text, room.width, block.tone)
    yield from _below(block.blocks, room)


def _names(block: view.NameList, room: Room) -> Iterator[Line]:
    for number, name in enumerate(block.names):
        yield from field("" if number else block.label, name, room.width)
    if block.more:
        yield from field("", f"and {block.more:,} more", room.width, "faint")


def _marked(block: view.Marked, room: Room) -> Iterator[Line]:
    own = tone(block.icon)
    said: Tone = own if block.icon in ("error", "warning") else block.tone
    yield from paragraph(block.text, room.width, said, lead=(Cell(f"{room.mark(block.icon)} ", own),))
    yield from _below(block.blocks, room)


def _rows(block: view.Rows, room: Room) -> Iterator[Line]:
    table = [[printable(cell) or "-" for cell in row.cells] for row in block.rows]
    heads = [block.columns] if block.columns else []
    widths = [max(map(columns, cells)) for cells in zip(*heads, *table, strict=True)]
    if heads:
        yield from paragraph(in_columns(block.columns, widths).rstrip(), room.width, "strong", lead=(Cell("  "),))
    for row, cells in zip(block.rows, table, strict=True):
        lead = (Cell(f"{room.mark(row.icon)} ", tone(row.icon)),)
        yield from paragraph(in_columns(cells, widths).rstrip(), room.width, lead=lead)
        yield from _below(row.blocks, room)


def _steps(block: view.PathSteps, room: Room) -> Iterator[Line]:
    for step in block.steps:
        yield from step_lines(step, room, is_last=step is block.steps[-1])


def step_lines(step: view.PathStep, room: Room, *, is_last: bool) -> Iterator[Line]:
    """A step and why it is taken."""
    is_marked = step.icon != "step"
    own = tone(step.icon)
    own = LOUD.get(own, own)
    lead = (
        Cell(f"{room.mark(step.icon)} ", own),
        Cell(f"{printable(step.at):<{_NAME}} ", own if is_marked else "strong"),
    )
    note = f"  <- {step.note}" if step.note else ""
    yield from paragraph(step.chose + note, room.width, own, lead=lead)
    if step.because and (is_marked or not room.is_brief):
        bar = Cell("    " if is_last else "  | " if room.ascii_only else "  \u2502 ", "faint")
        for piece in paragraph(step.because, room.width - 4, "plain" if is_marked else "faint"):
            yield (bar, *piece)


def _passage(block: view.Passage, room: Room) -> Iterator[Line]:
    yield from paragraph(block.document, room.width, "faint")
    for parts in block.values:
        yield from paragraph(" = ".join(filter(None, parts)), room.width, lead=(Cell("  "),))


def _headed(block: view.Headed, room: Room) -> Iterator[Line]:
    yield ()
    yield from paragraph(block.title, room.width, "strong")
    yield from _lines(block.blocks, room)


_DRAWN: dict[type, Callable[[Any, Room], Iterable[Line]]] = {
    view.Paragraph: lambda block, room: paragraph(block.text, room.width, block.tone) if block.text else [()],
    view.Labelled: _labelled,
    view.NameList: _names,
    view.Marked: _marked,
    view.Rows: _rows,
    view.PathSteps: _steps,
    view.Passage: _passage,
    view.DiffText: lambda block, _: (line(text, view.diff_tone(text)) for text in trimmed(block.text)),
    view.CodeText: lambda block, _: (line(f"  {text}") for text in trimmed(block.text)),
    view.Headed: _headed,
}

"""One of the three parts of the main screen: a table with a title, and a sentence where it is empty."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from meshdoctor.tui.board.cells import COLUMNS, Cell, cells
from meshdoctor.tui.board.sight import Part, Sight
from meshdoctor.tui.messages import RowMarked, RowMoved, RowOpened
from meshdoctor.tui.widgets.table import Table


class PartView(Vertical):
    """A part of the board. It asks the sight which rows there are, and tells where the user goes."""

    def __init__(self, part: Part, sight: Sight, *, ascii_only: bool = False) -> None:
        super().__init__(id=part, classes="part")
        self.part = part
        self._sight = sight
        self._ascii = ascii_only
        self.table = Table(COLUMNS[part], self._cells)
        self.hint = Static("", classes="hint", markup=False)

    def compose(self) -> ComposeResult:
        """The table, and in its place the sentence where it is empty."""
        yield self.table
        yield self.hint

    def _cells(self, key: Any) -> tuple[Cell, ...]:
        return cells(self._sight, self.part, key, ascii_only=self._ascii)

    def show(self, keys: list[Any], title: str, hint: str, changed: Collection[Any] | None = None) -> None:
        """Shows these rows. `changed` as for the table; a row that came, went or moved draws all of them."""
        if self.border_title != title:
            self.border_title = title
        self.table.show(keys, changed if keys == self.table.keys else None)
        is_empty = not keys
        self.set_class(is_empty, "-empty")
        if is_empty:
            self.hint.update(hint)

    @on(Table.Opened)
    def _opened(self, message: Table.Opened) -> None:
        message.stop()
        self.post_message(RowOpened(self.part, message.key))

    @on(Table.Marked)
    def _marked(self, message: Table.Marked) -> None:
        message.stop()
        self.post_message(RowMarked(self.part, message.key))

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        message.stop()
        self.post_message(RowMoved(self.part, message.key))

"""One of the three parts of the main screen: a table with a title, and a sentence where it is empty."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any, Self

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.widgets import Static

from meshdoctor.tui.board.cells import COLUMNS, NARROW, Cell, cells
from meshdoctor.tui.board.sight import Part, Sight
from meshdoctor.tui.messages import RowMoved, RowOpened
from meshdoctor.tui.widgets.table import Table


class PartView(Vertical):
    """A part of the board. It asks the sight which rows there are, and tells where the user goes."""

    def __init__(self, part: Part, sight: Sight, *, ascii_only: bool = False) -> None:
        self._is_titling = False
        super().__init__(id=part, classes="part")
        self.part = part
        self.title_text = ""
        """The title as it stands."""
        self._sight = sight
        self._ascii = ascii_only
        narrow = (NARROW[part], partial(self._cells, is_narrow=True)) if part in NARROW else None
        self.table = Table(COLUMNS[part], self._cells, narrow=narrow)
        self.hint = Static("", classes="hint", markup=False)

    def compose(self) -> ComposeResult:
        """The table, and in its place the sentence where it is empty."""
        yield self.table
        yield self.hint

    def _entitle(self, title: str) -> None:
        """Sets the title, which is text and no markup, and draws no more than the line it stands in."""
        if title != self.title_text:
            self.title_text = title
            self._is_titling = True
            self.border_title = Content(title)
            self._is_titling = False

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """As ever, but for a new title, for which Textual would draw the whole part and send it to the terminal."""
        if self._is_titling:
            regions = (Region(-1, -1, self.outer_size.width, 1),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _cells(self, key: Any, *, is_narrow: bool = False) -> tuple[Cell, ...]:
        return cells(self._sight, self.part, key, is_narrow=is_narrow, ascii_only=self._ascii)

    def show(self, keys: list[Any], title: str, hint: str, changed: Collection[Any] | None = None) -> None:
        """Shows these rows. `changed` as for the table; a row that came, went or moved draws all of them."""
        self._entitle(title)
        self.table.show(keys, changed if keys == self.table.keys else None)
        is_empty = not keys
        self.set_class(is_empty, "-empty")
        if is_empty:
            self.hint.update(hint)

    @on(Table.Opened)
    def _opened(self, message: Table.Opened) -> None:
        message.stop()
        self.post_message(RowOpened(self.part, message.key))

    @on(Table.Moved)
    def _moved(self, message: Table.Moved) -> None:
        message.stop()
        self.post_message(RowMoved(self.part, message.key))

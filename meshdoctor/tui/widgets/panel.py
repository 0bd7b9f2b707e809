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

from meshdoctor.tui.messages import RowMoved, RowOpened
from meshdoctor.tui.state.cells import COLUMNS, NARROW, Cell, cells
from meshdoctor.tui.state.view_state import Part, ViewState
from meshdoctor.tui.widgets.table import Table


class PartView(Vertical):
    """A part of the board. It asks the sight which rows there are, and tells where the user goes."""

    def __init__(self, part: Part, view_state: ViewState, *, ascii_only: bool = False) -> None:
        self._redrawn: tuple[Region, ...] = ()
        """What of it is drawn anew, where it is not all."""
        super().__init__(id=part, classes="board")
        self.part = part
        self.title_text = ""
        """The title as it stands."""
        self._view_state = view_state
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
            self._redrawn = (Region(-1, -1, self.outer_size.width, 1),)
            self.border_title = Content(title)
            self._redrawn = ()

    def set_front(self, is_front: bool) -> None:
        """Makes it the part in use, or not any more, and draws no more than its border."""
        if is_front is self.has_class("-front"):
            return
        width, height = self.outer_size
        sides = (Region(-1, -1, 1, height), Region(width - 2, -1, 1, height))
        self._redrawn = (Region(-1, -1, width, 1), Region(-1, height - 2, width, 1), *sides)
        self.set_class(is_front, "-front")
        self.app.stylesheet.apply(self)  # at once: later it would be all of it
        self._redrawn = ()

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """As ever, but where a title or border is new, for which Textual would send the whole part to the terminal."""
        if self._redrawn and not layout:
            regions = self._redrawn
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _cells(self, key: Any, *, is_narrow: bool = False) -> tuple[Cell, ...]:
        return cells(self._view_state, self.part, key, is_narrow=is_narrow, ascii_only=self._ascii)

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

"""A panel of the main screen: a table with a title, and a sentence in place of an empty table."""

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
from meshdoctor.tui.state.view_state import Panel, ViewState
from meshdoctor.tui.widgets.cursor_view import CursorMoved, CursorOpened
from meshdoctor.tui.widgets.table import Table


class PanelView(Vertical):
    """A table of pods, hosts or findings."""

    def __init__(self, panel: Panel, view_state: ViewState, *, ascii_only: bool = False) -> None:
        self._redrawn: tuple[Region, ...] = ()
        """The regions that the next refresh is limited to; none: everything."""
        super().__init__(id=panel)
        self.panel = panel
        self.title_text = ""
        """The title that is shown."""
        self._view_state = view_state
        self._ascii = ascii_only
        narrow = (NARROW[panel], partial(self._cells, is_narrow=True)) if panel in NARROW else None
        self.table = Table(COLUMNS[panel], self._cells, narrow=narrow)
        self.hint = Static("", classes="hint", markup=False)

    def compose(self) -> ComposeResult:
        """The table and the sentence, of which one shows."""
        yield self.table
        yield self.hint

    def set_front(self, is_front: bool) -> None:
        """Makes it the panel in use, or no longer, and draws only its border."""
        if is_front is self.has_class("-front"):
            return
        width, height = self.outer_size
        sides = (Region(-1, -1, 1, height), Region(width - 2, -1, 1, height))
        self._redrawn = (Region(-1, -1, width, 1), Region(-1, height - 2, width, 1), *sides)
        self.set_class(is_front, "-front")
        self.app.stylesheet.apply(self)  # at once: later it would be all of it
        self._redrawn = ()

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Draws only the title or border where only that is new; Textual would send the whole panel to the terminal."""
        if self._redrawn and not layout:
            regions = self._redrawn
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def _cells(self, key: Any, *, is_narrow: bool = False) -> tuple[Cell, ...]:
        return cells(self._view_state, self.panel, key, is_narrow=is_narrow, ascii_only=self._ascii)

    def show(self, keys: list[Any], title: str, hint: str, changed: Collection[Any] | None = None) -> None:
        """Shows these rows. `changed` as for the table; where rows came, went or moved, all of them are drawn."""
        if title != self.title_text:
            # Draws only the line of the title, which is not markup.
            self.title_text = title
            self._redrawn = (Region(-1, -1, self.outer_size.width, 1),)
            self.border_title = Content(title)
            self._redrawn = ()
        self.table.show(keys, changed if keys == self.table.keys else None)
        is_empty = not keys
        self.set_class(is_empty, "-empty")
        if is_empty:
            self.hint.update(hint)

    @on(CursorOpened)
    def _opened(self, message: CursorOpened) -> None:
        message.stop()
        self.post_message(RowOpened(self.panel, self.table.key))

    @on(CursorMoved)
    def _moved(self, message: CursorMoved) -> None:
        message.stop()
        self.post_message(RowMoved(self.panel, self.table.key))

"""A grid of icons with names on two sides that stay while it is scrolled. Only what is on the screen is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.strip import Strip

from meshdoctor.tui.bindings import GRID_KEYS
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.widgets.column_widths import clipped
from meshdoctor.tui.widgets.cursor_view import CursorView

_WIDEST, _FLAT = 26, 9
"""Columns of a host at most; with fewer than `_FLAT` its name is written vertically."""
_VERTICAL = 14
"""Lines of a vertical name at most."""


class IconGrid(CursorView):
    """Rows and columns by key. `make` gives the icon of a cell, `name_row` and `name_column` the names."""

    DEFAULT_CSS = """
    IconGrid { overflow-x: auto; scrollbar-size: 1 1; scrollbar-gutter: auto; }
    IconGrid > .grid--head { color: $text-muted; background: $background; }
    IconGrid > .grid--here { color: $text-accent; text-style: bold; }
    IconGrid > .grid--line { background: $boost; }
    IconGrid > .grid--cursor { background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold reverse; }
    IconGrid > .tone--faint { text-style: dim; }
    """  # noqa: E501
    COMPONENT_CLASSES: ClassVar[set[str]] = {"grid--head", "grid--here", "grid--line", "grid--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [*GRID_KEYS]

    def __init__(
        self,
        make: Callable[[Any, Any], Cell],
        name_row: Callable[[Any], Cell],
        name_column: Callable[[Any], tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._make = make
        self._name_row = name_row
        self._name_column = name_column
        self.rows: list[Any] = []
        self.columns: list[Any] = []
        self.column = 0
        """Index of the column under the cursor."""
        self._names: list[tuple[str, str]] = []
        self.head = self._side = self._wide = 1
        """Lines above, columns on the left, columns of a cell."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    @property
    def cell(self) -> tuple[Any, Any] | None:
        """Keys of row and column under the cursor."""
        if self.cursor < len(self.rows) and self.column < len(self.columns):
            return self.rows[self.cursor], self.columns[self.column]
        return None

    def show(self, rows: Sequence[Any], columns: Sequence[Any]) -> None:
        """Shows these. The cursor stays on its row and column, or at its place where they have gone."""
        old = self.cell
        if list(rows) == self.rows and list(columns) == self.columns:
            self.refresh()
            return
        self.rows, self.columns = list(rows), list(columns)
        self._names = [self._name_column(key) for key in self.columns]
        self.cursor = _kept(self.rows, old and old[0], self.cursor)
        self.column = _kept(self.columns, old and old[1], self.column)
        self.lay_out()
        self.reveal()
        self.refresh()

    def lay_out(self) -> None:
        """Divides the width among the columns."""
        width, height = self.size.width, self.size.height
        if not width:
            return
        longest = max((cell_len(self._name_row(key).text) for key in self.rows[:200]), default=0)
        self._side = max(8, min(longest + 1, 40, width // 3))
        room = (width - self._side - 1) // max(1, len(self.columns))
        widest = max((max(map(cell_len, name)) for name in self._names), default=0)
        self._wide = min(_WIDEST, widest + 2, room) if room >= _FLAT else 2
        upright = max((cell_len(name) + cell_len(port) for name, port in self._names), default=0)
        self.head = 2 if self._is_flat else max(1, min(_VERTICAL, upright, height // 2))
        self.virtual_size = Size(self._side + len(self.columns) * self._wide, self.head + len(self.rows))

    @property
    def _is_flat(self) -> bool:
        return self._wide > 2

    @property
    def _across(self) -> range:
        """The columns on the screen."""
        left, room = -(-round(self.scroll_offset.x) // self._wide), self.scrollable_content_region.width - self._side
        return range(left, min(len(self.columns), left + max(1, room // self._wide)))

    def reveal(self) -> None:
        """Scrolls no further than it takes to show the cell under the cursor."""
        super().reveal()
        shown = self._across
        if self.column < shown.start:
            self.scroll_to(x=self.column * self._wide, animate=False, immediate=True)
        elif self.column >= shown.stop:
            self.scroll_to(x=(self.column - len(shown) + 1) * self._wide, animate=False, immediate=True)

    def redraw(self, before: int) -> None:
        """Draws the names of the columns and the two rows that the cursor moved between."""
        width = self.size.width
        self.refresh(Region(0, 0, width, self.head))
        for row in (before, self.cursor):
            self.refresh(Region(0, self.head + row - self.top, width, 1))

    def move_to(self, at: int, column: int | None = None, *, always: bool = False) -> None:
        """Puts the cursor on a cell; without `column` it stays in its own."""
        column = self.column if column is None else max(0, min(column, len(self.columns) - 1))
        is_other, self.column = column != self.column, column
        super().move_to(at, always=always or is_other)

    def action_move(self, by: int, across: int = 0) -> None:
        """Moves by some cells."""
        self.move_to(self.cursor + by, self.column + across)

    def action_page(self, pages: int, across: int = 0) -> None:
        """Moves by some screens."""
        self.move_to(self.cursor + pages * self.page, self.column + across * len(self._across))

    def action_end_across(self, last: bool) -> None:
        """Moves to the first or the last column."""
        self.move_to(self.cursor, len(self.columns) - 1 if last else 0)

    def on_click(self, event: Click) -> None:
        """A click on a cell or on a name moves there, a second one opens."""
        place = event.get_content_offset(self)
        if place is None:
            return
        row = self.cursor if place.y < self.head else self.top + place.y - self.head
        column = self.column if place.x < self._side else self._across.start + (place.x - self._side) // self._wide
        event.prevent_default()
        if row < len(self.rows) and column < len(self.columns):
            self.move_to(row, column)
            if event.chain > 1:
                self.action_open()

    def on_focus(self) -> None:
        """The cursor shows."""
        self.refresh()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """The hosts' names, then a row a pod."""
        width, shown = self.scrollable_content_region.width, self._across
        if y < self.head:
            return self._head_line(y, shown, width)
        place = self.top + y - self.head
        if place >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        return self._row_line(place, shown, width)

    def _head_line(self, y: int, shown: range, width: int) -> Strip:
        base = self.get_component_rich_style("grid--head")
        segments = [Segment(" " * self._side, base)]
        for at in shown:
            name, port = self._names[at]
            style = base + self._here if at == self.column else base
            if self._is_flat:
                segments.append(Segment(clipped((name, port)[y], self._wide - 1) + " ", style))
            else:
                text = _vertical(name, port, self.head)
                segments.append(Segment((text[y] if y < len(text) else " ") + " ", style))
        return Strip(segments).adjust_cell_length(width, base)

    @property
    def _here(self) -> Style:
        found = self.get_component_rich_style("grid--here")
        return Style(color=found.color, bold=True)

    def _row_line(self, place: int, shown: range, width: int) -> Strip:
        key, is_here = self.rows[place], place == self.cursor
        base = self.get_component_rich_style("grid--line") if is_here else self.rich_style
        name = self._name_row(key)
        side = base + (self.tone(name.tone) if not is_here else self._here)
        segments = [Segment(clipped(name.text, self._side - 1, ends_matter=True) + " ", side)]
        styles: dict[str, Style] = {}
        for at in shown:
            cell = self._make(key, self.columns[at])
            if is_here and at == self.column:
                style = self.get_component_rich_style("grid--cursor")
                segments += [Segment(cell.text, style), Segment(" " * (self._wide - 1), base)]
                continue
            if cell.tone not in styles:
                styles[cell.tone] = base + self.tone(cell.tone)
            segments.append(Segment(cell.text + " " * (self._wide - 1), styles[cell.tone]))
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base)


def _kept(keys: list[Any], key: Any, place: int) -> int:
    return keys.index(key) if key in keys else max(0, min(place, len(keys) - 1))


def _vertical(name: str, port: str, lines: int) -> str:
    """A name written vertically; where it is cut, its port stays."""
    if len(name) + len(port) <= lines or lines <= len(port) + 2:
        return name + port
    return name[: lines - len(port)] + port

"""A grid of signs with heads on two sides that stay while it is scrolled. Only what is on the screen is ever made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshdoctor.tui.bindings import GRID_KEYS
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.widgets.column_widths import clipped
from meshdoctor.tui.widgets.table import TONES

_WIDEST, _FLAT = 26, 9
"""Columns of a host where there is room; from `_FLAT` on its name lies flat above it, else it stands upright."""
_UPRIGHT = 14
"""Lines at most of a name that stands upright."""


class Grid(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows and columns by key. `make` gives the sign of a cell, `name_row` and `name_column` the heads."""

    DEFAULT_CSS = """
    Grid { height: 1fr; background: $background; scrollbar-size: 1 1; }
    Grid > .grid--head { color: $text-muted; background: $background; }
    Grid > .grid--here { color: $text-accent; text-style: bold; }
    Grid > .grid--line { background: $boost; }
    Grid > .grid--cursor { background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold reverse; }
    Grid > .grid--error { color: $text-error; text-style: bold; }
    Grid > .grid--warning { color: $text-warning; }
    Grid > .grid--info { color: $text-primary; }
    Grid > .grid--fine { color: $text-success; }
    Grid > .grid--unknown { color: $text-secondary; }
    Grid > .grid--faint { color: $text-muted; text-style: dim; }
    Grid > .grid--strong { text-style: bold; }
    """  # noqa: E501
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--head",
        "grid--here",
        "grid--line",
        "grid--cursor",
        *(f"grid--{tone}" for tone in TONES),
    }
    BINDINGS: ClassVar[list[BindingType]] = [*GRID_KEYS]

    class Moved(Message):
        """The cursor is on another cell."""

        def __init__(self, grid: Grid) -> None:
            self.grid = grid
            super().__init__()

        @property
        def control(self) -> Grid:
            """The grid."""
            return self.grid

    class Opened(Moved):
        """The user opens the cell under the cursor."""

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
        self.row = self.column = 0
        """Indexes of the cell under the cursor."""
        self._names: list[tuple[str, str]] = []
        self._head = self._side = self._wide = 1
        """Lines above, columns on the left, columns of a cell."""

    @property
    def cell(self) -> tuple[Any, Any] | None:
        """Keys of row and column under the cursor."""
        if self.row < len(self.rows) and self.column < len(self.columns):
            return self.rows[self.row], self.columns[self.column]
        return None

    def show(self, rows: Sequence[Any], columns: Sequence[Any]) -> None:
        """Shows these. The cursor stays on its row and column, or at its place where they have gone."""
        old = self.cell
        if list(rows) == self.rows and list(columns) == self.columns:
            self.refresh()
            return
        self.rows, self.columns = list(rows), list(columns)
        self._names = [self._name_column(key) for key in self.columns]
        self.row, self.column = (
            _kept(self.rows, old and old[0], self.row),
            _kept(self.columns, old and old[1], self.column),
        )
        self._lay_out()
        self._reveal()
        self.refresh()

    def _lay_out(self) -> None:
        width, height = self.size.width, self.size.height
        if not width:
            return
        longest = max((cell_len(self._name_row(key).text) for key in self.rows[:200]), default=0)
        self._side = max(8, min(longest + 1, 40, width // 3))
        room = (width - self._side - 1) // max(1, len(self.columns))
        widest = max((max(map(cell_len, name)) for name in self._names), default=0)
        self._wide = min(_WIDEST, widest + 2, room) if room >= _FLAT else 2
        upright = max((cell_len(name) + cell_len(port) for name, port in self._names), default=0)
        self._head = 2 if self._is_flat else max(1, min(_UPRIGHT, upright, height // 2))
        self.virtual_size = Size(self._side + len(self.columns) * self._wide, self._head + len(self.rows))

    @property
    def _is_flat(self) -> bool:
        return self._wide > 2

    @property
    def _window(self) -> tuple[int, int, int, int]:
        """First row and column in sight, and how many of each."""
        size = self.scrollable_content_region.size
        top, left = round(self.scroll_offset.y), round(self.scroll_offset.x)
        across = max(1, (size.width - self._side) // self._wide)
        return top, -(-left // self._wide), max(1, size.height - self._head), across

    def _reveal(self) -> None:
        top, left, high, across = self._window
        y, x = top, left
        if self.row < top:
            y = self.row
        elif self.row >= top + high:
            y = self.row - high + 1
        if self.column < left:
            x = self.column
        elif self.column >= left + across:
            x = self.column - across + 1
        if (y, x) != (top, left):
            self.scroll_to(x=x * self._wide, y=y, animate=False, immediate=True)

    def on_resize(self, event: Resize) -> None:
        """Columns share the new width."""
        self._lay_out()
        self._reveal()

    def move_to(self, row: int, column: int) -> None:
        """Puts the cursor on a cell, and tells so."""
        row, column = max(0, min(row, len(self.rows) - 1)), max(0, min(column, len(self.columns) - 1))
        if (row, column) == (self.row, self.column) or not (self.rows and self.columns):
            return
        before, self.row, self.column = self.row, row, column
        offset = self.scroll_offset
        self._reveal()
        if self.scroll_offset == offset:
            self._refresh_lines(before, row)
        self.post_message(self.Moved(self))

    def _refresh_lines(self, *rows: int) -> None:
        width, top = self.size.width, round(self.scroll_offset.y)
        self.refresh(Region(0, 0, width, self._head))
        for row in rows:
            self.refresh(Region(0, self._head + row - top, width, 1))

    def action_move(self, rows: int, columns: int) -> None:
        """Moves by some cells."""
        self.move_to(self.row + rows, self.column + columns)

    def action_page(self, down: int, right: int) -> None:
        """Moves by some screens."""
        _, _, high, across = self._window
        self.move_to(self.row + down * high, self.column + right * across)

    def action_end(self, row: int, column: int) -> None:
        """To the first (-1) or last (1) row or column."""
        ends = {-1: 0, 0: None, 1: max(len(self.rows), len(self.columns))}
        down, right = ends[row], ends[column]
        self.move_to(self.row if down is None else down, self.column if right is None else right)

    def action_open(self) -> None:
        """Opens the cell."""
        if self.cell is not None:
            self.post_message(self.Opened(self))

    def on_click(self, event: Click) -> None:
        """A click moves there, a second one opens."""
        place = event.get_content_offset(self)
        if place is None:
            return
        top, left, _, _ = self._window
        row = self.row if place.y < self._head else top + place.y - self._head
        column = self.column if place.x < self._side else left + (place.x - self._side) // self._wide
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
        width = self.scrollable_content_region.width
        top, left, _, across = self._window
        shown = range(left, min(len(self.columns), left + across))
        if y < self._head:
            return self._head_line(y, shown, width)
        place = top + y - self._head
        if place >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        return self._row_line(place, shown, width)

    def _head_line(self, y: int, shown: range, width: int) -> Strip:
        base, here = self.get_component_rich_style("grid--head"), self.get_component_rich_style("grid--here")
        segments = [Segment(" " * self._side, base)]
        for at in shown:
            name, port = self._names[at]
            style = base + Style(color=here.color, bold=True) if at == self.column else base
            if self._is_flat:
                segments.append(Segment(clipped((name, port)[y], self._wide - 1) + " ", style))
            else:
                text = _upright(name, port, self._head)
                segments.append(Segment((text[y] if y < len(text) else " ") + " ", style))
        return Strip(segments).adjust_cell_length(width, base)

    def _row_line(self, place: int, shown: range, width: int) -> Strip:
        key, is_here = self.rows[place], place == self.row
        base = self.get_component_rich_style("grid--line") if is_here else self.rich_style
        name = self._name_row(key)
        side = base + (self._tone(name.tone) if not is_here else self._tone("here"))
        segments = [Segment(clipped(name.text, self._side - 1, ends_matter=True) + " ", side)]
        styles: dict[str, Style] = {}
        for at in shown:
            cell = self._make(key, self.columns[at])
            if is_here and at == self.column:
                style = self.get_component_rich_style("grid--cursor")
                segments += [Segment(cell.text, style), Segment(" " * (self._wide - 1), base)]
                continue
            if cell.tone not in styles:
                styles[cell.tone] = base + self._tone(cell.tone)
            segments.append(Segment(cell.text + " " * (self._wide - 1), styles[cell.tone]))
        return Strip(Segment.simplify(segments)).adjust_cell_length(width, base)

    def _tone(self, tone: str) -> Style:
        if tone == "plain":
            return Style()
        found = self.get_component_rich_style(f"grid--{tone}")
        return Style(color=found.color, bold=found.bold, dim=found.dim)


def _kept(keys: list[Any], key: Any, place: int) -> int:
    return keys.index(key) if key in keys else max(0, min(place, len(keys) - 1))


def _upright(name: str, port: str, lines: int) -> str:
    """A name that stands upright; where it is cut its port stays."""
    if len(name) + len(port) <= lines or lines <= len(port) + 2:
        return name + port
    return name[: lines - len(port)] + port

"""A table of any number of rows, of which only those on the screen are ever made.

Textual's DataTable keeps and measures every cell: a thousand rows that change with a filter's keystroke take it half a
second. This one asks for the cells of a row when that row is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar, Self

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Blur, Focus
from textual.geometry import Region, Size
from textual.reactive import Reactive
from textual.strip import Strip

from meshdoctor.tui.bindings import TABLE_KEYS
from meshdoctor.tui.state.cells import Cell, TableColumn
from meshdoctor.tui.widgets.column_widths import clipped, fit, widths
from meshdoctor.tui.widgets.cursor_view import CursorView

Make = Callable[[Any], Sequence[Cell]]


class Table(CursorView):
    """Rows by key. `make` gives the cells of one row; if they are too few, the last one takes the rest.

    `narrow`: the columns, and what makes their cells, for a width that has no room for `columns`.
    """

    has_focus: Reactive[bool] = Reactive(False, repaint=False)
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--head",
        "table--row",
        "table--cursor",
        "table--here",
        "table--thumb",
    }
    BINDINGS: ClassVar[list[BindingType]] = [*TABLE_KEYS]

    head = 1

    def __init__(
        self,
        columns: Sequence[TableColumn],
        make: Make,
        *,
        narrow: tuple[Sequence[TableColumn], Make] | None = None,
        **kwargs: Any,
    ) -> None:
        self._is_focusing = False
        super().__init__(**kwargs)
        self._columns = tuple(columns)
        self._make = make
        self._narrow = narrow
        self.keys: list[Any] = []
        """Keys of the rows, in order."""
        self.has_moved = False
        """The user chose the row under the cursor by moving or marking; before that, it is just the first one."""

    @property
    def key(self) -> Any:
        """Key of the row under the cursor; None where there is no row."""
        return self.keys[self.cursor] if self.cursor < len(self.keys) else None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.keys)

    def show(self, keys: Sequence[Any], changed: Collection[Any] | None = None) -> None:
        """Shows these rows. The cursor stays on its row, or at its place where the row has gone.

        `changed`: the only rows whose cells changed; None: any may have.
        """
        old, before, self.keys = self.key, len(self.keys), list(keys)
        place = self.keys.index(old) if self.has_moved and old in self.keys else min(self.cursor, len(keys) - 1)
        self.cursor = max(0, place)
        self.lay_out()
        self.reveal()
        if changed is not None:
            self.refresh_rows(changed)
            return
        # Lines that were empty and stay empty need not be sent to a slow terminal.
        used = max(before, len(self.keys)) - self.top
        self.refresh(Region(0, 0, self.size.width, 1 + min(used, self.page)))

    def lay_out(self) -> None:
        """Tells Textual how many lines there are, without a new layout of the screen, which would send all of it.

        For the same reason the table draws its own scrollbar: Textual's causes a layout with each change of focus.
        """
        size = Size(self.size.width, len(self.keys) + 1)
        if size == self.virtual_size:
            return
        if (size.height > self.container_size.height) is not self.show_vertical_scrollbar:
            self.virtual_size = size
            return
        self.set_reactive(Table.virtual_size, size)
        if self.show_vertical_scrollbar:
            self.scroll_to(y=min(self.scroll_offset.y, self.max_scroll_y), animate=False, immediate=True)

    def widen(self, column: int, width: int) -> None:
        """Gives a column another width."""
        kept = list(self._columns)
        kept[column] = kept[column]._replace(width=width)
        self._columns = tuple(kept)

    def refresh_rows(self, keys: Collection[Any]) -> None:
        """Draws these rows, as far as they are on the screen."""
        for line, key in enumerate(self.keys[self.top : self.top + self.page], 1):
            if key in keys:
                self.refresh(Region(0, line, self.size.width, 1))

    def redraw(self, before: int) -> None:
        """Draws the two rows that the cursor moved between."""
        self.refresh_rows((self.keys[min(before, len(self.keys) - 1)], self.key))

    def move_to(self, at: int, *, always: bool = False) -> None:
        """The first move counts even where it stays on the first row."""
        is_first, self.has_moved = not self.has_moved, self.has_moved or bool(self.keys)
        super().move_to(at, always=always or is_first)

    def action_move(self, by: int) -> None:
        """Moves by some rows. The first step from a row nobody chose chooses it."""
        self.move_to(self.cursor + (by if self.has_moved or abs(by) > 1 else 0))

    def _on_focus(self, event: Focus) -> None:
        self._is_focusing = True
        super()._on_focus(event)
        self._is_focusing = False
        event.prevent_default()

    def _on_blur(self, event: Blur) -> None:
        self._is_focusing = True
        super()._on_blur(event)
        self._is_focusing = False
        event.prevent_default()

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Draws only the cursor's row where only the focus changed."""
        if self._is_focusing and not layout:
            regions = (Region(0, 1 + self.cursor - self.top, self.size.width, 1),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def render_line(self, y: int) -> Strip:
        """The column titles, then the rows. Where not all rows have room, the last column is a scrollbar."""
        whole = self.scrollable_content_region.width
        if len(self.keys) <= self.page:
            return self._line(y, whole)
        is_thumb = y - 1 in thumb(len(self.keys), self.page, self.top)
        end = self.get_component_rich_style("table--thumb") if is_thumb else self.get_component_rich_style("table--row")
        return Strip.join([self._line(y, whole - 1), Strip([Segment(" ", end)])])

    def _line(self, y: int, width: int) -> Strip:
        columns: Sequence[TableColumn] = self._columns
        make = self._make
        if self._narrow is not None and not fit(columns, width):
            columns, make = self._narrow
        shown = widths(columns, width)
        if y == 0:
            titles = [(Cell(columns[at].title), size, False) for at, size in shown.items()]
            return self._strip(titles, width, self.get_component_rich_style("table--head"))
        place = self.top + y - 1
        if place >= len(self.keys):
            return Strip.blank(width, self.get_component_rich_style("table--row"))
        made = make(self.keys[place])
        is_cursor = place == self.cursor and (self.has_focus or self.has_moved)
        kind = "row" if not is_cursor else "here" if self.has_focus else "cursor"
        base = self.get_component_rich_style(f"table--{kind}")
        if is_cursor and self.has_focus:
            made = [cell._replace(tone="plain") for cell in made]
        # Fewer cells than columns: the last one has what the columns from its own on would have.
        last = len(made) - 1 if len(made) < len(columns) else len(columns)
        pieces = [(made[at], size, columns[at].ends_matter) for at, size in shown.items() if at < last]
        room = width - sum(size + 1 for _, size, _ in pieces)
        if 0 <= last < len(columns) and room > 0:
            pieces.append((made[last], room, False))
        return self._strip(pieces, width, base)

    def _strip(self, pieces: Sequence[tuple[Cell, int, bool]], width: int, base: Style) -> Strip:
        segments = []
        for cell, size, ends_matter in pieces:
            style = base + self.tone(cell.tone)
            segments += [Segment(clipped(cell.text, size, ends_matter=ends_matter), style), Segment(" ", base)]
        # Runs of one style are joined, which saves two thirds over a slow line.
        return Strip(segments).adjust_cell_length(width, base).simplify()


def thumb(rows: int, page: int, top: int) -> range:
    """The lines of the scrollbar's thumb, for more rows than lines."""
    length = max(1, page * page // rows)
    start = (page - length) * top // (rows - page)
    return range(start, start + length)

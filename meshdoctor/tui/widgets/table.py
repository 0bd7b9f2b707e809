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
from textual.events import Blur, Click, Focus, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshdoctor.tui.bindings import TABLE_KEYS
from meshdoctor.tui.state.cells import Cell, TableColumn
from meshdoctor.tui.widgets.column_widths import clipped, fit, widths

Make = Callable[[Any], Sequence[Cell]]
TONES = ("error", "warning", "info", "fine", "unknown", "faint", "strong", "loud-warning", "loud-unknown")


class Table(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows by key. `make` gives the cells of one row; fewer cells than columns: the last one takes the rest.

    `narrow`: the columns, and what makes their cells, for where there is no room for all of `columns`.
    """

    has_focus: Reactive[bool] = Reactive(False, repaint=False)
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--head",
        "table--row",
        "table--cursor",
        "table--here",
        "table--thumb",
        *(f"table--{tone}" for tone in TONES),
    }
    BINDINGS: ClassVar[list[BindingType]] = [*TABLE_KEYS]

    class Moved(Message):
        """The user moved to another row."""

        def __init__(self, table: Table, key: Any) -> None:
            self.table = table
            self.key = key
            super().__init__()

        @property
        def control(self) -> Table:
            """The table."""
            return self.table

    class Opened(Moved):
        """The user opened a row."""

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
        self.cursor = 0
        """Index of the row under the cursor."""
        self.has_moved = False
        """The user went to the row under the cursor, or marked it; at first it is just the first one."""

    @property
    def key(self) -> Any:
        """Key of the row under the cursor; None where there is no row."""
        return self.keys[self.cursor] if self.cursor < len(self.keys) else None

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    def show(self, keys: Sequence[Any], changed: Collection[Any] | None = None) -> None:
        """Shows these rows. The cursor stays on its row, or at its place where that has gone.

        `changed`: rows whose cells are others now, where nothing else changed; None: any may have.
        """
        old, before, self.keys = self.key, len(self.keys), list(keys)
        place = self.keys.index(old) if self.has_moved and old in self.keys else min(self.cursor, len(keys) - 1)
        self.cursor = max(0, place)
        self._make_room()
        self._reveal()
        if changed is not None:
            self.refresh_rows(changed)
            return
        # Lines that were empty and still are need not be sent to a slow terminal.
        used = max(before, len(self.keys)) - round(self.scroll_offset.y)
        self.refresh(Region(0, 0, self.size.width, 1 + min(used, self._page)))

    def _make_room(self) -> None:
        """Tells Textual how many lines there are. The screen is not laid out anew for it, which would send all of it.

        For the same reason the thumb is drawn here: Textual's scrollbar has the screen laid out with each focus.
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
        """Draws these rows again, as far as they are on the screen."""
        top = round(self.scroll_offset.y)
        for line, key in enumerate(self.keys[top : top + self._page], 1):
            if key in keys:
                self.refresh(Region(0, line, self.size.width, 1))

    def move_to(self, place: int) -> None:
        """Puts the cursor on a row as the user does, and tells so."""
        if not self.keys:
            return
        place = max(0, min(place, len(self.keys) - 1))
        if place == self.cursor and self.has_moved:
            return
        before, self.cursor, self.has_moved = self.cursor, place, True
        self.refresh_rows((self.keys[min(before, len(self.keys) - 1)], self.key))
        self._reveal()
        self.post_message(self.Moved(self, self.key))

    def go_to(self, key: Any) -> None:
        """Puts the cursor on a row by its key, where it is there."""
        if key in self.keys:
            self.move_to(self.keys.index(key))

    def _reveal(self) -> None:
        top = round(self.scroll_offset.y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + self._page:
            self.scroll_to(y=self.cursor - self._page + 1, animate=False, immediate=True)

    def action_move(self, rows: int) -> None:
        """Moves by some rows. The first step from a row nobody chose chooses it."""
        self.move_to(self.cursor + (rows if self.has_moved or abs(rows) > 1 else 0))

    def action_page(self, pages: int) -> None:
        """Moves by some screens."""
        self.move_to(self.cursor + pages * self._page)

    def action_end(self, last: bool) -> None:
        """Moves to the first or the last row."""
        self.move_to(len(self.keys) if last else 0)

    def action_open(self) -> None:
        """Opens the row under the cursor."""
        if self.key is not None:
            self.post_message(self.Opened(self, self.key))

    def on_click(self, event: Click) -> None:
        """A click moves there, a second one opens."""
        line = event.get_content_offset(self)
        if line is None or line.y < 1:
            return
        place = round(self.scroll_offset.y) + line.y - 1
        if place < len(self.keys):
            self.move_to(place)
            if event.chain > 1:
                self.action_open()

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
        """As ever, but with the focus no more than the cursor's row changes."""
        if self._is_focusing and not layout:
            regions = (Region(0, 1 + self.cursor - round(self.scroll_offset.y), self.size.width, 1),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def on_resize(self, event: Resize) -> None:
        """The columns share the new width."""
        self._make_room()
        self._reveal()

    def render_line(self, y: int) -> Strip:
        """The column titles, which stay, then the rows. Where there are more than lines, the last column says
        whereabouts among them these are.
        """
        whole = self.scrollable_content_region.width
        if len(self.keys) <= self._page:
            return self._line(y, whole)
        is_thumb = y - 1 in thumb(len(self.keys), self._page, round(self.scroll_offset.y))
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
        place = round(self.scroll_offset.y) + y - 1
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
            style = base if cell.tone == "plain" else base + self._tone(cell.tone)
            segments += [Segment(clipped(cell.text, size, ends_matter=ends_matter), style), Segment(" ", base)]
        # One run of a style is sent as one: over a slow line that is a third.
        return Strip(segments).adjust_cell_length(width, base).simplify()

    def _tone(self, tone: str) -> Style:
        """The tone's colour and weight, on whatever ground the row has."""
        found = self.get_component_rich_style(f"table--{tone}")
        return Style(color=found.color, bold=found.bold, dim=found.dim, italic=found.italic)


def thumb(rows: int, page: int, top: int) -> range:
    """Lines of the page that stand for its rows, where the page stands for all: there are more rows than lines."""
    length = max(1, page * page // rows)
    start = (page - length) * top // (rows - page)
    return range(start, start + length)

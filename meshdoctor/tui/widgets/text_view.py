"""Lines of text in a part with a title: prose that is laid out for the width there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshdoctor.tui.bindings import TEXT_KEYS
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.text_lines import Line
from meshdoctor.tui.widgets.column_widths import clipped
from meshdoctor.tui.widgets.table import TONES

Make = Callable[[int], Sequence[Line]]
"""Lays the text out for so many columns."""


class TextView(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrolls lines; only those on the screen are drawn."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"text--cursor", "text--hit", *(f"text--{tone}" for tone in TONES)}
    BINDINGS: ClassVar[list[BindingType]] = [*TEXT_KEYS]

    def __init__(self, make: Make, *, title: str = "", part: str | None = None) -> None:
        super().__init__(id=part, classes="part")
        self._make = make
        self.lines: list[Line] = []
        self.border_title = title

    @property
    def room(self) -> int:
        """Columns of a line; one is left on either side."""
        return max(10, self.scrollable_content_region.width - 2)

    @property
    def page(self) -> int:
        """Lines on the screen."""
        return max(1, self.scrollable_content_region.height)

    @property
    def top(self) -> int:
        """Index of the first line on the screen."""
        return round(self.scroll_offset.y)

    def show(self) -> None:
        """Lays the text out anew."""
        if self.size.width:
            self.lines = list(self._make(self.room))
            self.virtual_size = Size(self.scrollable_content_region.width, len(self.lines))
        self.refresh()

    def on_resize(self, event: Resize) -> None:
        """The width is another."""
        self.show()

    def render_line(self, y: int) -> Strip:
        """One line."""
        width = self.scrollable_content_region.width
        at = self.top + y
        if at >= len(self.lines):
            return Strip.blank(width, self.rich_style)
        return self.strip(self.lines[at], self.rich_style)

    def strip(self, line: Line, base: Style, *, keep_tones: bool = True) -> Strip:
        """A line as the terminal gets it, cut where the width ends."""
        width = self.scrollable_content_region.width
        segments = [Segment(" ", base)]
        for cell in _cut(line, width - 2):
            style = base if cell.tone == "plain" or not keep_tones else base + self._tone(cell.tone)
            segments.append(Segment(cell.text, style))
        return Strip(segments).adjust_cell_length(width, base)

    def _tone(self, tone: str) -> Style:
        found = self.get_component_rich_style(f"text--{tone}")
        return Style(color=found.color, bold=found.bold, dim=found.dim, italic=found.italic)

    def action_move(self, lines: int) -> None:
        """Scrolls by some lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Scrolls by some screens."""
        self.scroll_to(y=self.scroll_offset.y + pages * self.page, animate=False)

    def action_end(self, last: bool) -> None:
        """Scrolls to the first or the last line."""
        self.scroll_to(y=len(self.lines) if last else 0, animate=False)


def _cut(line: Line, width: int) -> Line:
    cells: list[Cell] = []
    for cell in line:
        size = cell_len(cell.text)
        if size > width:
            return (*cells, cell._replace(text=clipped(cell.text, max(0, width))))
        cells.append(cell)
        width -= size
    return tuple(cells)

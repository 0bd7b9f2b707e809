"""Prose in a panel, laid out for the width there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.strip import Strip

from meshdoctor.tui.bindings import TEXT_KEYS
from meshdoctor.tui.state.text_lines import Line
from meshdoctor.tui.widgets.line_view import LineView

LayOut = Callable[[int], Sequence[Line]]
"""Lays the text out for so many columns."""


class TextView(LineView):
    """Lines that scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [*TEXT_KEYS]

    def __init__(self, make: LayOut, *, title: str = "", panel: str | None = None) -> None:
        super().__init__(id=panel, classes="panel")
        self._make = make
        self.lines: list[Line] = []
        self.border_title = title

    def show(self) -> None:
        """Lays the text out again."""
        if self.size.width:
            self.lines = list(self._make(self.room))
            self.virtual_size = Size(self.scrollable_content_region.width, len(self.lines))
        self.refresh()

    def on_resize(self, event: Resize) -> None:
        """The text gets the new width."""
        self.show()

    def render_line(self, y: int) -> Strip:
        """One line."""
        at = self.top + y
        return self.strip(self.lines[at] if at < len(self.lines) else (), self.rich_style)

    def action_move(self, by: int) -> None:
        """Scrolls by some lines."""
        self.scroll_to(y=self.scroll_offset.y + by, animate=False)

    def action_page(self, pages: int) -> None:
        """Scrolls by some screens."""
        self.scroll_to(y=self.scroll_offset.y + pages * self.page, animate=False)

    def action_end(self, last: bool) -> None:
        """Scrolls to the first or the last line."""
        self.scroll_to(y=len(self.lines) if last else 0, animate=False)

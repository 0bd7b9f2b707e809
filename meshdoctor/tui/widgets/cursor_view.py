"""A list with a cursor: how it moves, stays on the screen, is clicked and opens what is under it."""

from __future__ import annotations

from textual.events import Click, Resize
from textual.message import Message

from meshdoctor.tui.widgets.line_view import LineView


class CursorMoved(Message):
    """The user moved the cursor of `view`."""

    def __init__(self, view: CursorView) -> None:
        self.view = view
        super().__init__()

    @property
    def control(self) -> CursorView:
        """The view, for the selectors of `@on`."""
        return self.view


class CursorOpened(CursorMoved):
    """The user opened what is under the cursor: enter, or a second click."""


class CursorView(LineView):
    """Items, each of one line or more, with a cursor on one of them."""

    cursor = 0
    """Index of the item under the cursor."""

    @property
    def count(self) -> int:
        """How many items there are."""
        raise NotImplementedError

    def lines_of(self, at: int) -> range:
        """The lines of an item."""
        return range(at, at + 1)

    def item_at(self, line: int) -> int | None:
        """The item that a line belongs to."""
        return line if line < self.count else None

    def lay_out(self) -> None:
        """Adapts the lines to the width."""

    def redraw(self, before: int) -> None:
        """Draws what the cursor left and what it is on now."""
        self.refresh()

    def move_to(self, at: int, *, always: bool = False) -> None:
        """Puts the cursor on an item and posts `CursorMoved`; `always`: also where it is there already."""
        at = max(0, min(at, self.count - 1))
        if not self.count or (at == self.cursor and not always):
            return
        before, self.cursor = self.cursor, at
        self.redraw(before)
        self.reveal()
        self.post_message(CursorMoved(self))

    def reveal(self) -> None:
        """Scrolls no further than it takes to show the item under the cursor."""
        lines = self.lines_of(self.cursor)
        if not lines or not self.scrollable_content_region.height:
            return
        if lines.start < self.top:
            self.scroll_to(y=lines.start, animate=False, immediate=True)
        elif lines.stop > self.top + self.page:
            self.scroll_to(y=min(lines.start, lines.stop - self.page), animate=False, immediate=True)

    def action_move(self, by: int) -> None:
        """Moves by some items."""
        self.move_to(self.cursor + by)

    def action_page(self, pages: int) -> None:
        """Moves by some screens."""
        self.move_to(self.cursor + pages * self.page)

    def action_end(self, last: bool) -> None:
        """Moves to the first or the last item."""
        self.move_to(self.count - 1 if last else 0)

    def action_open(self) -> None:
        """Opens the item under the cursor."""
        if self.count:
            self.post_message(CursorOpened(self))

    def on_click(self, event: Click) -> None:
        """A click moves there, a second one opens."""
        place = event.get_content_offset(self)
        at = None if place is None or place.y < self.head else self.item_at(self.top + place.y - self.head)
        if at is not None:
            self.move_to(at)
            if event.chain > 1:
                self.action_open()

    def on_resize(self, event: Resize) -> None:
        """The lines get the new width."""
        self.lay_out()
        self.reveal()

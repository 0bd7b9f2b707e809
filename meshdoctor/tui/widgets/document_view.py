"""A document with a cursor: rows that fold, and a line at its foot in which a search is typed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Click, Paste, Resize
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Input

from meshdoctor.tui.bindings import DOCUMENT_KEYS, SEARCH_KEYS
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.folding import Folding, Row
from meshdoctor.tui.state.text_lines import Line
from meshdoctor.tui.widgets.column_widths import clipped
from meshdoctor.tui.widgets.text_view import TextView

_STEP = 20
"""Columns that a long row is moved by."""
_LONGEST = 200
"""Characters of a search."""


class RowsView(TextView):
    """The rows in sight, one of them under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*DOCUMENT_KEYS]

    class SearchWanted(Message):
        """The user wants to type a search."""

    def __init__(self, *, title: str = "", ascii_only: bool = False) -> None:
        super().__init__(lambda width: (), title=title)
        self._title = title
        self._ascii = ascii_only
        self.folding = Folding()
        self.cursor = 0
        """Index of the row under the cursor."""
        self._seen: list[int] = []
        self._shift = 0
        """Columns that stand left of the screen."""

    def put(self, folding: Folding) -> None:
        """Shows another document, the deciding row in sight."""
        self.folding = folding
        self.cursor = folding.first_marked
        self._unfold()
        self.call_after_refresh(self._reveal, middle=True)

    def _unfold(self) -> None:
        self._seen = self.folding.visible()
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._seen))
        self.border_title = self._titled()
        self.refresh()

    def show(self) -> None:
        """Draws the rows anew."""
        self._unfold()

    def _titled(self) -> str:
        folding = self.folding
        if not folding.sought:
            return self._title
        at = folding.hits.index(self.cursor) + 1 if self.cursor in folding.hits else 0
        found = f"{at}/{len(folding.hits)}" if folding.hits else "not found"
        return f"{self._title} /{folding.sought[:20]} {found}"

    def _reveal(self, *, middle: bool = False) -> None:
        place = self._place()
        if middle and len(self._seen) > self.page:
            self.scroll_to(y=max(0, place - self.page // 2), animate=False, immediate=True)
        elif place < self.top:
            self.scroll_to(y=place, animate=False, immediate=True)
        elif place >= self.top + self.page:
            self.scroll_to(y=place - self.page + 1, animate=False, immediate=True)

    def _place(self) -> int:
        return self._seen.index(self.cursor) if self.cursor in self._seen else 0

    def move_to(self, place: int) -> None:
        """Puts the cursor on a visible row."""
        if self._seen:
            self.cursor = self._seen[max(0, min(place, len(self._seen) - 1))]
            self._reveal()
            self.refresh()

    def on_resize(self, event: Resize) -> None:
        """The cursor stays in sight."""
        self._unfold()
        self._reveal()

    def render_line(self, y: int) -> Strip:
        """One row."""
        at = self.top + y
        if at >= len(self._seen):
            return Strip.blank(self.scrollable_content_region.width, self.rich_style)
        number = self._seen[at]
        is_cursor = number == self.cursor and self.has_focus
        if is_cursor:
            base = self.get_component_rich_style("text--cursor")
        elif number in self.folding.hits:
            base = self.get_component_rich_style("text--hit")
        else:
            base = self.rich_style
        return self.strip(self._cells(number), base, keep_tones=not is_cursor)

    def _cells(self, number: int) -> Line:
        row = self.folding.rows[number]
        closed, opened, mark = (">", "v", "<") if self._ascii else ("▸", "▾", "◂")
        is_folded = number in self.folding.folded
        fold = "" if row.is_head else f"{closed if is_folded else opened} " if self.folding.can_fold(number) else "  "
        text = (row.text + (row.tail if is_folded else ""))[self._shift :]
        if row.is_marked:
            return (Cell(clipped(fold + text, self.room - 2).rstrip(), "error"), Cell(f" {mark}", "error"))
        if row.is_head:
            return (Cell(text, "strong" if row.depth == 0 else "faint"),)
        return (Cell(fold, "faint"), *_coloured(row, text))

    def action_move(self, lines: int) -> None:
        """Moves the cursor by some rows."""
        self.move_to(self._place() + lines)

    def action_page(self, pages: int) -> None:
        """Moves the cursor by some screens."""
        self.move_to(self._place() + pages * self.page)

    def action_end(self, last: bool) -> None:
        """Moves the cursor to the first or the last row."""
        self.move_to(len(self._seen) if last else 0)

    def action_shift(self, by: int) -> None:
        """Shows what stands further right, or left, of long rows."""
        longest = max((len(self.folding.rows[at].text) for at in self._seen), default=0)
        self._shift = max(0, min(self._shift + by, max(0, longest - _STEP)))
        self.refresh()

    def action_fold(self) -> None:
        """Folds the row under the cursor, or the one that it stands in."""
        at = self.cursor
        if self.folding.rows and not self.folding.toggle(at):
            above = self.folding.above(at)
            if above and not self.folding.rows[above[0]].is_head:
                self.folding.toggle(above[0])
                self.cursor = above[0]
        self._unfold()
        self._reveal()

    def action_fold_all(self) -> None:
        """Folds everything, or unfolds it."""
        self.folding.fold_all()
        self._unfold()
        if self.cursor not in self._seen:
            above = [at for at in self.folding.above(self.cursor) if at in self._seen]
            self.cursor = above[0] if above else 0
        self._reveal()

    def action_search(self) -> None:
        """Asks for a search to be typed."""
        self.post_message(self.SearchWanted())

    def search(self, text: str) -> None:
        """Goes to the first row with a text, from the cursor on."""
        self.folding.search(text)
        if self.cursor not in self.folding.hits:
            self._to_hit(1)
        self._unfold()

    def action_hit(self, by: int) -> None:
        """Goes to the next row with what is sought, or to the one before."""
        self._to_hit(by)

    def _to_hit(self, by: int) -> None:
        at = self.folding.next_hit(self.cursor, by)
        if at is not None:
            self.cursor = at
            self._unfold()
            self._reveal()

    def on_click(self, event: Click) -> None:
        """A click moves there, a second one folds."""
        at = event.get_content_offset(self)
        if at is not None and self.top + at.y < len(self._seen):
            self.move_to(self.top + at.y)
            if event.chain > 1:
                self.action_fold()


class SearchLine(Input):
    """Tells each change as it is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [*SEARCH_KEYS]

    class Typed(Message):
        """The search is another."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    class Left(Message):
        """The user is done typing; `keep` says whether the search stays."""

        def __init__(self, keep: bool) -> None:
            self.keep = keep
            super().__init__()

    def __init__(self, text: str = "") -> None:
        super().__init__(text, classes="search", max_length=_LONGEST, select_on_focus=False, compact=True)
        self.placeholder = "search; enter keeps it, n and N go from hit to hit"

    def on_input_changed(self, message: Input.Changed) -> None:
        """Tells the new text."""
        message.stop()
        self.post_message(self.Typed(message.value))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Enter keeps the search."""
        message.stop()
        self.post_message(self.Left(keep=True))

    def action_leave(self) -> None:
        """Escape takes the search back."""
        self.post_message(self.Left(keep=False))

    def _on_paste(self, event: Paste) -> None:
        """Takes the first line of what was pasted, as far as there is room."""
        pasted = event.text[: 2 * _LONGEST].strip().partition("\n")[0]
        self.insert_text_at_cursor(pasted[: _LONGEST - len(self.value)])
        event.prevent_default()
        event.stop()


class DocumentView(Vertical):
    """The rows and their search."""

    def __init__(self, *, title: str = "", part: str | None = None, ascii_only: bool = False) -> None:
        super().__init__(id=part)
        self.rows = RowsView(title=title, ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        """The rows; the search comes when it is asked for."""
        yield self.rows

    @on(RowsView.SearchWanted)
    def _search_wanted(self, message: RowsView.SearchWanted) -> None:
        message.stop()
        if not self.query(SearchLine):
            line = SearchLine(self.rows.folding.sought)
            self.mount(line)
            line.focus()

    @on(SearchLine.Typed)
    def _typed(self, message: SearchLine.Typed) -> None:
        message.stop()
        self.rows.search(message.text)

    @on(SearchLine.Left)
    def _left(self, message: SearchLine.Left) -> None:
        message.stop()
        if not message.keep:
            self.rows.search("")
        self.query(SearchLine).remove()
        self.rows.focus()


def _coloured(row: Row, text: str) -> Line:
    """A row with its key told from its value."""
    blanks = len(text) - len(text.lstrip(" "))
    key, colon, rest = text.partition(": ")
    if not colon and text.endswith(":"):
        key, colon, rest = text, "", ""
    is_key = (bool(colon) or not rest) and (colon or text.endswith(":")) and " " not in key[blanks:].removeprefix("- ")
    if not is_key or row.is_head:
        return (Cell(text),)
    return (Cell(key + colon, "info"), Cell(rest))

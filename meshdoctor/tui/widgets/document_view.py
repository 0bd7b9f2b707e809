"""A document with a cursor: rows that fold, and a line at its foot in which a search is typed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from meshdoctor.tui.bindings import DOCUMENT_KEYS, SEARCH_KEYS, TEXT_KEYS
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.folding import Folding, Row
from meshdoctor.tui.state.text_lines import Line
from meshdoctor.tui.widgets.column_widths import clipped
from meshdoctor.tui.widgets.cursor_view import CursorView
from meshdoctor.tui.widgets.typed_line import LineLeft, LineTyped, TypedLine

_LONGEST = 200
"""Characters of a search."""
_STEP = 20
"""Columns that a long row is moved by."""


class RowsView(CursorView):
    """The rows that no fold hides, one of them under the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"text--cursor", "text--hit"}
    BINDINGS: ClassVar[list[BindingType]] = [*TEXT_KEYS, *DOCUMENT_KEYS]

    class SearchOpened(Message):
        """The user wants to type a search."""

    def __init__(self, *, title: str = "", ascii_only: bool = False) -> None:
        super().__init__(classes="panel")
        self.border_title = self._title = title
        self._ascii = ascii_only
        self.folding = Folding()
        self._visible: list[int] = []
        """Numbers of the rows that no fold hides."""
        self._shift = 0
        """Columns that are left of the screen."""

    @property
    def count(self) -> int:
        """How many rows no fold hides."""
        return len(self._visible)

    @property
    def row(self) -> int:
        """Number of the row under the cursor, folded ones counted."""
        return self._visible[self.cursor] if self._visible else 0

    def put(self, folding: Folding) -> None:
        """Shows another document, the deciding row on the screen."""
        self.folding = folding
        self._show_at(folding.first_marked)
        self.call_after_refresh(self._centre)

    def _show_at(self, row: int) -> None:
        """Shows the rows that no fold hides, the cursor on this one, or on the one that hides it."""
        self._visible = self.folding.visible()
        above = self.folding.above(row) if self.folding.rows else []
        self.cursor = next((self._visible.index(at) for at in (row, *above) if at in self._visible), 0)
        self.lay_out()
        self.refresh()

    def lay_out(self) -> None:
        """As many lines as rows."""
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._visible))
        self.border_title = self._title
        if self.folding.searched:
            hits = self.folding.hits
            at = hits.index(self.row) + 1 if self.row in hits else 0
            found = f"{at}/{len(hits)}" if hits else "not found"
            self.border_title = f"{self._title} /{self.folding.searched[:20]} {found}"

    def _centre(self) -> None:
        if len(self._visible) > self.page:
            self.scroll_to(y=max(0, self.cursor - self.page // 2), animate=False, immediate=True)
        else:
            self.reveal()

    def render_line(self, y: int) -> Strip:
        """One row."""
        at = self.top + y
        if at >= len(self._visible):
            return Strip.blank(self.scrollable_content_region.width, self.rich_style)
        number = self._visible[at]
        is_cursor = at == self.cursor and self.has_focus
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

    def action_shift(self, by: int) -> None:
        """Scrolls long rows to the right, or to the left."""
        longest = max((len(self.folding.rows[at].text) for at in self._visible), default=0)
        self._shift = max(0, min(self._shift + by, max(0, longest - _STEP)))
        self.refresh()

    def action_open(self) -> None:
        """Folds the row under the cursor, or the one that it belongs to."""
        row = self.row
        if self.folding.rows and not self.folding.toggle(row):
            above = self.folding.above(row)
            if above and not self.folding.rows[above[0]].is_head:
                self.folding.toggle(above[0])
        self._show_at(row)
        self.reveal()

    def action_fold_all(self) -> None:
        """Folds everything, or unfolds it."""
        row = self.row
        self.folding.fold_all()
        self._show_at(row)
        self.reveal()

    def action_search(self) -> None:
        """Opens the line for a search."""
        self.post_message(self.SearchOpened())

    def search(self, text: str) -> None:
        """Goes to the first row with a text, from the cursor on."""
        self.folding.search(text)
        if self.row in self.folding.hits:
            self._show_at(self.row)
        else:
            self.action_hit(1)

    def action_hit(self, by: int) -> None:
        """Goes to the next row that matches the search, or to the one before."""
        at = self.folding.next_hit(self.row, by)
        self._show_at(self.row if at is None else at)
        self.reveal()


class SearchLine(TypedLine):
    """Where a search is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [*SEARCH_KEYS]


class DocumentView(Vertical):
    """The rows and their search."""

    def __init__(self, *, title: str = "", panel: str | None = None, ascii_only: bool = False) -> None:
        super().__init__(id=panel)
        self.rows = RowsView(title=title, ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        """The rows; the search comes when it is asked for."""
        yield self.rows

    @on(RowsView.SearchOpened)
    def _search_opened(self, message: RowsView.SearchOpened) -> None:
        message.stop()
        if not self.query(SearchLine):
            hint = "search; enter keeps it, n and N go from match to match"
            line = SearchLine(self.rows.folding.searched, longest=_LONGEST, placeholder=hint, classes="search")
            self.mount(line)
            line.focus()

    @on(LineTyped)
    def _typed(self, message: LineTyped) -> None:
        message.stop()
        self.rows.search(message.text)

    @on(LineLeft)
    def _left(self, message: LineLeft) -> None:
        message.stop()
        if not message.keep:
            self.rows.search("")
        self.query(SearchLine).remove()
        self.rows.focus()


def _coloured(row: Row, text: str) -> Line:
    """A row with its key in another colour than its value."""
    blanks = len(text) - len(text.lstrip(" "))
    key, colon, rest = text.partition(": ")
    if not colon and text.endswith(":"):
        key, colon, rest = text, "", ""
    is_key = (bool(colon) or not rest) and (colon or text.endswith(":")) and " " not in key[blanks:].removeprefix("- ")
    if not is_key or row.is_head:
        return (Cell(text),)
    return (Cell(key + colon, "info"), Cell(rest))

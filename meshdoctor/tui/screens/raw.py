"""A document, or the part of it that is asked for, as it was read: with search, and without secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Input, Static

from meshdoctor.errors import NothingToJudge
from meshdoctor.semantics.text import printable
from meshdoctor.sitting.excerpt import Excerpt
from meshdoctor.tui.bindings import RAW_KEYS
from meshdoctor.tui.latest import Latest
from meshdoctor.tui.session import Session
from meshdoctor.tui.widgets.field import Field
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.lines_view import LinesView

if TYPE_CHECKING:
    from meshdoctor.doctor import Case

Read = Callable[["Case"], Excerpt]


class RawScreen(Screen[None]):
    """Read in a thread; a 33 MB dump is only taken apart where it is looked at."""

    DEFAULT_CSS = """
    RawScreen #search { display: none; height: 1; background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*RAW_KEYS]
    AUTO_FOCUS = "LinesView"

    def __init__(self, session: Session, name: str, read: Read) -> None:
        super().__init__()
        self.session = session
        self._document = name
        self._read = read
        self._said = "reading ..."
        self._view = LinesView(ascii_only=session.looks.ascii_only, numbers=True)
        self._search = Field(id="search", placeholder="search")
        self._asker = Latest[Read, Excerpt](self, self._work, self._told)

    def compose(self) -> ComposeResult:
        """A title, the lines, the search, the keys."""
        yield Static("", id="title", markup=False)
        yield self._view
        yield self._search
        yield KeyLine()

    def on_mount(self) -> None:
        """Reads."""
        self._show_title()
        self._asker.ask(self._read)

    def _work(self, read: Read) -> Excerpt:
        """In the thread."""
        if self.session.sitting is None:
            raise NothingToJudge("nothing has been read yet")
        return self.session.sitting.in_peace(read)

    def _told(self, read: Read, found: Excerpt | None, problem: str) -> None:
        """The lines are there."""
        if found is None:
            self._said = problem
            self._view.show(())
        else:
            left = f", {found.left_out} further lines left out" if found.left_out else ""
            self._document = found.document
            self._said = f"{found.path}  {len(found.lines)} lines{left}"
            self._view.show(found.lines, found.marked)
        self._show_title()

    def _show_title(self, more: str = "") -> None:
        self.query_one("#title", Static).update(f" {printable(self._document)}  {printable(self._said)}  {more}")

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        self._view.find(message.value)
        self._go(1)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self._search.display = False
        self._view.focus()

    def _go(self, by: int) -> None:
        at, count = self._view.to_found(by), len(self._view.found)
        text = printable(self._search.value)
        if text:
            self._show_title(f"/{text}  {at + 1} of {count}" if at is not None else f"/{text}  nowhere")
        else:
            self._show_title()

    def action_search(self) -> None:
        """Opens the line for the text."""
        self._search.display = True
        self._search.focus()

    def action_found(self, by: int) -> None:
        """To the next line found, or the one before."""
        self._go(by)

    def action_decided(self) -> None:
        """To the deciding line."""
        if self._view.marked is None:
            self.notify("no line decides here", markup=False)
        else:
            self._view.to_line(self._view.marked, animate_from_here=False)

    def action_back(self) -> None:
        """Leaves the search; without one, the document."""
        if self._search.display:
            self._search.display = False
            self._search.value = ""
            self._view.focus()
        else:
            self.dismiss()

"""The last line of a screen with filters: the keys, and in their place the filter while one is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.reactive import Reactive
from textual.widgets import Static

from meshdoctor.tui.bindings import FILTER_KEYS
from meshdoctor.tui.state.row_filter import LONGEST
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.typed_line import TypedLine


class FilterLine(TypedLine):
    """Where a filter is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [*FILTER_KEYS]
    value: Reactive[str] = Reactive("", init=False)
    """Textual's lays the screen out again with each letter; this line is as wide as the screen whatever is in it."""


class Footer(Container):
    """One line high whatever is in it: nothing else on the screen is laid out, or sent to a slow terminal, for it."""

    def compose(self) -> ComposeResult:
        """The keys."""
        yield KeyLine()

    def open(self, text: str) -> None:
        """Opens the line for a filter above the keys, unless it is open."""
        if not self.query(FilterLine):
            hint = "text   !text without it   -l app=web labels"
            line = FilterLine(text, longest=LONGEST, placeholder=hint, id="filter")
            self.mount(Horizontal(Static("/", markup=False), line, id="typing"))
            self.screen.set_focus(line)

    def close(self) -> None:
        """Shows the keys again."""
        self.query("#typing").remove()

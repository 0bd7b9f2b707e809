"""The last line of a screen with filters: the keys, and in their place the filter while one is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.events import Paste
from textual.reactive import Reactive
from textual.widgets import Input, Static

from meshdoctor.tui.bindings import FILTER_KEYS
from meshdoctor.tui.messages import FilterLeft, FilterTyped
from meshdoctor.tui.state.row_filter import LONGEST
from meshdoctor.tui.widgets.key_line import KeyLine


class FilterLine(Input):
    """Tells every change as it is typed. A paste of any size counts as far as a filter reaches."""

    BINDINGS: ClassVar[list[BindingType]] = [*FILTER_KEYS]
    value: Reactive[str] = Reactive("", init=False)
    """Textual's lays the screen out anew with each letter; this line is as wide as the screen whatever is in it."""

    def __init__(self, text: str) -> None:
        super().__init__(text, id="filter", max_length=LONGEST, select_on_focus=False, compact=True)
        self.placeholder = "text   !text without it   -l app=web labels"

    def on_input_changed(self, message: Input.Changed) -> None:
        """Tells the new text."""
        message.stop()
        self.post_message(FilterTyped(message.value))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Enter keeps the filter."""
        message.stop()
        self.post_message(FilterLeft(keep=True))

    def action_leave(self) -> None:
        """Escape takes the filter back."""
        self.post_message(FilterLeft(keep=False))

    def _on_paste(self, event: Paste) -> None:
        """Takes the first line of what was pasted, as far as there is room."""
        line = event.text[: 2 * LONGEST].strip().partition("\n")[0]
        self.insert_text_at_cursor(line[: LONGEST - len(self.value)])
        event.prevent_default()
        event.stop()


class Foot(Container):
    """One line high whatever is in it: nothing else on the screen is laid out, or sent to a slow terminal, for it."""

    def compose(self) -> ComposeResult:
        """The keys."""
        yield KeyLine()

    def open(self, text: str) -> None:
        """Has a filter typed, above the keys; goes on with the one that is being typed."""
        if not self.query(FilterLine):
            line = FilterLine(text)
            self.mount(Horizontal(Static("/", markup=False), line, id="typing"))
            self.screen.set_focus(line)

    def close(self) -> None:
        """Shows the keys again."""
        self.query("#typing").remove()

"""Lines to type into: a paste of any size is cut to one line, and a search or filter posts each change."""

from __future__ import annotations

from typing import Any

from textual.events import Paste
from textual.message import Message
from textual.widgets import Input

from meshdoctor.text.printable import printable


class LineTyped(Message):
    """The text of a search or filter has changed."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__()


class LineLeft(Message):
    """The user is done typing; `keep` says whether the text stays in force."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        super().__init__()


class LineInput(Input):
    """A field one line high, of at most `longest` characters."""

    def __init__(self, text: str = "", *, longest: int, **kwargs: Any) -> None:
        super().__init__(text, max_length=longest, select_on_focus=False, compact=True, **kwargs)
        self._longest = longest

    def _on_paste(self, event: Paste) -> None:
        """Takes the first line of what was pasted, as far as there is room."""
        line = event.text[: 2 * self._longest].strip().partition("\n")[0]
        self.insert_text_at_cursor(printable(line)[: self._longest - len(self.value)])
        event.prevent_default()
        event.stop()


class TypedLine(LineInput):
    """A search or a filter. Enter keeps it, escape clears it."""

    def on_input_changed(self, message: Input.Changed) -> None:
        """Posts the new text."""
        message.stop()
        self.post_message(LineTyped(message.value))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Enter keeps the text."""
        message.stop()
        self.post_message(LineLeft(keep=True))

    def action_leave(self) -> None:
        """Escape clears it."""
        self.post_message(LineLeft(keep=False))

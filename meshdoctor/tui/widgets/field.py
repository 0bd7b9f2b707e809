"""A line to type into, with the names that match below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.events import Blur, Focus
from textual.message import Message
from textual.widgets import Input

from meshdoctor.text.printable import printable
from meshdoctor.tui.bindings import COMPLETION_KEYS
from meshdoctor.tui.state.cells import Cell, TableColumn
from meshdoctor.tui.widgets.table import Table
from meshdoctor.tui.widgets.typed_line import LineInput

LONGEST = 2000
"""Characters a field takes."""


class FieldEntered(Message):
    """A field has the focus now."""

    def __init__(self, field: Field) -> None:
        self.field = field
        super().__init__()


class FieldLeft(Message):
    """A field has lost the focus."""


class CompletionMoved(Message):
    """The user moves among the names below a field."""

    def __init__(self, by: int) -> None:
        self.by = by
        super().__init__()


class Field(LineInput):
    """Says when it is entered and left, and passes on the keys that move among the names below."""

    BINDINGS: ClassVar[list[BindingType]] = [*COMPLETION_KEYS]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=LONGEST, **kwargs)

    def _on_focus(self, event: Focus) -> None:
        super()._on_focus(event)
        self.post_message(FieldEntered(self))

    def _on_blur(self, event: Blur) -> None:
        super()._on_blur(event)
        self.post_message(FieldLeft())

    def action_complete(self, by: int) -> None:
        """To another name."""
        self.post_message(CompletionMoved(by))

    def put(self, text: str) -> None:
        """Replaces the text without saying that it has changed."""
        with self.prevent(Input.Changed):
            self.value = text
            self.cursor_position = len(text)


class Completions(Table, can_focus=False):
    """The names that match what was typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__((TableColumn("", 20, 1),), lambda name: (Cell(f"  {printable(name)}"),), **kwargs)

    def offer(self, names: Sequence[str]) -> None:
        """Shows these."""
        self.cursor, self.has_moved = 0, False
        self.show(names)

"""A line to type into, with the names that fit below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.events import Blur, Focus, Paste
from textual.message import Message
from textual.widgets import Input

from meshdoctor.text.printable import printable
from meshdoctor.tui.bindings import COMPLETION_KEYS
from meshdoctor.tui.state.cells import Cell, TableColumn
from meshdoctor.tui.widgets.table import Table

LONGEST = 2000
"""Characters a field takes; a paste may be of any size."""


class Field(Input):
    """Tells when it is entered and left, and passes on the keys that move among the names below."""

    BINDINGS: ClassVar[list[BindingType]] = [*COMPLETION_KEYS]

    class Told(Message):
        """Something happened to the field."""

        def __init__(self, field: Field) -> None:
            self.field = field
            super().__init__()

    class Entered(Told):
        """It has the focus now."""

    class Left(Told):
        """It has lost it."""

    class Moved(Told):
        """The user moves among the names."""

        def __init__(self, field: Field, by: int) -> None:
            self.by = by
            super().__init__(field)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(compact=True, select_on_focus=False, max_length=LONGEST, **kwargs)

    def _on_focus(self, event: Focus) -> None:
        super()._on_focus(event)
        self.post_message(self.Entered(self))

    def _on_blur(self, event: Blur) -> None:
        super()._on_blur(event)
        self.post_message(self.Left(self))

    def action_offer(self, by: int) -> None:
        """To another name."""
        self.post_message(self.Moved(self, by))

    def put(self, text: str) -> None:
        """Puts a text in place of what was typed, without telling that it has changed."""
        with self.prevent(Input.Changed):
            self.value = text
            self.cursor_position = len(text)

    def _on_paste(self, event: Paste) -> None:
        """Takes the first line of what was pasted."""
        line = event.text[: 2 * LONGEST].strip().partition("\n")[0]
        self.insert_text_at_cursor(printable(line)[: LONGEST - len(self.value)])
        event.prevent_default()
        event.stop()


class Offers(Table, can_focus=False):
    """The names that fit what was typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__((TableColumn("", 20, 1),), lambda name: (Cell(f"  {printable(name)}"),), **kwargs)

    def offer(self, names: Sequence[str]) -> None:
        """Shows these."""
        self.cursor, self.has_moved = 0, False
        self.show(names)

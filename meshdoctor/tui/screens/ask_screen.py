"""Dialogs: a yes-or-no question, and the name of a folder."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from meshdoctor.tui.bindings import DETAIL_KEYS, QUESTION_KEYS
from meshdoctor.tui.widgets.key_line import KeyLine
from meshdoctor.tui.widgets.text_view import LayOut, TextView

QUIT = "A fix is being applied. If you quit, it stops where it is; in the next session u opens it again. Quit?"
_AROUND = 7
"""Lines of a question beside its list."""
_LONGEST = 1000
"""Characters of a path."""


class AskScreen(ModalScreen[bool]):
    """Ends with whether the user answers yes."""

    BINDINGS: ClassVar[list[BindingType]] = [*QUESTION_KEYS]
    AUTO_FOCUS = "#about"

    def __init__(self, question: str, about: LayOut | None = None) -> None:
        super().__init__()
        self._question = question
        self.about = TextView(about, panel="about") if about is not None else None
        """What the question is about, where that is a list."""

    def compose(self) -> ComposeResult:
        """The question and its two keys."""
        with Vertical(classes="question"):
            yield Static(self._question, markup=False)
            if self.about is not None:
                yield self.about
            yield KeyLine()

    def on_resize(self, event: Resize) -> None:
        """The list is as high as it is long, where the terminal has room for that."""
        if self.about is not None:
            self.call_after_refresh(self._fit, event.size.height)

    def _fit(self, height: int) -> None:
        assert self.about is not None
        self.about.show()
        self.about.styles.height = max(1, min(len(self.about.lines), height - _AROUND))

    def action_answer(self, is_yes: bool) -> None:
        """Ends with the answer."""
        self.dismiss(is_yes)


class FolderScreen(ModalScreen[str | None]):
    """Ends with the folder that was typed, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [*DETAIL_KEYS]

    def __init__(self, question: str, folder: str) -> None:
        super().__init__()
        self._question = question
        self._folder = folder

    def compose(self) -> ComposeResult:
        """The question and a line to type in."""
        with Vertical(classes="question"):
            yield Static(self._question, markup=False)
            yield Input(self._folder, id="folder", max_length=_LONGEST, compact=True)
            yield Static("enter saves, esc cancels", classes="faint", markup=False)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        self.dismiss(message.value.strip() or None)

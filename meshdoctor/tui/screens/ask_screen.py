"""Dialogs: a yes-or-no question, and the name of a folder."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from meshdoctor.tui.bindings import DETAIL_KEYS, QUESTION_KEYS
from meshdoctor.tui.widgets.key_line import KeyLine

QUIT = "A fix is being applied. If you quit, it stops where it is; u resumes or undoes it in the next session. Quit?"
_LONGEST = 1000
"""Characters of a path."""


class AskScreen(ModalScreen[bool]):
    """Ends with whether the user answers yes."""

    BINDINGS: ClassVar[list[BindingType]] = [*QUESTION_KEYS]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and its two keys."""
        with Vertical(classes="question"):
            yield Static(self._question, markup=False)
            yield KeyLine()

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

"""A list to choose one of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from meshdoctor.text.printable import printable
from meshdoctor.tui.bindings import DETAIL_KEYS


class ChoiceScreen(ModalScreen[str | None]):
    """Ends with the name chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [*DETAIL_KEYS]

    def __init__(self, title: str, names: Sequence[str], chosen: str) -> None:
        super().__init__()
        self._title = title
        self._names = list(names)
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """The names in their order."""
        choice = OptionList(*(Option(printable(name)) for name in self._names), id="choice", markup=False)
        choice.border_title = self._title
        yield choice

    def on_mount(self) -> None:
        """The one chosen is under the cursor."""
        self.query_one(OptionList).highlighted = self._names.index(self._chosen) if self._chosen in self._names else 0

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[message.option_index])

    def action_back(self) -> None:
        """Leaves the choice as it was."""
        self.dismiss(None)

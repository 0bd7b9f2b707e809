"""Which namespaces to look at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from meshdoctor.text.printable import printable
from meshdoctor.tui.bindings import DETAIL_KEYS

_ALL = "all namespaces"


class NamespaceScreen(ModalScreen[frozenset[str] | None]):
    """A list to choose from. Ends with the namespaces chosen (none: all), or None where nothing was."""

    BINDINGS: ClassVar[list[BindingType]] = [*DETAIL_KEYS]

    def __init__(self, names: Sequence[str], chosen: Collection[str]) -> None:
        super().__init__()
        self._names = list(names)
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """All of them first, as that is the way back."""
        options = [Option(_ALL), *(Option(printable(name)) for name in self._names)]
        choice = OptionList(*options, id="namespaces", markup=False)
        choice.border_title = "Namespace"
        yield choice

    def on_mount(self) -> None:
        """The one looked at is under the cursor."""
        at = next((self._names.index(name) + 1 for name in self._chosen if name in self._names), 0)
        self.query_one(OptionList).highlighted = at

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        at = message.option_index
        self.dismiss(frozenset((self._names[at - 1],)) if at else frozenset())

    def action_back(self) -> None:
        """Leaves the choice as it was."""
        self.dismiss(None)

"""A list to choose one name from: a pod, a namespace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen, Screen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from meshdoctor.text.printable import printable
from meshdoctor.tui.bindings import DETAIL_KEYS
from meshdoctor.tui.state.view_state import ViewState

_ALL = "all namespaces"


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
        """Puts the cursor on the one chosen."""
        self.query_one(OptionList).highlighted = self._names.index(self._chosen) if self._chosen in self._names else 0

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[message.option_index])


def choose_namespace(screen: Screen[Any], view_state: ViewState, then: Callable[[], object]) -> None:
    """Lets the user choose a namespace, or all; calls `then` once the view is narrowed to it."""

    def chosen(name: str | None) -> None:
        if name is not None:
            view_state.namespaces = frozenset() if name == _ALL else frozenset((name,))
            then()

    names = [_ALL, *view_state.mesh_state.namespaces]
    now = next((name for name in names if name in view_state.namespaces), _ALL)
    screen.app.push_screen(ChoiceScreen("Namespace", names, now), chosen)

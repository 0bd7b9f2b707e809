"""The keys of a screen, with what each does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from meshdoctor.tui.bindings import HELP_KEYS


class HelpScreen(ModalScreen[None]):
    """A list of keys over the screen they belong to."""

    BINDINGS: ClassVar[list[BindingType]] = [*HELP_KEYS]

    def __init__(self, keys: Sequence[tuple[str, Binding]]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """A line a binding: its keys, what it does, the id by which a file rebinds it."""
        width = max((len(shown) for shown, _ in self._keys), default=0)
        lines = [
            Content.assemble(
                (f"{shown:<{width}}", "bold"), f"  {binding.tooltip or binding.description}  ", (id_of(binding), "dim")
            )
            for shown, binding in self._keys
        ]
        with VerticalScroll(id="help"):
            yield Static(Content("\n").join(lines), markup=False)

    def action_back(self) -> None:
        """Closes it."""
        self.dismiss()


def id_of(binding: Binding) -> str:
    """A binding's id; empty where it has none."""
    return binding.id or ""

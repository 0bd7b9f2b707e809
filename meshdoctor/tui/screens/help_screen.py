"""The help: the keys of a screen and what each does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import ModalScreen

from meshdoctor.text.wrapping import columns
from meshdoctor.tui.bindings import HELP_KEYS
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.text_lines import Line, paragraph
from meshdoctor.tui.widgets.text_view import TextView


class HelpScreen(ModalScreen[None]):
    """A list of keys over the screen they belong to."""

    BINDINGS: ClassVar[list[BindingType]] = [*HELP_KEYS]

    def __init__(self, keys: Sequence[tuple[str, Binding]]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """A paragraph a binding."""
        yield _KeyList(lambda width: key_lines(self._keys, width), panel="help")


class _KeyList(TextView):
    """As high as its text."""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Lines."""
        return len(self._make(max(10, width - 2)))


def key_lines(keys: Sequence[tuple[str, Binding]], width: int) -> list[Line]:
    """Of each binding its keys, what it does, and the id by which a file rebinds it."""
    widest = max((columns(shown) for shown, _ in keys), default=0)
    lines: list[Line] = []
    for shown, binding in keys:
        lead = Cell(f"{shown:<{widest}}  ", "strong")
        lines += paragraph(binding.tooltip or binding.description, width, lead=(lead,))
        id_ = binding.id or ""
        if sum(columns(cell.text) for cell in lines[-1]) + 2 + columns(id_) <= width:
            lines[-1] = (*lines[-1], Cell(f"  {id_}", "faint"))
        else:
            indent = max(0, min(columns(lead.text), width // 2, width - columns(id_)))
            lines.append((Cell(" " * indent), Cell(id_, "faint")))
    return lines

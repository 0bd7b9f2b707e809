"""The last line: the keys that work here and what they do. A click does the same."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import ActiveBinding
from textual.content import Content
from textual.dom import DOMNode
from textual.events import Click
from textual.style import Style
from textual.widget import Widget

_GAP = 2
"""Blanks between two of them."""
_LAST = ("palette", "help", "quit")
"""Bindings at the end of the line."""
_NARROW = 60
"""With fewer columns the palette's key is left out."""
_KEPT = ("help", "back", "matrix.back", "trace.back", "palette")
"""Bindings that get room first: they lead to what has none, and back."""


def chosen(sizes: Mapping[str | None, int], width: int) -> list[str | None]:
    """The bindings, of these sizes, that a line of so many columns has room for, in their order there."""
    order = sorted(sizes, key=lambda id_: _LAST.index(id_) if id_ in _LAST else -1)
    fitting: set[str | None] = set()
    left = width + _GAP
    for id_ in (*(id_ for id_ in _KEPT if id_ in sizes), *(id_ for id_ in order if id_ not in _KEPT)):
        is_room = sizes[id_] + _GAP <= left
        if is_room and (id_ != "palette" or width >= _NARROW):
            fitting.add(id_)
            left -= sizes[id_] + _GAP
    return [id_ for id_ in order if id_ in fitting]


class KeyLine(Widget):
    """Shows the active bindings, as many as fit."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._places: list[tuple[int, int, str, DOMNode]] = []
        """First and last column of each, its action, and the node of the action."""

    def on_mount(self) -> None:
        """Other bindings become active with the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        """Keys and names, side by side."""
        shown = {one.binding.id: one for one in self.screen.active_bindings.values() if one.binding.show}
        pieces = {id_: self._piece(one) for id_, one in shown.items()}
        sizes = {id_: piece.cell_length for id_, piece in pieces.items()}
        fitting = chosen(sizes, self.size.width)
        is_tight = sum(sizes[id_] for id_ in fitting) + _GAP * (len(fitting) - 1) >= self.size.width
        line, self._places = Content("" if is_tight else " "), []
        for id_ in fitting:
            start, active = line.cell_length, shown[id_]
            line = Content.assemble(line, pieces[id_], " " * _GAP)
            if active.enabled:
                self._places.append((start, start + sizes[id_], active.binding.action, active.node))
        return line

    def _piece(self, active: ActiveBinding) -> Content:
        keys, name = self.app.get_key_display(active.binding), active.binding.description
        if not active.enabled:
            return Content.styled(f"{keys} {name}", "dim")
        return Content.assemble((keys, Style.parse("bold $text-accent")), f" {name}")

    async def on_click(self, event: Click) -> None:
        """Runs the action that was clicked."""
        for start, end, action, whose in self._places:
            if start <= event.x < end:
                await self.app.run_action(action, whose)
                return

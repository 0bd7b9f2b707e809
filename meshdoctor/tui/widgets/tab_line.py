"""The parts' names with their digits, where only one of them shows at a time. A click goes there."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from meshdoctor.tui.state.view_state import Part


class TabLine(Widget):
    """One line. The part in use stands in brackets, so that it shows without colour."""

    def __init__(self) -> None:
        super().__init__(id="tabs")
        self._names: Mapping[Part, str] = {}
        self._front: Part = "pods"

    def show(self, names: Mapping[Part, str], front: Part) -> None:
        """Shows these names."""
        if (names, front) != (self._names, self._front):
            self._names, self._front = names, front
            self.refresh()

    def _pieces(self) -> list[tuple[Part, str]]:
        pieces = ((part, f"{digit} {name}") for digit, (part, name) in enumerate(self._names.items(), 1))
        return [(part, f"[{text}]" if part == self._front else f" {text} ") for part, text in pieces]

    def render(self) -> Content:
        """The names side by side."""
        styled = [Content.styled(text, "bold" if part == self._front else "") for part, text in self._pieces()]
        return Content(" ").join(styled)

    async def on_click(self, event: Click) -> None:
        """Goes to the part under the mouse."""
        end = 0
        for part, text in self._pieces():
            end += len(text) + 1
            if event.x < end:
                await self.app.run_action(f"part('{part}')", self.screen)
                return

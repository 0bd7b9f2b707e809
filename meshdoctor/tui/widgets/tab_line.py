"""The names of the panels with their digits, where one of them shows at a time. A click goes to a panel."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from meshdoctor.tui.state.view_state import Panel


class TabLine(Widget):
    """One line. The panel in use is in brackets, so it shows without colour."""

    def __init__(self) -> None:
        super().__init__(id="tabs")
        self._names: Mapping[Panel, str] = {}
        self._front: Panel = "pods"

    def show(self, names: Mapping[Panel, str], front: Panel) -> None:
        """Shows these names."""
        if (names, front) != (self._names, self._front):
            self._names, self._front = names, front
            self.refresh()

    def _pieces(self) -> list[tuple[Panel, str]]:
        pieces = ((panel, f"{digit} {name}") for digit, (panel, name) in enumerate(self._names.items(), 1))
        return [(panel, f"[{text}]" if panel == self._front else f" {text} ") for panel, text in pieces]

    def render(self) -> Content:
        """The names side by side."""
        styled = [Content.styled(text, "bold" if panel == self._front else "") for panel, text in self._pieces()]
        return Content(" ").join(styled)

    async def on_click(self, event: Click) -> None:
        """Goes to the panel under the mouse."""
        end = 0
        for panel, text in self._pieces():
            end += len(text) + 1
            if event.x < end:
                await self.app.run_action(f"panel('{panel}')", self.screen)
                return

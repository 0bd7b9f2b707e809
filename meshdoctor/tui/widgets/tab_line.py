"""Lines of names where not all panels have room: the panel, or the page of two panels, that shows is in brackets."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.events import Click
from textual.widget import Widget
from textual.widgets import Static

from meshdoctor.tui.state.view_state import Panel


class PageLine(Static):
    """The names of the two pages that a small terminal shows one at a time; the one in front is in brackets."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__("", id="pages", markup=False)
        self._names = {"left": left, "right": right}

    def show(self, front: str) -> None:
        """Brings a page to the front of the screen."""
        for page in self._names:
            self.screen.set_class(page == front, f"-{page}")
        marked = (f"[{name}]" if page == front else f" {name} " for page, name in self._names.items())
        self.update(Content(" " + " ".join(marked) + "  tab"))


class TabLine(Widget):
    """The panels with their digits. Brackets show the one in use without colour. A click goes to a panel."""

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

"""The last line: what can be done here, each with its key. A click does it."""

from __future__ import annotations

from textual.content import Content
from textual.dom import DOMNode
from textual.events import Click
from textual.style import Style
from textual.widget import Widget


class KeyLine(Widget):
    """Shows the bindings in force that are meant to be shown, as many as fit."""

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._places: list[tuple[int, int, str, DOMNode]] = []
        """First and last column of each, its action, and whose action that is."""

    def on_mount(self) -> None:
        """Other bindings come into force with the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        """Keys and names, side by side."""
        line, self._places = Content(" "), []
        key_style = Style.parse("bold $text-accent")
        shown_ids: set[str | None] = set()
        # What has no room is in the help, so that the help's own key always has some.
        kept = self._width_of("help")
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not binding.show or binding.id in shown_ids:
                continue
            shown_ids.add(binding.id)
            shown = self.app.get_key_display(binding)
            style = "dim" if not active.enabled else ""
            piece = Content.assemble(
                (shown, key_style if active.enabled else "dim"), (f" {binding.description}", style)
            )
            if binding.id == "help":
                kept = 0
            if line.cell_length + piece.cell_length + kept > self.size.width:
                if kept:
                    continue
                break
            start = line.cell_length
            line = Content.assemble(line, piece, "  ")
            if active.enabled:
                self._places.append((start, start + piece.cell_length, binding.action, active.node))
        return line

    def _width_of(self, name: str) -> int:
        """Columns of a binding with the blanks before it; 0 where it is not shown."""
        found = (one.binding for one in self.screen.active_bindings.values() if one.binding.id == name)
        return max(
            (len(self.app.get_key_display(one)) + len(one.description) + 3 for one in found if one.show), default=0
        )

    async def on_click(self, event: Click) -> None:
        """Does what was clicked."""
        for start, end, action, whose in self._places:
            if start <= event.x < end:
                await self.app.run_action(action, whose)
                return

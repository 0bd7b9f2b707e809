"""The path of a connection, drawn as steps from the application on. The deciding step is marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.strip import Strip

from meshdoctor.tui.bindings import PATH_KEYS
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.draw import Room, step_lines
from meshdoctor.tui.state.text_lines import Line
from meshdoctor.tui.widgets.cursor_view import CursorView
from meshdoctor.tui.widgets.text_view import TextView
from meshdoctor.view.blocks import PathStep


class PathView(CursorView, TextView):
    """Steps with a cursor, each with its reason below it."""

    DEFAULT_CSS = """
    PathView > .path--cursor { background: $boost; }
    PathView:focus > .path--cursor { background: $panel-lighten-1; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"path--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [*PATH_KEYS]

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__(self._drawn, title="Path", panel="path")
        self._ascii = ascii_only
        self.steps: Sequence[PathStep] = ()
        self._owners: list[int] = []
        """Index of each line's step."""

    def put(self, steps: Sequence[PathStep]) -> None:
        """Draws these steps; the cursor goes to the deciding one, or stays on the step of the same name."""
        before = self.steps[self.cursor].at if self.cursor < len(self.steps) and self.has_focus else ""
        self.steps = steps
        kept = [at for at, step in enumerate(steps) if step.at == before]
        marked = [at for at, step in enumerate(steps) if step.icon != "step"]
        self.cursor = (kept or marked or [max(0, len(steps) - 1)])[0]
        self.lay_out()
        self.reveal()

    def _drawn(self, width: int) -> list[Line]:
        lines: list[Line] = []
        self._owners = []
        room = Room(width - 2, self._ascii)
        for number, step in enumerate(self.steps):
            sign = (">" if self._ascii else "▸") if number == self.cursor else " "
            for line in step_lines(step, room, is_last=number + 1 == len(self.steps)):
                lines.append((Cell(f"{' ' if number in self._owners[-1:] else sign} "), *line))
                self._owners.append(number)
        return lines

    @property
    def count(self) -> int:
        """How many steps there are."""
        return len(self.steps)

    def lines_of(self, at: int) -> range:
        """The line of a step and those of its reason."""
        own = [line for line, owner in enumerate(self._owners) if owner == at]
        return range(own[0], own[-1] + 1) if own else range(0)

    def item_at(self, line: int) -> int | None:
        """The step of a line."""
        return self._owners[line] if line < len(self._owners) else None

    def lay_out(self) -> None:
        """Wraps the lines to the width."""
        self.show()

    def redraw(self, before: int) -> None:
        """Points at the step under the cursor."""
        self.show()

    def render_line(self, y: int) -> Strip:
        """A line of a step."""
        at = self.top + y
        if self.item_at(at) == self.cursor:
            return self.strip(self.lines[at], self.get_component_rich_style("path--cursor"))
        return super().render_line(y)

"""The path of a connection, drawn as steps from the application on. The deciding step is marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from meshdoctor.tui.bindings import PATH_KEYS
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.draw import Room, step_lines
from meshdoctor.tui.state.text_lines import Line
from meshdoctor.tui.widgets.text_view import TextView
from meshdoctor.view.blocks import PathStep


class PathView(TextView):
    """Steps with a cursor. Moving tells which step is looked at."""

    DEFAULT_CSS = """
    PathView > .path--cursor { background: $boost; }
    PathView:focus > .path--cursor { background: $panel-lighten-1; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"path--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [*PATH_KEYS]

    class Moved(Message):
        """The user looks at another step."""

        def __init__(self, view: PathView, at: int) -> None:
            self.view = view
            self.at = at
            super().__init__()

        @property
        def control(self) -> PathView:
            """The view."""
            return self.view

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__(self._lay_out, title="Path", part="way")
        self.set_classes("pane")
        self._ascii = ascii_only
        self.steps: Sequence[PathStep] = ()
        self.cursor = 0
        """Index of the step looked at."""
        self._owners: list[int] = []
        """Index of each line's step."""

    def put(self, steps: Sequence[PathStep]) -> None:
        """Draws these steps; the cursor goes to the deciding one, or stays on the step of the same name."""
        before = self.steps[self.cursor].at if self.cursor < len(self.steps) and self.has_focus else ""
        self.steps = steps
        kept = [at for at, step in enumerate(steps) if step.at == before]
        marked = [at for at, step in enumerate(steps) if step.icon != "step"]
        self.cursor = (kept or marked or [max(0, len(steps) - 1)])[0]
        self.show()

    def show(self) -> None:
        """Draws the steps anew, that under the cursor in sight."""
        super().show()
        places = [place for place, owner in enumerate(self._owners) if owner == self.cursor]
        if not places:
            return
        if places[0] < self.top:
            self.scroll_to(y=places[0], animate=False, immediate=True)
        elif places[-1] >= self.top + self.page:
            self.scroll_to(y=min(places[0], places[-1] - self.page + 1), animate=False, immediate=True)

    def _lay_out(self, width: int) -> list[Line]:
        lines: list[Line] = []
        self._owners = []
        room = Room(width - 2, self._ascii)
        for number, step in enumerate(self.steps):
            sign = (">" if self._ascii else "▸") if number == self.cursor else " "
            for line in step_lines(step, room, is_last=number + 1 == len(self.steps)):
                is_first = not self._owners or self._owners[-1] != number
                lines.append((Cell(f"{sign if is_first else ' '} "), *line))
                self._owners.append(number)
        return lines

    def move_to(self, at: int) -> None:
        """Looks at a step."""
        at = max(0, min(at, len(self.steps) - 1))
        if self.steps and at != self.cursor:
            self.cursor = at
            self.show()
            self.post_message(self.Moved(self, at))

    def action_move(self, lines: int) -> None:
        """Moves by some steps."""
        self.move_to(self.cursor + lines)

    def action_end(self, last: bool) -> None:
        """Moves to the first or the last step."""
        self.move_to(len(self.steps) if last else 0)

    def on_click(self, event: Click) -> None:
        """A click looks at a step."""
        place = event.get_content_offset(self)
        if place is not None and self.top + place.y < len(self._owners):
            self.move_to(self._owners[self.top + place.y])

    def render_line(self, y: int) -> Strip:
        """A line of a step."""
        at = self.top + y
        if at < len(self._owners) and self._owners[at] == self.cursor:
            return self.strip(self.lines[at], self.get_component_rich_style("path--cursor"))
        return super().render_line(y)

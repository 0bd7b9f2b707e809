"""The way of a connection, drawn as steps from the application on. The deciding step is marked."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshdoctor.text.icons import icon
from meshdoctor.text.printable import printable
from meshdoctor.tui.bindings import PATH_KEYS
from meshdoctor.tui.state.icons import tone
from meshdoctor.tui.widgets.column_widths import clipped
from meshdoctor.tui.widgets.table import TONES
from meshdoctor.view.blocks import PathStep

_NAME = 16
"""Columns of a step's name."""
_NARROW = 50
"""Columns below which a reason begins under its step's name."""


class PathView(ScrollView, can_focus=True, inherit_bindings=False):
    """Steps with a cursor. Moving tells which step is looked at."""

    DEFAULT_CSS = """
    PathView { height: 1fr; background: $background; overflow-x: hidden; scrollbar-size-vertical: 1; }
    PathView > .path--because { color: $text-muted; }
    PathView > .path--cursor { background: $boost; }
    PathView:focus > .path--cursor { background: $panel-lighten-1; }
    PathView > .path--error { color: $text-error; text-style: bold; }
    PathView > .path--warning { color: $text-warning; text-style: bold; }
    PathView > .path--info { color: $text-primary; }
    PathView > .path--fine { color: $text-success; text-style: bold; }
    PathView > .path--unknown { color: $text-secondary; text-style: bold; }
    PathView > .path--faint { color: $text-muted; }
    PathView > .path--strong { text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"path--because", "path--cursor", *(f"path--{tone}" for tone in TONES)}
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

    def __init__(self, *, ascii_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._ascii = ascii_only
        self._bar, self._cursor = ("|", ">") if ascii_only else ("│", "▸")
        self.steps: Sequence[PathStep] = ()
        self.cursor = 0
        """Index of the step looked at."""
        self._lines: list[tuple[int, str, str]] = []
        """Step, head, text of each line; a reason's line has no head."""

    def show(self, steps: Sequence[PathStep]) -> None:
        """Draws these steps; the cursor goes to the deciding one, or stays on the step of the same name."""
        before = self.steps[self.cursor].at if self.cursor < len(self.steps) and self.has_focus else ""
        self.steps = steps
        kept = [at for at, step in enumerate(steps) if step.at == before]
        marked = [at for at, step in enumerate(steps) if step.icon != "step"]
        self.cursor = (kept or marked or [max(0, len(steps) - 1)])[0]
        self._lay_out()
        self._reveal()
        self.refresh()

    def _lay_out(self) -> None:
        width = self.scrollable_content_region.width or self.size.width
        indent = _NAME + 5 if width >= _NARROW else 6
        self._lines = []
        for number, step in enumerate(self.steps):
            note = f"  <- {step.note}" if step.note else ""
            pieces = wrap(printable(step.chose + note), max(10, width - _NAME - 6)) or [""]
            self._lines.append((number, step.at, pieces[0]))
            self._lines += [(number, "", " " * (_NAME + 1) + more) for more in pieces[1:]]
            room = max(10, width - indent - 1)
            self._lines += [(number, "", " " * (indent - 4) + line) for line in wrap(printable(step.because), room)]
        self.virtual_size = Size(width, len(self._lines))

    def on_resize(self, event: Resize) -> None:
        """Reasons are wrapped to the width."""
        self._lay_out()
        self._reveal()

    def _reveal(self) -> None:
        places = [place for place, line in enumerate(self._lines) if line[0] == self.cursor]
        height, top = self.scrollable_content_region.height, round(self.scroll_offset.y)
        if not places or not height:
            return
        if places[0] < top:
            self.scroll_to(y=places[0], animate=False, immediate=True)
        elif places[-1] >= top + height:
            self.scroll_to(y=min(places[0], places[-1] - height + 1), animate=False, immediate=True)

    def move_to(self, at: int) -> None:
        """Looks at a step."""
        at = max(0, min(at, len(self.steps) - 1))
        if self.steps and at != self.cursor:
            self.cursor = at
            self._reveal()
            self.refresh()
            self.post_message(self.Moved(self, at))

    def action_move(self, steps: int) -> None:
        """Moves by some steps."""
        self.move_to(self.cursor + steps)

    def action_end(self, last: bool) -> None:
        """Moves to the first or the last step."""
        self.move_to(len(self.steps) if last else 0)

    def on_click(self, event: Click) -> None:
        """A click looks at a step."""
        place = event.get_content_offset(self)
        line = None if place is None else round(self.scroll_offset.y) + place.y
        if line is not None and line < len(self._lines):
            self.move_to(self._lines[line][0])

    def render_line(self, y: int) -> Strip:
        """A step's line, or one of its reason."""
        width = self.scrollable_content_region.width
        place = round(self.scroll_offset.y) + y
        if place >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        number, head, text = self._lines[place]
        step = self.steps[number]
        is_cursor = number == self.cursor
        base = self.get_component_rich_style("path--cursor") if is_cursor else self.rich_style
        toned = base + self._tone(tone(step.icon))
        if not head:
            shown = base + self._faint()
            mark = Segment(f"  {'' if number + 1 == len(self.steps) else self._bar}".ljust(4), shown)
            return Strip([mark, Segment(clipped(text, width - 4), shown)]).adjust_cell_length(width, base)
        sign = self._bar if step.icon == "step" else icon(step.icon, ascii_only=self._ascii)
        mark = Segment(f"{self._cursor if is_cursor else ' '} {sign} ", toned)
        name = Segment(clipped(head, _NAME) + " ", toned)
        rest = Segment(clipped(text, max(1, width - _NAME - 5)), toned)
        return Strip([mark, name, rest]).adjust_cell_length(width, base)

    def _tone(self, tone: str) -> Style:
        if tone == "plain":
            return Style()
        found = self.get_component_rich_style(f"path--{tone}")
        return Style(color=found.color, bold=found.bold)

    def _faint(self) -> Style:
        return Style(color=self.get_component_rich_style("path--because").color)

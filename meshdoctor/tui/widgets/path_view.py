"""The path of a connection, drawn as steps from the application on. The deciding step is marked."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any, ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.strip import Strip

from meshdoctor.tui.bindings import PATH_KEYS
from meshdoctor.tui.state.trace_form import PathLine, deciding_line
from meshdoctor.tui.widgets.column_widths import clipped
from meshdoctor.tui.widgets.cursor_view import CursorView

_NAME = 16
"""Columns of a step's name."""
_NARROW = 50
"""Columns below which a reason begins under its step's name."""


class PathView(CursorView):
    """Steps with a cursor, each with its reason below it."""

    DEFAULT_CSS = """
    PathView > .path--cursor { background: $boost; }
    PathView:focus > .path--cursor { background: $panel-lighten-1; }
    PathView > .tone--warning, PathView > .tone--fine, PathView > .tone--unknown { text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"path--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [*PATH_KEYS]

    def __init__(self, *, ascii_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._bar, self._cursor = ("|", ">") if ascii_only else ("│", "▸")
        self.steps: Sequence[PathLine] = ()
        self._lines: list[tuple[int, str, str]] = []
        """Step, head, text of each line; a reason's line has no head."""

    def show(self, steps: Sequence[PathLine]) -> None:
        """Draws these steps; the cursor goes to the deciding one, or stays on the step of the same name."""
        before = self.steps[self.cursor].at if self.cursor < len(self.steps) and self.has_focus else ""
        self.steps = steps
        kept = [at for at, step in enumerate(steps) if step.at == before]
        self.cursor = kept[0] if kept else max(0, deciding_line(list(steps)))
        self.lay_out()
        self.reveal()
        self.refresh()

    @property
    def count(self) -> int:
        """How many steps there are."""
        return len(self.steps)

    def lines_of(self, at: int) -> range:
        """The line of a step and those of its reason."""
        own = [place for place, line in enumerate(self._lines) if line[0] == at]
        return range(own[0], own[-1] + 1) if own else range(0)

    def item_at(self, line: int) -> int | None:
        """The step of a line."""
        return self._lines[line][0] if line < len(self._lines) else None

    def lay_out(self) -> None:
        """Wraps reasons to the width."""
        width = self.scrollable_content_region.width or self.size.width
        indent = _NAME + 5 if width >= _NARROW else 6
        self._lines = []
        for number, step in enumerate(self.steps):
            pieces = wrap(step.chose, max(10, width - _NAME - 6)) or [""]
            self._lines.append((number, step.at, pieces[0]))
            self._lines += [(number, "", " " * (_NAME + 1) + more) for more in pieces[1:]]
            room = max(10, width - indent - 1)
            self._lines += [(number, "", " " * (indent - 4) + line) for line in wrap(step.because, room)]
        self.virtual_size = Size(width, len(self._lines))

    def render_line(self, y: int) -> Strip:
        """A step's line, or one of its reason."""
        width = self.scrollable_content_region.width
        place = self.top + y
        if place >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        number, head, text = self._lines[place]
        step = self.steps[number]
        is_cursor = number == self.cursor
        base = self.get_component_rich_style("path--cursor") if is_cursor else self.rich_style
        toned = base + self.tone(step.tone)
        if not head:
            shown = base + self.tone("faint")
            mark = Segment(f"  {'' if number + 1 == len(self.steps) else self._bar}".ljust(4), shown)
            return Strip([mark, Segment(clipped(text, width - 4), shown)]).adjust_cell_length(width, base)
        mark = Segment(f"{self._cursor if is_cursor else ' '} {step.mark or self._bar} ", toned)
        name = Segment(clipped(head, _NAME) + " ", toned)
        rest = Segment(clipped(text, max(1, width - _NAME - 5)), toned)
        return Strip([mark, name, rest]).adjust_cell_length(width, base)

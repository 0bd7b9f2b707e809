"""Lines of a document, of which one may be marked and some are found. Only those on the screen are ever drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshdoctor.tui.bindings import LINES_KEYS


class LinesView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows lines as they are; longer ones can be scrolled to the right."""

    DEFAULT_CSS = """
    LinesView { height: 1fr; background: $background; scrollbar-size: 1 1; }
    LinesView > .lines--marked { background: $warning-muted; color: $text-warning; text-style: bold; }
    LinesView > .lines--found { background: $accent-muted; text-style: bold underline; }
    LinesView > .lines--number { color: $text-muted; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--marked", "lines--found", "lines--number"}
    BINDINGS: ClassVar[list[BindingType]] = [*LINES_KEYS]

    def __init__(self, *, ascii_only: bool = False, numbers: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._sign = ">" if ascii_only else "▸"
        self._has_numbers = numbers
        self.lines: Sequence[str] = ()
        self.marked: int | None = None
        """Index of the deciding line."""
        self._text = ""
        self.found: list[int] = []
        """Indexes of the lines that hold the text that is looked for."""

    def show(self, lines: Sequence[str], marked: int | None = None) -> None:
        """Shows these lines, the marked one in the upper part."""
        self.lines, self.marked = lines, marked
        margin = self._margin
        self.virtual_size = Size(max(map(cell_len, lines), default=0) + margin, len(lines))
        self.find(self._text)
        self.to_line(marked or 0, animate_from_here=False)
        self.refresh()

    @property
    def _margin(self) -> int:
        return 2 + (len(str(len(self.lines))) + 1 if self._has_numbers else 0)

    def to_line(self, at: int, *, animate_from_here: bool = True) -> None:
        """Brings a line into sight, with some lines before it."""
        height, top = self.scrollable_content_region.height, round(self.scroll_offset.y)
        if animate_from_here and top <= at < top + height:
            return
        self.scroll_to(x=0, y=max(0, at - max(1, height // 3)), animate=False, immediate=True)

    def find(self, text: str) -> int:
        """Looks for a text, in small letters or large; how many lines hold it."""
        self._text = text
        wanted = text.lower()
        self.found = [place for place, line in enumerate(self.lines) if wanted in line.lower()] if wanted else []
        self.refresh()
        return len(self.found)

    def to_found(self, by: int) -> int | None:
        """To the next line found below the top of what is in sight, or the one before; which of them that is."""
        if not self.found:
            return None
        here = self._at
        later = [place for place in self.found if place > here] if by > 0 else [p for p in self.found if p < here]
        goal = (later or self.found)[0 if by > 0 else -1]
        self._at = goal
        self.to_line(goal)
        self.refresh()
        return self.found.index(goal)

    _at = -1
    """The line found last."""

    def render_line(self, y: int) -> Strip:
        """One line, as far as it is in sight."""
        width, left = self.scrollable_content_region.width, round(self.scroll_offset.x)
        place = round(self.scroll_offset.y) + y
        if place >= len(self.lines):
            return Strip.blank(width, self.rich_style)
        is_marked = place == self.marked
        base = self.get_component_rich_style("lines--marked") if is_marked else self.rich_style
        head = f"{self._sign} " if is_marked else "  "
        if self._has_numbers:
            head += f"{place + 1:>{len(str(len(self.lines)))}} "
        head_style = base if is_marked else base + self.get_component_rich_style("lines--number")
        text = self.lines[place]
        segments = list(self._pieces(text, place, base))
        strip = Strip(segments).crop(left, left + max(1, width - len(head)))
        return Strip([Segment(head, head_style), *strip]).adjust_cell_length(width, base)

    def _pieces(self, text: str, place: int, base: Any) -> list[Segment]:
        """The line with the text that was looked for set apart."""
        if not self._text or place not in self._found_set:
            return [Segment(text, base)]
        found = base + self.get_component_rich_style("lines--found")
        pieces, rest, wanted = [], text, self._text.lower()
        while (at := rest.lower().find(wanted)) >= 0:
            pieces += [Segment(rest[:at], base), Segment(rest[at : at + len(wanted)], found)]
            rest = rest[at + len(wanted) :]
        return [*pieces, Segment(rest, base)]

    @property
    def _found_set(self) -> Sequence[int]:
        from bisect import bisect_left

        top = round(self.scroll_offset.y)
        first = bisect_left(self.found, top)
        return self.found[first : first + self.size.height + 1]

"""A scrolled list of lines, of which only those on the screen are drawn, and the colours of its tones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.widgets.column_widths import clipped

TONES = ("error", "warning", "info", "fine", "unknown", "faint", "strong", "loud-warning", "loud-unknown")


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """Subclasses say how a line is drawn and how many there are."""

    DEFAULT_CSS = """
    LineView { height: 1fr; background: $background; overflow-x: hidden; }
    LineView { scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    LineView > .tone--error { color: $text-error; text-style: bold; }
    LineView > .tone--warning { color: $text-warning; }
    LineView > .tone--info { color: $text-primary; }
    LineView > .tone--fine { color: $text-success; }
    LineView > .tone--unknown { color: $text-secondary; }
    LineView > .tone--faint { color: $text-muted; }
    LineView > .tone--strong { text-style: bold; }
    LineView > .tone--loud-warning { color: $text-warning; text-style: bold; }
    LineView > .tone--loud-unknown { color: $text-secondary; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in TONES}
    head = 0
    """Lines at the top that do not scroll."""

    @property
    def top(self) -> int:
        """Index of the first line below the head."""
        return round(self.scroll_offset.y)

    @property
    def page(self) -> int:
        """Lines below the head."""
        return max(1, self.scrollable_content_region.height - self.head)

    @property
    def room(self) -> int:
        """Columns of a line; one is left on either side."""
        return max(10, self.scrollable_content_region.width - 2)

    def tone(self, name: str) -> Style:
        """Colour and weight of a tone, for any background."""
        if name == "plain":
            return Style()
        found = self.get_component_rich_style(f"tone--{name}")
        return Style(color=found.color, bold=found.bold, dim=found.dim, italic=found.italic)

    def strip(self, line: Sequence[Cell], base: Style, *, keep_tones: bool = True) -> Strip:
        """Cells side by side, cut where the width ends."""
        width = self.scrollable_content_region.width
        segments, left = [Segment(" ", base)], width - 2
        for cell in line:
            text = cell.text if cell_len(cell.text) <= left else clipped(cell.text, max(0, left))
            segments.append(Segment(text, base + self.tone(cell.tone) if keep_tones else base))
            left -= cell_len(cell.text)
            if left < 0:
                break
        return Strip(segments).adjust_cell_length(width, base)

"""Scrollbars of blanks for terminals that show only ASCII; Textual draws their ends with block characters."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBar, ScrollBarRender


class BlankScrollBar(ScrollBarRender):
    """A scrollbar without block characters."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def draw_scrollbars(*, ascii_only: bool) -> None:
    """Sets how all scrollbars are drawn."""
    ScrollBar.renderer = BlankScrollBar if ascii_only else ScrollBarRender

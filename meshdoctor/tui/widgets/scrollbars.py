"""Scrollbars of blanks alone, for terminals that take ASCII only: Textual's end in parts of a block."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBar, ScrollBarRender


class Blanks(ScrollBarRender):
    """Each column or line of a bar is there or not."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def draw_scrollbars(*, ascii_only: bool) -> None:
    """How all of them are drawn from now on."""
    ScrollBar.renderer = Blanks if ascii_only else ScrollBarRender

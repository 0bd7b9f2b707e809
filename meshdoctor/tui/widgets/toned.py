"""Cells of text as Textual's content, each tone in the theme's colour."""

from __future__ import annotations

from textual.content import Content

from meshdoctor.tui.state.text_lines import Line

_STYLES = {
    "plain": "",
    "error": "bold $text-error",
    "warning": "$text-warning",
    "info": "$text-primary",
    "fine": "$text-success",
    "unknown": "$text-secondary",
    "faint": "$text-muted",
    "strong": "bold",
    "loud-warning": "bold $text-warning",
    "loud-unknown": "bold $text-secondary",
}


def toned(line: Line) -> Content:
    """One line."""
    return Content.assemble(*((cell.text, _STYLES[cell.tone]) for cell in line))

"""Tones as Textual's styles, and cells of text as its content."""

from __future__ import annotations

from textual.content import Content

from meshdoctor.tui.state.text_lines import Line
from meshdoctor.tui.state.tones import Tone

_STYLES: dict[Tone, str] = {
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


def tone_style(tone: Tone) -> str:
    """The style of a tone."""
    return _STYLES[tone]


def toned(line: Line) -> Content:
    """The cells of one line."""
    return Content.assemble(*((cell.text, _STYLES[cell.tone]) for cell in line))

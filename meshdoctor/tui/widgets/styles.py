"""Colours of tones, for text that is no table's."""

from __future__ import annotations

from meshdoctor.tui.state.icons import Tone

_STYLES: dict[Tone, str] = {
    "error": "bold $text-error",
    "warning": "bold $text-warning",
    "info": "$text-primary",
    "fine": "bold $text-success",
    "unknown": "bold $text-secondary",
    "faint": "$text-muted",
    "strong": "bold",
    "plain": "",
}


def text_style(tone: Tone) -> str:
    """The style of a tone, as `Content` takes it."""
    return _STYLES[tone]

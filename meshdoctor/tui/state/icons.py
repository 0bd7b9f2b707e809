"""Signs of severities and verdicts. Each differs from the others in shape, so that none needs its colour.

A sign is one column wide. Where only ASCII can be written its second form stands for it.
"""

from __future__ import annotations

from typing import Literal

Tone = Literal[
    "plain", "error", "warning", "info", "fine", "unknown", "faint", "strong", "loud-warning", "loud-unknown"
]
"""What a piece of text means; a theme gives it its colour. Errors and what is strong or loud are bold as well."""
LOUD: dict[Tone, Tone] = {"warning": "loud-warning", "unknown": "loud-unknown"}
"""The same for what everything hangs on: without colour it must not be dimmer than what is strong."""

_SIGNS = {
    "error": ("✗", "x"),
    "warning": ("!", "!"),
    "info": ("i", "i"),
    "fine": ("✓", "+"),
    "pending": ("…", "~"),
    "unknown": ("?", "?"),
    "none": ("·", "."),
    "marked": ("●", "*"),
    "chosen": ("▸", ">"),
    "new": ("▲", "^"),
    "gone": ("▽", "v"),
    "unseen": ("?", "?"),
}
_TONES: dict[str, Tone] = {
    "step": "plain",
    "pending": "faint",
    "none": "faint",
    "marked": "strong",
    "new": "strong",
    "gone": "faint",
    "unseen": "unknown",
}

VERDICT_LETTERS = {
    "delivered": "✓",
    "blocked": "B",
    "misrouted": "M",
    "leaked": "L",
    "passthrough": "P",
    "bypassed": "b",
    "broken": "X",
    "unknown": "?",
}
"""One sign a verdict, for the matrix."""
NOT_USED = "·"

VERDICT_TONES: dict[str, Tone] = {
    "step": "plain",
    "delivered": "fine",
    "blocked": "error",
    "misrouted": "error",
    "leaked": "warning",
    "passthrough": "warning",
    "bypassed": "warning",
    "broken": "error",
    "unknown": "unknown",
}

SEVERITY_ORDER = ("error", "warning", "unknown", "info", "pending", "fine", "none")
"""Worst first: states of a row."""
RANK = {state: rank for rank, state in enumerate(SEVERITY_ORDER)}


def icon(kind: str, *, ascii_only: bool = False) -> str:
    """The sign of a severity or state."""
    return _SIGNS[kind][ascii_only]


def tone(kind: str) -> Tone:
    """What a severity or state means for the eye."""
    known: Tone = kind if kind in ("error", "warning", "info", "fine", "unknown") else _TONES[kind]  # type: ignore[assignment]
    return known


def letter(verdict: str, *, ascii_only: bool = False) -> str:
    """The matrix's sign of a verdict."""
    found = VERDICT_LETTERS[verdict]
    return icon("fine", ascii_only=True) if ascii_only and found == "✓" else found

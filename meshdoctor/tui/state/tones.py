"""What icons and pieces of text mean for the eye, and the letters of the matrix."""

from __future__ import annotations

from typing import Literal

from meshdoctor.model.verdict import Verdict
from meshdoctor.text.icons import icon

Tone = Literal[
    "plain", "error", "warning", "info", "fine", "unknown", "faint", "strong", "loud-warning", "loud-unknown"
]
"""What a piece of text means; a theme gives it its colour. Errors and what is strong or loud are bold as well."""
LOUD: dict[Tone, Tone] = {"warning": "loud-warning", "unknown": "loud-unknown"}
"""The same for what everything hangs on: without colour it must not be dimmer than what is strong."""

_TONES: dict[str, Tone] = {
    "step": "plain",
    "pending": "faint",
    "none": "faint",
    "marked": "strong",
    "new": "strong",
    "gone": "faint",
    "unseen": "unknown",
}

_LETTERS = {
    Verdict.BLOCKED: "B",
    Verdict.MISROUTED: "M",
    Verdict.LEAKED: "L",
    Verdict.PASSTHROUGH: "P",
    Verdict.BYPASSED: "S",
    Verdict.BROKEN: "X",
}
"""For the matrix, which tells verdicts of one severity apart: bypassed skips the sidecar."""

SEVERITY_ORDER = ("error", "warning", "unknown", "info", "pending", "fine", "none")
"""Worst first: states of a row."""
RANK = {state: rank for rank, state in enumerate(SEVERITY_ORDER)}


def tone(kind: str) -> Tone:
    """What a severity or state means for the eye."""
    known: Tone = kind if kind in ("error", "warning", "info", "fine", "unknown") else _TONES[kind]  # type: ignore[assignment]
    return known


def letter(verdict: Verdict, *, ascii_only: bool = False) -> str:
    """The matrix's sign of a verdict."""
    return _LETTERS.get(verdict) or icon(verdict.icon, ascii_only=ascii_only)

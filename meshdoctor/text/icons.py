"""Icons of severities and states. Each differs from the others in shape, so that none needs its colour.

An icon is one column wide. Where only ASCII can be written its second form stands for it.
"""

from __future__ import annotations

_ICONS = {
    "error": ("✗", "x"),
    "warning": ("!", "!"),
    "info": ("i", "i"),
    "fine": ("✓", "+"),
    "pending": ("…", "~"),
    "unknown": ("?", "?"),
    "none": ("·", "."),
    "step": ("·", "-"),
    "marked": ("●", "*"),
    "chosen": ("▸", ">"),
    "new": ("▲", "^"),
    "gone": ("▽", "v"),
    "unseen": ("?", "?"),
}
NEEDED = "".join(sorted({symbol for symbol, _ in _ICONS.values() if not symbol.isascii()}))
"""What an encoding has to have for the first forms."""


def icon(kind: str, *, ascii_only: bool = False) -> str:
    """The icon of a severity or state."""
    return _ICONS[kind][ascii_only]


def are_in(encoding: str | None, more: str = "") -> bool:
    """Whether an encoding has all symbols, and those in `more`."""
    try:
        (NEEDED + more).encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True

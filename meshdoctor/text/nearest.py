"""Suggests valid names for a mistyped one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(name: str, names: Sequence[str]) -> str:
    """`Did you mean x?`, or all names where none is similar."""
    near = [n for n in names if name and name in n][:3] or difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"There are: {', '.join(names)}." if names else "There are none."

"""The nearest valid name to a mistyped one, as part of a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(wanted: str, names: Sequence[str]) -> str:
    """`Did you mean x?`, or the whole choice where nothing is near."""
    near = [n for n in names if wanted and wanted in n][:3] or difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"There are: {', '.join(names)}." if names else "There are none."

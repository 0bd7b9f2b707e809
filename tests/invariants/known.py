"""What is known to be open, in one place; to be emptied."""

from __future__ import annotations

OPEN: dict[str, tuple[str, ...]] = {
    "findings group equals": ("cases-m3",),
}
"""By invariant, as the tests name it: the captures that break it."""

OPEN_MUTATIONS: frozenset[tuple[str, str]] = frozenset()
"""(fault, kind of mutation), as `run` names them in its table."""

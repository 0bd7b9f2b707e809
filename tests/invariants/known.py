"""What is known to be open, in one place; to be emptied."""

from __future__ import annotations

OPEN: dict[str, tuple[str, ...]] = {
    "no false alarm": ("cases-h-m15-wildcard-and-own-entry",),
    "findings group equals": ("cases-h-m19-one-finding-two-sidecars",),
}
"""By invariant, as the tests name it: the captures that break it."""

OPEN_MUTATIONS: frozenset[tuple[str, str]] = frozenset()
"""(fault, kind of mutation), as `run` names them in its table."""

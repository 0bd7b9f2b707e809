"""Counted nouns and bounded lists of names, as they stand in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def some(names: Sequence[str], limit: int | None) -> str:
    """Names with commas; beyond `limit` (None: all) only how many more there are."""
    if limit is None or len(names) <= limit + 1:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit:,} more"


def count(number: int, noun: str) -> str:
    """`1 pod`, `400 pods`, `2 fixes`."""
    plural = "es" if noun.endswith("x") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"

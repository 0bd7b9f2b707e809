"""Matches the items of two lists: which are the same, which were changed, removed or added.

Equal items match first. Between them, items match that have the same `name`, `number`, `address` or `host`, or are the
same Kubernetes object; and where as many were removed as added, the first matches the first. Order is kept: an item
that moved was removed and added.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from msgspec import json

_NAMES = ("name", "number", "address", "host")
_PAIRS = 10_000
"""Limit of comparisons in one gap; beyond it items match by position."""

Pair = tuple[int | None, int | None]


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: `true` is not 1, and the order of a mapping's keys does not matter."""
    return _text(one) == _text(other)


def aligned(old: list[Any], new: list[Any]) -> list[Pair]:
    """Pairs of indices in order: (i, j) the same, (i, None) removed, (None, j) added."""
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, [_text(item) for item in old], [_text(item) for item in new], autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            pairs += zip(range(start, end), range(new_start, new_end), strict=True)
        else:
            pairs += _gap(old, new, range(start, end), range(new_start, new_end))
    return pairs


def _gap(old: list[Any], new: list[Any], removed: range, added: range) -> list[Pair]:
    """Pairs between two ranges without equal items."""
    matched = _same_names(old, new, removed, added) if len(removed) * len(added) <= _PAIRS else []
    pairs: list[Pair] = []
    start, new_start = removed.start, added.start
    for i, j in [*matched, (removed.stop, added.stop)]:
        pairs += _by_position(old, new, range(start, i), range(new_start, j))
        if i < removed.stop:
            pairs.append((i, j))
        start, new_start = i + 1, j + 1
    return pairs


def _by_position(old: list[Any], new: list[Any], removed: range, added: range) -> Iterator[Pair]:
    both = list(zip(removed, added, strict=False))
    if len(removed) == len(added) and all(type(old[i]) is type(new[j]) and not _named(old[i]) for i, j in both):
        yield from both
        return
    yield from ((i, None) for i in removed)
    yield from ((None, j) for j in added)


def _same_names(old: list[Any], new: list[Any], removed: range, added: range) -> list[tuple[int, int]]:
    """The longest sequence of pairs, in order, with the same name."""
    best: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for i in reversed(removed):
        for j in reversed(added):
            without = max(best.get((i + 1, j), []), best.get((i, j + 1), []), key=len)
            with_it = [(i, j), *best.get((i + 1, j + 1), [])] if _has_same_name(old[i], new[j]) else []
            best[i, j] = with_it if len(with_it) > len(without) else without
    return best.get((removed.start, added.start), [])


def _has_same_name(one: Any, other: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    mine, others = _object(one), _object(other)
    if mine or others:
        return mine == others
    return any(key in one and key in other and same(one[key], other[key]) for key in _NAMES)


def _object(item: dict[str, Any]) -> tuple[Any, ...] | None:
    metadata = item.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        return None
    return (str(item.get("kind")), str(metadata.get("namespace")), str(metadata["name"]))


def _named(item: Any) -> bool:
    return isinstance(item, dict) and (_object(item) is not None or any(key in item for key in _NAMES))


def _text(value: Any) -> bytes:
    return json.encode(value, order="deterministic")

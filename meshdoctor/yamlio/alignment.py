"""Which items of two lists are the same thing, told as a person would tell it.

Equal items first. What lies between them is the same thing under another text where both say the same `name`,
`number`, `address` or `host`, or are the same Kubernetes object; and where as many were taken out as put in, the first
stands for the first. Order is never given up: what moved was taken out and put in.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from msgspec import json

_NAMES = ("name", "number", "address", "host")
_PAIRS = 10_000
"""Up to so many comparisons in one gap; beyond them its items pair off in turn."""

Pair = tuple[int | None, int | None]


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: `true` is not 1, and the order of a mapping's keys does not matter."""
    return _text(one) == _text(other)


def aligned(old: list[Any], new: list[Any]) -> list[Pair]:
    """Pairs of indices in order: (i, j) the same thing, (i, None) taken out, (None, j) put in."""
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, [_text(item) for item in old], [_text(item) for item in new], autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            pairs += zip(range(start, end), range(new_start, new_end), strict=True)
        else:
            pairs += _gap(old, new, range(start, end), range(new_start, new_end))
    return pairs


def _gap(old: list[Any], new: list[Any], taken: range, put: range) -> list[Pair]:
    """Pairs between two lists of which no item equals another."""
    met = _akin(old, new, taken, put) if len(taken) * len(put) <= _PAIRS else []
    pairs: list[Pair] = []
    start, new_start = taken.start, put.start
    for i, j in [*met, (taken.stop, put.stop)]:
        pairs += _in_turn(old, new, range(start, i), range(new_start, j))
        if i < taken.stop:
            pairs.append((i, j))
        start, new_start = i + 1, j + 1
    return pairs


def _in_turn(old: list[Any], new: list[Any], taken: range, put: range) -> Iterator[Pair]:
    both = list(zip(taken, put, strict=False))
    if len(taken) == len(put) and all(type(old[i]) is type(new[j]) and not _named(old[i]) for i, j in both):
        yield from both
        return
    yield from ((i, None) for i in taken)
    yield from ((None, j) for j in put)


def _akin(old: list[Any], new: list[Any], taken: range, put: range) -> list[tuple[int, int]]:
    """The longest run of pairs, in order, that say the same name."""
    best: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for i in reversed(taken):
        for j in reversed(put):
            without = max(best.get((i + 1, j), []), best.get((i, j + 1), []), key=len)
            with_it = [(i, j), *best.get((i + 1, j + 1), [])] if _is_akin(old[i], new[j]) else []
            best[i, j] = with_it if len(with_it) > len(without) else without
    return best.get((taken.start, put.start), [])


def _is_akin(one: Any, other: Any) -> bool:
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

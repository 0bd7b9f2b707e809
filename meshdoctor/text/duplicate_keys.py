"""Finds keys that a JSON object gives twice, of which decoders silently take the last."""

from __future__ import annotations

import json
from typing import Any

import msgspec

MOST = 5
"""Keys that are named."""
LARGEST = 8 * 1024 * 1024
"""Bytes up to which JSON is decoded whole to find them."""


def duplicate_keys(data: bytes, decoded: Any) -> tuple[str, ...]:
    """The first keys of `data`, JSON that was decoded to `decoded`, that one object gives twice with different values.

    A text without such keys is only counted through: each string has two quotes, and each quote in one is escaped, so
    that a key that was dropped shows in the number of quotes.
    """
    if data.count(b'"') == msgspec.json.encode(decoded).count(b'"'):
        return ()
    found: dict[str, None] = {}

    def taken(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        whole = dict(pairs)
        if len(whole) != len(pairs):
            found.update((key, None) for key, value in pairs if value != whole[key])
        return whole

    try:
        json.loads(data, object_pairs_hook=taken)
    except (ValueError, RecursionError):
        return ()
    return tuple(found)[:MOST]


def duplicates_in(data: bytes) -> tuple[str, ...]:
    """The same of text that was not decoded whole; none of text beyond `LARGEST`, which takes too long, or no JSON."""
    if len(data) > LARGEST:
        return ()
    try:
        return duplicate_keys(data, msgspec.json.decode(data))
    except (msgspec.DecodeError, RecursionError):
        return ()

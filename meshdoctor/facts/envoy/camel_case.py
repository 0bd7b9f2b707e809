"""Converts camelCase JSON, as istioctl and other Go tools print Envoy's protobufs, to Envoy's snake_case."""

from __future__ import annotations

from typing import Any

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.semantics.envoy.field_names import snake_case_name

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Exceptions of decoding: not JSON, not UTF-8, nested too deeply."""

_CAMEL_MARKS = (
    b'"filterChains"',
    b'"dynamicListeners"',
    b'"dynamicActiveClusters"',
    b'"virtualHosts"',
    b'"connectTimeout"',
    b'"socketAddress"',
    b'"staticListeners"',
    b'"edsClusterConfig"',
)


def is_camel(data: bytes) -> bool:
    """Whether a document uses camelCase field names. Looks at the first megabyte."""
    head = data[: 1 << 20]
    return any(mark in head for mark in _CAMEL_MARKS)


_FREE = ("filterMetadata", "filter_metadata", "metadata")
"""Maps with arbitrary keys: the node's metadata is one, other metadata contains one."""


def snake_case(value: Any) -> Any:
    """The same data with snake_case field names.

    Keys that are not identifiers (`@type`, filter names) are kept, and so are those that are not field names: metadata
    and the labels of transport_socket_matches.
    """
    if isinstance(value, dict):
        return {snake_case_name(key): _field(key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [snake_case(v) for v in value]
    return value


def _field(name: str, value: Any) -> Any:
    if name in ("transportSocketMatches", "transport_socket_matches") and isinstance(value, list):
        return [{**snake_case(v), "match": v.get("match")} if isinstance(v, dict) else v for v in value]
    if name not in _FREE or not isinstance(value, dict):
        return snake_case(value)
    free = value.get("filterMetadata")
    return {"filter_metadata": free} if isinstance(free, dict) else value


def snake_case_bytes(data: bytes, document: str) -> bytes:
    """`snake_case` on encoded JSON. Raises `Unreadable` where it is not JSON."""
    try:
        return msgspec.json.encode(snake_case(msgspec.json.decode(data)))
    except NOT_JSON as error:
        raise Unreadable(f"{document}: incomplete JSON: {error}. Was it cut short while copying?") from None

"""What two dumps have in common when they are configured alike: everything facts are made of, in one order.

Replicas of one workload differ in their node, in when each resource came, in certificates and counters. None of that
is read, so it is not in the likeness. Envoy keeps routes, endpoints and the /clusters page in hash maps whose order is
another one in each process; here they stand by name, and their places are told apart.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.dump import OpenDump
from meshdoctor.model.place import Orders

_ENCODER = msgspec.json.Encoder()
_SOURCE_MATCHES = (b'"source_', b'"direct_source_')
"""Criteria of a filter chain that look at the pod's own address."""


def likeness(dump: OpenDump, into: bytearray) -> tuple[Orders, bool] | None:
    """Writes what replicas share into a buffer, used before or not: a large mesh fills it a thousand times.

    Equal content is equal proxies but for the node and the order of maps. Gives the places of what has no order of its
    own, and whether a filter chain looks at the source address; None where the dump has to be read entry by entry: such
    a one is like no other.
    """
    if dump.plain is None:
        return None
    orders: Orders = {}
    by_source = False
    _ENCODER.encode_into([dump.notes, [(path, s.type, s.bootstrap is None) for path, s in dump.plain]], into)
    for path, section in dump.plain:
        for name in wire.SECTION_LISTS:
            items = getattr(section, name)
            if not items:
                continue
            order = _order(items, _KEYS.get(name))
            if order is not None:
                items = [items[place] for place in order]
                orders[f"{path}.{name}"] = order
            start = len(into)
            _ENCODER.encode_into([path, name, items], into, -1)
            if "listeners" in name:
                by_source = by_source or any(into.find(mark, start) >= 0 for mark in _SOURCE_MATCHES)
    return orders, by_source


def page_likeness(statuses: Iterable[wire.ClusterStatus], into: bytearray) -> None:
    """The same of a /clusters page, after what is there already."""
    _ENCODER.encode_into(sorted(statuses, key=lambda status: status.name), into, -1)


def _order(items: list[Any], key: Callable[[Any], str] | None) -> array[int] | None:
    """Places by name; None where the order means something, as that of refused resources does: they are told in it."""
    if key is None or any(item.error_state for item in items):
        return None
    names = [key(item) for item in items]
    return array("I", sorted(range(len(items)), key=names.__getitem__))


def _route_name(entry: wire.RouteEntry) -> str:
    return entry.route_config.name if entry.route_config else ""


def _endpoint_name(entry: wire.EndpointEntry) -> str:
    return entry.endpoint_config.cluster_name if entry.endpoint_config else ""


_KEYS: dict[str, Callable[[Any], str]] = {
    "dynamic_route_configs": _route_name,
    "static_endpoint_configs": _endpoint_name,
    "dynamic_endpoint_configs": _endpoint_name,
}
"""Lists without an order of their own, and what names an item."""

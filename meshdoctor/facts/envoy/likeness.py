"""What two dumps have in common when they are configured alike: everything facts are made of, in one order.

Replicas of one workload differ in their node, in when each resource came, in certificates and counters. None of that
is read, so it is not in the likeness. Envoy keeps routes, endpoints and the /clusters page in hash maps whose order is
another one in each process; here they stand by name, and their places are told apart.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

import msgspec

from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.dump import OpenDump
from meshdoctor.model.place import Orders

_ENCODER = msgspec.json.Encoder()
_SOURCE_MATCHES = (b'"source_', b'"direct_source_')
"""Criteria of a filter chain that look at the pod's own address."""


def likeness(dump: OpenDump) -> tuple[bytes, Orders, bool] | None:
    """(content, places of what has no order of its own, whether a chain looks at the source address).

    Equal content gives equal proxies but for the node and the order of maps. None where the dump has to be read
    entry by entry: such a one is like no other.
    """
    if dump.plain is None:
        return None
    parts: list[bytes] = [_ENCODER.encode(dump.notes)]
    orders: Orders = {}
    by_source = False
    for path, section in dump.plain:
        parts.append(_ENCODER.encode([path, section.type, section.bootstrap is not None]))
        for name in wire.SECTION_LISTS:
            items = getattr(section, name)
            if not items:
                continue
            key = _KEYS.get(name)
            if key is not None and not any(item.error_state for item in items):
                names = [key(item) for item in items]
                order = sorted(range(len(items)), key=names.__getitem__)
                items = [items[place] for place in order]
                orders[f"{path}.{name}"] = array("I", order)
            encoded = _ENCODER.encode({name: items})
            by_source = by_source or ("listeners" in name and any(mark in encoded for mark in _SOURCE_MATCHES))
            parts.append(encoded)
    return b"\n".join(parts), orders, by_source


def page_likeness(statuses: Iterable[wire.ClusterStatus]) -> bytes:
    """The same of a /clusters page."""
    return _ENCODER.encode(sorted(statuses, key=lambda status: status.name))


def _route_name(entry: wire.RouteEntry) -> str:
    return entry.route_config.name if entry.route_config else ""


def _endpoint_name(entry: wire.EndpointEntry) -> str:
    return entry.endpoint_config.cluster_name if entry.endpoint_config else ""


_KEYS: dict[str, Any] = {
    "dynamic_route_configs": _route_name,
    "static_endpoint_configs": _endpoint_name,
    "dynamic_endpoint_configs": _endpoint_name,
}
"""Lists without an order of their own, and what names an item."""

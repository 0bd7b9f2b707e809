"""Detects dumps with equal configuration, without decoding their resources.

Replicas of one workload differ in their node, update times, certificates and counters. A dump is split into its
resources here, and these are compared as raw bytes. Envoy keeps routes, endpoints and the /clusters page in hash maps,
whose order differs between processes: they are compared sorted, and their original order is kept for evidence paths.
"""

from __future__ import annotations

import hashlib
from array import array
from functools import cached_property

import msgspec
from msgspec import Raw

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy import resource_shapes, wire, wire_statuses
from meshdoctor.facts.envoy.camel_case import NOT_JSON, is_camel
from meshdoctor.facts.envoy.cluster_reader import live_endpoints
from meshdoctor.facts.envoy.config_dump import SECTION_NAMES, node_of
from meshdoctor.facts.envoy.decode import decode_all
from meshdoctor.model.pod_evidence import Orders
from meshdoctor.model.proxy import Node

_DUMP = msgspec.json.Decoder(resource_shapes.RawDump, strict=False)
_PAGE = msgspec.json.Decoder(resource_shapes.RawPage, strict=False)
_BOOTSTRAP = msgspec.json.Decoder(wire.Bootstrap | None, strict=False)
_ENCODER = msgspec.json.Encoder()
_IN_HASH_MAPS = frozenset({"dynamic_route_configs", "static_endpoint_configs", "dynamic_endpoint_configs"})
_SOURCE_MATCHES = (b'"source_', b'"direct_source_')
"""Criteria of a filter chain that match the pod's own address."""


class ConfigFingerprint:
    """A dump and its /clusters page, split into resources; `page` is None where there is none, empty where it cannot be
    read.

    Raises `ValueError` for a dump that does not have the shape of current Envoy versions.
    """

    def __init__(self, data: bytes, page: bytes | None) -> None:
        if is_camel(data):
            raise ValueError("its field names are not Envoy's own")
        try:
            sections = decode_all(_DUMP, data).configs
            self.node = _node(sections)
        except NOT_JSON as error:
            raise ValueError(str(error)) from None
        self._frame = [(s.type, bool(s.bootstrap)) for s in sections]
        self._lists: dict[str, list[resource_shapes.RawEntry]] = {}
        self._maps: dict[str, _Map] = {}
        for index, section in enumerate(sections):
            for name in wire.SECTION_LISTS:
                items: list[resource_shapes.RawEntry] = getattr(section, name, [])
                if name in _IN_HASH_MAPS and not any(item.error_state for item in items):
                    self._maps[f"$.configs[{index}].{name}"] = _Map(items)
                else:  # rejected resources are reported in document order
                    self._lists[f"$.configs[{index}].{name}"] = items
        self._page = _page(page)

    def is_like(self, other: ConfigFingerprint) -> bool:
        """Whether both describe the same proxy, apart from the node and the order of maps."""
        return (
            self._frame == other._frame
            and self._lists == other._lists
            and self._maps.keys() == other._maps.keys()
            and all(found.is_like(other._maps[path]) for path, found in self._maps.items())
            and self._page == other._page
        )

    @cached_property
    def orders(self) -> Orders:
        """Positions of the items of unordered maps."""
        return {path: found.order for path, found in self._maps.items() if found.items}

    @cached_property
    def looks_at_source(self) -> bool:
        """Whether a filter chain matches the source address."""
        raws = (
            bytes(raw)
            for path, items in self._lists.items()
            if path.endswith("listeners")
            for item in items
            for raw in (item.listener, item.active_state.listener if item.active_state else b"")
        )
        return any(mark in raw for raw in raws for mark in _SOURCE_MATCHES)

    @cached_property
    def digest(self) -> bytes:
        """Digest that is equal for equal configurations."""
        found = hashlib.sha256(_ENCODER.encode([self._frame, self._lists, sorted(self._maps), self._page]))
        for path in sorted(self._maps):
            found.update(_ENCODER.encode([Raw(key) for key in self._maps[path].keys]))
        return found.digest()


class _Map:
    """Items of a hash map, in document order and sorted by content."""

    def __init__(self, items: list[resource_shapes.RawEntry]) -> None:
        self.items = items

    @cached_property
    def _contents(self) -> list[bytes]:
        return [bytes(item.route_config) or bytes(item.endpoint_config) or b"null" for item in self.items]

    @cached_property
    def order(self) -> array[int]:
        return array("I", sorted(range(len(self.items)), key=self._contents.__getitem__))

    @cached_property
    def keys(self) -> list[bytes]:
        return [self._contents[place] for place in self.order]

    def is_like(self, other: _Map) -> bool:
        if self.items == other.items:
            self.order = other.order
            return True
        return self.keys == other.keys


def _node(sections: list[resource_shapes.RawSection]) -> Node:
    """The proxy's node; empty where the dump has no bootstrap."""
    found = Node()
    for section in sections:
        kind = SECTION_NAMES.get(section.type.rsplit(".", 1)[-1], "bootstrap")
        boot = _BOOTSTRAP.decode(section.bootstrap) if kind == "bootstrap" and section.bootstrap else None
        if boot is not None and boot.node is not None:
            found = node_of(boot.node)
    return found


def _page(data: bytes | None) -> list[resource_shapes.RawStatus] | list[wire_statuses.ClusterStatus] | str:
    if data is None:
        return "none"
    try:
        if data.lstrip()[:1] != b"{":
            return sorted(live_endpoints(data).values(), key=lambda status: status.name)
        return sorted(decode_all(_PAGE, data).cluster_statuses, key=lambda status: status.name)
    except (*NOT_JSON, Unreadable):
        return "unreadable"

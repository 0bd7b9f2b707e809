"""Listeners, their filters and filter chains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.extensions import as_dict, istio_config, kind_of, seconds
from meshdoctor.facts.envoy.route_reader import fault_of, route_config, weighted
from meshdoctor.model import proxy

DEFAULT_TIMEOUT = 15.0
"""listener_filters_timeout where unset, config.listener.v3.Listener."""


_TCP = msgspec.json.Decoder(wire.WireTcpProxy, strict=False)
_REDIS = msgspec.json.Decoder(wire.WireRedisProxy, strict=False)
_HCM = msgspec.json.Decoder(wire.WireHcm, strict=False)
_ANY_MATCH = proxy.FilterChainMatch()
_SOURCE_TYPES = {"LOCAL": "SAME_IP_OR_LOOPBACK", "0": "ANY", "1": "SAME_IP_OR_LOOPBACK", "2": "EXTERNAL"}
"""v2 called SAME_IP_OR_LOOPBACK `LOCAL`; enum numbers are those of the proto."""


def listener(source: wire.WireListener, path: str, name: str = "", is_static: bool = False) -> proxy.Listener:
    """A listener with everything that affects routing. `path` points at the listener object."""
    default = source.default_filter_chain
    bind = source.bind_to_port
    if bind is None and source.deprecated_v1 is not None:
        bind = source.deprecated_v1.bind_to_port
    timeout = seconds(source.listener_filters_timeout)
    filters = tuple(listener_filter(f) for f in source.listener_filters)
    addresses = [source.address, *(a.address for a in source.additional_addresses)]
    sockets = [a.socket_address for a in addresses if a and a.socket_address is not None]
    return proxy.Listener(
        name=source.name or name,
        addresses=tuple((socket.address, socket.port_value) for socket in sockets),
        filter_chains=tuple(filter_chain(c, f"{path}.filter_chains[{i}]") for i, c in enumerate(source.filter_chains)),
        default_filter_chain=filter_chain(default, f"{path}.default_filter_chain", True) if default else None,
        listener_filters=filters,
        listener_filters_timeout=DEFAULT_TIMEOUT if timeout is None else timeout,
        continue_on_listener_filters_timeout=source.continue_on_listener_filters_timeout,
        bind_to_port=bind is not False,
        use_original_dst=bool(source.use_original_dst) or any(f.kind == "original_dst" for f in filters),
        traffic_direction=str(source.traffic_direction),
        is_static=is_static,
        path=path,
    )


Ranges = tuple[tuple[int, int], ...]
ALL_PORTS: Ranges = ((0, 65536),)


def listener_filter(source: wire.NamedFilter) -> proxy.ListenerFilter:
    """A listener filter; a ListenerFilterChainMatchPredicate becomes the destination ports it is disabled for."""
    ranges = _disabled(as_dict(source.filter_disabled))
    return proxy.ListenerFilter(kind=kind_of(source), disabled_ports=ranges, disabled_always=ranges == ALL_PORTS)


def _disabled(predicate: dict[str, Any]) -> Ranges:
    """Disabled port ranges of config.listener.v3.ListenerFilterChainMatchPredicate."""
    if predicate.get("any_match"):
        return ALL_PORTS
    if "destination_port_range" in predicate:
        span = predicate["destination_port_range"]
        return ((int(span.get("start", 0)), int(span.get("end", 0))),)
    if "not_match" in predicate:
        return _complement(_disabled(predicate["not_match"]))
    if "or_match" in predicate:
        return tuple(span for rule in predicate["or_match"].get("rules", []) for span in _disabled(rule))
    if "and_match" in predicate:
        enabled = (span for rule in predicate["and_match"].get("rules", []) for span in _complement(_disabled(rule)))
        return _complement(tuple(enabled))
    return ()


def _complement(ranges: Ranges) -> Ranges:
    """The ports in none of the ranges."""
    outside: list[tuple[int, int]] = []
    at = 0
    for start, end in sorted(ranges):
        if start > at:
            outside.append((at, start))
        at = max(at, end)
    return (*outside, (at, 65536)) if at < 65536 else tuple(outside)


def filter_chain(source: wire.Chain, path: str, is_default: bool = False) -> proxy.FilterChain:
    """A filter chain and what it does with a connection."""
    kinds = tuple(kind_of(f) for f in source.filters)
    tcp, http = None, None
    for index, kind in enumerate(kinds):
        payload = source.filters[index].payload()
        if kind == "tcp_proxy" and payload:
            plain = _decode(_TCP, payload)
            tcp = proxy.TcpProxy(weighted(plain.weighted_clusters) or (proxy.WeightedCluster(plain.cluster),))
        elif kind == "redis_proxy" and payload:
            redis = _decode(_REDIS, payload)
            cluster = (redis.prefix_routes.get("catch_all_route") or {}).get("cluster") or redis.cluster
            tcp = proxy.TcpProxy((proxy.WeightedCluster(str(cluster)),)) if cluster else None
        elif kind == "http_connection_manager" and payload:
            inside = f"{path}.filters[{index}].typed_config.route_config"
            http = _http_connection_manager(_decode(_HCM, payload), inside)
    return proxy.FilterChain(
        name=source.name,
        match=chain_match(source.filter_chain_match),
        filters=kinds,
        tcp=tcp,
        http=http,
        config=istio_config(source.metadata),
        is_default=is_default,
        path=path,
    )


REPEATED = ("http_filters", "virtual_hosts", "domains", "routes", "clusters", "headers")
Shape = TypeVar("Shape")


def _decode(decoder: msgspec.json.Decoder[Shape], payload: msgspec.Raw) -> Shape:
    """A filter's config. In v2's `config`, a free-form Struct, a repeated field of one item may lack its list."""
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError:
        return decoder.decode(msgspec.json.encode(_with_lists(msgspec.json.decode(payload))))


def _with_lists(value: Any, key: str = "") -> Any:
    if key in REPEATED and not isinstance(value, list):
        value = [value]
    if isinstance(value, dict):
        return {k: _with_lists(v, k) for k, v in value.items()}
    return [_with_lists(v) for v in value] if isinstance(value, list) else value


def _http_connection_manager(source: wire.WireHcm, inline_path: str) -> proxy.HttpConnectionManager:
    fault = next((f for f in source.http_filters if kind_of(f) == "fault"), None)
    return proxy.HttpConnectionManager(
        route_config_name=source.rds.route_config_name if source.rds else "",
        route_config=route_config(source.route_config, inline_path) if source.route_config else None,
        strip_port=source.strip_any_host_port or source.strip_matching_host_port,
        fault=fault_of(as_dict(fault.payload())) if fault else None,
    )


def chain_match(source: wire.ChainMatch | None) -> proxy.FilterChainMatch:
    """The match of a chain. Without one the chain matches every connection."""
    if source is None:
        return _ANY_MATCH
    return proxy.FilterChainMatch(
        destination_port=source.destination_port,
        prefix_ranges=_cidrs(source.prefix_ranges),
        server_names=tuple(source.server_names),
        transport_protocol=source.transport_protocol,
        application_protocols=tuple(source.application_protocols),
        direct_source_prefix_ranges=_cidrs(source.direct_source_prefix_ranges),
        source_type=_SOURCE_TYPES.get(str(source.source_type), str(source.source_type)),
        source_prefix_ranges=_cidrs(source.source_prefix_ranges),
        source_ports=tuple(source.source_ports),
    )


def _cidrs(ranges: Sequence[wire.CidrRange]) -> tuple[str, ...]:
    return tuple(f"{r.address_prefix}/{r.prefix_len or 0}" for r in ranges)

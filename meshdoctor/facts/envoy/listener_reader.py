"""Listeners, their filters and filter chains."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.extensions import UNREADABLE, as_dict, istio_config, kind_of, seconds
from meshdoctor.facts.envoy.route_reader import fault_of, lost_in_routes, route_config, weighted
from meshdoctor.facts.envoy.salvage import salvage
from meshdoctor.model import proxy, routes
from meshdoctor.model.limits import ConnectionLimits
from meshdoctor.semantics.ip_addresses import network
from meshdoctor.semantics.istio.istiod_push import VIRTUAL_OUTBOUND

DEFAULT_TIMEOUT = 15.0
"""listener_filters_timeout where unset, config.listener.v3.Listener."""


_TCP = msgspec.json.Decoder(wire.WireTcpProxy, strict=False)
_REDIS = msgspec.json.Decoder(wire.WireRedisProxy, strict=False)
_HCM = msgspec.json.Decoder(wire.WireHcm, strict=False)
_ANY_MATCH = proxy.FilterChainMatch()
_SOURCE_TYPES = {"LOCAL": "SAME_IP_OR_LOOPBACK", "0": "ANY", "1": "SAME_IP_OR_LOOPBACK", "2": "EXTERNAL"}
"""v2 called SAME_IP_OR_LOOPBACK `LOCAL`; enum numbers are those of the proto."""


def listener(source: wire.WireListener, path: str, name: str = "", is_static: bool = False) -> proxy.Listener:
    """A listener with everything that affects routing. `path` points at the listener object.

    What cannot be read of it is in `unread` of the listener or of its chain: of the listener where it decides which
    chain is chosen.
    """
    default = source.default_filter_chain
    bind = source.bind_to_port
    if bind is None and source.deprecated_v1 is not None:
        bind = source.deprecated_v1.bind_to_port
    timeout = seconds(source.listener_filters_timeout)
    lost = [source.unread] if source.unread else []
    try:
        filters = tuple(listener_filter(f) for f in source.listener_filters)
    except UNREADABLE as error:
        filters = ()
        lost.append(f"listener_filters: {error}")
    name = source.name or name
    addresses, misplaced = _addresses(source, name)
    chains = [filter_chain(c, f"{path}.filter_chains[{i}]") for i, c in enumerate(source.filter_chains)]
    lost += [misplaced] if misplaced else []
    lost += [f"filter_chains[{i}].{c.unread}" for i, c in enumerate(chains) if _hides_its_match(c)]
    if source.filter_chain_matcher:
        lost.append("filter_chain_matcher: this version of meshdoctor does not read it")
    if not chains and default is None and not lost:
        lost.append("it has no filter chain")
    return proxy.Listener(
        name=name,
        addresses=addresses,
        filter_chains=tuple(chains),
        default_filter_chain=filter_chain(default, f"{path}.default_filter_chain", True) if default else None,
        listener_filters=filters,
        listener_filters_timeout=DEFAULT_TIMEOUT if timeout is None else timeout,
        continue_on_listener_filters_timeout=source.continue_on_listener_filters_timeout,
        bind_to_port=bind is not False,
        use_original_dst=bool(source.use_original_dst) or any(f.kind == "original_dst" for f in filters),
        traffic_direction=str(source.traffic_direction),
        is_static=is_static,
        path=path,
        unread="; ".join(lost),
    )


def placeholder(name: str, because: str, path: str) -> proxy.Listener:
    """A listener of which only the name was read; its address is that in the name, none where there is none in it."""
    is_catch_all = name in VIRTUAL_OUTBOUND
    addresses = (("0.0.0.0", 15001),) if is_catch_all else _address_in(name)
    return proxy.Listener(name, addresses, (), use_original_dst=is_catch_all, path=path, unread=because)


_ADDRESS_IN_NAME = re.compile(r"(?P<ip>[0-9.]+|[0-9a-f:]*:[0-9a-f:.]*)_(?P<port>\d{1,5})")
"""istio pilot/pkg/networking/core/listener.go, getListenerName: `10.0.0.1_443`."""


def _address_in(name: str) -> tuple[tuple[str, int], ...]:
    found = _ADDRESS_IN_NAME.fullmatch(name)
    return ((found["ip"], int(found["port"])),) if found else ()


def _addresses(source: wire.WireListener, name: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """The (address, port) pairs, and why they may not be all."""
    given = [source.address, *(a.address for a in source.additional_addresses)]
    sockets = [a.socket_address for a in given if a and a.socket_address is not None]
    found = tuple((socket.address, socket.port_value) for socket in sockets if socket.address)
    both = tuple(("0.0.0.0", s.port_value) for s in sockets if s.ipv4_compat and s.address == "::" and s.port_value)
    is_other = source.internal_listener is not None or all(
        a and (a.pipe or a.envoy_internal_address is not None) for a in given
    )
    if is_other or (len(found) == len(given) and all(port for _, port in found)):
        return found + both, ""
    placed = tuple(one for one in found if one[1]) or _address_in(name)
    return placed, "address: it has no IP address and port"


def _hides_its_match(chain: proxy.FilterChain) -> bool:
    return chain.unread.startswith(("filter_chain_match", "expected")) or "; filter_chain_match" in chain.unread


def lost_in(made: proxy.Listener) -> str:
    """What of a listener, its chains and its own routes could not be read; empty where all was."""
    return next(_lost_in(made), "")


def _lost_in(made: proxy.Listener) -> Iterator[str]:
    if made.unread:
        yield made.unread
    for chain in made.chains():
        place = chain.path.removeprefix(f"{made.path}.")
        if chain.unread:
            yield f"{place}.{chain.unread}"
        own = chain.http.route_config if chain.http is not None else None
        if own is not None and (lost := lost_in_routes(own)):
            yield f"{place}: {lost}"


ESCAPED_SLASHES = {
    name: name for name in ("KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD")
} | {"1": "KEEP_UNCHANGED", "2": "REJECT_REQUEST", "3": "UNESCAPE_AND_REDIRECT", "4": "UNESCAPE_AND_FORWARD"}
"""HttpConnectionManager.PathWithEscapedSlashesAction by name and number."""

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
    lost = [source.unread] if source.unread else []
    kinds: tuple[str, ...] = ()
    tcp: proxy.TcpProxy | None = None
    http: proxy.HttpConnectionManager | None = None
    match = _ANY_MATCH
    try:
        match = chain_match(source.filter_chain_match)
    except UNREADABLE as error:
        lost.append(f"filter_chain_match: {error}")
    for index, each in enumerate(source.filters):
        try:
            kind = kind_of(each)
            kinds += (kind,)
            if kind in ("tcp_proxy", "redis_proxy") and (payload := each.payload()):
                tcp, why = _tcp_proxy(payload) if kind == "tcp_proxy" else _redis_proxy(payload)
            elif kind == "http_connection_manager" and (payload := each.payload()):
                http, why = _http_connection_manager(payload, f"{path}.filters[{index}].typed_config.route_config")
            else:
                why = ""
        except UNREADABLE as error:
            why = str(error)
        if why:
            lost.append(f"filters[{index}]: {why}")
    return proxy.FilterChain(
        name=source.name,
        match=match,
        filters=kinds,
        tcp=tcp,
        http=http,
        config=istio_config(source.metadata),
        terminates_tls=bool(source.tls_context)
        or (source.transport_socket is not None and kind_of(source.transport_socket) == "tls"),
        is_default=is_default,
        path=path,
        unread="; ".join(lost),
    )


def _tcp_proxy(payload: msgspec.Raw) -> tuple[proxy.TcpProxy | None, str]:
    plain = _decode(_TCP, payload, wire.WireTcpProxy)
    clusters = weighted(plain.weighted_clusters) or ((routes.WeightedCluster(plain.cluster),) if plain.cluster else ())
    if any(not one.name for one in clusters):
        return None, "a weighted cluster has no name"
    tunnel = str((plain.tunneling_config or {}).get("hostname") or "")
    limits = ConnectionLimits(seconds(plain.idle_timeout), seconds(plain.max_downstream_connection_duration))
    made = proxy.TcpProxy(clusters, limits, tunnel) if clusters else None
    return made, plain.unread or ("" if clusters else "it has no cluster")


def _redis_proxy(payload: msgspec.Raw) -> tuple[proxy.TcpProxy | None, str]:
    redis = _decode(_REDIS, payload, wire.WireRedisProxy)
    cluster = (redis.prefix_routes.get("catch_all_route") or {}).get("cluster") or redis.cluster
    return (proxy.TcpProxy((routes.WeightedCluster(str(cluster)),)) if cluster else None), redis.unread


REPEATED = ("http_filters", "virtual_hosts", "domains", "routes", "clusters", "headers")
Shape = TypeVar("Shape", bound=wire.Unit)


def _decode(decoder: msgspec.json.Decoder[Shape], payload: msgspec.Raw, shape: type[Shape]) -> Shape:
    """A filter's config. In v2's `config`, a free-form Struct, a repeated field of one item may lack its list."""
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError:
        return salvage(_with_lists(msgspec.json.decode(payload)), shape)[0]


def _with_lists(value: Any, key: str = "") -> Any:
    if key in REPEATED and isinstance(value, dict | str) and value:
        value = [value]
    if isinstance(value, dict):
        return {k: _with_lists(v, k) for k, v in value.items()}
    return [_with_lists(v) for v in value] if isinstance(value, list) else value


def _http_connection_manager(payload: msgspec.Raw, inline_path: str) -> tuple[proxy.HttpConnectionManager | None, str]:
    source = _decode(_HCM, payload, wire.WireHcm)
    common = source.common_http_protocol_options or {}
    fault = next((f for f in source.http_filters if kind_of(f) == "fault"), None)
    made = proxy.HttpConnectionManager(
        route_config_name=source.rds.route_config_name if source.rds else "",
        route_config=route_config(source.route_config, inline_path) if source.route_config else None,
        strip_port=source.strip_any_host_port,
        strip_own_port=source.strip_matching_host_port,
        strip_dot=source.strip_trailing_host_dot,
        accepts_http_10=bool(source.http_protocol_options and source.http_protocol_options.accept_http_10),
        normalizes_path=bool(source.normalize_path),
        merges_slashes=source.merge_slashes,
        escaped_slashes=ESCAPED_SLASHES.get(str(source.path_with_escaped_slashes_action), ""),
        limits=ConnectionLimits(max_duration=seconds(common.get("max_connection_duration"))),
        upgrades=tuple(u.upgrade_type.lower() for u in source.upgrade_configs if u.enabled is not False),
        fault=fault_of(as_dict(fault.payload())) if fault and not fault.disabled else None,
        fault_filter=("" if not source.http_filters else "absent") if fault is None else "disabled" * fault.disabled,
        guards=tuple(kind for f in source.http_filters if (kind := kind_of(f)) in routes.GUARDS and not f.disabled),
    )
    if source.scoped_routes:
        return made, source.unread or "scoped_routes: this version of meshdoctor does not read them"
    has_routes = made.route_config_name or made.route_config is not None
    return made, source.unread or ("" if has_routes else "it names no routes")


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
    """The ranges as text. Raises ValueError where one is no range: Envoy refuses those."""
    found = tuple(f"{r.address_prefix}/{r.prefix_len or 0}" for r in ranges)
    for cidr in found:
        if network(cidr) is None:
            raise ValueError(f"{cidr} is not a range of addresses")
    return found

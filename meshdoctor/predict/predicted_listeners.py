"""Claims settled into listeners: who gets a match, who loses it, and what takes the rest.

pilot/pkg/networking/core/listener.go of istio/istio: buildSidecarOutboundListener, mergeTCPFilterChains,
conflictsWith, isConflictWithWellKnownPort, buildListenerFromEntry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from meshdoctor.model.proxy import (
    FilterChain,
    FilterChainMatch,
    HttpConnectionManager,
    Listener,
    ListenerFilter,
    TcpProxy,
    WeightedCluster,
)
from meshdoctor.predict.listener_claims import ListenerClaim
from meshdoctor.predict.unknown import Unknown
from meshdoctor.semantics.ip_addresses import network
from meshdoctor.semantics.istio.protocols import EXCLUSIVE

RESERVED = frozenset({15001, 15006, 15021, 15090})
"""Ports of the sidecar itself, which no service gets a wildcard listener on."""

HTTP_PROTOCOLS = ("http/1.1", "h2c")


class ShadowedClaim(Struct, frozen=True):
    """A claim that got nothing, and the one that has its match."""

    claim: ListenerClaim
    winner: ListenerClaim


class SettledPort(Struct, frozen=True):
    """One bind address and port: the claims that hold it, in their order, and those that lost."""

    bind: str
    port: int
    held: tuple[ListenerClaim, ...]
    lost: tuple[ShadowedClaim, ...]
    doubts: tuple[Unknown, ...]


def settle(claims: Iterable[ListenerClaim]) -> list[SettledPort]:
    """The claims by bind address and port."""
    places: dict[tuple[str, int], list[ListenerClaim]] = {}
    for claim in claims:
        places.setdefault((claim.bind, claim.port), []).append(claim)
    return [_settle(bind, port, wanted) for (bind, port), wanted in places.items()]


def _settle(bind: str, port: int, wanted: Sequence[ListenerClaim]) -> SettledPort:
    first = wanted[0]
    held: list[ListenerClaim] = []
    lost: list[ShadowedClaim] = []
    for claim in wanted:
        winner = _winner(claim, first, held)
        if winner is None:
            held.append(claim)
        else:
            lost.append(ShadowedClaim(claim, winner))
    return SettledPort(bind, port, tuple(held), tuple(lost), tuple(_doubts(bind, port, wanted)))


def _winner(claim: ListenerClaim, first: ListenerClaim, held: Sequence[ListenerClaim]) -> ListenerClaim | None:
    """The claim that keeps this one out; None where it gets its place."""
    if claim.protocol != first.protocol and EXCLUSIVE & {claim.protocol, first.protocol}:
        return first
    if claim.family == "http":
        return None
    return next((h for h in held if h.family != "http" and h.match == claim.match and not _same(h, claim)), None)


def _same(one: ListenerClaim, other: ListenerClaim) -> bool:
    """Two entries of one host that want the same chain: whoever has it, it is the same cluster."""
    return one.member.host == other.member.host and one.clusters == other.clusters


def _doubts(bind: str, port: int, wanted: Sequence[ListenerClaim]) -> Iterable[Unknown]:
    if not bind and port in RESERVED:
        yield Unknown(f"port {port} is used by the sidecar itself", port)
    sniffed = [claim for claim in wanted if claim.is_sniffed]
    if sniffed and not bind and any(c.family == "http" and not c.is_sniffed for c in wanted):
        yield Unknown(
            f"port {port} has services with protocol HTTP and without a protocol, which Istio merges differently "
            "since 1.32",
            port,
        )
    if any(claim.ranges for claim in sniffed):
        yield Unknown(f"port {port} has a CIDR without a protocol", port)
    everything = [claim for claim in wanted if claim.family != "http" and not claim.names and _is_all(claim.ranges)]
    if len({claim.match for claim in everything}) > 1:
        yield Unknown(f"port {port} has an entry with 0.0.0.0/0 beside one without addresses", port)
    partial = next((n for c in wanted for n in c.names if n.startswith("*") and not n.startswith("*.")), "")
    if partial:
        yield Unknown(f"Envoy rejects the whole listener of port {port} for the server name {partial}", port)


def _is_all(ranges: Sequence[str]) -> bool:
    return all(found is not None and found.prefixlen == 0 for found in map(network, ranges))


def build(settled: SettledPort, wildcards: tuple[str, ...], unmatched: str, timeout: float) -> Listener:
    """The listener as istiod writes it. `wildcards` are the proxy's, `unmatched` the cluster for what nothing takes."""
    binds = (settled.bind,) if settled.bind else wildcards
    name = f"{binds[0]}_{settled.port}"
    chains = _chains(settled)
    default = next((c for c in chains if c.match == FilterChainMatch()), None)
    rest = tuple(c for c in chains if c is not default)
    if default is None:
        fallback = TcpProxy((WeightedCluster(unmatched),))
        match = FilterChainMatch()
        default = FilterChain("PassthroughFilterChain", match, ("tcp_proxy",), fallback, is_default=True)
    elif not rest:
        rest, default = (default,), None
    return Listener(
        name=name,
        addresses=tuple((bind, settled.port) for bind in binds),
        filter_chains=rest,
        default_filter_chain=default,
        listener_filters=tuple(_inspectors(rest)),
        listener_filters_timeout=timeout,
        continue_on_listener_filters_timeout=True,
        bind_to_port=False,
        traffic_direction="OUTBOUND",
        path=f"$.predicted.{name}",
    )


def _chains(settled: SettledPort) -> list[FilterChain]:
    found: list[FilterChain] = []
    http = next((claim for claim in settled.held if claim.family == "http"), None)
    if http is not None:
        found.append(_http_chain(route_name(settled, http), f"$.predicted.{settled.bind}_{settled.port}.http"))
    seen = set()
    for claim in settled.held:
        if claim.family == "http" or claim.match in seen:
            continue
        seen.add(claim.match)
        found.append(_tcp_chain(claim, f"$.predicted.{settled.bind}_{settled.port}.{len(found)}"))
    return found


def route_name(settled: SettledPort, claim: ListenerClaim) -> str:
    """The route configuration of a listener's HTTP chain: shared on the wildcard address, else the host's own."""
    return f"{claim.host}:{settled.port}" if settled.bind else str(settled.port)


def _http_chain(route: str, path: str) -> FilterChain:
    match = FilterChainMatch(transport_protocol="raw_buffer", application_protocols=HTTP_PROTOCOLS)
    return FilterChain("", match, ("http_connection_manager",), http=HttpConnectionManager(route), path=path)


def _tcp_chain(claim: ListenerClaim, path: str) -> FilterChain:
    ranges = () if _is_all(claim.ranges) else tuple(str(network(r)) for r in claim.ranges)
    match = FilterChainMatch(prefix_ranges=ranges, server_names=claim.names)
    return FilterChain("", match, ("tcp_proxy",), TcpProxy(claim.clusters), config=claim.config, path=path)


def _inspectors(chains: Sequence[FilterChain]) -> Iterable[ListenerFilter]:
    if any(chain.match.server_names for chain in chains):
        yield ListenerFilter("tls_inspector")
    if any(chain.match.application_protocols for chain in chains):
        yield ListenerFilter("http_inspector")


def catch_all(unmatched: str) -> Listener:
    """virtualOutbound: where iptables lead, and what no other listener takes stays."""
    chain = FilterChain(
        "virtualOutbound-catchall-tcp",
        FilterChainMatch(),
        ("tcp_proxy",),
        TcpProxy((WeightedCluster(unmatched),)),
        path="$.predicted.virtualOutbound",
    )
    return Listener(
        name="virtualOutbound",
        addresses=(("0.0.0.0", 15001),),
        filter_chains=(chain,),
        use_original_dst=True,
        traffic_direction="OUTBOUND",
        path="$.predicted.virtualOutbound",
    )

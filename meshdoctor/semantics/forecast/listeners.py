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
from meshdoctor.semantics.addresses import network
from meshdoctor.semantics.forecast.claims import Claim
from meshdoctor.semantics.forecast.doubt import Doubt
from meshdoctor.semantics.protocols import EXCLUSIVE

RESERVED = frozenset({15001, 15006, 15021, 15090})
"""Ports of the sidecar itself, which no service gets a wildcard listener on."""

HTTP_PROTOCOLS = ("http/1.1", "h2c")


class Lost(Struct, frozen=True):
    """A claim that got nothing, and the one that has its match."""

    claim: Claim
    winner: Claim


class Settled(Struct, frozen=True):
    """One bind address and port: the claims that hold it, in their order, and those that lost."""

    bind: str
    port: int
    held: tuple[Claim, ...]
    lost: tuple[Lost, ...]
    doubts: tuple[Doubt, ...]


def settle(claims: Iterable[Claim]) -> list[Settled]:
    """The claims by bind address and port."""
    places: dict[tuple[str, int], list[Claim]] = {}
    for claim in claims:
        places.setdefault((claim.bind, claim.port), []).append(claim)
    return [_settle(bind, port, wanted) for (bind, port), wanted in places.items()]


def _settle(bind: str, port: int, wanted: Sequence[Claim]) -> Settled:
    first = wanted[0]
    held: list[Claim] = []
    lost: list[Lost] = []
    for claim in wanted:
        winner = _winner(claim, first, held)
        if winner is None:
            held.append(claim)
        else:
            lost.append(Lost(claim, winner))
    return Settled(bind, port, tuple(held), tuple(lost), tuple(_doubts(bind, port, wanted)))


def _winner(claim: Claim, first: Claim, held: Sequence[Claim]) -> Claim | None:
    """The claim that keeps this one out; None where it gets its place."""
    if claim.protocol != first.protocol and EXCLUSIVE & {claim.protocol, first.protocol}:
        return first
    if claim.family == "http":
        return None
    return next((h for h in held if h.family != "http" and h.match == claim.match and not _same(h, claim)), None)


def _same(one: Claim, other: Claim) -> bool:
    """Two entries of one host that want the same chain: whoever has it, it is the same cluster."""
    return one.member.host == other.member.host and one.clusters == other.clusters


def _doubts(bind: str, port: int, wanted: Sequence[Claim]) -> Iterable[Doubt]:
    if not bind and port in RESERVED:
        yield Doubt(f"port {port} is one of the sidecar's own", port)
    sniffed = [claim for claim in wanted if claim.is_sniffed]
    if sniffed and not bind and any(c.family == "http" and not c.is_sniffed for c in wanted):
        yield Doubt(
            f"port {port} has HTTP and a port without protocol side by side, which Istio before 1.32 and later "
            "ones merge differently",
            port,
        )
    if any(claim.ranges for claim in sniffed):
        yield Doubt(f"port {port} has a range without a protocol", port)
    everything = [claim for claim in wanted if claim.family != "http" and not claim.names and _is_all(claim.ranges)]
    if len({claim.match for claim in everything}) > 1:
        yield Doubt(f"port {port} has 0.0.0.0/0 beside a claim without addresses", port)
    partial = next((n for c in wanted for n in c.names if n.startswith("*") and not n.startswith("*.")), "")
    if partial:
        yield Doubt(f"Envoy refuses the whole listener of port {port} for the server name {partial}", port)


def _is_all(ranges: Sequence[str]) -> bool:
    return all(found is not None and found.prefixlen == 0 for found in map(network, ranges))


def build(settled: Settled, wildcards: tuple[str, ...], unmatched: str, timeout: float) -> Listener:
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
        path=f"$.foretold.{name}",
    )


def _chains(settled: Settled) -> list[FilterChain]:
    found: list[FilterChain] = []
    http = next((claim for claim in settled.held if claim.family == "http"), None)
    if http is not None:
        found.append(_http_chain(route_name(settled, http), f"$.foretold.{settled.bind}_{settled.port}.http"))
    seen = set()
    for claim in settled.held:
        if claim.family == "http" or claim.match in seen:
            continue
        seen.add(claim.match)
        found.append(_tcp_chain(claim, f"$.foretold.{settled.bind}_{settled.port}.{len(found)}"))
    return found


def route_name(settled: Settled, claim: Claim) -> str:
    """The route configuration of a listener's HTTP chain: shared on the wildcard address, else the host's own."""
    return f"{claim.host}:{settled.port}" if settled.bind else str(settled.port)


def _http_chain(route: str, path: str) -> FilterChain:
    match = FilterChainMatch(transport_protocol="raw_buffer", application_protocols=HTTP_PROTOCOLS)
    return FilterChain("", match, ("http_connection_manager",), http=HttpConnectionManager(route), path=path)


def _tcp_chain(claim: Claim, path: str) -> FilterChain:
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
        path="$.foretold.virtualOutbound",
    )
    return Listener(
        name="virtualOutbound",
        addresses=(("0.0.0.0", 15001),),
        filter_chains=(chain,),
        use_original_dst=True,
        traffic_direction="OUTBOUND",
        path="$.foretold.virtualOutbound",
    )

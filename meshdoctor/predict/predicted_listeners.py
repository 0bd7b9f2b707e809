"""Listeners from claims: which claim is active, which is shadowed, and what handles unmatched traffic.

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
)
from meshdoctor.model.routes import WeightedCluster
from meshdoctor.predict.listener_claims import ListenerClaim
from meshdoctor.predict.unknown import Unknown
from meshdoctor.semantics.ip_addresses import network
from meshdoctor.semantics.istio.protocols import EXCLUSIVE

RESERVED = frozenset({15001, 15006, 15021, 15090})
"""Ports the sidecar itself uses; no service gets a wildcard listener on them."""

HTTP_PROTOCOLS = ("http/1.1", "h2c")


class PortClaims(Struct, frozen=True):
    """One bind address and port: its active claims, in order, and its shadowed ones, which get no filter chain."""

    bind: str
    port: int
    active: tuple[ListenerClaim, ...]
    shadowed: tuple[ListenerClaim, ...]
    unknowns: tuple[Unknown, ...]


def resolve_conflicts(claims: Iterable[ListenerClaim]) -> list[PortClaims]:
    """The active and shadowed claims of every bind address and port."""
    places: dict[tuple[str, int], list[ListenerClaim]] = {}
    for claim in claims:
        places.setdefault((claim.bind, claim.port), []).append(claim)
    found = []
    for (bind, port), same in places.items():
        active: list[ListenerClaim] = []
        shadowed: list[ListenerClaim] = []
        for claim in same:
            (shadowed if _is_shadowed(claim, same[0], active) else active).append(claim)
        found.append(PortClaims(bind, port, tuple(active), tuple(shadowed), tuple(_unknowns(bind, port, same))))
    return found


def _is_shadowed(claim: ListenerClaim, first: ListenerClaim, active: Sequence[ListenerClaim]) -> bool:
    """Whether an active claim keeps this one from getting a filter chain."""
    if claim.protocol != first.protocol and EXCLUSIVE & {claim.protocol, first.protocol}:
        return True
    if claim.family == "http":
        return False
    # two entries of one host that lead to the same clusters share their chain
    needed = (claim.host, claim.clusters)
    return any(h.family != "http" and h.match == claim.match and (h.host, h.clusters) != needed for h in active)


def _unknowns(bind: str, port: int, claims: Sequence[ListenerClaim]) -> Iterable[Unknown]:
    if not bind and port in RESERVED:
        yield Unknown(f"port {port} is used by the sidecar itself", port)
    sniffed = [claim for claim in claims if claim.is_sniffed]
    if sniffed and not bind and any(c.family == "http" and not c.is_sniffed for c in claims):
        yield Unknown(
            f"port {port} has services with protocol HTTP and without a protocol, which Istio merges differently "
            "since 1.32",
            port,
        )
    if any(claim.ranges for claim in sniffed):
        yield Unknown(f"port {port} has a CIDR without a protocol", port)
    everything = [claim for claim in claims if claim.family != "http" and not claim.names and _is_all(claim.ranges)]
    if len({claim.match for claim in everything}) > 1:
        yield Unknown(f"port {port} has an entry with 0.0.0.0/0 beside one without addresses", port)
    partial = next((n for c in claims for n in c.names if n.startswith("*") and not n.startswith("*.")), "")
    if partial:
        yield Unknown(f"Envoy rejects the whole listener of port {port} for the server name {partial}", port)


def _is_all(ranges: Sequence[str]) -> bool:
    return all(found is not None and found.prefixlen == 0 for found in map(network, ranges))


def build(claims: PortClaims, wildcards: tuple[str, ...], unmatched: str, timeout: float) -> Listener:
    """The listener istiod builds. `wildcards` are the proxy's wildcard addresses, `unmatched` the cluster for unmatched
    traffic."""
    binds = (claims.bind,) if claims.bind else wildcards
    name = f"{binds[0]}_{claims.port}"
    chains = _chains(claims)
    default = next((c for c in chains if c.match == FilterChainMatch()), None)
    rest = tuple(c for c in chains if c is not default)
    if default is None:
        fallback = TcpProxy((WeightedCluster(unmatched),))
        match = FilterChainMatch()
        default = FilterChain("PassthroughFilterChain", match, ("tcp_proxy",), fallback, is_default=True)
    elif not rest:
        rest, default = (default,), None
    inspectors = {
        "tls_inspector": any(chain.match.server_names for chain in rest),
        "http_inspector": any(chain.match.application_protocols for chain in rest),
    }
    return Listener(
        name=name,
        addresses=tuple((bind, claims.port) for bind in binds),
        filter_chains=rest,
        default_filter_chain=default,
        listener_filters=tuple(ListenerFilter(kind) for kind, runs in inspectors.items() if runs),
        listener_filters_timeout=timeout,
        continue_on_listener_filters_timeout=True,
        bind_to_port=False,
        traffic_direction="OUTBOUND",
        path=f"$.predicted.{name}",
    )


def _chains(claims: PortClaims) -> list[FilterChain]:
    found: list[FilterChain] = []
    http = next((claim for claim in claims.active if claim.family == "http"), None)
    if http is not None:
        match = FilterChainMatch(transport_protocol="raw_buffer", application_protocols=HTTP_PROTOCOLS)
        manager = HttpConnectionManager(route_name(claims, http))
        path = f"$.predicted.{claims.bind}_{claims.port}.http"
        found.append(FilterChain("", match, ("http_connection_manager",), http=manager, path=path))
    seen = set()
    for claim in claims.active:
        if claim.family == "http" or claim.match in seen:
            continue
        seen.add(claim.match)
        ranges = () if _is_all(claim.ranges) else tuple(str(network(r)) for r in claim.ranges)
        match = FilterChainMatch(prefix_ranges=ranges, server_names=claim.names)
        path = f"$.predicted.{claims.bind}_{claims.port}.{len(found)}"
        found.append(FilterChain("", match, ("tcp_proxy",), TcpProxy(claim.clusters), config=claim.config, path=path))
    return found


def route_name(claims: PortClaims, claim: ListenerClaim) -> str:
    """The route configuration of a listener's HTTP chain: shared on the wildcard address, else the host's own."""
    return f"{claim.host}:{claims.port}" if claims.bind else str(claims.port)


def catch_all(unmatched: str) -> Listener:
    """virtualOutbound, to which iptables redirects, and which handles connections that match no other listener."""
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

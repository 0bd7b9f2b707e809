"""Envoy's filter chain match, in its fixed order of criteria and without backtracking.

Order (api/envoy/config/listener/v3/listener_components.proto, FilterChainMatch): destination port, destination IP,
server name, transport protocol, application protocols, directly connected source IP, source type, source IP, source
port. At each criterion the most specific value that fits decides which chains stay; a later miss never goes back
(source/common/listener_manager/filter_chain_manager_impl.cc).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct, structs

from meshdoctor.model.proxy import FilterChain, FilterChainMatch
from meshdoctor.semantics.ip_addresses import address, network


class Arrival(Struct, frozen=True):
    """A connection after the listener filters, before a filter chain is chosen."""

    ip: str | None
    """Original destination; None matches only chains without prefix ranges."""
    port: int
    server_name: str = ""
    transport_protocol: str = "raw_buffer"
    """`tls` where tls_inspector saw a ClientHello; Envoy sets `raw_buffer` where no filter said anything."""
    application_protocols: tuple[str, ...] = ()
    source_ip: str | None = None


class ChainChoice(Struct, frozen=True):
    """The chain chosen, None where no chain matches; `decided` explains each criterion that mattered."""

    chain: FilterChain | None
    decided: tuple[str, ...] = ()
    is_default: bool = False
    undecided: str = ""
    """Why Envoy may take another chain instead; empty where it cannot."""


def choose_chain(chains: Sequence[FilterChain], default: FilterChain | None, arrival: Arrival) -> ChainChoice:
    """The filter chain Envoy chooses: the most specific match, else the default chain, else none."""
    return _narrow(list(chains), default, arrival, 0, ())


def _narrow(
    left: list[FilterChain], default: FilterChain | None, arrival: Arrival, start: int, notes: tuple[str, ...]
) -> ChainChoice:
    """Apply the criteria from number `start` on.

    A range of all addresses and a chain without ranges have one place in Envoy's trie (convertIPsToTries); which of
    them is found differs from one start of Envoy to the next.
    """
    decided = list(notes)
    for place, criterion in enumerate(CRITERIA[start:], start):
        before = len(left)
        rest = _without_ranges(left, RANGES_OF.get(place))
        left, note = criterion(left, arrival)
        if note and rest and left != rest and note.endswith(_OF_ALL):
            ways = [_narrow(way, default, arrival, place + 1, (*decided, note)) for way in (left, rest)]
            if ways[0].chain is ways[1].chain:
                return ways[0]
            return structs.replace(ways[0], undecided=f"{note}, and another filter chain has no ranges: {_EITHER}")
        if note and (len(left) != before or before == 1):
            decided.append(note)
        if not left:
            return ChainChoice(default, tuple(decided), default is not None)
    return ChainChoice(left[0], tuple(decided))


_OF_ALL = ("/0", "/0, the longest matching range")
_EITHER = "Envoy takes the one or the other"


def _without_ranges(
    chains: list[FilterChain], ranges_of: Callable[[FilterChainMatch], tuple[str, ...]] | None
) -> list[FilterChain]:
    return [c for c in chains if not ranges_of(c.match)] if ranges_of is not None else []


Narrowed = tuple[list[FilterChain], str]


def _by_destination_port(chains: list[FilterChain], arrival: Arrival) -> Narrowed:
    exact = [c for c in chains if c.match.destination_port == arrival.port]
    if exact:
        return exact, f"destination port {arrival.port}"
    # 0 and absent are the same in the proto: no port to match
    return [c for c in chains if not c.match.destination_port], ""


def _longest_prefix(
    chains: list[FilterChain], ip: str | None, ranges_of: Callable[[FilterChainMatch], tuple[str, ...]]
) -> Narrowed:
    parsed = address(ip) if ip else None
    best, length, text = [], -1, ""
    for chain in chains:
        for cidr in ranges_of(chain.match):
            net = network(cidr)
            if net is None or parsed is None or parsed.version != net.version or parsed not in net:
                continue
            if net.prefixlen > length:
                best, length, text = [chain], net.prefixlen, str(net)
            elif net.prefixlen == length and chain not in best:
                best.append(chain)
    if best:
        return best, text
    return [c for c in chains if not ranges_of(c.match)], ""


def _by_destination_ip(chains: list[FilterChain], arrival: Arrival) -> Narrowed:
    left, net = _longest_prefix(chains, arrival.ip, lambda m: m.prefix_ranges)
    return left, f"{arrival.ip} is in {net}, the longest matching range" if net else ""


def _by_server_name(chains: list[FilterChain], arrival: Arrival) -> Narrowed:
    name = arrival.server_name.lower()
    if name:
        for candidate in server_name_candidates(name):
            named = [c for c in chains if candidate in (s.lower() for s in c.match.server_names)]
            if named:
                return named, f"server name {name} matches {candidate}"
    left = [c for c in chains if not c.match.server_names]
    if len(left) == len(chains):
        return left, ""
    return left, f"no filter chain matches server name {name}" if name else "no server name (SNI) to match"


def server_name_candidates(name: str) -> list[str]:
    """What `server_names` may hold to match this name, most specific first: itself, `*.rest`, `*.rest of rest` ..."""
    labels = name.split(".")
    return [name, *("*." + ".".join(labels[i:]) for i in range(1, len(labels)) if labels[i:] != [""])]


def _by_transport_protocol(chains: list[FilterChain], arrival: Arrival) -> Narrowed:
    exact = [c for c in chains if c.match.transport_protocol == arrival.transport_protocol]
    if exact:
        return exact, f"transport protocol {arrival.transport_protocol}"
    left = [c for c in chains if not c.match.transport_protocol]
    return left, "" if len(left) == len(
        chains
    ) else f"no filter chain matches transport protocol {arrival.transport_protocol}"


def _by_application_protocols(chains: list[FilterChain], arrival: Arrival) -> Narrowed:
    for protocol in arrival.application_protocols:
        exact = [c for c in chains if protocol in c.match.application_protocols]
        if exact:
            return exact, f"application protocol {protocol}"
    left = [c for c in chains if not c.match.application_protocols]
    if len(left) == len(chains):
        return left, ""
    seen = ", ".join(arrival.application_protocols)
    return (
        left,
        f"no filter chain matches application protocol {seen}" if seen else "no application protocol was detected",
    )


def _by_direct_source(chains: list[FilterChain], arrival: Arrival) -> Narrowed:
    left, net = _longest_prefix(chains, arrival.source_ip, lambda m: m.direct_source_prefix_ranges)
    return left, f"source {arrival.source_ip} is in {net}" if net else ""


def _by_source_type(chains: list[FilterChain], arrival: Arrival) -> Narrowed:
    local = arrival.source_ip is not None and (
        arrival.source_ip == arrival.ip or arrival.source_ip.startswith("127.") or arrival.source_ip == "::1"
    )
    wanted = "SAME_IP_OR_LOOPBACK" if local else "EXTERNAL"
    exact = [c for c in chains if c.match.source_type == wanted]
    if exact:
        return exact, f"source type {wanted}"
    return [c for c in chains if c.match.source_type in ("ANY", "")], ""


def _by_source_ip(chains: list[FilterChain], arrival: Arrival) -> Narrowed:
    left, net = _longest_prefix(chains, arrival.source_ip, lambda m: m.source_prefix_ranges)
    return left, f"source {arrival.source_ip} is in {net}" if net else ""


def _by_source_port(chains: list[FilterChain], arrival: Arrival) -> Narrowed:
    # A client's port is ephemeral: ordinary connections do not match a chain with a source port.
    return [c for c in chains if not c.match.source_ports], ""


CRITERIA: tuple[Callable[[list[FilterChain], Arrival], Narrowed], ...] = (
    _by_destination_port,
    _by_destination_ip,
    _by_server_name,
    _by_transport_protocol,
    _by_application_protocols,
    _by_direct_source,
    _by_source_type,
    _by_source_ip,
    _by_source_port,
)

RANGES_OF: dict[int, Callable[[FilterChainMatch], tuple[str, ...]]] = {
    CRITERIA.index(_by_destination_ip): lambda m: m.prefix_ranges,
    CRITERIA.index(_by_direct_source): lambda m: m.direct_source_prefix_ranges,
    CRITERIA.index(_by_source_ip): lambda m: m.source_prefix_ranges,
}
"""Ranges of the criteria, by place in CRITERIA, that compare addresses."""

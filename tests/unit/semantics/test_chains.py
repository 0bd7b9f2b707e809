"""Filter chain match against the nested maps of filter_chain_manager_impl.cc, and single cases by hand."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdoctor.model.proxy import FilterChain, FilterChainMatch
from meshdoctor.semantics.envoy.filter_chains import Arrival, choose_chain, server_name_candidates

SOURCE_PORT = 50000
DEFAULT = FilterChain("default", FilterChainMatch(), (), is_default=True)


def chain(name: str, **match: Any) -> FilterChain:
    return FilterChain(name, FilterChainMatch(**match), ())


def chosen(chains: Sequence[FilterChain], arrival: Arrival, default: FilterChain | None = DEFAULT) -> str | None:
    found = choose_chain(chains, default, arrival).chain
    return found.name if found else None


# What follows reads Envoy's source anew: nothing of meshdoctor's matching is used.

ANYTHING = ""


def keys_of(match: FilterChainMatch) -> list[list[Any]]:
    """The keys under which Envoy files a chain, one list a level."""
    names = [name.lower().removeprefix("*") for name in match.server_names]
    return [
        [match.destination_port or 0],
        [str(ipaddress.ip_network(cidr, strict=False)) for cidr in match.prefix_ranges] or [ANYTHING],
        names or [ANYTHING],
        [match.transport_protocol],
        list(match.application_protocols) or [ANYTHING],
        [str(ipaddress.ip_network(cidr, strict=False)) for cidr in match.direct_source_prefix_ranges] or [ANYTHING],
        [match.source_type],
        [str(ipaddress.ip_network(cidr, strict=False)) for cidr in match.source_prefix_ranges] or [ANYTHING],
        list(match.source_ports) or [0],
    ]


def nested_maps(chains: Sequence[FilterChain]) -> tuple[dict[Any, Any], list[FilterChain]]:
    """Envoy's nine nested maps. A chain that claims a place already taken makes Envoy refuse the listener: left out."""
    tree: dict[Any, Any] = {}
    taken: set[tuple[Any, ...]] = set()
    kept = []
    for one in chains:
        places = set(product(*keys_of(one.match)))
        if places & taken:
            continue
        taken |= places
        kept.append(one)
        for *path, last in places:
            level = tree
            for key in path:
                level = level.setdefault(key, {})
            level[last] = one.name
    return tree, kept


def ip_key(level: dict[Any, Any], text: str) -> Any:
    """What the trie gives back: the longest range that holds the address, then the entry without any."""
    ip = ipaddress.ip_address(text)
    nets = [ipaddress.ip_network(key) for key in level if key != ANYTHING]
    fitting = [net for net in nets if net.version == ip.version and ip in net]
    if fitting:
        return str(max(fitting, key=lambda net: net.prefixlen))
    return ANYTHING if ANYTHING in level else None


def name_key(level: dict[Any, Any], name: str) -> Any:
    if name in level:
        return name
    at = name.find(".", 1)
    while at != -1 and at < len(name) - 1:
        if name[at:] in level:
            return name[at:]
        at = name.find(".", at + 1)
    return ANYTHING if ANYTHING in level else None


def first_key(level: dict[Any, Any], *wanted: Any) -> Any:
    return next((key for key in wanted if key in level), None)


def envoys_choice(tree: dict[Any, Any], arrival: Arrival) -> str:
    """The walk of findFilterChain: one key a level, and a level without a key ends in the default chain."""
    source, ip = str(arrival.source_ip), str(arrival.ip)
    is_local = source == ip or ipaddress.ip_address(source).is_loopback
    pickers: list[Callable[[dict[Any, Any]], Any]] = [
        lambda level: first_key(level, arrival.port, 0),
        lambda level: ip_key(level, ip),
        lambda level: name_key(level, arrival.server_name),
        lambda level: first_key(level, arrival.transport_protocol, ANYTHING),
        lambda level: first_key(level, *arrival.application_protocols, ANYTHING),
        lambda level: ip_key(level, source),
        lambda level: first_key(level, "SAME_IP_OR_LOOPBACK" if is_local else "EXTERNAL", "ANY"),
        lambda level: ip_key(level, source),
        lambda level: first_key(level, SOURCE_PORT, 0),
    ]
    level: Any = tree
    for pick in pickers:
        key = pick(level)
        if key is None:
            return DEFAULT.name
        level = level[key]
    return str(level)


# A range of /0 beside a chain without ranges is left out: Envoy files both in one place and either may win.
RANGES = (
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.0/24",
    "10.1.2.9/24",
    "10.1.2.3/32",
    "192.0.2.0/25",
    "fd00::/8",
    "fd00::1/128",
)
ADDRESSES = (
    "10.1.2.3",
    "10.1.2.4",
    "10.1.9.9",
    "10.9.9.9",
    "192.0.2.1",
    "192.0.2.200",
    "127.0.0.6",
    "fd00::1",
    "fd00::2",
)
NAMES = ("www.shop.example", "*.shop.example", "*.example", "shop.example", "*.www.shop.example", "OTHER.example")
ASKED = (
    "",
    "www.shop.example",
    "a.www.shop.example",
    "shop.example",
    "example",
    "other.example",
    "x.test",
    "shop.example.",
)


def some(values: Sequence[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


MATCHES = st.builds(
    FilterChainMatch,
    destination_port=st.sampled_from([None, None, 0, 443, 8443]),
    prefix_ranges=some(RANGES),
    server_names=some(NAMES),
    transport_protocol=st.sampled_from(["", "", "tls", "raw_buffer"]),
    application_protocols=some(["http/1.1", "h2", "istio"]),
    direct_source_prefix_ranges=some(RANGES, 1),
    source_type=st.sampled_from(["ANY", "ANY", "SAME_IP_OR_LOOPBACK", "EXTERNAL"]),
    source_prefix_ranges=some(RANGES, 1),
    source_ports=some([1000, 2000], 1),
)
SIMPLE_MATCHES = st.builds(
    FilterChainMatch,
    prefix_ranges=some(RANGES),
    server_names=some(NAMES),
    transport_protocol=st.sampled_from(["", "tls", "raw_buffer"]),
    application_protocols=some(["http/1.1", "h2"]),
)
CHAINS = st.lists(MATCHES | SIMPLE_MATCHES, min_size=1, max_size=8).map(
    lambda matches: [FilterChain(f"chain {n}", match, ()) for n, match in enumerate(matches)]
)
ARRIVALS = st.builds(
    Arrival,
    ip=st.sampled_from(ADDRESSES),
    port=st.sampled_from([443, 8443, 80]),
    server_name=st.sampled_from(ASKED),
    transport_protocol=st.sampled_from(["tls", "raw_buffer"]),
    application_protocols=some(["http/1.1", "h2", "foo"]),
    source_ip=st.sampled_from(ADDRESSES),
)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(CHAINS, ARRIVALS)
def test_the_choice_is_envoys(chains: list[FilterChain], arrival: Arrival) -> None:
    tree, kept = nested_maps(chains)
    assert chosen(kept, arrival) == envoys_choice(tree, arrival)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(CHAINS, ARRIVALS, st.randoms(use_true_random=False))
def test_the_order_of_chains_in_the_dump_does_not_matter(
    chains: list[FilterChain], arrival: Arrival, dice: Any
) -> None:
    _, kept = nested_maps(chains)
    shuffled = list(kept)
    dice.shuffle(shuffled)
    assert chosen(shuffled, arrival) == chosen(kept, arrival)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.lists(st.tuples(st.ip_addresses(v=4), st.integers(1, 32)), min_size=1, max_size=8),
    st.integers(0, 7),
    st.integers(0, 255),
)
def test_the_longest_range_wins(ranges: list[tuple[ipaddress.IPv4Address, int]], index: int, offset: int) -> None:
    """The address dialled lies in or near one of the ranges, so most examples have a winner."""
    ip = ipaddress.IPv4Address((int(ranges[index % len(ranges)][0]) ^ offset) & 0xFFFFFFFF)
    lengths: dict[str, int] = {}
    chains = []
    for base, length in ranges:
        cidr = f"{base}/{length}"
        chains.append(chain(cidr, prefix_ranges=(cidr,)))
        bits = 32 - length
        if int(ip) >> bits == int(base) >> bits:
            lengths[cidr] = length
    found = chosen(chains, Arrival(str(ip), 443))
    if not lengths:
        assert found == "default"
    else:
        assert lengths[str(found)] == max(lengths.values())


TLS_CHAINS = [
    chain("exact", server_names=("www.shop.example",), transport_protocol="tls"),
    chain("near", server_names=("*.shop.example",), transport_protocol="tls"),
    chain("far", server_names=("*.example",), transport_protocol="tls"),
]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("www.shop.example", "exact"),
        ("WWW.Shop.Example", "exact"),
        ("api.shop.example", "near"),
        ("a.b.shop.example", "near"),
        ("shop.example", "far"),
        ("example", "default"),
        ("shop.example.org", "default"),
        ("", "default"),
    ],
)
def test_server_names(name: str, wanted: str) -> None:
    assert chosen(TLS_CHAINS, Arrival("198.51.100.1", 443, name, "tls")) == wanted


def test_a_miss_further_down_does_not_go_back() -> None:
    """The longer range is taken, and the server name that only the shorter one knows ends in the default chain."""
    chains = [
        chain("wide", prefix_ranges=("10.0.0.0/8",), server_names=("a.example",)),
        chain("narrow", prefix_ranges=("10.1.0.0/16",), server_names=("b.example",)),
    ]
    assert chosen(chains, Arrival("10.1.0.1", 443, "a.example", "tls")) == "default"
    assert chosen(chains, Arrival("10.2.0.1", 443, "a.example", "tls")) == "wide"


def test_a_chain_for_the_port_hides_those_for_any_port() -> None:
    chains = [chain("port", destination_port=443, server_names=("a.example",)), chain("any")]
    assert chosen(chains, Arrival("10.0.0.1", 443, "b.example", "tls")) == "default"
    assert chosen(chains, Arrival("10.0.0.1", 80, "b.example", "tls")) == "any"


def test_a_chain_for_a_source_port_is_nobodys_ordinary_way() -> None:
    assert chosen([chain("ephemeral", source_ports=(1000,))], Arrival("10.0.0.1", 443)) == "default"


def test_without_default_chain_there_may_be_none() -> None:
    choice = choose_chain(TLS_CHAINS, None, Arrival("10.0.0.1", 443))
    assert choice.chain is None
    assert not choice.is_default
    assert "no server name" in " ".join(choice.decided)


def test_an_unknown_address_fits_only_chains_without_ranges() -> None:
    chains = [chain("range", prefix_ranges=("0.0.0.0/0",)), chain("any")]
    assert chosen(chains, Arrival(None, 443)) == "any"
    assert chosen(chains[:1], Arrival(None, 443)) == "default"


def test_what_was_decided_is_told_in_envoys_order() -> None:
    chains = [
        chain("a", prefix_ranges=("10.0.0.0/8",), server_names=("a.example",)),
        chain("b", prefix_ranges=("10.0.0.0/8",), server_names=("b.example",)),
        chain("c"),
    ]
    decided = choose_chain(chains, None, Arrival("10.0.0.1", 443, "b.example", "tls")).decided
    assert [("10.0.0.0/8" in text, "b.example" in text) for text in decided] == [(True, False), (False, True)]


def test_candidates_of_a_server_name() -> None:
    assert server_name_candidates("a.b.example") == ["a.b.example", "*.b.example", "*.example"]
    assert server_name_candidates("localhost") == ["localhost"]

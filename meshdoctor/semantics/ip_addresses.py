"""IP addresses and CIDR ranges, parsed once and kept."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@lru_cache(maxsize=65536)
def address(text: str) -> Address | None:
    """The address, an IPv4-mapped IPv6 one as IPv4; None where the text is none."""
    try:
        parsed = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed


def as_written(text: str) -> str:
    """The address in its usual spelling, of its own IP version; `""` where the text is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


@lru_cache(maxsize=65536)
def network(text: str) -> Network | None:
    """The range, host bits cleared as Envoy and Istio do; an address counts as /32 or /128. None where it is none."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def is_ip(text: str) -> bool:
    """Whether the text is an IP address."""
    return address(text) is not None


def is_of(ip: str, versions: Iterable[int]) -> bool:
    """Whether the address is of one of these IP versions. An IPv4-mapped one counts as IPv4."""
    parsed = address(ip)
    return parsed is not None and parsed.version in versions


def contains(cidr: str, ip: str) -> bool:
    """Whether the range (or single address) holds the address."""
    net, parsed = network(cidr), address(ip)
    return net is not None and parsed is not None and parsed.version == net.version and parsed in net


def covered(ip: str, cidrs: Iterable[str]) -> bool:
    """Whether any of the ranges holds the address."""
    return any(contains(cidr, ip) for cidr in cidrs)


@lru_cache(maxsize=65536)
def is_single(cidr: str) -> bool:
    """Whether it names one address: an IP, /32 or /128. Istio binds a listener to those alone."""
    net = network(cidr)
    return net is not None and net.prefixlen == net.max_prefixlen


def as_cidr(ip: str) -> str:
    """`203.0.113.10` as `203.0.113.10/32`; a range stays as it is."""
    net = network(ip)
    return str(net) if net is not None else ip


@lru_cache(maxsize=65536)
def bare(cidr: str) -> str:
    """The address of a single-address range, without its mask; a range stays as it is."""
    return str(network(cidr).network_address) if is_single(cidr) else cidr  # type: ignore[union-attr]


WIDE_V4, WIDE_V6 = 24, 64


def is_wide(cidr: str) -> bool:
    """Wider than a /24 (IPv6: a /64): more than one network of one owner, as a rule."""
    net = network(cidr)
    return net is not None and net.prefixlen < (WIDE_V4 if net.version == 4 else WIDE_V6)

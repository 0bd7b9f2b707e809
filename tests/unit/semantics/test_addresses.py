from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdoctor.semantics.ip_addresses import (
    address,
    as_cidr,
    bare,
    contains,
    covered,
    is_ip,
    is_single,
    is_wide,
    network,
)

# An IPv4-mapped IPv6 address counts as IPv4, so it is no plain member of an IPv6 range.
ADDRESSES = st.ip_addresses().filter(lambda ip: ip.version == 4 or ip.ipv4_mapped is None)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(ADDRESSES, st.integers(0, 128), ADDRESSES)
def test_a_range_holds_the_addresses_that_share_its_leading_bits(base: Any, length: int, other: Any) -> None:
    shift = max(0, base.max_prefixlen - length)
    cidr = f"{base}/{base.max_prefixlen - shift}"
    same = base.version == other.version and int(base) >> shift == int(other) >> shift
    assert contains(cidr, str(other)) is same
    assert contains(cidr, str(type(base)(int(base) >> shift << shift)))


@pytest.mark.parametrize(
    ("cidr", "ip", "wanted"),
    [
        ("198.51.100.0/24", "198.51.100.7", True),
        ("198.51.100.9/24", "198.51.100.7", True),
        ("198.51.100.7", "198.51.100.7", True),
        ("0.0.0.0/0", "198.51.100.7", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("::/0", "198.51.100.7", False),
        ("198.51.100.0/24", "::ffff:198.51.100.7", True),
        ("2001:db8::/32", "2001:DB8:0::1", True),
        ("not a range", "198.51.100.7", False),
        ("198.51.100.0/24", "db.example", False),
        ("198.51.100.0/33", "198.51.100.7", False),
    ],
)
def test_contains(cidr: str, ip: str, wanted: bool) -> None:
    assert contains(cidr, ip) is wanted
    assert covered(ip, ["203.0.113.0/24", cidr]) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("198.51.100.7", True), ("[2001:db8::1]", True), ("db.example", False), ("198.51.100", False), ("", False)],
)
def test_is_ip(text: str, wanted: bool) -> None:
    assert is_ip(text) is wanted


def test_one_address_in_two_spellings_is_one() -> None:
    assert address("2001:DB8::0:1") == address("[2001:db8::1]")
    assert address("::ffff:198.51.100.7") == address("198.51.100.7")


@pytest.mark.parametrize(
    ("cidr", "single", "wide", "shown"),
    [
        ("198.51.100.7", True, False, "198.51.100.7"),
        ("198.51.100.7/32", True, False, "198.51.100.7"),
        ("198.51.100.0/24", False, False, "198.51.100.0/24"),
        ("198.51.0.0/23", False, True, "198.51.0.0/23"),
        ("0.0.0.0/0", False, True, "0.0.0.0/0"),
        ("2001:db8::1/128", True, False, "2001:db8::1"),
        ("2001:db8::/64", False, False, "2001:db8::/64"),
        ("2001:db8::/32", False, True, "2001:db8::/32"),
        ("db.example", False, False, "db.example"),
    ],
)
def test_single_wide_and_bare(cidr: str, single: bool, wide: bool, shown: str) -> None:
    assert (is_single(cidr), is_wide(cidr), bare(cidr)) == (single, wide, shown)


def test_as_cidr() -> None:
    assert [as_cidr(t) for t in ("198.51.100.7", "198.51.100.7/24", "2001:db8::1", "x")] == [
        "198.51.100.7/32",
        "198.51.100.0/24",
        "2001:db8::1/128",
        "x",
    ]
    assert network("x") is None

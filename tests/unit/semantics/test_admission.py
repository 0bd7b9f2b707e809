"""What a cluster refuses of a ServiceEntry. `tests/lab/test_fixes.py` asks a real API server the same."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.semantics.istio.admission import refusals
from tests.meshes import entry

ENDPOINT = [{"address": "203.0.113.1"}]
TAKEN = [
    entry("a", "a.example *.b.example", "443/TLS 80/HTTP", "NONE", addresses=["203.0.113.0/24", "2001:db8::/32"]),
    entry("a", "a.example", "443/TCP", "DNS", addresses=["203.0.113.1"], exportTo=[".", "bank"]),
    entry("a", "a.example b.example", "443/TCP", "NONE"),
    entry("a", "*.b.example", "443/TLS", "DNS", endpoints=[{"address": "x.example"}]),
    entry("a", "a.example", "443/", "STATIC", endpoints=ENDPOINT),
    entry("a", "*.b.example", "443/TLS", "DYNAMIC_DNS"),
]
REFUSED = {
    "no host": (entry("a", "", "443/TLS"), "hosts"),
    "every host": (entry("a", "*", "443/TLS", "NONE"), "not a host name"),
    "an underscore": (entry("a", "my_db.example", "443/TLS"), "not a host name"),
    "a range": (entry("a", "a.example", "443/TCP", "DNS", addresses=["203.0.113.1/32"]), "NONE or STATIC"),
    "no address": (entry("a", "a.example", "443/TCP", addresses=["a.example"]), "not an address"),
    "one port twice": (entry("a", "a.example", "443/TLS 443/TCP"), "same number"),
    "a port's name": (entry("a", "a.example", "443/GRPC_WEB"), "not a port name"),
    "a protocol": (entry("a", "a.example", "443/SMTP"), "not a protocol"),
    "a port": (entry("a", "a.example", "0/TCP"), "0 is not a port"),
    "endpoints of NONE": (entry("a", "a.example", "443/TLS", "NONE", endpoints=ENDPOINT), "no endpoints"),
    "a name for STATIC": (
        entry("a", "a.example", "443/TLS", "STATIC", endpoints=[{"address": "x.example"}]),
        "not an address for resolution STATIC",
    ),
    "endpoints and selector": (
        entry("a", "a.example", "443/TLS", "STATIC", endpoints=ENDPOINT, workloadSelector={"labels": {"a": "b"}}),
        "exclude",
    ),
    "two for round robin": (
        entry("a", "a.example", "443/TLS", "DNS_ROUND_ROBIN", endpoints=ENDPOINT * 2),
        "one endpoint",
    ),
    "a wildcard by DNS": (entry("a", "*.a.example", "443/TLS"), "wildcard"),
    "several hosts by TCP": (entry("a", "a.example b.example", "443/TCP"), "several hosts"),
    "a port of no name": (
        entry("a", "a.example", "443/TLS", "STATIC", endpoints=[{"address": "203.0.113.1", "ports": {"x": 1}}]),
        "a port the entry does not have",
    ),
    "an export twice": (entry("a", "a.example", "443/TLS", exportTo=[".", "shop"]), "twice"),
    "all and one": (entry("a", "a.example", "443/TLS", exportTo=["*", "shop"]), "with others"),
    "addresses for DYNAMIC_DNS": (
        entry("a", "*.a.example", "443/TLS", "DYNAMIC_DNS", addresses=["203.0.113.1"]),
        "DYNAMIC_DNS",
    ),
}


@pytest.mark.parametrize("given", TAKEN)
def test_what_is_taken(given: Any) -> None:
    assert refusals(given) == ()


@pytest.mark.parametrize(("given", "because"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(given: Any, because: str) -> None:
    assert any(because in said for said in refusals(given)), refusals(given)


@pytest.mark.parametrize("given", [{}, {"spec": None}, {"spec": {"hosts": "a", "ports": [1], "endpoints": {}}}])
def test_nothing_is_too_odd_to_be_judged(given: Any) -> None:
    assert refusals(given)

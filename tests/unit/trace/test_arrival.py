"""Which listener takes a connection, what its inspectors wait for, and which chain it ends in."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.trace.arrival import ListenerIndex
from tests.dumps import BOTH, catch_all, chain, cluster, dump, endpoint, hcm, inspector, listener, read, socket, tcp
from tests.unit.trace.worlds import BLACKHOLE, own, traced, world

DB, API = "db.example", "api.example"


def static(name: str, port: int = 3306) -> dict[str, Any]:
    return cluster(name, "STATIC", endpoint("198.51.100.1", port))


@pytest.mark.parametrize(
    ("ip", "port", "wanted"),
    [
        ("198.51.100.1", 443, "198.51.100.1_443"),
        ("198.51.100.2", 443, "0.0.0.0_443"),
        ("198.51.100.1", 80, "virtualOutbound"),
        ("2001:db8::1", 443, "2001:db8::1_443"),
        ("2001:0db8:0:0::1", 443, "2001:db8::1_443"),
        ("2001:db8::2", 443, "::_443"),
        ("2001:db8::2", 80, "virtualOutbound"),
        ("::ffff:198.51.100.1", 443, "198.51.100.1_443"),
        ("198.51.100.7", 443, "198.51.100.6_443"),
        (None, 443, "0.0.0.0_443"),
        (None, 9, "virtualOutbound"),
    ],
)
def test_the_most_specific_listener(ip: str | None, port: int, wanted: str) -> None:
    binds = ["0.0.0.0", "198.51.100.1", "::", "2001:db8::1"]
    several = listener(
        "198.51.100.6", 443, chain(tcp("x")), additional_addresses=[{"address": socket("198.51.100.7", 443)}]
    )
    listeners = [listener(address, 443, chain(tcp("x"))) for address in binds]
    index = ListenerIndex(read(dump([catch_all(BLACKHOLE), *listeners, several])))
    found = index.choose(ip, port)
    assert found is not None
    assert found.name == wanted


def test_the_inbound_catch_all_takes_nothing_outbound() -> None:
    inbound = listener(
        "0.0.0.0", 15006, chain(tcp("x")), name="virtualInbound", traffic_direction="INBOUND", use_original_dst=True
    )
    found = ListenerIndex(read(dump([inbound, catch_all(BLACKHOLE)]))).choose("198.51.100.1", 443)
    assert found is not None
    assert found.name == "virtualOutbound"


def test_without_catch_all_no_verdict_is_possible() -> None:
    mesh = world()
    mesh.proxies = {"shop/web": read(dump([listener("0.0.0.0", 80, chain(tcp("x")))]))}
    found = traced(mesh, DB, 3306, ip="198.51.100.1")
    assert (found.verdict, found.missing) == ("unknown", ("listeners",))


def server_first(*filters: dict[str, Any], **fields: Any) -> Any:
    """A MySQL client on a port whose listener has these inspectors."""
    made = listener("0.0.0.0", 3306, chain(tcp(own(DB, 3306))), filters=filters, **fields)
    return traced(world([made], clusters=[static(own(DB, 3306))]), DB, 3306, ip="198.51.100.1", protocol="server-first")


OFF = {"filter_disabled": {"destination_port_range": {"start": 3306, "end": 3307}}}
OFF_ELSEWHERE = {"filter_disabled": {"destination_port_range": {"start": 3307, "end": 3308}}}
NOT_HERE = {"filter_disabled": {"not_match": OFF_ELSEWHERE["filter_disabled"]}}
ALWAYS_OFF = {"filter_disabled": {"any_match": True}}
EITHER = {"filter_disabled": {"or_match": {"rules": [OFF_ELSEWHERE["filter_disabled"], OFF["filter_disabled"]]}}}


@pytest.mark.parametrize(
    ("filters", "fields", "verdict", "hangs"),
    [
        (BOTH, {}, "broken", True),
        ((inspector("http"),), {}, "broken", True),
        ((inspector("tls"),), {}, "broken", True),
        ((), {}, "delivered", False),
        (BOTH, {"listener_filters_timeout": "5s"}, "delivered", False),
        (BOTH, {"listener_filters_timeout": "0.100s"}, "delivered", False),
        (
            BOTH,
            {"listener_filters_timeout": "5s", "continue_on_listener_filters_timeout": False},
            "broken",
            True,
        ),
        (BOTH, {"listener_filters_timeout": None}, "delivered", False),
        ((inspector("tls", **OFF), inspector("http", **OFF)), {}, "delivered", False),
        ((inspector("tls", **OFF), inspector("http")), {}, "broken", True),
        ((inspector("tls", **OFF_ELSEWHERE),), {}, "broken", True),
        ((inspector("tls", **NOT_HERE),), {}, "delivered", False),
        ((inspector("tls", **ALWAYS_OFF),), {}, "delivered", False),
        ((inspector("tls", **EITHER),), {}, "delivered", False),
    ],
)
def test_a_client_that_waits_for_the_greeting(
    filters: tuple[dict[str, Any], ...], fields: dict[str, Any], verdict: str, hangs: bool
) -> None:
    found = server_first(*filters, **fields)
    assert (found.verdict, found.expect.hangs) == (verdict, hangs), found.because
    assert (found.cluster is None) is hangs


def test_a_hang_names_the_inspector_and_points_at_it() -> None:
    found = server_first(*BOTH)
    assert "tls_inspector" in found.because
    assert found.listener == "0.0.0.0_3306"
    assert found.steps[-1].evidence is not None
    assert found.steps[-1].evidence.path.endswith(".listener_filters")


TLS_CHAIN = chain(tcp(own(API, 443)), server_names=[API], transport_protocol="tls")
HTTP_CHAIN = chain(hcm("443"), application_protocols=["http/1.1", "h2c"], transport_protocol="raw_buffer")
REST = {"default_filter_chain": chain(tcp("PassthroughCluster"), name="rest")}


@pytest.mark.parametrize(
    ("filters", "asked", "verdict", "chosen"),
    [
        (BOTH, {"protocol": "tls"}, "delivered", own(API, 443)),
        (BOTH, {"protocol": "tls", "sni": "API.example"}, "delivered", own(API, 443)),
        (BOTH, {"protocol": "tls", "sni": ""}, "passthrough", "PassthroughCluster"),
        (BOTH, {"protocol": "tls", "sni": "other.example"}, "passthrough", "PassthroughCluster"),
        (BOTH, {"protocol": "tcp"}, "passthrough", "PassthroughCluster"),
        ((), {"protocol": "tls"}, "passthrough", "PassthroughCluster"),
        ((inspector("http"),), {"protocol": "tls"}, "passthrough", "PassthroughCluster"),
    ],
)
def test_the_chain_follows_from_what_the_inspectors_saw(
    filters: tuple[dict[str, Any], ...], asked: dict[str, Any], verdict: str, chosen: str
) -> None:
    made = listener("0.0.0.0", 443, TLS_CHAIN, HTTP_CHAIN, filters=filters, **REST)
    mesh = world([made], clusters=[static(own(API, 443), 443)])
    found = traced(mesh, API, 443, ip="198.51.100.1", **asked)
    assert (found.verdict, found.cluster) == (verdict, chosen), found.because


def test_no_chain_and_no_default_chain() -> None:
    mesh = world([listener("0.0.0.0", 443, TLS_CHAIN, filters=BOTH)])
    found = traced(mesh, "other.example", 443, ip="198.51.100.1", protocol="tls")
    assert (found.verdict, found.filter_chain, found.cluster) == ("blocked", None, None)
    assert found.expect.response_flags == ("NR",)
    assert "other.example" in found.because


def test_a_filter_that_is_not_known_gives_no_verdict() -> None:
    strange = {"name": "envoy.filters.network.thrift_proxy", "typed_config": {"@type": "x/ThriftProxy"}}
    found = traced(world([listener("0.0.0.0", 9090, chain(strange))]), API, 9090, ip="198.51.100.1")
    assert (found.verdict, found.missing) == ("unknown", ("network filter",))
    assert "thrift_proxy" in found.because

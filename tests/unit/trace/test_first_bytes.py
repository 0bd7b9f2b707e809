"""Clients that speak first and wait for an answer: whether Envoy decides on what they send."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.model.trace import Trace
from meshdoctor.semantics.envoy.first_bytes import http_codec_waits, http_inspector_waits, tls_inspector_waits
from tests.dumps import BOTH, catch_all, chain, cluster, dump, endpoint, hcm, inspector, listener, read, tcp
from tests.unit.trace.worlds import POD, own, traced, world

HOST = "server.example"
FOREVER = {"listener_filters_timeout": "0s"}


@pytest.mark.parametrize(
    ("sent", "tls", "http", "codec"),
    [
        (b"\x05\x01\x00", True, False, False),
        (b"ruok", True, True, True),
        (b"0\x0c\x02\x01\x01", False, True, True),
        (b"0+\x02\x01\x01", False, False, True),
        (b"TSH \x00\x00", False, True, True),
        (b"83 <34>1 text", False, True, True),
        (b"83 <34>1 text\n", False, False, False),
        (b"PING\r\n", False, False, False),
        (b"AMQP\x00\x00\x09\x01", False, False, True),
        (b"\r\n", True, False, True),
        (b"\x16\x03\x01\x00\x20", True, False, False),
        (b"\x80\x2e\x01\x03\x01", True, False, True),
        (b"\x80\x00\x00\x28\x00", False, False, True),
    ],
)
def test_what_is_enough_to_decide(sent: bytes, tls: bool, http: bool, codec: bool) -> None:
    assert (tls_inspector_waits(sent), http_inspector_waits(sent), http_codec_waits(sent)) == (tls, http, codec)


def client(port: int, *filters: dict[str, Any], **fields: Any) -> Trace:
    """A client of the protocol that the port is known for, and a listener with these filters."""
    made = listener("0.0.0.0", port, chain(tcp(own(HOST, port))), filters=filters, **fields)
    clusters = [cluster(own(HOST, port), "STATIC", endpoint("198.51.100.1", port))]
    return traced(world([made], clusters=clusters), HOST, port, ip="198.51.100.1", protocol="tcp")


@pytest.mark.parametrize("port", [1080, 1414, 9418, 601])
def test_some_protocols_wait_for_ever(port: int) -> None:
    found = client(port, *BOTH, **FOREVER)
    assert (found.verdict, found.expect.hangs, found.cluster) == ("broken", True, None), found.because
    assert client(port, **FOREVER).verdict == "delivered"


@pytest.mark.parametrize("port", [389, 2181, 5672, 6379, 9092, 7777])
def test_others_are_told_at_once(port: int) -> None:
    assert client(port, *BOTH, **FOREVER).verdict == "delivered"


def test_a_timeout_ends_the_wait() -> None:
    goes_on = {"listener_filters_timeout": "1s", "continue_on_listener_filters_timeout": True}
    closes = {"listener_filters_timeout": "1s", "continue_on_listener_filters_timeout": False}
    assert client(9418, *BOTH, **goes_on).verdict == "delivered"
    found = client(9418, *BOTH, **closes)
    assert found.verdict == "broken"
    assert "closes the connection" in found.because


@pytest.mark.parametrize(("port", "whose"), [(389, "binds anonymously"), (2181, "ruok"), (514, "counts octets")])
def test_the_clients_that_are_kept_waiting_are_named(port: int, whose: str) -> None:
    steps = client(port, *BOTH, **FOREVER).steps
    assert any(whose in step.because for step in steps if step.at == "listener_filters")
    assert not any(whose in step.because for step in client(port, **FOREVER).steps)


@pytest.mark.parametrize(("port", "hangs"), [(5672, True), (5432, False)])
def test_in_a_connection_manager(port: int, hangs: bool) -> None:
    made = listener("0.0.0.0", port, chain(hcm(str(port))))
    found = traced(world([made]), HOST, port, ip="198.51.100.1", protocol="tcp")
    assert (found.verdict, found.expect.hangs) == ("broken", hangs), found.because


def behind(filters: tuple[dict[str, Any], ...], protocol: str, **asked: Any) -> Trace:
    """A listener without filters of its own, behind a virtualOutbound that has these, as in ALLOW_ANY_DYNAMIC_DNS."""
    spoken = chain(tcp("by-http"), application_protocols=["http/1.1"])
    made = listener("0.0.0.0", 3306, chain(tcp(own(HOST, 3306))), spoken, filters=())
    outbound = catch_all("BlackHoleCluster") | {"listener_filters": list(filters), "listener_filters_timeout": "15s"}
    outbound["continue_on_listener_filters_timeout"] = False
    mesh = world()
    names = (own(HOST, 3306), "by-http")
    clusters = [cluster(name, "STATIC", endpoint("198.51.100.1", 3306)) for name in names]
    mesh.proxies = {POD: read(dump([outbound, made], clusters))}
    return traced(mesh, HOST, 3306, ip="198.51.100.1", protocol=protocol, **asked)


def test_filters_of_virtual_outbound_run_before_it_hands_over() -> None:
    found = behind((inspector("http"),), "server-first")
    assert (found.verdict, found.listener) == ("broken", "0.0.0.0_3306")
    assert "15 s" in found.because
    assert "virtualOutbound" in found.because
    assert behind((), "server-first").verdict == "delivered"


def test_what_they_found_holds_for_the_next_listener() -> None:
    assert behind((inspector("http"),), "http").cluster == "by-http"
    assert behind((), "http").cluster == own(HOST, 3306)

"""Limits that the configuration sets for a connection that is delivered."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.trace.outbound import Tracer
from tests.meshes import (
    POD,
    Mesh,
    Tree,
    cluster,
    dump,
    entry,
    http,
    listener,
    outbound,
    route_config,
    tcp,
    virtual_host,
)

HOST = "www.example"
HTTP2: Tree = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {"explicit_http_config": {"http2_protocol_options": {}}}
}


def of(mesh: Mesh, port: int = 80, **client: Any) -> dict[str, tuple[str, str]]:
    """Value and flag of each condition by its name."""
    found = Tracer(mesh.case.mesh, POD).assess(HOST, port, **client)
    assert found.verdict == "delivered"
    return {one.name: (one.value, one.flag) for one in found.conditions}


def web(action: Tree | None = None, declared: str = "HTTP", match: Tree | None = None, **fields: Any) -> Mesh:
    """The host's HTTP port 80, with settings of its route and of its cluster."""
    host = virtual_host(HOST, 80)
    host["routes"][0]["route"] |= action or {}
    host["routes"][0]["match"] |= match or {}
    made = cluster(HOST, 80)
    made["cluster"] |= fields
    return Mesh(
        dump([listener("0.0.0.0", 80, http("80"))], [made], [route_config("80", host)]),
        entry("www", HOST, f"80/{declared}"),
    )


def test_what_istiod_sets_by_itself_is_no_condition() -> None:
    usual = {"timeout": "0s", "retry_policy": {"num_retries": 2, "retry_on": "connect-failure,refused-stream"}}
    unlimited = {
        "thresholds": [{name: 4294967295 for name in ("max_connections", "max_pending_requests", "max_requests")}]
    }
    assert of(web(usual, connect_timeout="10s", circuit_breakers=unlimited)) == {}


@pytest.mark.parametrize(
    ("action", "wanted"),
    [
        ({"timeout": "2s"}, {"route-timeout": ("2s", "UT")}),
        (
            {"retry_policy": {"num_retries": 5, "per_try_timeout": "0.500s"}},
            {"retries": ("5", "URX"), "per-try-timeout": ("0.5s", "UT")},
        ),
        ({"idle_timeout": "30s"}, {"route-idle-timeout": ("30s", "SI")}),
        ({"max_stream_duration": {"max_stream_duration": "60s"}}, {"max-stream-duration": ("60s", "UMSDR")}),
    ],
)
def test_of_the_route(action: Tree, wanted: dict[str, Any]) -> None:
    assert of(web(action)) == wanted


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"circuit_breakers": {"thresholds": [{"max_connections": 1}]}}, {"max-connections": ("1", "UO")}),
        ({"circuit_breakers": {"thresholds": [{"priority": "HIGH", "max_connections": 1}]}}, {}),
        ({"circuit_breakers": {"thresholds": [{"max_pending_requests": 3}]}}, {"max-pending-requests": ("3", "UO")}),
        ({"connect_timeout": "1s"}, {"connect-timeout": ("1s", "UF")}),
        ({"outlier_detection": {"consecutive_5xx": 5}}, {"outlier-ejection": ("on", "UH")}),
        ({"typed_extension_protocol_options": HTTP2}, {"http2-upgrade": ("HTTP/2", "UPE")}),
    ],
)
def test_of_the_cluster(fields: Tree, wanted: dict[str, Any]) -> None:
    assert of(web(**fields)) == wanted


def test_a_port_declared_http2_is_upgraded_by_nobody() -> None:
    assert of(web(declared="HTTP2", typed_extension_protocol_options=HTTP2)) == {}


def test_a_header_that_the_route_requires() -> None:
    match = {
        "headers": [
            {"name": "x-env", "string_match": {"exact": "canary"}},
            {"name": ":method", "string_match": {"exact": "GET"}},
        ]
    }
    assert of(web(match=match), headers=(("x-env", "canary"),)) == {"required-header": ("x-env", "NR")}


@pytest.mark.parametrize(("rewrite", "wanted"), [({}, ["host-header"]), ({"host_rewrite_literal": "b.example"}, [])])
def test_another_host_that_is_sent_this_hosts_name(rewrite: Tree, wanted: list[str]) -> None:
    host = virtual_host(HOST, 80, outbound("b.example", 80), by="move")
    host["routes"][0]["route"] |= rewrite
    proxy = dump([listener("0.0.0.0", 80, http("80"))], [cluster("b.example", 80)], [route_config("80", host)])
    assert list(of(Mesh(proxy, blind=True))) == wanted


def test_of_a_tcp_connection() -> None:
    chain = tcp(outbound(HOST, 5432))
    chain["filters"][0]["typed_config"] |= {"idle_timeout": "60s", "max_downstream_connection_duration": "3600s"}
    proxy = dump([listener("198.51.100.1", 5432, chain)], [cluster(HOST, 5432)])
    mesh = Mesh(proxy, entry("db", HOST, "5432/TCP", addresses=["198.51.100.1"]))
    wanted = {"tcp-idle-timeout": ("60s", ""), "max-connection-duration": ("3600s", "DT")}
    assert of(mesh, 5432, ip="198.51.100.1") == wanted

"""Clients that speak HTTP in other ways than most: CONNECT, HTTP/1.0, upgrades, ALPN, escaped paths."""

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


def proxy(*, default: Tree | None = None, **manager: Any) -> Tree:
    """A proxy with the host's HTTP port 80, and settings of its connection manager."""
    chain = http("80")
    chain["filters"][0]["typed_config"] |= manager
    made = listener("0.0.0.0", 80, chain)
    if default is not None:
        made["default_filter_chain"] = default
    made["listener_filters"] = [{"name": "envoy.filters.listener.http_inspector"}]
    return dump([made], [cluster(HOST, 80)], [route_config("80", virtual_host(HOST, 80))])


def trace(tree: Tree, **client: Any) -> Any:
    mesh = Mesh(tree, entry("www", HOST, "80/HTTP"))
    return Tracer(mesh.case.mesh, POD).assess(HOST, 80, **client)


def test_connect_is_forwarded_by_no_route_of_istio() -> None:
    found = trace(proxy(), method="CONNECT")
    assert (found.verdict, found.expect.http_status, found.expect.response_flags) == ("blocked", 404, ("NR",))
    assert "connect_matcher" in found.because


def test_http_1_0_matches_no_chain_for_http_1_1() -> None:
    found = trace(proxy(default=tcp("BlackHoleCluster")), http_version="1.0")
    assert (found.verdict, found.cluster) == ("blocked", "BlackHoleCluster")


@pytest.mark.parametrize(("accepts", "verdict", "status"), [(False, "broken", 426), (True, "delivered", None)])
def test_http_1_0_in_a_connection_manager(accepts: bool, verdict: str, status: int | None) -> None:
    tree = proxy(http_protocol_options={"accept_http_10": accepts})
    [section] = [c for c in tree["configs"] if "dynamic_listeners" in c]
    chain = section["dynamic_listeners"][0]["active_state"]["listener"]["filter_chains"][0]
    del chain["filter_chain_match"]
    found = trace(tree, http_version="1.0")
    assert (found.verdict, found.expect.http_status) == (verdict, status)


@pytest.mark.parametrize(
    ("upgrade", "allowed", "verdict"),
    [
        ("websocket", [{"upgrade_type": "websocket"}], "delivered"),
        ("WebSocket", [], "broken"),
        ("websocket", [{"upgrade_type": "websocket", "enabled": False}], "broken"),
        ("h2c", [], "delivered"),
    ],
)
def test_upgrades(upgrade: str, allowed: list[Tree], verdict: str) -> None:
    found = trace(proxy(upgrade_configs=allowed), headers=(("connection", "upgrade"), ("upgrade", upgrade)))
    assert found.verdict == verdict


def test_a_missing_backend_of_an_http_route_is_500() -> None:
    host = virtual_host(HOST, 80, target=outbound("gone.example", 80))
    host["routes"][0]["route"]["cluster_not_found_response_code"] = "INTERNAL_SERVER_ERROR"
    tree = dump([listener("0.0.0.0", 80, http("80"))], [cluster(HOST, 80)], [route_config("80", host)])
    found = trace(tree)
    assert (found.verdict, found.expect.http_status) == ("blocked", 500)


@pytest.mark.parametrize(("path", "route"), [("/x/../admin", "admin"), ("/%61dmin", "admin"), ("/a", "rest")])
def test_paths_are_normalised_before_they_are_matched(path: str, route: str) -> None:
    host = virtual_host(HOST, 80)
    rest = host["routes"][0] | {"name": "rest"}
    host["routes"] = [rest | {"name": "admin", "match": {"prefix": "/admin"}}, rest]
    tree = dump([listener("0.0.0.0", 80, http("80"))], [cluster(HOST, 80)], [route_config("80", host)])
    [section] = [c for c in tree["configs"] if "dynamic_listeners" in c]
    chain = section["dynamic_listeners"][0]["active_state"]["listener"]["filter_chains"][0]
    chain["filters"][0]["typed_config"]["normalize_path"] = True
    assert trace(tree, path=path).route == route


def test_a_criterion_that_is_not_worked_out_is_named() -> None:
    host = virtual_host(HOST, 80)
    host["routes"][0]["match"]["tls_context"] = {"presented": True}
    tree = dump([listener("0.0.0.0", 80, http("80"))], [cluster(HOST, 80)], [route_config("80", host)])
    found = trace(tree)
    assert (found.verdict, found.missing) == ("unknown", ("outcome of tls_context",))


def test_an_alpn_offer_decides_the_chain() -> None:
    mine = tcp(outbound(HOST, 443))
    mine["filter_chain_match"] = {"transport_protocol": "tls", "application_protocols": ["h2"]}
    made = listener("0.0.0.0", 443, mine, tcp("BlackHoleCluster"))
    made["listener_filters"] = [{"name": "envoy.filters.listener.tls_inspector"}]
    mesh = Mesh(dump([made], [cluster(HOST, 443)]), entry("www", HOST, "443/TLS"))
    tracer = Tracer(mesh.case.mesh, POD)
    assert tracer.assess(HOST, 443, alpn=("h2", "http/1.1")).verdict == "delivered"
    assert tracer.assess(HOST, 443).verdict == "blocked"


def test_tls_to_a_forward_proxy_is_not_encrypted_twice() -> None:
    chain = tcp(outbound("proxy.example", 3128), sni=[HOST], by="by-proxy")
    chain["filters"][0]["typed_config"]["tunneling_config"] = {"hostname": f"{HOST}:443"}
    made = listener("0.0.0.0", 443, chain)
    mesh = Mesh(dump([made], [cluster("proxy.example", 3128, tls="proxy.example")]))
    found = Tracer(mesh.case.mesh, POD).assess(HOST, 443, protocol="tls")
    assert (found.verdict, found.cluster) == ("delivered", "outbound|3128||proxy.example")
    assert [one.client for one in mesh.facts("upstreams")] == ["connect"]

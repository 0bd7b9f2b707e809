"""The way through an egress gateway: nothing to say of a working one, and each broken hop by its name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.meshes import (
    GATEWAY,
    GATEWAY_POD,
    POD,
    Mesh,
    Tree,
    cluster,
    dump,
    entry,
    http,
    listener,
    outbound,
    pod,
    resource,
    route_config,
    server,
    service,
    tcp,
    virtual_host,
)

HOST = "maps.example"
LABELS = {"istio": "egressgateway"}
INNER_SNI = f"outbound_.443_._.{GATEWAY}"
SERVICE = service(
    "istio-egressgateway",
    {"name": "http2", "port": 80, "targetPort": 8080},
    {"name": "tls", "port": 443, "targetPort": 8443},
    namespace="istio-system",
    selector=LABELS,
)
SERVER = resource(
    "Gateway",
    "egress",
    {
        "selector": LABELS,
        "servers": [{"port": {"number": 443, "name": "tls", "protocol": "TLS"}, "hosts": [HOST]}],
    },
)


def client(**given: Any) -> Tree:
    """The sidecar: the host's TLS goes to the gateway's Service, by server name."""
    to = given.pop("to", cluster(GATEWAY, 443, "EDS", ips=["10.244.0.20"], target=8443, **given))
    chain = tcp(outbound(GATEWAY, 443), sni=[HOST], by="through-egress")
    return dump([listener("0.0.0.0", 443, chain)], [cluster(HOST, 443), to])


def http_client() -> Tree:
    """The sidecar: the host's HTTP goes to the gateway's Service."""
    return dump(
        [listener("0.0.0.0", 80, http("80"))],
        [cluster(HOST, 80), cluster(GATEWAY, 80, "EDS", ips=["10.244.0.20"], target=8080)],
        [route_config("80", virtual_host(HOST, 80, outbound(GATEWAY, 80), by="through-egress"))],
    )


def gateway(listeners: list[Tree], clusters: list[Tree], routes: list[Tree] | None = None) -> Tree:
    return dump(listeners, clusters, routes or [], key=GATEWAY_POD, role="router", LABELS=LABELS)


PASSING = tcp(outbound(HOST, 443), sni=[HOST], by="through-egress")


def hop(sidecar_dump: Tree, gateway_dump: Tree | None, *objects: Tree, **given: Any) -> Any:
    """The one fact about the way through the gateway."""
    dumps: Tree = {POD: sidecar_dump}
    objects = (*objects, entry("maps", HOST, "443/TLS 80/HTTP"), pod(key=POD), pod(key=GATEWAY_POD, labels=LABELS))
    if gateway_dump is not None:
        dumps[GATEWAY_POD] = gateway_dump
    [found] = Mesh(dumps, SERVICE, *objects, **given).facts("gateway_hops")
    return found


def test_tls_passed_through_works() -> None:
    found = hop(client(), gateway([server(8443, PASSING)], [cluster(HOST, 443)]))
    assert (found.broken_hop, found.gateway, found.config) == ("", GATEWAY, "shop/through-egress")
    assert (found.pod, found.host, found.port, found.gateway_pods) == (POD, HOST, 443, (GATEWAY_POD,))


def test_http_with_routes_works() -> None:
    routes = [route_config("http.8080", virtual_host(HOST, 80, outbound(HOST, 80), by="through-egress"))]
    found = hop(http_client(), gateway([server(8080, http("http.8080", match=False))], [cluster(HOST, 80)], routes))
    assert (found.broken_hop, found.port) == ("", 80)


@pytest.mark.parametrize("sni", [HOST, INNER_SNI])
def test_istio_mutual_tls_to_a_gateway_that_decrypts_works(sni: str) -> None:
    inside = tcp(outbound(HOST, 443), sni=[sni], terminates=True, by="through-egress")
    assert hop(client(mutual=True, tls=sni), gateway([server(8443, inside)], [cluster(HOST, 443)])).broken_hop == ""


def test_istio_mutual_tls_meets_a_server_for_every_host() -> None:
    inside = tcp(outbound(HOST, 443), terminates=True, by="through-egress")
    found = hop(client(mutual=True, tls=INNER_SNI), gateway([server(8443, inside)], [cluster(HOST, 443)]))
    assert found.broken_hop == ""


def test_broken_at_the_endpoints() -> None:
    nobody = cluster(GATEWAY, 443, "EDS")
    found = hop(client(to=nobody), gateway([server(8443, PASSING)], [cluster(HOST, 443)]))
    assert (found.broken_hop, found.evidence[0].value) == ("endpoints", outbound(GATEWAY, 443))


def test_broken_at_the_server() -> None:
    found = hop(client(), gateway([server(9443, PASSING)], [cluster(HOST, 443)]))
    assert found.broken_hop == "server"
    assert "8443" in found.because


def test_a_server_for_other_hosts_is_no_server() -> None:
    other = resource(
        "Gateway", "egress", SERVER["spec"] | {"servers": [SERVER["spec"]["servers"][0] | {"hosts": ["x.example"]}]}
    )
    assert hop(client(), gateway([], [cluster(HOST, 443)]), other).broken_hop == "server"


def test_a_server_without_a_bound_route_is_broken_at_the_route() -> None:
    """istiod makes no listener for a passthrough server that no VirtualService uses."""
    found = hop(client(), gateway([], [cluster(HOST, 443)]), SERVER)
    assert found.broken_hop == "route"
    assert "Gateway shop/egress" in found.because


def test_broken_at_the_route_by_server_name() -> None:
    other = tcp(outbound("x.example", 443), sni=["x.example"])
    assert hop(client(), gateway([server(8443, other)], [cluster("x.example", 443)])).broken_hop == "route"


def test_broken_at_the_route_by_host() -> None:
    routes = [route_config("http.8080", virtual_host("x.example", 80), policy="")]
    found = hop(http_client(), gateway([server(8080, http("http.8080", match=False))], [cluster(HOST, 80)], routes))
    assert found.broken_hop == "route"


def test_broken_at_the_cluster() -> None:
    found = hop(client(), gateway([server(8443, PASSING)], []))
    assert found.broken_hop == "cluster"
    assert "not exported" in found.because


def test_broken_at_the_upstream() -> None:
    """Resolution NONE is an EDS cluster without endpoints on a gateway."""
    found = hop(client(), gateway([server(8443, PASSING)], [cluster(HOST, 443, "EDS")]))
    assert found.broken_hop == "upstream"


def test_without_the_gateways_dump_no_hop_inside_it_is_judged() -> None:
    found = hop(client(), None)
    assert (found.broken_hop, found.gateway_pods) == ("", ())


def test_unknown_endpoints_are_no_broken_server() -> None:
    """Without EDS in the dump the Service tells the port; without the Service nothing does."""
    working = gateway([server(8443, PASSING)], [cluster(HOST, 443)])
    blind = client()
    blind["configs"] = [c for c in blind["configs"] if "Endpoints" not in c["@type"]]
    assert hop(blind, working).broken_hop == ""
    assert hop(blind, gateway([server(9443, PASSING)], [])).broken_hop == "server"
    assert hop(blind, gateway([server(8080, PASSING)], [])).broken_hop == "server"
    assert hop(blind, working, unread=["services"]).broken_hop == ""


def test_a_host_that_goes_straight_out_is_no_hop() -> None:
    straight = dump([listener("0.0.0.0", 443, tcp(outbound(HOST, 443), sni=[HOST]))], [cluster(HOST, 443)])
    assert Mesh(straight, entry("maps", HOST, "443/TLS")).facts("gateway_hops") == []


def test_a_gateway_has_no_hops_of_its_own() -> None:
    facing = gateway([server(8443, PASSING)], [cluster(HOST, 443)])
    assert Mesh({GATEWAY_POD: facing}, SERVICE).facts("gateway_hops") == []

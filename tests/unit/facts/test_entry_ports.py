"""Entry ports: addresses held against DNS, declared protocols against the wire."""

from __future__ import annotations

from typing import Any

import pytest

from tests.meshes import (
    PASSTHROUGH,
    Mesh,
    Tree,
    cluster,
    dump,
    entry,
    http,
    listener,
    outbound,
    pod,
    route_config,
    tcp,
    virtual_host,
)

HOST = "db.example"


def of(proxy: Tree, *objects: Tree, **given: Any) -> Any:
    [found] = Mesh(proxy, *objects, **given).facts("entry_ports")
    return found


def opaque(port: int, *chains: Tree, address: str = "0.0.0.0", **given: Any) -> Tree:
    own = chains or (tcp(outbound(HOST, port)),)
    return dump([listener(address, port, *own)], [cluster(HOST, port, **given)])


def web(port: int, policy: str = "") -> Tree:
    """A proxy with the host as HTTP on a port."""
    routes = [route_config(str(port), virtual_host(HOST, port))]
    listeners = [listener("0.0.0.0", port, http(str(port)), policy=policy or "BlackHoleCluster")]
    return dump(listeners, [cluster(HOST, port)], routes, policy=policy or "BlackHoleCluster")


def test_a_port_without_addresses_takes_everybodys_traffic() -> None:
    found = of(opaque(5432), entry("db", HOST, "5432/TCP"))
    assert (found.family, found.addresses_used, found.shared) == ("tcp", (), True)


def test_a_port_with_an_address_takes_its_own() -> None:
    found = of(opaque(5432, address="203.0.113.1"), entry("db", HOST, "5432/TCP", addresses=["203.0.113.1"]))
    assert (found.addresses_used, found.shared) == (("203.0.113.1",), False)


def test_allocated_addresses_count_with_dns_capture_only() -> None:
    allocated = entry("db", HOST, "5432/TCP")
    allocated["status"] = {"addresses": [{"host": HOST, "value": "240.240.0.1"}]}
    clusters, chain = [cluster(HOST, 5432)], tcp(outbound(HOST, 5432))
    capturing = dump([listener("240.240.0.1", 5432, chain)], clusters, DNS_CAPTURE="true")
    assert of(capturing, allocated).addresses_used == ("240.240.0.1",)
    assert of(opaque(5432), allocated).addresses_used == ()


def test_a_port_with_a_range_or_a_server_name_is_not_everybodys() -> None:
    ranged = tcp(outbound(HOST, 5432), ranges=["203.0.113.0/24"])
    found = of(opaque(5432, ranged), entry("db", HOST, "5432/TCP", "NONE", addresses=["203.0.113.0/24"]))
    assert not found.shared
    assert not of(opaque(443, tcp(outbound(HOST, 443), sni=[HOST])), entry("db", HOST, "443/TLS")).shared


def test_answers_outside_the_list_are_uncovered() -> None:
    listed = entry("db", HOST, "5432/TCP", "NONE", addresses=["203.0.113.1/32"])
    proxy = dump([listener("203.0.113.1", 5432, tcp(outbound(HOST, 5432)))], [cluster(HOST, 5432, "ORIGINAL_DST")])
    found = of(proxy, listed, dns={HOST: ["203.0.113.1", "203.0.113.2"]})
    assert (found.uncovered, found.dns_known) == (("203.0.113.2",), True)
    assert found.fixed_addresses == ("203.0.113.1/32", "203.0.113.2/32")
    assert of(proxy, listed, dns={HOST: ["203.0.113.1"]}).uncovered == ()


def test_a_range_covers_its_addresses() -> None:
    ranged = entry("db", HOST, "5432/TCP", "NONE", addresses=["203.0.113.0/24"])
    chain = tcp(outbound(HOST, 5432), ranges=["203.0.113.0/24"])
    proxy = dump([listener("0.0.0.0", 5432, chain)], [cluster(HOST, 5432, "ORIGINAL_DST")])
    assert of(proxy, ranged, dns={HOST: ["203.0.113.77"]}).uncovered == ()


def test_with_dns_capture_clients_are_told_the_listed_addresses() -> None:
    listed = entry("db", HOST, "5432/TCP", addresses=["203.0.113.1"])
    chain, clusters = tcp(outbound(HOST, 5432)), [cluster(HOST, 5432)]
    proxy = dump([listener("203.0.113.1", 5432, chain)], clusters, DNS_CAPTURE="true")
    assert of(proxy, listed, dns={HOST: ["203.0.113.9"]}).uncovered == ()


def test_static_endpoints_are_no_dns_answers() -> None:
    static = entry("db", HOST, "5432/TCP", "STATIC", addresses=["203.0.113.1"], endpoints=[{"address": "10.9.9.9"}])
    proxy = dump(
        [listener("203.0.113.1", 5432, tcp(outbound(HOST, 5432)))], [cluster(HOST, 5432, "EDS", ips=["10.9.9.9"])]
    )
    found = of(proxy, static)
    assert (found.dns_answers, found.dns_known, found.uncovered) == ((), False, ())


def test_addresses_beside_the_host_in_env_are_answers() -> None:
    listed = entry("db", HOST, "5432/TCP", "NONE", addresses=["203.0.113.1"])
    proxy = dump([], [cluster(HOST, 5432, "ORIGINAL_DST")])
    dependency = pod({"DB_HOST": HOST, "DB_PORT": "5432", "DB_IP": "203.0.113.2"})
    assert of(proxy, listed, dependency).uncovered == ("203.0.113.2",)


def test_addresses_to_add_have_the_form_dns_admits() -> None:
    found = of(opaque(5432), entry("db", HOST, "5432/TCP"), dns={HOST: ["203.0.113.1"]})
    assert "203.0.113.1" in found.fixed_addresses
    assert not any("/" in a for a in found.fixed_addresses)


@pytest.mark.parametrize(("policy", "breaks"), [("", True), (PASSTHROUGH, False)])
def test_http_declared_on_443(policy: str, breaks: bool) -> None:
    found = of(web(443, policy), entry("db", HOST, "443/HTTP"))
    assert (found.mismatch, found.breaks, found.fixed_protocol) == ("http-on-tls-port", breaks, "TLS")
    assert found.fixed_manifest["spec"]["ports"][0]["protocol"] == "TLS"


def test_http_with_tls_originated_is_meant_so() -> None:
    routes = [route_config("443", virtual_host(HOST, 443))]
    proxy = dump([listener("0.0.0.0", 443, http("443"))], [cluster(HOST, 443, tls=HOST)], routes)
    assert of(proxy, entry("db", HOST, "443/HTTP")).mismatch == ""


def test_http_on_8443_is_believed_where_the_client_says_http() -> None:
    said = pod({"URL": f"http://{HOST}:8443/soap"})
    assert of(web(8443), entry("db", HOST, "8443/HTTP"), said).mismatch == ""
    assert of(web(8443), entry("db", HOST, "8443/HTTP")).mismatch == "http-on-tls-port"
    assert (
        of(web(443), entry("db", HOST, "443/HTTP"), pod({"URL": f"http://{HOST}:443"})).mismatch == "http-on-tls-port"
    )
    assert of(web(8443), entry("db", HOST, "8443/HTTP"), pod({"URL": f"https://{HOST}:8443"})).mismatch != ""


@pytest.mark.parametrize(
    ("port", "protocol"),
    [(27017, "TLS"), (6379, "TLS"), (9092, "TLS"), (443, "TLS"), (443, "HTTPS"), (636, "TLS"), (6514, "TLS")],
)
def test_tls_where_tls_is_usual_is_no_mistake(port: int, protocol: str) -> None:
    chain = tcp(outbound(HOST, port), sni=[HOST])
    assert of(opaque(port, chain), entry("db", HOST, f"{port}/{protocol}")).mismatch == ""


@pytest.mark.parametrize(("port", "protocol"), [(3306, "HTTP"), (5432, "HTTP"), (25, "TLS")])
def test_another_protocol_than_the_ports_own(port: int, protocol: str) -> None:
    proxy = web(port) if protocol == "HTTP" else opaque(port, tcp(outbound(HOST, port), sni=[HOST]))
    found = of(proxy, entry("db", HOST, f"{port}/{protocol}"), dns={HOST: ["203.0.113.1"]})
    assert (found.mismatch, found.fixed_protocol) == ("declared-differs", "TCP")
    assert found.fixed_manifest["spec"]["addresses"]


def test_without_known_addresses_no_manifest_turns_a_port_into_tcp() -> None:
    proxy = dump(
        [listener("0.0.0.0", 3306, http("3306"))],
        [cluster(HOST, 3306, ips=[])],
        [route_config("3306", virtual_host(HOST, 3306))],
    )
    assert of(proxy, entry("db", HOST, "3306/HTTP")).fixed_manifest == {}


def test_tcp_is_never_a_mismatch_by_itself() -> None:
    for port in (80, 443, 3306, 8443):
        assert of(opaque(port), entry("db", HOST, f"{port}/TCP")).mismatch == ""


def test_a_server_that_speaks_first_hangs_behind_an_inspector() -> None:
    chains = tcp(outbound(HOST, 3306)), tcp(outbound("x.example", 3306), sni=["x.example"])
    found = of(opaque(3306, *chains), entry("db", HOST, "3306/TCP"))
    assert (found.mismatch, found.breaks) == ("server-first-inspected", True)
    assert of(opaque(3306), entry("db", HOST, "3306/TCP")).mismatch == ""


def test_tcp_of_unknown_kind_behind_an_inspector_may_hang() -> None:
    chains = tcp(outbound(HOST, 7000)), tcp(outbound("x.example", 7000), sni=["x.example"])
    found = of(opaque(7000, *chains), entry("db", HOST, "7000/TCP"))
    assert found.mismatch == "tcp-inspected"


def test_a_wildcard_has_no_mismatch() -> None:
    chain = tcp(outbound("*.db.example", 5432), sni=["*.db.example"])
    proxy = dump([listener("0.0.0.0", 5432, chain)], [cluster("*.db.example", 5432, "ORIGINAL_DST")])
    assert of(proxy, entry("db", "*.db.example", "5432/TLS", "NONE")).mismatch == ""


def test_udp_and_ports_this_proxy_has_no_cluster_for_are_left_out() -> None:
    mesh = Mesh(opaque(5432), entry("db", HOST, "5432/TCP 53/UDP 9999/TCP"))
    assert [p.port for p in mesh.facts("entry_ports")] == [5432]


def test_without_a_clusters_section_the_ports_are_still_there() -> None:
    partial = dump([listener("0.0.0.0", 5432, tcp(outbound(HOST, 5432)))], without=("Clusters",))
    assert [p.port for p in Mesh(partial, entry("db", HOST, "5432/TCP")).facts("entry_ports")] == [5432]


def test_without_resources_there_are_none() -> None:
    assert Mesh(opaque(5432), blind=True).facts("entry_ports") == []

"""References: clusters that are not there, VirtualServices for hosts nobody registers, faults."""

from __future__ import annotations

from typing import Any

from tests.meshes import (
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
    service,
    tcp,
    virtual_host,
    virtual_service,
)

HOST = "a.example"
ABORT = {"abort": {"http_status": 503, "percentage": {"numerator": 100}}}


def web(host: Tree, *clusters: Tree, **given: Any) -> Tree:
    return dump([listener("0.0.0.0", 80, http("80"))], clusters, [route_config("80", host)], **given)


def test_a_route_to_a_cluster_that_is_not_there() -> None:
    mesh = Mesh(
        web(virtual_host(HOST, 80, outbound("v2.example", 80, "v2"), by="canary")), pod({"A": f"http://{HOST}"})
    )
    [found] = mesh.facts("dangling")
    assert (found.cluster, found.subset, found.config) == (outbound("v2.example", 80, "v2"), "v2", "shop/canary")
    assert (found.host, found.port, found.used, found.warming) == (HOST, 80, True, False)
    assert found.place == f"route 80, virtual host {HOST}:80"


def test_a_chain_to_a_cluster_that_is_not_there_loses_the_server_names_host() -> None:
    chain = tcp(outbound("v2.example", 443), sni=[HOST], by="canary")
    [found] = Mesh(dump([listener("0.0.0.0", 443, chain)])).facts("dangling")
    assert (found.host, found.port) == (HOST, 443)


def test_what_is_there_dangles_not() -> None:
    assert Mesh(web(virtual_host(HOST, 80), cluster(HOST, 80))).facts("dangling") == []


def test_a_cluster_that_is_only_warming_is_not_there_yet() -> None:
    proxy = web(virtual_host(HOST, 80))
    waiting = {"cluster": cluster(HOST, 80)["cluster"]}
    next(c for c in proxy["configs"] if "Clusters" in c["@type"])["dynamic_warming_clusters"] = [waiting]
    [found] = Mesh(proxy).facts("dangling")
    assert (found.cluster, found.warming) == (outbound(HOST, 80), True)


def test_without_a_clusters_section_nothing_dangles() -> None:
    assert Mesh(web(virtual_host(HOST, 80), without=("Clusters",))).facts("dangling") == []


def test_one_missing_cluster_of_two_hosts_is_two_facts() -> None:
    hosts = [virtual_host(h, 80, outbound("x.example", 80)) for h in ("a.example", "b.example")]
    proxy = dump([listener("0.0.0.0", 80, http("80"))], [], [route_config("80", *hosts)])
    assert {f.host for f in Mesh(proxy).facts("dangling")} == {"a.example", "b.example"}


def test_a_fault_on_every_request() -> None:
    [found] = Mesh(web(virtual_host(HOST, 80, by="chaos", fault=ABORT), cluster(HOST, 80))).facts("faults")
    assert (found.host, found.abort_percent, found.abort_status, found.every_request) == (HOST, 100, 503, True)
    assert found.config == "shop/chaos"


def test_a_delay_or_a_part_of_the_requests_is_not_every_request() -> None:
    delay = {"delay": {"fixed_delay": "2s", "percentage": {"numerator": 10}}}
    [found] = Mesh(web(virtual_host(HOST, 80, fault=delay), cluster(HOST, 80))).facts("faults")
    assert (found.delay, found.delay_percent, found.every_request) == (2.0, 10, False)


def test_a_fault_towards_a_service_of_the_mesh_is_not_ours() -> None:
    host = "reviews.shop.svc.cluster.local"
    proxy = web(virtual_host(host, 80, fault=ABORT), cluster(host, 80, "EDS"))
    assert Mesh(proxy).facts("faults") == []


def hosts_of(*objects: Tree, **given: Any) -> dict[str, bool]:
    return {h.host: h.registered for h in Mesh(dump(), *objects, **given).facts("virtual_service_hosts")}


ROUTE: list[Tree] = [{"route": [{"destination": {"host": HOST, "port": {"number": 8080}}}]}]


def test_a_virtual_service_for_a_host_nobody_registers() -> None:
    [found] = Mesh(dump(), virtual_service("a", HOST, http=ROUTE)).facts("virtual_service_hosts")
    assert (found.registered, found.entry_port, found.entry_protocol, found.protocols) == (
        False,
        8080,
        "HTTP",
        ("http",),
    )


def test_registered_by_an_entry_its_wildcard_or_an_external_name() -> None:
    dependency = virtual_service("a", HOST, http=ROUTE)
    alias = service("a", {"port": 80}, type="ExternalName", externalName=HOST)
    assert hosts_of(dependency, entry("a", HOST, "80/HTTP")) == {HOST: True}
    assert hosts_of(dependency, entry("a", "*.example", "80/HTTP", "NONE")) == {HOST: True}
    assert hosts_of(dependency, entry("a", HOST, "80/HTTP", namespace="bank", exportTo=["."])) == {HOST: True}
    assert hosts_of(dependency, alias) == {HOST: True}


def test_an_ingress_host_and_a_cluster_host_are_not_looked_at() -> None:
    ingress = virtual_service("shop", "shop.example", gateways=["istio-system/public"], http=ROUTE)
    inside = virtual_service("reviews", "reviews ratings.shop.svc.cluster.local *", http=ROUTE)
    assert hosts_of(ingress, inside) == {}


def test_a_virtual_service_of_another_namespace_that_keeps_it() -> None:
    assert hosts_of(virtual_service("a", HOST, namespace="bank", exportTo=["."], http=ROUTE)) == {}
    assert hosts_of(virtual_service("a", HOST, namespace="bank", http=ROUTE)) == {HOST: False}

"""ServiceEntries and DestinationRules whose fields have no effect."""

from __future__ import annotations

import pytest

from tests.meshes import Mesh, Tree, cluster, destination_rule, dump, entry, pod, service

HOST = "db.example"


def endpoint(**ports: int) -> Tree:
    return entry("db", HOST, "3306/TCP", "STATIC", endpoints=[{"address": "192.0.2.7", "ports": ports}])


def test_an_endpoint_that_maps_a_name_no_port_has() -> None:
    proxy = dump(clusters=[cluster(HOST, 3306, "EDS")])
    [found] = Mesh(proxy, endpoint(sql=13306)).facts("unmatched_ports")
    assert (found.unknown, found.name, found.called, found.meant) == (("sql",), "tcp-3306", 3306, (13306,))
    assert found.evidence[0].path.endswith(".spec.endpoints[0].ports.sql")


@pytest.mark.parametrize("ports", [{}, {"tcp-3306": 13306}, {"tcp-3306": 13306, "sql": 1}])
def test_an_endpoint_that_maps_the_port_or_none(ports: dict[str, int]) -> None:
    assert Mesh(dump(clusters=[cluster(HOST, 3306, "EDS")]), endpoint(**ports)).facts("unmatched_ports") == []


def reasons(*objects: Tree) -> dict[str, str]:
    return {f"{one.namespace}/{one.name}": one.because for one in Mesh(dump(), *objects).facts("unapplied_rules")}


def test_a_rule_for_a_host_nobody_has() -> None:
    found = reasons(destination_rule("a", "api.new.test"), entry("a", HOST, "443/TLS"))
    assert found == {"shop/a": "no ServiceEntry or Service has this host"}


def test_a_rule_outside_the_lookup_path_of_every_sidecar() -> None:
    rule = destination_rule("a", HOST, namespace="policies")
    [(name, because)] = reasons(rule, entry("a", HOST, "443/TLS"), pod()).items()
    assert name == "policies/a"
    assert because.startswith("it lies outside the lookup path")


@pytest.mark.parametrize(
    "objects",
    [
        (destination_rule("a", HOST), entry("a", HOST, "443/TLS")),
        (destination_rule("a", "*.example"), entry("a", HOST, "443/TLS")),
        (destination_rule("a", HOST), entry("a", "*.example", "443/TLS", "NONE")),
        (destination_rule("a", HOST), service("a", {"port": 80}, type="ExternalName", externalName=HOST)),
        (destination_rule("a", "reviews.shop.svc.cluster.local"),),
        (destination_rule("a", HOST, namespace="bank"), entry("a", HOST, "443/TLS"), pod(), pod(key="bank/b-1")),
        (destination_rule("a", HOST, namespace="istio-system"), entry("a", HOST, "443/TLS"), pod()),
    ],
    ids=["applies", "wildcard rule", "wildcard entry", "ExternalName", "inside", "own pods", "root"],
)
def test_a_rule_that_some_sidecar_applies_or_may(objects: tuple[Tree, ...]) -> None:
    assert reasons(*objects) == {}

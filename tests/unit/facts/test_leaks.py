"""Leaks: ways out to wherever the client dials, by their weakest guard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.meshes import (
    PASSTHROUGH,
    Mesh,
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

HOST, NAME = "a.example", outbound("a.example", 443)


def leak(chain: Any, *objects: Any, policy: str = "", **given: Any) -> Any:
    made = dump([listener("0.0.0.0", 443, chain)], [cluster(HOST, 443, "ORIGINAL_DST")])
    if policy:
        made = dump([listener("0.0.0.0", 443, chain)], [cluster(HOST, 443, "ORIGINAL_DST")], policy=policy)
    [found] = Mesh(made, *(objects or (entry("a", HOST, "443/TCP", "NONE"),)), **given).facts("leaks")
    return found


@pytest.mark.parametrize(
    ("chain", "guard", "widest"),
    [
        (tcp(NAME), "none", ""),
        (tcp(NAME, ranges=["0.0.0.0/0"]), "none", ""),
        (tcp(NAME, ranges=["203.0.0.0/16"]), "cidr-wide", "203.0.0.0/16"),
        (tcp(NAME, ranges=["203.0.113.0/24", "203.0.0.0/16"]), "cidr-wide", "203.0.0.0/16"),
        (tcp(NAME, ranges=["203.0.113.0/24"]), "cidr", "203.0.113.0/24"),
        (tcp(NAME, sni=[HOST]), "sni", ""),
        (tcp(NAME, sni=[HOST], ranges=["203.0.113.0/24"]), "cidr", "203.0.113.0/24"),
    ],
)
def test_the_guard(chain: Any, guard: str, widest: str) -> None:
    found = leak(chain)
    assert (found.guard, found.range, found.entry.name) == (guard, widest, "a")


def test_http_is_guarded_by_the_host_header() -> None:
    made = dump(
        [listener("0.0.0.0", 80, http("80"))],
        [cluster(HOST, 80, "ORIGINAL_DST")],
        [route_config("80", virtual_host(HOST, 80))],
    )
    [found] = Mesh(made, entry("a", HOST, "80/HTTP", "NONE")).facts("leaks")
    assert found.guard == "http-host"


def test_the_weakest_way_out_counts() -> None:
    made = dump([listener("0.0.0.0", 443, tcp(NAME, sni=[HOST]), tcp(NAME))], [cluster(HOST, 443, "ORIGINAL_DST")])
    [found] = Mesh(made, entry("a", HOST, "443/TCP", "NONE")).facts("leaks")
    assert found.guard == "none"


def test_a_listener_for_one_address_leaks_nothing() -> None:
    made = dump([listener("203.0.113.1", 443, tcp(NAME))], [cluster(HOST, 443, "ORIGINAL_DST")])
    assert Mesh(made, entry("a", HOST, "443/TCP", "NONE", addresses=["203.0.113.1"])).facts("leaks") == []


def test_an_unused_cluster_a_resolved_one_and_the_policy_are_no_leaks() -> None:
    chain = tcp(outbound("b.example", 443), sni=["b.example"])
    made = dump(
        [listener("0.0.0.0", 443, chain, policy=PASSTHROUGH)],
        [cluster(HOST, 443, "ORIGINAL_DST"), cluster("b.example", 443)],
        policy=PASSTHROUGH,
    )
    assert Mesh(made, entry("b", "b.example", "443/TLS")).facts("leaks") == []


def test_a_dump_alone_shows_the_leak_without_an_owner() -> None:
    made = dump([listener("0.0.0.0", 443, tcp(NAME))], [cluster(HOST, 443, "ORIGINAL_DST")])
    [found] = Mesh(made, blind=True).facts("leaks")
    assert (found.guard, found.owner_kind, found.as_tls, found.fixed_addresses) == ("none", "", {}, ())


def test_a_service_as_owner_is_named_as_one() -> None:
    host = "db.shop.svc.cluster.local"
    made = dump([listener("0.0.0.0", 5432, tcp(outbound(host, 5432)))], [cluster(host, 5432, "ORIGINAL_DST")])
    [found] = Mesh(made).facts("leaks")
    assert (found.owner_kind, found.resources[0].name) == ("Service", "db")


def test_the_policy_is_told() -> None:
    assert leak(tcp(NAME), policy=PASSTHROUGH).policy == "ALLOW_ANY"
    assert leak(tcp(NAME)).policy == "REGISTRY_ONLY"


def test_addresses_to_list_have_the_form_the_resolution_admits() -> None:
    """A passthrough load balancer makes ORIGINAL_DST of an entry with resolution DNS, where CIDRs are refused."""
    dns = {HOST: ["203.0.113.1"]}
    assert leak(tcp(NAME), entry("a", HOST, "443/TCP", "NONE"), dns=dns).fixed_addresses == ("203.0.113.1/32",)
    assert leak(tcp(NAME), entry("a", HOST, "443/TCP", "DNS"), dns=dns).fixed_addresses == ("203.0.113.1",)


def test_declared_tls_the_entry_is_resolved_and_carries_no_range() -> None:
    found = leak(tcp(NAME), entry("a", HOST, "443/TCP", "NONE", addresses=["0.0.0.0/0"]))
    assert found.as_tls["spec"]["resolution"] == "DNS"
    assert "addresses" not in found.as_tls["spec"]
    assert leak(tcp(NAME), entry("a", f"{HOST} *.a.example", "443/TCP", "NONE")).as_tls == {}

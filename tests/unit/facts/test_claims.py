"""Claims: who holds a (bind, port), who lost it, and what is no clash."""

from __future__ import annotations

from typing import Any

from tests.meshes import BLACKHOLE, GATEWAY, NEW, NEWEST, Mesh, cluster, dump, entry, listener, outbound, service, tcp

HOSTS = ("a.example", "b.example", "c.example")


def clusters(*hosts: str, port: int = 443) -> list[Any]:
    return [cluster(host, port) for host in hosts]


def lost(mesh: Mesh) -> list[tuple[str, str]]:
    """(loser, winner) of every lost claim."""
    return sorted((c.host, c.active_host) for c in mesh.facts("claims") if c.outcome == "shadowed")


def test_the_older_entry_holds_the_port_and_the_reason_says_so() -> None:
    held = dump([listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))], clusters("a.example", "b.example"))
    mesh = Mesh(held, entry("a", "a.example", "443/TCP"), entry("b", "b.example", "443/TCP", created=NEW))
    claims = {c.host: c for c in mesh.facts("claims")}
    assert (claims["a.example"].outcome, claims["b.example"].outcome) == ("active", "shadowed")
    assert "the oldest takes precedence" in claims["b.example"].reason
    assert [(r.name, r.role) for r in claims["b.example"].resources] == [("a", "active"), ("b", "shadowed")]


def test_a_three_way_clash_has_two_losers_to_one_winner() -> None:
    held = dump([listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))], clusters(*HOSTS))
    times = ("2026-01-01T00:00:00Z", NEW, NEWEST)
    entries = [entry(h[0], h, "443/TCP", created=t) for h, t in zip(HOSTS, times, strict=True)]
    assert lost(Mesh(held, *entries)) == [("b.example", "a.example"), ("c.example", "a.example")]


def test_private_beats_older() -> None:
    held = dump([listener("0.0.0.0", 443, tcp(outbound("b.example", 443)))], clusters("a.example", "b.example"))
    mesh = Mesh(
        held, entry("a", "a.example", "443/TCP"), entry("b", "b.example", "443/TCP", created=NEW, exportTo=["."])
    )
    [claim] = [c for c in mesh.facts("claims") if c.outcome == "shadowed"]
    assert (claim.host, claim.active.name) == ("a.example", "b")
    assert "whatever the age" in claim.reason


def test_a_chain_of_a_virtual_service_is_no_winner() -> None:
    chain = tcp(outbound(GATEWAY, 443), by="through-egress")
    held = dump([listener("0.0.0.0", 443, chain)], [*clusters("a.example"), cluster(GATEWAY, 443, "EDS")])
    assert lost(Mesh(held, entry("a", "a.example", "443/TCP"))) == []


def test_the_outbound_policy_is_no_winner() -> None:
    held = dump([listener("0.0.0.0", 443, tcp(BLACKHOLE))], clusters("a.example"))
    assert lost(Mesh(held, entry("a", "a.example", "443/TCP"))) == []


def test_a_refused_listener_is_marked() -> None:
    held = dump(
        [listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))],
        clusters("a.example", "b.example"),
        refused={"0.0.0.0_443": "error adding listener: duplicate matcher"},
    )
    mesh = Mesh(held, entry("a", "a.example", "443/TCP"), entry("b", "b.example", "443/TCP", created=NEW))
    assert [c.listener_in_error for c in mesh.facts("claims")] == [True, True]


def test_one_host_in_two_entries_is_no_clash() -> None:
    held = dump([listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))], clusters("a.example"))
    mesh = Mesh(held, entry("a", "a.example", "443/TCP"), entry("again", "a.example", "443/TCP", created=NEW))
    assert lost(mesh) == []


def test_two_entries_with_one_address_clash_on_its_listener() -> None:
    held = dump([listener("203.0.113.1", 443, tcp(outbound("a.example", 443)))], clusters("a.example", "b.example"))
    both = [
        entry(h[0], h, "443/TCP", addresses=["203.0.113.1"], created=t)
        for h, t in zip(HOSTS, (NEW, NEWEST), strict=False)
    ]
    [claim] = [c for c in Mesh(held, *both).facts("claims") if c.outcome == "shadowed"]
    assert (claim.host, claim.bind, claim.listener) == ("b.example", "203.0.113.1", "203.0.113.1_443")


def test_an_address_of_its_own_never_clashes_with_the_wildcard() -> None:
    held = dump(
        [
            listener("0.0.0.0", 443, tcp(outbound("a.example", 443))),
            listener("203.0.113.2", 443, tcp(outbound("b.example", 443))),
        ],
        clusters("a.example", "b.example"),
    )
    mesh = Mesh(held, entry("a", "a.example", "443/TCP"), entry("b", "b.example", "443/TCP", addresses=["203.0.113.2"]))
    assert lost(mesh) == []


def test_ranges_clash_only_where_they_are_equal() -> None:
    chains = [
        tcp(outbound("a.example", 443), ranges=["203.0.113.0/24"]),
        tcp(outbound("c.example", 443), ranges=["198.51.100.0/24"]),
    ]
    held = dump([listener("0.0.0.0", 443, *chains)], clusters(*HOSTS))
    mesh = Mesh(
        held,
        entry("a", "a.example", "443/TCP", "NONE", addresses=["203.0.113.0/24"]),
        entry("b", "b.example", "443/TCP", "NONE", addresses=["198.51.100.0/24"], created=NEWEST),
        entry("c", "c.example", "443/TCP", "NONE", addresses=["198.51.100.0/24"], created=NEW),
    )
    assert lost(mesh) == [("b.example", "c.example")]


def test_a_claim_to_a_range_does_not_lose_to_the_chain_without_one() -> None:
    chains = [tcp(outbound("a.example", 443)), tcp(outbound("b.example", 443), ranges=["203.0.113.0/24"])]
    held = dump([listener("0.0.0.0", 443, *chains)], clusters(*HOSTS))
    mesh = Mesh(
        held,
        entry("a", "a.example", "443/TCP"),
        entry("b", "b.example", "443/TCP", "NONE", addresses=["203.0.113.0/24"]),
        entry("c", "c.example", "443/TCP", "NONE", addresses=["203.0.113.0/24"], created=NEW),
    )
    assert lost(mesh) == [("c.example", "b.example")]


def test_a_service_as_winner_is_named_as_one() -> None:
    host = "db.shop.svc.cluster.local"
    held = dump(
        [listener("0.0.0.0", 3306, tcp(outbound(host, 3306)))],
        [cluster(host, 3306, "EDS"), *clusters("a.example", port=3306)],
    )
    mesh = Mesh(held, entry("a", "a.example", "3306/TCP"), service("db", {"name": "tcp", "port": 3306}))
    [claim] = [c for c in mesh.facts("claims") if c.outcome == "shadowed"]
    assert (claim.active.kind, claim.active.namespace, claim.active.name) == ("Service", "shop", "db")


def test_a_dump_alone_shows_a_loser_without_naming_objects() -> None:
    held = dump([listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))], clusters("a.example", "b.example"))
    [claim] = Mesh(held, blind=True).facts("claims")
    assert (claim.host, claim.active_host, claim.outcome) == ("b.example", "a.example", "shadowed")
    assert "unknown without the resources" in claim.reason


def test_in_a_dump_alone_a_host_sent_to_a_gateway_by_name_lost_nothing() -> None:
    chains = [tcp(outbound(GATEWAY, 443), sni=["b.example"], by="through-egress"), tcp(outbound("a.example", 443))]
    held = dump(
        [listener("0.0.0.0", 443, *chains)], [*clusters("a.example", "b.example"), cluster(GATEWAY, 443, "EDS")]
    )
    assert lost(Mesh(held, blind=True)) == []


def test_an_entry_for_another_namespace_claims_nothing_here() -> None:
    held = dump([listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))], clusters("a.example"))
    mesh = Mesh(
        held, entry("a", "a.example", "443/TCP"), entry("b", "b.example", "443/TCP", namespace="bank", exportTo=["."])
    )
    assert [c.host for c in mesh.facts("claims")] == ["a.example"]


def test_addresses_to_list_have_the_form_the_resolution_admits() -> None:
    held = dump(
        [listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))],
        [cluster("a.example", 443, "ORIGINAL_DST"), cluster("b.example", 443, ips=["203.0.113.2"])],
    )
    mesh = Mesh(
        held,
        entry("a", "a.example", "443/TCP", "NONE"),
        entry("b", "b.example", "443/TCP", "DNS", created=NEW),
        dns={"a.example": ["203.0.113.1"], "b.example": ["203.0.113.2"]},
    )
    [claim] = [c for c in mesh.facts("claims") if c.outcome == "shadowed"]
    assert claim.active_addresses == ("203.0.113.1/32",)
    assert claim.own_addresses == ("203.0.113.2",)


def test_an_entry_for_workloads_claims_no_shared_listener() -> None:
    held = dump([listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))], clusters("a.example", "b.example"))
    first = entry("a", "a.example", "443/TCP")
    workloads: dict[str, Any] = {"workloadSelector": {"labels": {"app": "vm"}}}
    assert lost(Mesh(held, first, entry("b", "b.example", "443/TCP", "NONE", created=NEW, **workloads))) == []
    assert lost(Mesh(held, first, entry("b", "b.example", "443/TCP", "NONE", created=NEW))) == [
        ("b.example", "a.example")
    ]

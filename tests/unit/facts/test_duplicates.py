"""Duplicates: entries for one host that differ, which counts, and what is lost."""

from __future__ import annotations

from typing import Any

from tests.meshes import NEW, Mesh, cluster, dump, entry, listener, outbound, tcp

HOST = "a.example"
PROXY = dump([listener("0.0.0.0", 443, tcp(outbound(HOST, 443), sni=[HOST]))], [cluster(HOST, 443)])


def duplicates(*entries: Any, **given: Any) -> list[Any]:
    return Mesh(PROXY, *entries, **given).facts("duplicates")


def test_the_older_of_one_namespace_counts_and_the_others_port_is_lost() -> None:
    [found] = duplicates(
        entry("first", HOST, "443/TLS"), entry("second", HOST, "443/TLS 8443/TLS", "STATIC", created=NEW)
    )
    assert (found.winner.name, [e.name for e in found.losers]) == ("first", ["second"])
    assert (found.differs, found.lost_ports, found.port) == (("resolution", "ports"), (8443,), 8443)
    assert found.same_namespace
    assert [p["number"] for p in found.merged["spec"]["ports"]] == [443, 8443]


def test_the_pods_own_namespace_goes_first_whatever_the_age() -> None:
    [found] = duplicates(
        entry("shared", HOST, "443/TLS", namespace="egress"), entry("own", HOST, "443/TLS", "NONE", created=NEW)
    )
    assert (found.winner.name, found.same_namespace) == ("own", False)
    assert "own namespace" in found.because


def test_equal_entries_do_not_disagree() -> None:
    assert duplicates(entry("a", HOST, "443/TLS"), entry("b", HOST, "443/TLS", namespace="egress")) == []


def test_what_this_proxy_does_not_see_is_no_duplicate() -> None:
    hidden = entry("b", HOST, "443/TCP", "NONE", namespace="bank", exportTo=["."])
    assert duplicates(entry("a", HOST, "443/TLS"), hidden) == []


def test_the_same_host_on_the_same_port_in_another_protocol() -> None:
    [found] = duplicates(entry("a", HOST, "443/TLS"), entry("b", HOST, "443/HTTPS", created=NEW))
    assert found.differs == ("protocol",)


def test_other_endpoints() -> None:
    first = entry("a", HOST, "443/TLS", "STATIC", endpoints=[{"address": "203.0.113.1"}])
    second = entry("b", HOST, "443/TLS", "STATIC", endpoints=[{"address": "203.0.113.2"}], created=NEW)
    [found] = duplicates(first, second)
    assert found.differs == ("endpoints",)


def test_a_port_of_one_name_twice_is_renamed_in_the_merged_entry() -> None:
    first, second = entry("a", HOST, "443/TLS"), entry("b", HOST, "8443/TLS", created=NEW)
    second["spec"]["ports"][0]["name"] = first["spec"]["ports"][0]["name"]
    [found] = duplicates(first, second)
    names = [p["name"] for p in found.merged["spec"]["ports"]]
    assert len(set(names)) == 2


def test_a_merged_tcp_port_comes_with_addresses_or_not_at_all() -> None:
    both = entry("a", HOST, "443/TLS"), entry("b", HOST, "5432/TCP", created=NEW)
    [found] = Mesh(dump([], [cluster(HOST, 443, ips=[])]), *both).facts("duplicates")
    assert found.merged == {}
    [found] = duplicates(*both, dns={HOST: ["203.0.113.1"]})
    assert "203.0.113.1" in found.merged["spec"]["addresses"]


def test_without_resources_there_are_none() -> None:
    assert Mesh(PROXY, blind=True).facts("duplicates") == []

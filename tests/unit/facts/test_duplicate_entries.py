"""Duplicates: entries for one host that differ, which counts, and what is lost."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.semantics.istio.admission import refusals
from tests.meshes import NEW, Mesh, cluster, dump, entry, listener, outbound, tcp

HOST = "a.example"
PROXY = dump([listener("0.0.0.0", 443, tcp(outbound(HOST, 443), sni=[HOST]))], [cluster(HOST, 443)])


def duplicates(*entries: Any, **given: Any) -> list[Any]:
    return Mesh(PROXY, *entries, **given).facts("duplicates")


def test_the_older_of_one_namespace_counts_and_the_others_port_is_lost() -> None:
    [found] = duplicates(
        entry("first", HOST, "443/TLS"), entry("second", HOST, "443/TLS 8443/TLS", "STATIC", created=NEW)
    )
    assert (found.active.name, [e.name for e in found.shadowed]) == ("first", ["second"])
    assert (found.differs, found.lost_ports, found.port) == (("resolution", "ports"), (8443,), 8443)
    assert found.same_namespace
    assert [p["number"] for p in found.merged["spec"]["ports"]] == [443, 8443]


def test_the_pods_own_namespace_goes_first_whatever_the_age() -> None:
    [found] = duplicates(
        entry("shared", HOST, "443/TLS", namespace="egress"), entry("own", HOST, "443/TLS", "NONE", created=NEW)
    )
    assert (found.active.name, found.same_namespace) == ("own", False)
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


def after(found: Any, *entries: Any, **given: Any) -> list[Any]:
    """What the rule would say once the merge is applied, as an operator applies it."""
    names = {one.name for one in found.deleted}
    made = {one["metadata"]["name"]: one for one in (found.merged, *found.trimmed)}
    left = [made.get(e["metadata"]["name"], e) for e in entries if e["metadata"]["name"] not in names]
    assert not [problem for one in left for problem in refusals(one)]
    return duplicates(*left, **given)


PAIRS = {
    "ports": (entry("a", HOST, "443/TLS"), entry("b", HOST, "80/HTTP", created=NEW)),
    "resolution": (entry("a", HOST, "443/TLS"), entry("b", HOST, "443/TLS 80/HTTP", "NONE", created=NEW)),
    "protocol": (entry("a", HOST, "443/TLS"), entry("b", HOST, "443/TCP", created=NEW)),
    "endpoints of equal ports": (
        entry("a", HOST, "443/TLS", "STATIC", endpoints=[{"address": "203.0.113.1", "ports": {"tls-443": 8443}}]),
        entry("b", HOST, "443/TLS", "STATIC", endpoints=[{"address": "203.0.113.2"}], created=NEW),
    ),
    "another host beside it": (
        entry("a", HOST, "443/TLS"),
        entry("b", f"{HOST} c.example", "443/TLS 80/HTTP", created=NEW),
    ),
    "exports": (
        entry("a", HOST, "443/TLS", exportTo=["."]),
        entry("b", HOST, "80/HTTP", created=NEW, exportTo=["shop", "bank"]),
    ),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_after_the_merge_the_entries_agree(pair: Any) -> None:
    [found] = duplicates(*pair)
    assert found.merged
    assert [one.name for one in found.deleted] + [one["metadata"]["name"] for one in found.trimmed] == ["b"]
    assert after(found, *pair) == []


def test_a_loser_with_other_hosts_keeps_them() -> None:
    pair = PAIRS["another host beside it"]
    [found] = duplicates(*pair)
    [kept] = found.trimmed
    assert (kept["spec"]["hosts"], kept["spec"]["ports"]) == (["c.example"], pair[1]["spec"]["ports"])
    assert found.merged["spec"]["hosts"] == [HOST]


def test_the_merged_entry_is_seen_wherever_one_was() -> None:
    [found] = duplicates(*PAIRS["exports"])
    assert found.merged["spec"]["exportTo"] == ["bank", "."]
    assert found.merge_tradeoff == "The entry is visible wherever one of them was."


def test_endpoints_come_along_under_the_names_of_the_ports_that_stay() -> None:
    first = entry("a", HOST, "443/TLS", "STATIC", endpoints=[{"address": "203.0.113.1"}])
    second = entry("b", HOST, "443/TLS", "STATIC", created=NEW)
    second["spec"]["ports"][0]["name"] = "secure"
    second["spec"]["endpoints"] = [{"address": "203.0.113.2", "ports": {"secure": 8443}}]
    [found] = duplicates(first, second)
    assert found.merged["spec"]["endpoints"] == [
        {"address": "203.0.113.1"},
        {"address": "203.0.113.2", "ports": {"tls-443": 8443}},
    ]


def test_what_the_merge_gives_up_is_said() -> None:
    [found] = duplicates(
        entry("a", f"{HOST} other.example", "443/TLS"),
        entry("b", HOST, "443/HTTPS 80/HTTP", "STATIC", created=NEW, endpoints=[{"address": "203.0.113.1"}]),
    )
    assert found.merge_tradeoff == (
        "Resolution STATIC and the endpoints of ServiceEntry shop/b no longer apply: DNS is kept. "
        "Port 443 keeps protocol TLS. other.example also gets port 80."
    )


APART = {
    "a selector": (
        entry("a", HOST, "443/TLS", "STATIC", workloadSelector={"labels": {"app": "a"}}),
        entry("b", HOST, "80/HTTP", "STATIC", created=NEW),
    ),
    "endpoints by port": (
        entry("a", HOST, "443/TLS", "STATIC", endpoints=[{"address": "203.0.113.1"}]),
        entry("b", HOST, "80/HTTP", "STATIC", created=NEW, endpoints=[{"address": "203.0.113.2"}]),
    ),
    "a second endpoint for round robin": (
        entry("a", HOST, "443/TLS", "DNS_ROUND_ROBIN", endpoints=[{"address": "x.example"}]),
        entry("b", HOST, "443/TLS", "DNS_ROUND_ROBIN", created=NEW, endpoints=[{"address": "y.example"}]),
    ),
    "the host itself and another endpoint": (
        entry("a", HOST, "443/TLS"),
        entry("b", HOST, "443/TLS", created=NEW, endpoints=[{"address": "y.example"}]),
    ),
    "TCP beside several hosts": (
        entry("a", f"{HOST} other.example", "443/TLS", addresses=["203.0.113.1"]),
        entry("b", HOST, "5432/TCP", created=NEW, addresses=["203.0.113.1"]),
    ),
    "another namespace": (entry("a", HOST, "443/TLS"), entry("b", HOST, "80/HTTP", namespace="bank", created=NEW)),
}


@pytest.mark.parametrize("pair", APART.values(), ids=APART.keys())
def test_what_one_entry_cannot_say_is_not_offered(pair: Any) -> None:
    [found] = duplicates(*pair)
    assert (found.merged, found.deleted, found.trimmed) == ({}, (), ())


def test_without_resources_there_are_none() -> None:
    assert Mesh(PROXY, blind=True).facts("duplicates") == []


def test_of_two_made_in_one_second_the_clusters_say_which_counts() -> None:
    pair = [entry("first", HOST, "443/TLS 8443/TLS", "STATIC"), entry("second", HOST, "443/TLS")]
    for entries in (pair, pair[::-1]):
        [found] = duplicates(*entries)
        assert (found.active.name, found.lost_ports) == ("second", (8443,))
        assert found.because.endswith("the clusters of this proxy are those of ServiceEntry shop/second")

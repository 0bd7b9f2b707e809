"""Mended manifests: admission takes them, and everything else of the object stays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.facts.derived import entry_edits
from meshdoctor.facts.derived.entry_merge import merge
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.mesh import ServiceEntry
from meshdoctor.semantics.istio.admission import refusals
from tests.meshes import Mesh, entry

ANSWERS = ("203.0.113.1", "2001:db8::1")


def read(ports: str = "443/TCP", resolution: str = "DNS", hosts: str = "a.example", **spec: Any) -> ServiceEntry:
    made = entry("a", hosts, ports, resolution, **spec)
    made["metadata"]["labels"] = {"team": "payments"}
    [found] = read_mesh(Mesh(None, made).capture).service_entries
    return found


@pytest.mark.parametrize("resolution", ["DNS", "DNS_ROUND_ROBIN"])
def test_no_range_where_the_resolution_is_dns(resolution: str) -> None:
    assert entry_edits.listable(read(resolution=resolution), ["203.0.113.1/32", "203.0.113.2"]) == (
        "203.0.113.1",
        "203.0.113.2",
    )


@pytest.mark.parametrize("resolution", ["NONE", "STATIC"])
def test_ranges_elsewhere(resolution: str) -> None:
    assert entry_edits.listable(read(resolution=resolution), ANSWERS) == ("203.0.113.1/32", "2001:db8::1/128")


def test_addresses_are_added_to_those_that_are_there() -> None:
    made = entry_edits.with_addresses(read(addresses=["203.0.113.9"]), ["203.0.113.1", "203.0.113.9"])
    assert made["spec"]["addresses"] == ["203.0.113.9", "203.0.113.1"]
    assert entry_edits.with_addresses(read(), ()) == {}


def test_a_port_that_becomes_tcp_comes_with_addresses_or_not_at_all() -> None:
    assert entry_edits.with_protocol(read("443/HTTP"), 443, "TCP", ()) == {}
    assert entry_edits.with_protocol(read("443/HTTP"), 443, "TCP", ["203.0.113.1"])["spec"]["addresses"] == [
        "203.0.113.1"
    ]
    kept = entry_edits.with_protocol(read("443/HTTP", addresses=["203.0.113.9"]), 443, "TCP", ())
    assert kept["spec"]["addresses"] == ["203.0.113.9"]


def test_a_port_the_entry_has_not_got_is_not_changed() -> None:
    assert entry_edits.with_protocol(read("443/HTTP"), 8443, "TLS", ()) == {}


def test_tls_only_where_clients_are_known_to_speak_it() -> None:
    assert entry_edits.as_tls(read("443/TCP"), 443)["spec"]["ports"][0]["protocol"] == "TLS"
    assert entry_edits.as_tls(read("5432/TCP"), 5432) == {}


def test_resolved_tls_drops_ranges_and_refuses_wildcards() -> None:
    made = entry_edits.as_tls(read(resolution="NONE", addresses=["203.0.0.0/16"]), 443, resolve=True)
    assert (made["spec"]["resolution"], made["spec"].get("addresses")) == ("DNS", None)
    assert entry_edits.as_tls(read(resolution="NONE", hosts="*.a.example"), 443, resolve=True) == {}


def test_one_more_port_has_a_name_of_its_own() -> None:
    made = entry_edits.with_port(read("443/TLS", hosts="a.example"), 8443, "TLS", ())
    names = [p["name"] for p in made["spec"]["ports"]]
    assert len(set(names)) == 2
    assert entry_edits.with_port(read("443/TLS"), 5432, "TCP", ()) == {}


CHANGES = {
    "with_addresses": lambda e: entry_edits.with_addresses(e, ["203.0.113.1"]),
    "with_protocol": lambda e: entry_edits.with_protocol(e, 443, "TCP", ["203.0.113.1"]),
    "as_tls": lambda e: entry_edits.as_tls(e, 443),
    "with_port": lambda e: entry_edits.with_port(e, 8443, "TLS", ()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_everything_else_stays_and_the_object_read_is_not_touched(change: Any) -> None:
    found = read(exportTo=["."], subjectAltNames=["spiffe://x"], workloadSelector={"labels": {"app": "x"}})
    before = repr(found.manifest)
    made = change(found)
    assert repr(found.manifest) == before
    kept = {"exportTo", "subjectAltNames", "workloadSelector", "hosts", "location", "resolution"}
    assert {k: made["spec"][k] for k in kept} == {k: found.manifest["spec"][k] for k in kept}
    assert made["metadata"] == found.manifest["metadata"]
    assert made["metadata"]["labels"] == {"team": "payments"}


ENTRIES = st.builds(
    read,
    st.sampled_from(["443/TLS", "443/TCP", "443/TLS 80/HTTP", "443/TCP 5432/TCP", "443/HTTP>8443", "443/"]),
    st.sampled_from(["DNS", "DNS_ROUND_ROBIN", "NONE", "STATIC", "DYNAMIC_DNS"]),
    st.sampled_from(["a.example", "a.example b.example", "*.a.example", "a.example *.b.example", "my_db.example"]),
    addresses=st.sampled_from([[], ["203.0.113.9"], ["203.0.0.0/16"]]),
    endpoints=st.sampled_from([[], [{"address": "203.0.113.7"}], [{"address": "x.example", "ports": {"tls-443": 1}}]]),
    exportTo=st.sampled_from([[], ["."], ["bank", "shop"], ["*"]]),
)


@given(ENTRIES, st.lists(st.ip_addresses().map(str), max_size=4), st.sampled_from(["TCP", "TLS", "HTTP", "MONGO"]))
def test_no_fix_is_refused_for_what_it_changed(found: ServiceEntry, answers: list[str], protocol: str) -> None:
    for made in (
        entry_edits.with_protocol(found, 443, protocol, answers),
        entry_edits.with_port(found, 5433, protocol, answers),
        entry_edits.with_addresses(found, answers),
        entry_edits.with_target_port(found, 443, 8443),
        entry_edits.as_tls(found, 443),
        entry_edits.as_tls(found, 443, resolve=True),
    ):
        assert not made or set(refusals(made)) <= set(refusals(found.manifest))


@given(ENTRIES, ENTRIES, st.lists(st.ip_addresses().map(str), max_size=3))
def test_no_merged_entry_is_refused(first: ServiceEntry, second: ServiceEntry, answers: list[str]) -> None:
    host = first.hosts[0]
    made = merge(host, first, [second], answers)
    assert refusals(made.manifest) == () or made.manifest == {}
    assert all(one["spec"]["hosts"] for one in made.trimmed)
    assert bool(made.manifest) == bool(made.trimmed or made.deleted)
    if made.manifest:
        numbers = [port["number"] for port in made.manifest["spec"]["ports"]]
        assert sorted(numbers) == sorted({p.number for p in (*first.ports, *second.ports)})


@given(
    st.sampled_from(["DNS", "DNS_ROUND_ROBIN", "NONE", "STATIC"]),
    st.lists(st.ip_addresses().map(str), max_size=4),
    st.sampled_from(["TCP", "TLS", "HTTP", "MONGO"]),
)
def test_no_fix_leaves_an_opaque_port_without_addresses_or_a_range_to_dns(
    resolution: str, answers: list[str], protocol: str
) -> None:
    found = read("443/TLS 80/HTTP", resolution)
    for made in (
        entry_edits.with_protocol(found, 443, protocol, answers),
        entry_edits.with_port(found, 5432, protocol, answers),
        entry_edits.with_addresses(found, answers),
    ):
        spec = made.get("spec", {})
        listed = spec.get("addresses", [])
        opaque = any(p["protocol"] in ("TCP", "MONGO") for p in spec.get("ports", []))
        assert listed or not opaque
        assert not (resolution.startswith("DNS") and any("/" in a for a in listed))

"""Addresses of a host: of all the entry's hosts or none, and whose word they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.facts.mesh_reader import read_mesh
from tests.meshes import Mesh, cluster, dump, entry, listener, outbound, pod, tcp

TWO = entry("a", "a.example b.example", "443/TCP", "NONE")
PROXY = dump(
    [listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))],
    [cluster(host, 443, "ORIGINAL_DST") for host in ("a.example", "b.example")],
)


def leak(dns: dict[str, Sequence[str]]) -> Any:
    return next(leak for leak in Mesh(PROXY, TWO, dns=dns).facts("leaks") if leak.host == "a.example")


def test_a_list_that_would_leave_out_another_host_of_the_entry_is_not_made() -> None:
    assert leak({"a.example": ["203.0.113.1"]}).fixed_addresses == ()
    both = leak({"a.example": ["203.0.113.1"], "b.example": ["203.0.113.2"]})
    assert both.fixed_addresses == ("203.0.113.1/32", "203.0.113.2/32")


def taken(captured_at: str | None = None, dns_from: str | None = None, **given: Any) -> str:
    proxy = dump([], [cluster("db.example", 443, ips=given.pop("ips", ()))])
    dependency = pod({"DB": "postgres://db.example:5432/x", **given.pop("env", {})})
    mesh = Mesh(proxy, dependency, **given)
    read = read_mesh(replace(mesh.capture, captured_at=captured_at))
    read.dns_from = dns_from
    facts: Any = FactSheet(read).facts("connections")
    return next(str(c.addresses_taken) for c in facts if c.port == 5432)


def test_who_resolved_them_and_when() -> None:
    dns = {"db.example": ["203.0.113.1"]}
    said = taken("2026-11-21T17:00:00Z", "pod shop/web", dns=dns)
    assert said == "Addresses resolved from pod shop/web, at 2026-11-21T17:00:00Z."
    assert taken(dns=dns) == "Addresses from dns.json, time not recorded."


def test_what_the_sidecar_resolved_itself() -> None:
    assert taken(ips=["203.0.113.1"]) == "Addresses resolved by the sidecar, time not recorded."


def test_nothing_is_said_where_none_is_known() -> None:
    assert taken() == ""

"""Host rows: who registers a host, who wants it, and the verdict of every sidecar."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.model.host_table import HostRow
from tests.meshes import GATEWAY_POD, POD, Mesh, cluster, dump, entry, listener, outbound, pod, tcp

TLS = dump([listener("0.0.0.0", 443, tcp(outbound("a.example", 443), sni=["a.example"]))], [cluster("a.example", 443)])


def rows(mesh: Mesh, *namespaces: str) -> dict[tuple[str, int | None], HostRow]:
    return {(r.host, r.port): r for r in doctor.hosts(mesh.case, namespaces).hosts}


def test_registered_and_wanted() -> None:
    row = rows(Mesh(TLS, entry("a", "a.example", "443/TLS"), pod({"A": "https://a.example"})))["a.example", 443]
    assert (row.protocol, row.registered_by) == ("TLS", ("ServiceEntry shop/a",))
    assert [(w.pod, w.seen) for w in row.used_by] == [(POD, ("env A of container app",))]
    assert [(v.pod, v.verdict, v.cluster) for v in row.verdicts] == [(POD, "delivered", outbound("a.example", 443))]


def test_wanted_alone_is_blocked_and_its_protocol_is_the_ports() -> None:
    row = rows(Mesh(dump(), pod({"DB": "mysql://db.example/x"})))["db.example", 3306]
    assert (row.protocol, row.registered_by, row.verdicts[0].verdict) == ("mysql", (), "blocked")


def test_a_bare_name_has_no_verdict() -> None:
    row = rows(Mesh(dump(), pod({"DB_HOST": "db.example"})))["db.example", None]
    assert row.verdicts == ()
    assert row.used_by[0].pod == POD


def test_each_sidecar_has_its_own_verdict_and_gateways_have_none() -> None:
    dumps = {POD: TLS, "bank/api": dump(key="bank/api"), GATEWAY_POD: dump(key=GATEWAY_POD, role="router")}
    row = rows(Mesh(dumps, entry("a", "a.example", "443/TLS", exportTo=["."])))["a.example", 443]
    assert {v.pod: v.verdict for v in row.verdicts} == {POD: "delivered", "bank/api": "blocked"}


def test_a_dump_alone_names_what_is_missing() -> None:
    table = doctor.hosts(Mesh(TLS, blind=True).case)
    assert [(r.host, r.port) for r in table.hosts] == [("a.example", 443)]
    assert table.missing == ("resources/serviceentries.yaml", "resources/pods.yaml")


def test_namespaces_limit_dependencies_and_verdicts() -> None:
    mesh = Mesh(
        {POD: TLS, "bank/api": dump(key="bank/api")},
        pod({"A": "https://a.example"}),
        pod({"B": "https://b.example"}, key="bank/api"),
    )
    found = rows(mesh, "bank")
    assert set(found) == {("b.example", 443)}
    assert [v.pod for v in found["b.example", 443].verdicts] == ["bank/api"]


@pytest.mark.parametrize(
    ("ip", "spec"),
    [
        ("198.51.100.7", {"addresses": ["198.51.100.7"]}),
        ("198.51.100.7", {"addresses": ["198.51.100.0/24"]}),
        ("198.51.100.7", {"endpoints": [{"address": "198.51.100.7"}], "resolution": "STATIC"}),
        ("2001:db8::7", {"addresses": ["2001:DB8:0::7/128"]}),
    ],
)
def test_an_address_is_registered_by_every_entry_that_holds_it(ip: str, spec: dict[str, Any]) -> None:
    to = listener("0.0.0.0" if "." in ip else "::", 9000, tcp(outbound("db.example", 9000)))
    uses = pod({"DB": f"tcp://{f'[{ip}]' if ':' in ip else ip}:9000"})
    mesh = Mesh(
        dump([to], [cluster("db.example", 9000, "ORIGINAL_DST")]), entry("db", "db.example", "9000/TCP", **spec), uses
    )
    row = rows(mesh)[ip, 9000]
    assert (row.protocol, row.registered_by) == ("TCP", ("ServiceEntry shop/db",))
    assert [v.verdict for v in row.verdicts] == ["delivered"]
    [fact] = [c for c in mesh.facts("connections") if c.host == ip]
    assert (fact.registered, fact.declared, fact.verdict) == (True, "TCP", "delivered")


def test_an_address_that_no_entry_holds_is_not_registered() -> None:
    other = entry("db", "db.example", "9000/TCP", addresses=["198.51.100.0/24"])
    row = rows(Mesh(dump(), other, pod({"DB": "tcp://198.51.101.7:9000"})))["198.51.101.7", 9000]
    assert (row.registered_by, row.verdicts[0].reason) == ((), "missing-service-entry")

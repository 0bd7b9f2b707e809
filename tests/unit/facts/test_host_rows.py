"""Host rows: who registers a host, who wants it, and the verdict of every sidecar."""

from __future__ import annotations

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

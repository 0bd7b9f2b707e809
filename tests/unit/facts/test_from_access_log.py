"""What access logs add to the wanted hosts: which entries count, how they merge, and what becomes of them today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.access_log import AccessLog, LogEntry
from meshdoctor.model.evidence import Document
from meshdoctor.model.mesh import Dependency
from meshdoctor.semantics.envoy.log_summary import encode
from tests.meshes import (
    GATEWAY_POD,
    PASSTHROUGH,
    POD,
    Mesh,
    cluster,
    dump,
    entry,
    listener,
    outbound,
    pod,
    service,
    tcp,
)

LAST = "2026-11-21T10:00:00Z"
DIGEST, RAW = f"proxies/{POD}/access_log.json", f"proxies/{POD}/istio-proxy.log"
LINE = (
    f'[{LAST}] "- - -" 0 UH - - "-" 0 0 3 - "-" "-" "-" "-" "-" BlackHoleCluster - 203.0.113.10:3306 '
    "10.244.0.9:54308 - -\n"
)


def seen(host: str, port: int, ip: str = "", count: int = 37, **given: Any) -> LogEntry:
    """An entry; by name it is of TLS, by address of TCP."""
    by_ip = host[0].isdigit()
    told = {"protocol": "tcp" if by_ip else "tls", "outcome": "blocked", "last": LAST} | given
    return LogEntry(host=host, port=port, ip=ip or (host if by_ip else "203.0.113.9"), count=count, **told)


def logged(mesh: Mesh, *entries: LogEntry, key: str = POD, **given: Any) -> Mesh:
    """The mesh with a pod's digest beside its dump."""
    return with_document(mesh, f"proxies/{key}/access_log.json", encode(AccessLog(entries=entries, **given)))


def with_document(mesh: Mesh, path: str, content: bytes) -> Mesh:
    mesh.documents[path] = Document(path, lambda: content, len(content))
    return mesh


def dependencies(mesh: Mesh) -> dict[tuple[str, int | None], Dependency]:
    found = read_mesh(mesh.capture).dependencies
    assert len({(w.pod, w.host, w.port) for w in found}) == len(found)
    return {(w.host, w.port): w for w in found}


def words(dependency: Dependency) -> list[str]:
    return [s.where for s in dependency.seen]


def test_an_entry_is_a_dependency_with_count_time_and_place() -> None:
    found = dependencies(
        logged(Mesh(dump(), pod()), seen("a.example", 443), seen("b.example", 80, protocol="http", count=1))
    )
    first, second = found["a.example", 443], found["b.example", 80]
    assert words(first) == [f"access log: blocked 37 times, last {LAST}"]
    assert words(second) == [f"access log: blocked 1 time, last {LAST}"]
    assert (first.pod, first.port is not None, first.scheme, second.scheme) == (POD, True, "tls", "http")
    assert (second.seen[0].pointer.document, second.seen[0].pointer.path) == (DIGEST, "$.entries[1]")


def test_addresses_and_outcomes_of_one_host_are_one_dependency() -> None:
    found = dependencies(
        logged(
            Mesh(dump(), pod()),
            seen("a.example", 443, "203.0.113.1", 5),
            seen("a.example", 443, "203.0.113.2", 2, last="2026-11-21T10:00:09Z"),
            seen("a.example", 443, outcome="passthrough", count=1, last=""),
        )
    )
    assert list(found) == [("a.example", 443)]
    assert words(found["a.example", 443]) == [
        "access log: blocked 7 times, last 2026-11-21T10:00:09Z",
        "access log: passed through 1 time",
    ]


def test_a_host_wanted_already_gains_a_sighting() -> None:
    found = dependencies(logged(Mesh(dump(), pod({"A": "https://a.example"})), seen("a.example", 443)))
    assert words(found["a.example", 443]) == [
        "env A of container app",
        f"access log: blocked 37 times, last {LAST}",
    ]
    assert found["a.example", 443].scheme == "https"


@pytest.mark.parametrize("env", [{"DB": "db.example:5432"}, {"DB_HOST": "db.example"}])
def test_an_address_of_a_wanted_host_is_that_host(env: dict[str, str]) -> None:
    mesh = Mesh(dump(), pod(env), dns={"db.example": ["203.0.113.9"]})
    found = dependencies(logged(mesh, seen("203.0.113.9", 5432), seen("203.0.113.8", 5432)))
    assert list(found) == [("db.example", 5432), ("203.0.113.8", 5432)]
    assert words(found["db.example", 5432])[-1] == f"access log: 203.0.113.9 blocked 37 times, last {LAST}"


def test_an_address_on_another_port_than_the_wanted_one_stays_an_address() -> None:
    mesh = Mesh(dump(), pod({"DB": "db.example:5432"}), dns={"db.example": ["203.0.113.9"]})
    assert ("203.0.113.9", 9999) in dependencies(logged(mesh, seen("203.0.113.9", 9999)))


def test_an_address_nobody_wants_by_name_is_told_with_the_names_it_answers_to() -> None:
    one, two = "203.0.113.8", "203.0.113.9"
    answers: dict[str, Sequence[str]] = {"a.example": [two], "b.example": [one, two], "c.example": [two]}
    found = dependencies(logged(Mesh(dump(), pod(), dns=answers), seen(two, 443), seen(one, 443)))
    told = [words(dependency)[0].partition(LAST)[2] for dependency in found.values()]
    assert told == [", which DNS returns for a.example, b.example and 1 more", ", which DNS returns for b.example"]


def test_an_address_beside_the_host_in_env_is_that_host() -> None:
    env = {"DB_HOST": "db.example", "DB_PORT": "5432", "DB_IP": "203.0.113.9"}
    assert list(dependencies(logged(Mesh(dump(), pod(env)), seen("203.0.113.9", 5432)))) == [("db.example", 5432)]


def test_a_bare_name_that_was_dialled_has_a_port_from_now_on() -> None:
    found = dependencies(logged(Mesh(dump(), pod({"API_HOST": "a.example"})), seen("a.example", 443)))
    assert list(found) == [("a.example", 443)]
    assert words(found["a.example", 443])[0] == "env API_HOST of container app"


@pytest.mark.parametrize(
    "inside",
    [
        seen("reviews", 9080, protocol="http"),
        seen("reviews.shop", 9080, protocol="http"),
        seen("reviews.shop.svc.cluster.local", 9080, protocol="http"),
        seen("10.96.0.9", 9080),
        seen("10.244.0.9", 9080),
        seen("10.244.7.7", 9080),
        seen("a.example", 80, "10.244.0.9", protocol="http"),
        seen("a.example", 443, "10.96.0.9"),
        seen("127.0.0.1", 80),
        seen("169.254.20.10", 53),
        seen("224.0.0.1", 80),
        seen("240.240.0.5", 443),
        seen("a b", 80),
    ],
    ids=lambda e: f"{e.host}-{e.ip}",
)
def test_what_stays_inside_is_never_wanted(inside: LogEntry) -> None:
    proxy = dump([], [cluster("cart.bank.svc.cluster.local", 80, "EDS", ips=["10.244.7.7"])])
    assert dependencies(logged(Mesh(proxy, pod(), service("reviews")), inside)) == {}


def test_a_clouds_metadata_server_is_outside() -> None:
    found = dependencies(logged(Mesh(dump(), pod()), seen("169.254.169.254", 80, protocol="http")))
    assert list(found) == [("169.254.169.254", 80)]


def test_a_virtual_address_is_the_host_it_was_given_to() -> None:
    given = entry("a", "a.example", "443/TCP") | {
        "status": {"addresses": [{"host": "a.example", "value": "240.240.0.5"}]}
    }
    assert list(dependencies(logged(Mesh(dump(), pod(), given), seen("240.240.0.5", 443)))) == [("a.example", 443)]


def test_an_odd_name_is_known_by_its_address() -> None:
    assert list(dependencies(logged(Mesh(dump(), pod()), seen("my_db.example", 443, "203.0.113.9")))) == [
        ("203.0.113.9", 443)
    ]


def test_gateways_want_nothing_and_pods_without_objects_do() -> None:
    gateway = logged(Mesh({GATEWAY_POD: dump(key=GATEWAY_POD, role="router")}), seen("a.example", 443), key=GATEWAY_POD)
    assert dependencies(gateway) == {}
    assert list(dependencies(logged(Mesh(dump(), blind=True), seen("a.example", 443)))) == [("a.example", 443)]


def test_a_raw_log_is_digested_and_the_digest_comes_before_it() -> None:
    mesh = with_document(Mesh(dump(), pod()), RAW, LINE.encode() * 3)
    dependency = dependencies(mesh)["203.0.113.10", 3306]
    assert words(dependency) == [f"access log: blocked 3 times, last {LAST}"]
    assert (dependency.seen[0].pointer.document, dependency.seen[0].pointer.path) == (RAW, "")
    assert list(dependencies(logged(mesh, seen("a.example", 443)))) == [("a.example", 443)]


def test_an_inbound_refusal_in_a_raw_log_is_no_dependency() -> None:
    refused = LINE.replace("BlackHoleCluster", "-").replace("UH", "NR").replace("203.0.113.10:3306", "10.244.0.9:8080")
    assert dependencies(with_document(Mesh(dump(), pod()), RAW, refused.encode())) == {}


def test_a_log_that_cannot_be_read_or_has_a_format_of_its_own_is_named() -> None:
    broken = read_mesh(with_document(Mesh(dump(), pod()), DIGEST, b"{").capture)
    assert ([u.path for u in broken.unread], broken.dependencies) == ([DIGEST], ())
    foreign = read_mesh(logged(Mesh(dump(), pod()), lines=120, parsed=20, unparsed=100).capture)
    stray = read_mesh(logged(Mesh(dump(), pod()), lines=120, parsed=119, unparsed=1).capture)
    assert stray.unread == []
    assert [(u.path, u.because.split(" are")[0]) for u in foreign.unread] == [(DIGEST, "100 of 120 lines")]


def test_a_blocked_host_is_a_finding_with_its_evidence() -> None:
    found = doctor.diagnose(logged(Mesh(dump(), pod()), seen("a.example", 443)).case, rules=("missing-service-entry",))
    (finding,) = found.findings
    assert (finding.host, finding.port, finding.severity) == ("a.example", 443, "error")
    assert f"access log: blocked 37 times, last {LAST}" in finding.message
    assert (DIGEST, "$.entries[0]") in {(e.document, e.path) for e in finding.evidence}


def test_what_was_blocked_and_is_delivered_today_is_no_finding() -> None:
    chain = tcp(outbound("a.example", 443), sni=["a.example"])
    proxy = dump([listener("0.0.0.0", 443, chain)], [cluster("a.example", 443)])
    mesh = logged(Mesh(proxy, pod(), entry("a", "a.example", "443/TLS")), seen("a.example", 443))
    assert [f for f in doctor.diagnose(mesh.case).findings if f.severity != "info"] == []
    (row,) = doctor.hosts(mesh.case).hosts
    assert [v.verdict for v in row.verdicts] == ["delivered"]
    assert row.used_by[0].seen == (f"access log: blocked 37 times, last {LAST}",)
    assert [(e.document, e.path) for e in row.used_by[0].evidence] == [(DIGEST, "$.entries[0]")]


def test_passed_through_under_allow_any_is_information() -> None:
    mesh = logged(Mesh(dump(policy=PASSTHROUGH), pod()), seen("a.example", 443, outcome="passthrough"))
    found = doctor.diagnose(mesh.case, rules=("missing-service-entry",)).findings
    assert [f.severity for f in found] == ["info"]


def test_the_address_dialled_decides_where_no_other_is_known() -> None:
    other = listener("198.51.100.7", 443, tcp(outbound("b.example", 443)))
    proxy = dump([other], [cluster("b.example", 443)])
    bare = Mesh(proxy, pod({"A": "https://a.example"}))
    assert doctor.trace(bare.case, POD, "a.example", 443).verdict == "unknown"
    known = logged(bare, seen("a.example", 443, "203.0.113.9"))
    found = doctor.trace(known.case, POD, "a.example", 443)
    assert ([a.ip for a in found.addresses], found.verdict) == (["203.0.113.9"], "blocked")
    virtual = logged(Mesh(proxy, pod()), seen("a.example", 443, "240.240.0.5"))
    assert doctor.trace(virtual.case, POD, "a.example", 443).verdict == "unknown"
    answered = logged(Mesh(proxy, pod(), dns={"a.example": ["203.0.113.1"]}), seen("a.example", 443, "203.0.113.9"))
    assert [a.ip for a in doctor.trace(answered.case, POD, "a.example", 443).addresses] == ["203.0.113.1"]


BEHIND_PROXY = {"HTTPS_PROXY": "http://203.0.113.60:3128", "API": "https://api.example/v1"}


def test_a_host_that_was_dialled_although_a_forward_proxy_is_set_is_dialled() -> None:
    quiet = dependencies(Mesh(dump(), pod(BEHIND_PROXY)))["api.example", 443]
    assert (quiet.is_dialled, len(quiet.proxied)) == (False, 1)
    found = dependencies(logged(Mesh(dump(), pod(BEHIND_PROXY)), seen("api.example", 443)))["api.example", 443]
    assert (found.is_dialled, len(found.proxied)) == (True, 1)
    assert words(found)[0] == "env API of container app, by forward proxy 203.0.113.60:3128"


def test_a_request_to_a_forward_proxy_is_the_proxys_and_not_the_host_that_it_names() -> None:
    asked = seen("www.example", 3128, ip="203.0.113.60", protocol="http")
    found = dependencies(logged(Mesh(dump(), pod(BEHIND_PROXY)), asked))
    assert set(found) == {("api.example", 443), ("203.0.113.60", 3128)}
    assert words(found["203.0.113.60", 3128])[-1] == f"access log: blocked 37 times, last {LAST}"
    other = seen("www.example", 3128, ip="203.0.113.61", protocol="http")
    assert ("www.example", 3128) in dependencies(logged(Mesh(dump(), pod(BEHIND_PROXY)), other))

"""Several addresses of one host, addresses nobody knows, and what never enters the sidecar."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Container, Mesh, Pod
from meshdoctor.trace.outbound import Tracer
from tests.dumps import chain, cluster, endpoint, listener, tcp
from tests.unit.trace.worlds import BLACKHOLE, PASSTHROUGH, POD, entry, own, traced, world

DB = "db.example"
FIRST, SECOND, VIRTUAL = "198.51.100.1", "198.51.100.2", "240.240.0.7"
CLUSTER = cluster(own(DB, 9000), "STATIC", endpoint("203.0.113.5", 9000))
ANY_ADDRESS = listener("0.0.0.0", 9000, chain(tcp(own(DB, 9000))))
ONE_ADDRESS = listener(FIRST, 9000, chain(tcp(own(DB, 9000))))
RANGE = listener(
    "0.0.0.0",
    9000,
    chain(tcp(own(DB, 9000)), ranges=["198.51.100.0/30"]),
    default_filter_chain=chain(tcp(PASSTHROUGH)),
)


def test_every_dns_answer_is_traced_and_the_worst_counts() -> None:
    mesh = world([ONE_ADDRESS], clusters=[CLUSTER], dns={DB: (FIRST, SECOND)}, entries=[entry(DB, 9000)])
    found = traced(mesh, DB, 9000)
    assert found.verdict == "blocked"
    assert [(a.ip, a.verdict, a.cluster) for a in found.addresses] == [
        (FIRST, "delivered", own(DB, 9000)),
        (SECOND, "blocked", BLACKHOLE),
    ]
    assert found.destination.ip == SECOND


def test_an_address_given_is_the_only_one() -> None:
    mesh = world([ONE_ADDRESS], clusters=[CLUSTER], dns={DB: (FIRST, SECOND)})
    found = traced(mesh, DB, 9000, ip=FIRST)
    assert (found.verdict, found.addresses) == ("delivered", ())


def test_the_addresses_of_the_entry_are_traced_too() -> None:
    entries = [entry(DB, 9000, addresses=(FIRST, "203.0.113.0/24", f"{SECOND}/32"))]
    found = traced(world([ONE_ADDRESS], clusters=[CLUSTER], entries=entries), DB, 9000)
    assert [a.ip for a in found.addresses] == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("made", "verdict"),
    [(ANY_ADDRESS, "delivered"), (ONE_ADDRESS, "unknown"), (RANGE, "unknown")],
)
def test_an_address_nobody_knows_matters_or_does_not(made: dict[str, Any], verdict: str) -> None:
    found = traced(world([made], clusters=[CLUSTER]), DB, 9000)
    assert found.verdict == verdict
    assert (found.reason == "address-unknown") is (verdict == "unknown")
    assert (found.missing == ("dns.json",)) is (verdict == "unknown")


def test_a_bare_address_is_its_own_answer() -> None:
    assert traced(world([ONE_ADDRESS], clusters=[CLUSTER]), FIRST, 9000).destination.ip == FIRST


@pytest.mark.parametrize(("capture", "dialled"), [("true", [VIRTUAL]), ("", [FIRST])])
def test_with_dns_capture_the_virtual_address_is_dialled(capture: str, dialled: list[str]) -> None:
    virtual = listener(VIRTUAL, 9000, chain(tcp(own(DB, 9000))))
    entries = [entry(DB, 9000, status_addresses={DB: (VIRTUAL,)})]
    node = {"DNS_CAPTURE": capture}
    mesh = world([virtual], clusters=[CLUSTER], entries=entries, dns={DB: (FIRST,)}, node=node)
    found = traced(mesh, DB, 9000)
    assert [a.ip for a in found.addresses] == dialled
    assert found.verdict == ("delivered" if capture else "blocked")


def test_a_virtual_address_that_only_the_dump_shows() -> None:
    """The allocation before Istio 1.25 wrote no status.addresses."""
    virtual = listener(VIRTUAL, 9000, chain(tcp(own(DB, 9000))))
    mesh = world([virtual], clusters=[CLUSTER], entries=[entry(DB, 9000)], node={"DNS_CAPTURE": "true"})
    found = traced(mesh, DB, 9000)
    assert ([a.ip for a in found.addresses], found.verdict) == ([VIRTUAL], "delivered")


def pod(*init_args: str, proxy: bool = True, **fields: Any) -> Pod:
    """Pod shop/web with istio-init's arguments, and with a sidecar unless told otherwise."""
    containers = [Container("istio-init", args=init_args, is_init=True)] if init_args else []
    containers += [Container("istio-proxy")] if proxy else []
    place = Pointer("resources/pods.yaml", "$.items[0]")
    return Pod("shop", "web", containers=(*containers, Container("app")), pointer=place, **fields)


def with_pod(one: Pod) -> Mesh:
    mesh = world([ANY_ADDRESS], clusters=[CLUSTER])
    mesh.pods[POD] = one
    return mesh


@pytest.mark.parametrize(
    ("one", "asked", "verdict"),
    [
        (pod("-i", "*"), {"ip": FIRST}, "delivered"),
        (pod("-x", "198.51.100.0/24"), {"ip": FIRST}, "bypassed"),
        (pod("-x", "203.0.113.0/24"), {"ip": FIRST}, "delivered"),
        (pod("-x", "198.51.100.0/24"), {}, "unknown"),
        (pod("-i", "10.0.0.0/8"), {"ip": FIRST}, "bypassed"),
        (pod("-o", "9000"), {}, "bypassed"),
        (pod(host_network=True), {"ip": FIRST}, "bypassed"),
        (pod("-i", "*"), {"ip": "127.0.0.1"}, "bypassed"),
    ],
)
def test_what_never_enters_the_sidecar(one: Pod, asked: dict[str, Any], verdict: str) -> None:
    found = traced(with_pod(one), DB, 9000, **asked)
    assert found.verdict == verdict, found.because
    if verdict == "bypassed":
        assert (found.reason, found.listener, found.cluster) == ("sidecar-bypassed", None, None)
        assert [step.at for step in found.steps] == ["redirection"]


def test_a_port_of_the_sidecar_on_loopback_is_dialled_directly() -> None:
    bound = listener("127.0.0.1", 9000, chain(tcp(own(DB, 9000))), bind_to_port=True)
    found = traced(world([bound], clusters=[CLUSTER]), DB, 9000, ip="127.0.0.1")
    assert (found.verdict, found.listener) == ("delivered", "127.0.0.1_9000")


def test_a_pod_without_a_sidecar() -> None:
    found = traced(Mesh(pods={POD: pod(proxy=False)}), DB, 9000, ip=FIRST)
    assert (found.verdict, found.reason) == ("bypassed", "no-sidecar")
    assert found.steps[0].evidence is not None
    assert found.steps[0].evidence.document == "resources/pods.yaml"


def test_a_sidecar_whose_dump_is_missing() -> None:
    found = traced(Mesh(pods={POD: pod()}), DB, 9000, ip=FIRST)
    assert (found.verdict, found.missing) == ("unknown", (f"proxies/{POD}/config_dump.json",))
    found = traced(Mesh(pods={POD: pod()}, proxies_unread={POD: "the dump is cut short"}), DB, 9000, ip=FIRST)
    assert (found.verdict, found.because) == ("unknown", "the dump is cut short")


@pytest.mark.parametrize("section", ["listeners"])
def test_a_dump_without_listeners(section: str) -> None:
    found = traced(world(without=[section]), DB, 9000, ip=FIRST)
    assert (found.verdict, found.missing) == ("unknown", ("listeners",))


@pytest.mark.parametrize(
    ("protocol", "port", "wanted"),
    [("HTTP", 9000, "http"), ("HTTPS", 9000, "tls"), ("TCP", 9000, "tcp"), ("TCP", 3306, "server-first")],
)
def test_without_a_protocol_the_declared_one_counts(protocol: str, port: int, wanted: str) -> None:
    mesh = world(clusters=[cluster(own(DB, port), "ORIGINAL_DST")], entries=[entry(DB, port, protocol)])
    assert traced(mesh, DB, port, ip=FIRST).destination.protocol == wanted


@pytest.mark.parametrize(
    ("ips", "dialled"),
    [
        (("10.244.0.9",), (FIRST,)),
        (("fd00::9",), ("2001:db8::1",)),
        (("10.244.0.9", "fd00::9"), (FIRST, "2001:db8::1")),
    ],
)
def test_answers_of_an_ip_version_that_the_pod_has_no_address_of_are_not_dialled(
    ips: tuple[str, ...], dialled: tuple[str, ...]
) -> None:
    mesh = world([ANY_ADDRESS], clusters=[CLUSTER], dns={DB: (FIRST, "2001:db8::1")})
    mesh.pods = {POD: Pod("shop", "web", ip=ips[0], ips=ips)}
    assert Tracer(mesh, POD).dialled_addresses(DB, 9000) == dialled
    assert Tracer(mesh, POD).dialled_addresses("none.example", 9000) == ()


def test_a_wildcard_takes_addresses_of_its_own_ip_version_only() -> None:
    both = [listener(bind, 9000, chain(tcp(own(DB, 9000)))) for bind in ("0.0.0.0", "::")]
    v6 = "2001:db8::1"
    assert [traced(world([both[0]], clusters=[CLUSTER]), DB, 9000, ip=ip).cluster for ip in (FIRST, v6)] == [
        own(DB, 9000), BLACKHOLE,
    ]  # fmt: skip
    assert [traced(world([both[1]], clusters=[CLUSTER]), DB, 9000, ip=ip).cluster for ip in (FIRST, v6)] == [
        BLACKHOLE, own(DB, 9000),
    ]  # fmt: skip


def test_a_virtual_address_is_the_hosts_on_its_http_ports_too() -> None:
    """Before Istio 1.25 only the listeners of other ports show it."""
    name = own("a.example", 5432)
    bound = listener("240.240.0.3", 5432, chain(tcp(name)))
    mesh = world(
        [bound], clusters=[cluster(name, "STRICT_DNS")], node={"DNS_CAPTURE": "true"}, dns={"a.example": ("1.2.3.4",)}
    )
    tracer = Tracer(mesh, POD)
    assert tracer.known_addresses("a.example", 80) == ("240.240.0.3",)
    assert tracer.known_addresses("b.example", 80) == ()


def test_an_entry_for_workloads_has_listeners_at_their_addresses_only() -> None:
    vm = entry("vm.example", 5432, resolution="NONE", workload_selector={"app": "vm"})
    mesh = world(entries=[vm], clusters=[cluster(own("vm.example", 5432), "ORIGINAL_DST")])
    found = traced(mesh, "vm.example", 5432, ip="198.51.100.9", protocol="tcp")
    assert (found.verdict, found.reason) == ("blocked", "no-workload")
    assert "WorkloadEntry with 198.51.100.9" in found.advice


def test_a_cluster_that_is_not_there_is_explained() -> None:
    mesh = structs.replace(world([ANY_ADDRESS], entries=[]), kinds_read=frozenset({"serviceentries"}))
    found = traced(mesh, DB, 9000, ip=FIRST, protocol="tcp")
    assert found.reason == "route-to-unknown-cluster"
    assert found.because.endswith("does not exist in this proxy: no ServiceEntry registers db.example")

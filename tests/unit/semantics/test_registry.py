"""Which entries name a host, which of them a viewer gets, and whose a cluster or an address is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from meshdoctor.model.mesh import EgressListener, Mesh, Pod, Port, Service, ServiceEntry, Sidecar, VirtualService
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.proxy import Cluster
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.registry import Registry, Viewer, captures_dns, is_external_host
from tests.dumps import VIRTUAL_SERVICE, dump, read

SHOP = Viewer("shop")


def entry(name: str, *hosts: str, port: int = 443, namespace: str = "shop", **fields: Any) -> ServiceEntry:
    return ServiceEntry(ObjectRef("ServiceEntry", namespace, name), hosts, (Port(port, "p", "TCP"),), **fields)


def registry(*entries: ServiceEntry, **kinds: Any) -> Registry:
    return Registry(Mesh(service_entries=entries, **kinds))


def names(entries: Any) -> list[str]:
    return [one.ref.name for one in entries]


def test_entries_by_host_the_exact_ones_first() -> None:
    known = registry(
        entry("far", "*.example"),
        entry("near", "*.shop.example"),
        entry("exact", "API.shop.example"),
        entry("partial", "*shop.example"),
        entry("other", "shop.example"),
    )
    assert names(known.entries("api.shop.example.")) == ["exact", "near", "far", "partial"]
    assert names(known.entries("shop.example")) == ["other", "far"], "a wildcard stands for one character at least"
    assert names(known.entries("example")) == []


def test_registration_tells_this_port_from_others_and_the_hidden_ones() -> None:
    known = registry(
        entry("here", "db.example"),
        entry("elsewhere", "db.example", port=80),
        entry("private", "db.example", namespace="bank", export_to=(".",)),
        entry("private-elsewhere", "db.example", port=80, namespace="bank", export_to=(".",)),
    )
    found = known.registration("DB.example", 443, SHOP)
    assert (names(found.visible), names(found.other_ports)) == (["here"], ["elsewhere"])
    assert [(h.entry.ref.name, h.visibility.field) for h in found.hidden] == [("private", "spec.exportTo")]


def test_a_sidecar_hides_what_it_does_not_import() -> None:
    sidecar = Sidecar(ObjectRef("Sidecar", "shop", "default"), egress=(EgressListener(("./*", "bank/api.example")),))
    known = registry(
        entry("mine", "db.example"),
        entry("imported", "api.example", namespace="bank"),
        entry("not", "db.example", namespace="bank"),
    )
    viewer = Viewer("shop", sidecar)
    assert names(known.registration("api.example", 443, viewer).visible) == ["imported"]
    found = known.registration("db.example", 443, viewer)
    assert (names(found.visible), [h.entry.ref.name for h in found.hidden]) == (["mine"], ["not"])
    router = Viewer("shop", sidecar, is_sidecar=False)
    assert names(known.registration("db.example", 443, router).visible) == ["mine", "not"]


def test_a_bare_address_is_registered_by_the_entries_that_hold_it() -> None:
    known = registry(
        entry("range", "a.example", addresses=("198.51.100.0/24",)),
        entry("virtual", "b.example", status_addresses={"b.example": ("240.240.0.7",)}),
        entry("host", "198.51.100.7"),
        entry("none", "c.example"),
    )
    assert sorted(names(known.registration("198.51.100.7", 443, SHOP).visible)) == ["host", "range"]
    assert names(known.registration("240.240.0.7", 443, SHOP).visible) == ["virtual"]
    assert known.ip_belongs("198.51.100.7", "a.example")
    assert not known.ip_belongs("203.0.113.1", "a.example")
    assert not known.ip_belongs("a.example", "a.example")


@pytest.mark.parametrize(
    ("owner", "host", "wanted"),
    [
        ("db.example", "db.example", True),
        ("db.example", "DB.example", True),
        ("*.example", "db.example", True),
        ("*.example", "example", False),
        ("*db.example", "db.example", False),
        ("example", "db.example", False),
        ("db.shop.svc.cluster.local", "db", True),
        ("db.shop.svc.cluster.local", "db.shop", True),
        ("db.shop.svc.cluster.local", "db.shop.svc", True),
        ("db.bank.svc.cluster.local", "db", False),
        ("db.bank.svc.cluster.local", "db.bank", True),
        ("db.example", "alias.shop.svc.cluster.local", True),
    ],
)
def test_whose_host_a_cluster_is(owner: str, host: str, wanted: bool) -> None:
    alias = Service(
        ObjectRef("Service", "shop", "alias"),
        "alias.shop.svc.cluster.local",
        type="ExternalName",
        external_name="DB.example",
    )
    assert registry(services=[alias]).same_host(owner, host, "shop") is wanted


@pytest.mark.parametrize(
    ("hosts", "wanted"),
    [(("db.example",), True), (("*.example",), True), (("other.example",), False), (None, None)],
)
def test_what_a_virtual_service_sends(hosts: tuple[str, ...] | None, wanted: bool | None) -> None:
    known = (VirtualService(ObjectRef("VirtualService", "shop", "db"), hosts),) if hosts else ()
    assert registry(virtual_services=known).sent_by(VIRTUAL_SERVICE.format("db"), "db.example") is wanted


def test_no_virtual_service_sends_nothing() -> None:
    assert registry().sent_by("", "db.example") is False
    other = VIRTUAL_SERVICE.format("db").replace("virtual-service", "destination-rule")
    assert registry().sent_by(other, "db.example") is False


@pytest.mark.parametrize(
    ("cluster", "wanted"),
    [
        (Cluster("outbound|443||db.example", "EDS"), True),
        (Cluster("outbound|443||inside.example", "EDS"), False),
        (Cluster("outbound|443||inside.example", "EDS", external=True), True),
        (Cluster("outbound|443||nobody.example", "EDS"), True),
        (Cluster("outbound|443||db.shop.svc.cluster.local", "EDS"), False),
        (Cluster("outbound|443||localname", "EDS"), False),
        (Cluster("xds-grpc", "STATIC"), False),
    ],
)
def test_outside_the_mesh(cluster: Cluster, wanted: bool) -> None:
    known = registry(entry("db", "db.example"), entry("inside", "inside.example", location="MESH_INTERNAL"))
    assert known.is_external(cluster) is wanted


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("db.example", True),
        ("198.51.100.7", True),
        ("2001:db8::1", True),
        ("db", False),
        ("db.shop.svc", False),
        ("db.shop.svc.cluster.local", False),
        ("db.shop.svc.other.domain", False),
        ("printer.local", False),
        ("db.example.", True),
    ],
)
def test_external_hosts(host: str, wanted: bool) -> None:
    assert is_external_host(host) is wanted


def test_addresses_that_a_proxy_uses() -> None:
    both = entry("b", "b.example", addresses=("198.51.100.7",), status_addresses={"b.example": ("240.240.0.7",)})
    auto = entry("a", "*.example", resolution="DYNAMIC_DNS", status_addresses={"*.example": ("240.240.0.8",)})
    known, capturing = registry(both, auto), Viewer("shop", dns_capture=True)
    assert known.used_addresses(both, "b.example", capturing) == ("198.51.100.7",)
    assert known.used_addresses(auto, "x.example", capturing) == ("240.240.0.8",)
    assert known.used_addresses(auto, "x.example", SHOP) == ()


def test_the_viewer_is_what_pod_and_proxy_say() -> None:
    sidecar = Sidecar(ObjectRef("Sidecar", "shop", "web"), selector={"app": "web"})
    known = registry(sidecars=(sidecar,))
    proxy = read(dump(node={"LABELS": {"app": "web"}, "DNS_CAPTURE": "true"}))
    assert known.viewer(proxy, None) == Viewer("shop", sidecar, dns_capture=True, labels={"app": "web"})
    assert known.viewer(None, Pod("shop", "web", labels={"app": "web"})) == Viewer(
        "shop", sidecar, labels={"app": "web"}
    )
    assert known.viewer(None, Pod("shop", "db", labels={"app": "db"})).sidecar is None
    assert (captures_dns(None), captures_dns(proxy), captures_dns(read(dump()))) == (False, True, False)


def test_what_was_allocated_before_a_change_is_not_used() -> None:
    given: dict[str, Any] = {"resolution": "DNS", "status_addresses": {"a.example": ("240.240.0.9",)}}
    opted_out = {"metadata": {"labels": {"networking.istio.io/enable-autoallocate-ip": "false"}}}
    capturing = Viewer("shop", dns_capture=True)
    cases: list[tuple[dict[str, Any], int]] = [({"resolution": "NONE"}, 0), ({"manifest": opted_out}, 0), ({}, 1)]
    for changed, used in cases:
        one = structs.replace(entry("a", "a.example", **given), **changed)
        assert len(registry(one).used_addresses(one, "a.example", capturing)) == used, changed


def test_an_entry_with_an_address_has_its_listener_beside_that_of_a_sidecars_port() -> None:
    listeners = (EgressListener(("./db.example",), Port(443, "tcp", "TCP")), EgressListener(("./*",)))
    viewer = Viewer("shop", Sidecar(ObjectRef("Sidecar", "shop", "web"), egress=listeners))
    anywhere, bound = entry("a", "a.example"), entry("b", "b.example", addresses=("198.51.100.7",))
    known = registry(anywhere, bound)
    assert not known.visibility(anywhere, "a.example", 443, viewer).ok
    assert known.visibility(bound, "b.example", 443, viewer).ok


HOSTS = st.sampled_from(["a.b", "A.b.", "x.a.b", "*.b", "*.a.b", "*a.b", "*", "b", "c.b", "*.x.a.b"])


@given(st.lists(st.lists(HOSTS, min_size=1, max_size=2), max_size=5), HOSTS)
def test_entries_of_a_host_or_a_wildcard_on_either_side(hosts: list[list[str]], asked: str) -> None:
    entries = [entry(f"e{number}", *names) for number, names in enumerate(hosts)]
    wanted = [e for e in entries if any(covers(h, asked) or covers(asked, h) for h in e.hosts)]
    assert sorted(names(registry(*entries).related(asked))) == names(wanted)

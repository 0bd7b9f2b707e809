"""Istio's order of services for one proxy, and the words for it."""

from __future__ import annotations

from meshdoctor.model.mesh import MeshConfig, Service, ServiceEntry
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.precedence import NAMED, PRIVATE, PUBLIC, origin_namespace, precedence, tier, why_first


def entry(name: str, host: str, created: str = "", namespace: str = "a", exports: tuple[str, ...] = ()) -> ServiceEntry:
    return ServiceEntry(ObjectRef("ServiceEntry", namespace, name), (host,), (), export_to=exports, created=created)


OLD = entry("hwcloud", "www.huaweicloud.com", "2026-11-21T10:00:00Z")
NEW = entry("github", "github.com", "2026-11-21T11:02:03Z")


def test_the_oldest_public_entry_comes_first() -> None:
    assert precedence([NEW, OLD], "a") == (OLD, NEW)
    assert "1 h 2 min 3 s before ServiceEntry a/github" in why_first(OLD, NEW, "a")


def test_a_narrower_export_beats_age() -> None:
    private = entry("github", "github.com", "2026-11-21T11:00:00Z", exports=(".",))
    named = entry("gitlab", "gitlab.com", "2026-11-21T10:30:00Z", "b", ("a",))
    assert precedence([OLD, named, private], "a") == (private, named, OLD)
    assert "private to a" in why_first(private, OLD, "a")
    assert "whatever the age" in why_first(named, OLD, "a")


def test_tiers() -> None:
    assert tier(OLD, "a") == PUBLIC
    assert tier(entry("x", "x.example", exports=("a", "b")), "a") == PRIVATE
    assert tier(entry("x", "x.example", exports=("a", "b")), "b") == NAMED
    assert tier(entry("x", "x.example", exports=(".", "*")), "a") == PUBLIC
    assert tier(OLD, "a", MeshConfig(default_service_export_to=(".",))) == PRIVATE


def test_ties_go_by_host_then_by_namespace() -> None:
    twin = entry("zzz", "github.com", OLD.created)
    assert precedence([OLD, twin], "a") == (twin, OLD)
    assert "github.com sorts before www.huaweicloud.com" in why_first(twin, OLD, "a")
    elsewhere = entry("aaa", "github.com", OLD.created, "b")
    assert precedence([elsewhere, twin], "c") == (twin, elsewhere)
    assert "namespace decides" in why_first(twin, elsewhere, "c")


def test_an_order_against_the_rules_is_said_so() -> None:
    assert "although ServiceEntry a/hwcloud was created" in why_first(NEW, OLD, "a")


def test_a_service_goes_by_its_own_name() -> None:
    service = Service(ObjectRef("Service", "a", "mail"), "mail.a.svc.cluster.local", created=OLD.created)
    assert "mail sorts before www.huaweicloud.com" in why_first(service, OLD, "a")


def test_one_namespace_per_host() -> None:
    here, there = entry("x", "h.example", "2026-02-01T00:00:00Z"), entry("x", "h.example", "2026-01-01T00:00:00Z", "b")
    assert origin_namespace([here, there], "a") == "a"
    assert origin_namespace([here, there], "c") == "b"
    assert origin_namespace([], "c") is None


def test_of_a_private_and_a_named_export_newer_versions_take_the_oldest() -> None:
    private = entry("github", "github.com", "2026-11-21T11:00:00Z", exports=(".",))
    named = entry("gitlab", "gitlab.com", "2026-11-21T10:30:00Z", "b", ("a",))
    assert "private to a" in why_first(private, named, "a")
    assert "30 min before" in why_first(named, private, "a")
    assert "although" not in why_first(named, private, "a")

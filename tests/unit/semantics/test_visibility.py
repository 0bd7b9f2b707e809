"""Who sees an entry, by exportTo, by default and through a Sidecar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from meshdoctor.model.mesh import EgressListener, Mesh, MeshConfig, Pod, Port, ServiceEntry, Sidecar
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.registry import Registry
from meshdoctor.semantics.istio.visibility import (
    imported,
    is_subset,
    locked_out,
    private_by_config_scope,
    sidecar_for,
    visible,
)


def entry(namespace: str = "a", *exports: str, scope: str = "") -> ServiceEntry:
    return ServiceEntry(
        ObjectRef("ServiceEntry", namespace, "e"), ("x.example",), (Port(443),), export_to=exports, config_scope=scope
    )


def sidecar(*hosts: str, namespace: str = "a", name: str = "default", port: Port | None = None) -> Sidecar:
    return Sidecar(ObjectRef("Sidecar", namespace, name), egress=(EgressListener(hosts, port),))


@pytest.mark.parametrize(
    ("exports", "namespace", "ok"),
    [
        ((), "a", True),
        ((), "b", True),
        (("*",), "b", True),
        ((".",), "a", True),
        ((".",), "b", False),
        (("~",), "a", False),
        (("b",), "b", True),
        (("b",), "a", False),
        (("b", "c"), "c", True),
        ((".", "b"), "a", True),
        ((".", "b"), "c", False),
        (("*", "~"), "b", True),
        (("b", "~"), "b", False),
    ],
)
def test_export_to(exports: tuple[str, ...], namespace: str, ok: bool) -> None:
    got = visible(entry("a", *exports), namespace)
    assert got.ok is ok
    assert got.field == ("spec.exportTo" if exports else "meshConfig.defaultServiceExportTo")


@pytest.mark.parametrize(
    ("default", "namespace", "ok"),
    [
        (("*",), "b", True),
        ((".",), "a", True),
        ((".",), "b", False),
        (("~",), "a", False),
        ((".", "*"), "b", True),
        ((".", "b"), "b", True),
        (("b",), "a", False),
    ],
)
def test_the_mesh_default_holds_where_export_to_is_not_set(default: tuple[str, ...], namespace: str, ok: bool) -> None:
    config = MeshConfig(default_service_export_to=default)
    assert visible(entry("a"), namespace, config).ok is ok
    assert visible(entry("a", "*"), namespace, config).ok


NAMES = st.sampled_from(["a", "b", "c", ".", "*", "~"])


@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from(["a", "b", "c"]))
def test_export_to_truth_table(exports: list[str], namespace: str) -> None:
    named = {"a" if e == "." else e for e in exports}
    expected = "*" in exports or ("~" not in exports and namespace in named)
    assert visible(entry("a", *exports), namespace).ok is expected


def test_config_scope_hides_nothing_by_itself() -> None:
    old = entry("a", scope="PRIVATE")
    assert visible(old, "b").ok
    hidden = private_by_config_scope(old, "b")
    assert hidden is not None
    assert hidden.field == "spec.configScope"
    assert private_by_config_scope(old, "a") is None
    assert private_by_config_scope(entry("a", scope="PUBLIC"), "b") is None


@pytest.mark.parametrize(
    ("name", "pattern", "ok"),
    [
        ("a.x.com", "a.x.com", True),
        ("a.x.com", "*.x.com", True),
        ("x.com", "*.x.com", False),
        ("*.x.com", "*.x.com", True),
        ("*.a.x.com", "*.x.com", True),
        ("*.x.com", "*.a.x.com", False),
        ("*.x.com", "a.x.com", False),
        ("a.x.com", "*", True),
        ("*.x.com", "*", True),
    ],
)
def test_subset_of_a_pattern(name: str, pattern: str, ok: bool) -> None:
    assert is_subset(name, pattern) is ok


@pytest.mark.parametrize(
    ("hosts", "ok"),
    [
        (("./*",), False),
        (("*/*",), True),
        (("b/*",), True),
        (("b/x.example",), True),
        (("b/X.Example.",), True),
        (("b/*.example",), True),
        (("b/y.example",), False),
        (("*/x.example",), True),
        (("~/*",), False),
        (("istio-system/*", "./*"), False),
        (("*/*", "~b/x.example"), False),
        (("*/*", "~/x.example"), False),
        (("*/*", "~c/x.example"), True),
        (("*/*", "~b/*.other"), True),
        (("x.example",), False),
    ],
)
def test_egress_hosts(hosts: tuple[str, ...], ok: bool) -> None:
    got = imported(sidecar(*hosts), "b", "x.example", 443, "a")
    assert got.ok is ok
    assert got.field == "Sidecar a/default spec.egress"


def test_a_wildcard_entry_needs_a_pattern_as_wide() -> None:
    assert not imported(sidecar("b/a.x.example"), "b", "*.x.example", 443, "a").ok
    assert imported(sidecar("b/*.x.example"), "b", "*.x.example", 443, "a").ok


def test_the_dot_is_the_proxys_namespace_even_in_the_root_namespaces_sidecar() -> None:
    root = sidecar("./*", namespace="istio-system")
    assert imported(root, "a", "x.example", 443, "a").ok
    assert not imported(root, "istio-system", "x.example", 443, "a").ok


def test_a_listener_for_one_port_takes_in_that_port_only() -> None:
    only = sidecar("*/*", port=Port(80, "http", "HTTP"))
    got = imported(only, "b", "x.example", 443, "a")
    assert not got.ok
    assert "port 80 only" in got.because
    assert imported(only, "b", "x.example", 80, "a").ok
    assert imported(only, "b", "x.example", None, "a").ok
    proxy = sidecar("*/*", port=Port(15080, "p", "HTTP_PROXY"))
    assert imported(proxy, "b", "x.example", 443, "a").ok


def test_no_sidecar_and_no_egress_list_filter_nothing() -> None:
    assert imported(None, "b", "x.example", 443, "a").ok
    assert imported(Sidecar(ObjectRef("Sidecar", "a", "s")), "b", "x.example", 443, "a").ok


def test_which_sidecar_applies() -> None:
    def made(namespace: str, name: str, selector: dict[str, str] | None, created: str) -> Sidecar:
        return Sidecar(ObjectRef("Sidecar", namespace, name), selector=selector, created=created)

    web, older = made("a", "web", {"app": "web"}, "2026-01-03"), made("a", "old", {"app": "web"}, "2026-01-02")
    general, root = made("a", "default", None, "2026-01-01"), made("istio-system", "default", None, "2026-01-01")
    other, root_web = (
        made("b", "default", None, "2025-01-01"),
        made("istio-system", "web", {"app": "web"}, "2025-01-01"),
    )
    everything = (web, older, general, root, other, root_web)
    assert sidecar_for("a", {"app": "web", "v": "1"}, everything) is older
    assert sidecar_for("a", {"app": "db"}, everything) is general
    assert sidecar_for("c", {"app": "web"}, everything) is root
    assert sidecar_for("c", {"app": "web"}, (web, other, root_web)) is None
    assert sidecar_for("c", {}, (made("mesh", "default", None, ""),), "mesh") is not None


def test_export_and_sidecar_together_name_the_field_that_decides() -> None:
    registry = Registry(Mesh(sidecars=(sidecar("./*"),)))
    viewer = registry.viewer(None, Pod("a", "web"))
    assert registry.visibility(entry("b", "."), "x.example", 443, viewer).field == "spec.exportTo"
    assert registry.visibility(entry("b"), "x.example", 443, viewer).field == "Sidecar a/default spec.egress"
    assert registry.visibility(entry("a"), "x.example", 443, viewer).ok
    assert registry.visibility(entry("b"), "x.example", 443, structs.replace(viewer, is_sidecar=False)).ok
    closed = Registry(Mesh(mesh_config=MeshConfig(default_service_export_to=(".",))))
    hidden = closed.visibility(entry("b"), "x.example", 443, closed.viewer(None, Pod("a", "web")))
    assert hidden.field == "meshConfig.defaultServiceExportTo"


def test_an_egress_listener_for_a_port_keeps_other_hosts_from_it() -> None:
    listeners = (
        EgressListener(("./db.example",), Port(5432, "tcp", "TCP")),
        EgressListener(("./*",), Port(9443, "tls", "TLS"), bind="127.0.0.1"),
        EgressListener(("./*",)),
    )
    applied = Sidecar(ObjectRef("Sidecar", "a", "default"), egress=listeners)
    found = locked_out(applied, "a", "other.example", 5432, "a")
    assert found is not None
    assert found.because == "its egress listener for port 5432 includes ./db.example only"
    assert locked_out(applied, "a", "db.example", 5432, "a") is None
    assert locked_out(applied, "a", "other.example", 443, "a") is None
    assert locked_out(applied, "b", "other.example", 9443, "a") is None
    assert locked_out(None, "a", "other.example", 5432, "a") is None

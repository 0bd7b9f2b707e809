"""What takes a pod's traffic, by labels, annotations, containers and proxies."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.model.mesh import Container, Namespace, Pod
from meshdoctor.model.proxy import Node, Proxy
from meshdoctor.model.proxy_summary import ProxySummary, summary_of
from meshdoctor.semantics.istio.data_plane import is_ambient, is_ztunnel, pod_kind, proxy_role

ENROLLED = {"shop": Namespace("shop", {"istio.io/dataplane-mode": "ambient"})}
PLAIN = {"shop": Namespace("shop")}
REDIRECTED = {"ambient.istio.io/redirection": "enabled"}


def pod(*args: str, **given: Any) -> Pod:
    """A pod, with an istio-proxy where it is given arguments."""
    return Pod("shop", "web", containers=(Container("istio-proxy", args=args),) if args else (), **given)


def proxy(role: str) -> ProxySummary:
    return summary_of(Proxy("shop/web", Node(role=role), {}, {}, {}, {}, (), frozenset(), "x"))


@pytest.mark.parametrize(
    ("given", "namespaces", "expected"),
    [
        ({}, ENROLLED, True),
        ({}, PLAIN, False),
        ({}, {}, False),
        ({"labels": {"istio.io/dataplane-mode": "none"}}, ENROLLED, False),
        ({"labels": {"istio.io/dataplane-mode": "ambient"}}, PLAIN, True),
        ({"annotations": REDIRECTED}, PLAIN, True),
        ({"annotations": {"ambient.istio.io/redirection": "disabled"}}, PLAIN, False),
        ({"host_network": True}, ENROLLED, False),
    ],
)
def test_ambient(given: dict[str, Any], namespaces: dict[str, Namespace], expected: bool) -> None:
    assert is_ambient(pod(**given), namespaces) is expected


def test_a_sidecar_comes_before_ambient() -> None:
    assert is_ambient(pod("proxy", "sidecar", annotations=REDIRECTED), ENROLLED) is False


@pytest.mark.parametrize("role", ["sidecar", "router", "waypoint", "ztunnel"])
def test_the_role_stands_in_the_arguments(role: str) -> None:
    assert proxy_role(pod("proxy", role, "--domain", "shop.svc.cluster.local")) == role


def test_no_proxy_has_no_role() -> None:
    assert proxy_role(pod()) == proxy_role(None) == ""


def test_ztunnel_by_its_container_else_by_its_name() -> None:
    assert is_ztunnel("istio-system/x", pod("proxy", "ztunnel"))
    assert is_ztunnel("istio-system/ztunnel-4xk2p", None)
    assert not is_ztunnel("shop/ztunnel-viewer", pod())
    assert not is_ztunnel("shop/web", None)


@pytest.mark.parametrize(
    ("what", "read", "expected"),
    [
        (pod("proxy", "sidecar"), None, "sidecar"),
        (pod("proxy", "router"), proxy("router"), "gateway"),
        (pod("proxy", "waypoint"), None, "waypoint"),
        (pod("proxy", "ztunnel"), None, "ztunnel"),
        (pod(), None, "ambient"),
        (pod(host_network=True), None, "none"),
        (pod(phase="Succeeded"), None, "finished"),
        (pod("proxy", "sidecar", phase="Failed"), None, "finished"),
        (None, proxy("sidecar"), "sidecar"),
        (None, proxy(""), "sidecar"),
        (None, proxy("waypoint"), "waypoint"),
        (None, None, "none"),
    ],
)
def test_kinds(what: Pod | None, read: ProxySummary | None, expected: str) -> None:
    assert pod_kind("shop/web", what, read, ENROLLED) == expected

"""DNS capture for a workload: offered where it gives the entry an address of its own, and to nobody else's pods."""

from __future__ import annotations

from typing import Any

import pytest

from tests.meshes import NEW, Mesh, cluster, dump, entry, listener, outbound, pod, tcp

HELD = dump(
    [listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))], [cluster("a.example", 443), cluster("b.example", 443)]
)
OWNER: dict[str, Any] = {"ownerReferences": [{"kind": "ReplicaSet", "name": "web-6d4b75cb6d", "controller": True}]}
LABELS = {"app": "web", "pod-template-hash": "6d4b75cb6d", "security.istio.io/tlsMode": "istio", "tier": "front"}


def claim(*others: Any, resolution: str = "DNS", hosts: str = "b.example", **spec: Any) -> Any:
    objects = [entry("a", "a.example", "443/TCP"), entry("b", hosts, "443/TCP", resolution, created=NEW, **spec)]
    made = others or (pod(labels=LABELS, **OWNER),)
    [found] = [c for c in Mesh(HELD, *objects, *made).facts("claims") if c.outcome == "shadowed"]
    return found


def test_a_proxy_config_for_the_workload_and_the_restart_it_needs() -> None:
    found = claim()
    assert found.dns_capture == {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "ProxyConfig",
        "metadata": {"name": "web-dns-capture", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "environmentVariables": {"ISTIO_META_DNS_CAPTURE": "true", "ISTIO_META_DNS_AUTO_ALLOCATE": "true"},
        },
    }
    assert found.workload == "Deployment shop/web"
    assert found.restart == "kubectl rollout restart deployment/web -n shop"


def test_where_istiod_gives_addresses_the_proxy_need_not_ask_for_them() -> None:
    objects = entry("a", "a.example", "443/TCP"), entry("b", "b.example", "443/TCP", created=NEW)
    objects[1]["status"] = {"addresses": [{"value": "240.240.0.7", "host": "b.example"}]}
    facts = Mesh(HELD, *objects, pod(labels=LABELS, **OWNER)).facts("claims")
    [found] = [c for c in facts if c.outcome == "shadowed"]
    assert found.dns_capture["spec"]["environmentVariables"] == {"ISTIO_META_DNS_CAPTURE": "true"}


def test_labels_shared_with_another_workload_do_not_select_alone() -> None:
    other = pod(key="shop/admin-1", labels={"app": "web", "tier": "back"})
    found = claim(pod(labels=LABELS, **OWNER), other)
    assert found.dns_capture["spec"]["selector"]["matchLabels"] == {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    "given",
    [
        {"resolution": "NONE"},
        {"resolution": "NONE", "hosts": "b.example *.c.example"},
        {"resolution": "STATIC", "hosts": "b.example *.c.example"},
    ],
    ids=["none", "none and a wildcard", "a wildcard"],
)
def test_an_entry_that_gets_no_address_is_not_helped(given: Any) -> None:
    assert claim(**given).dns_capture == {}


def test_an_entry_that_opted_out_is_not_helped() -> None:
    objects = entry("a", "a.example", "443/TCP"), entry("b", "b.example", "443/TCP", created=NEW)
    objects[1]["metadata"]["labels"] = {"networking.istio.io/enable-autoallocate-ip": "false"}
    facts = Mesh(HELD, *objects, pod(labels=LABELS, **OWNER)).facts("claims")
    assert [c.dns_capture for c in facts if c.outcome == "shadowed"] == [{}]


def test_a_pod_without_labels_of_its_own_is_not_selected() -> None:
    assert claim(pod(labels={"pod-template-hash": "x"}, **OWNER)).dns_capture == {}
    objects = entry("a", "a.example", "443/TCP"), entry("b", "b.example", "443/TCP", created=NEW)
    facts = Mesh(HELD, *objects).facts("claims")
    assert [c.dns_capture for c in facts if c.outcome == "shadowed"] == [{}]

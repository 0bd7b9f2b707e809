"""Why a cluster is missing, has no endpoint or no TLS: the object that is the cause is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.meshes import (
    NEW,
    POD,
    Mesh,
    Tree,
    cluster,
    destination_rule,
    dump,
    entry,
    http,
    listener,
    outbound,
    pod,
    resource,
    route_config,
    virtual_host,
)

HOST = "a.example"
LABELS = {"version": "v1"}


def subset(name: str = "v1", **given: Any) -> Tree:
    made = destination_rule("rule", HOST)
    made["metadata"] |= given
    made["spec"]["subsets"] = [{"name": name, "labels": LABELS}]
    return made


def missing(*objects: Tree, to: str = outbound(HOST, 80, "v1")) -> str:
    """What the finding says of a route to a cluster that is not there."""
    route = route_config("80", virtual_host(HOST, 80, to))
    made = dump([listener("0.0.0.0", 80, http("80"))], [cluster(HOST, 80)], [route])
    [found] = Mesh(made, *objects).facts("dangling")
    return str(found.why)


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        ([], ": no DestinationRule for a.example defines subset v1"),
        ([subset("v2")], ": no DestinationRule for a.example defines subset v1"),
        ([subset()], ": no endpoint has the labels version=v1 of subset v1 (DestinationRule shop/rule)"),
        (
            [subset(namespace="bank")],
            ": DestinationRule bank/rule defines subset v1, but it lies outside the lookup path (the client's "
            "namespace, shop, istio-system)",
        ),
    ],
)
def test_a_subset_that_is_not_there(objects: list[Tree], why: str) -> None:
    rules = objects or [destination_rule("other", "b.example")]
    assert missing(entry("a", HOST, "80/HTTP"), *rules) == why


def test_a_host_that_is_not_there() -> None:
    own = entry("a", HOST, "80/HTTP")
    assert missing(own, to=outbound("b.example", 80)) == ": no ServiceEntry registers b.example"
    other = entry("b", "b.example", "443/TLS")
    assert (
        missing(own, other, to=outbound("b.example", 80))
        == ": ServiceEntry shop/b registers b.example on port 443 only"
    )
    hidden = entry("b", "b.example", "80/HTTP", namespace="bank", exportTo=["."])
    why = ": ServiceEntry bank/b is not visible to this pod (spec.exportTo)"
    assert missing(own, hidden, to=outbound("b.example", 80)) == why
    twin = entry("twin", HOST, "81/HTTP", "STATIC", created=NEW)
    why = ": port 81 is declared by ServiceEntry shop/twin only, and ServiceEntry shop/a is the one in force"
    assert missing(own, twin, to=outbound(HOST, 81)) == why


def workload(name: str, namespace: str = "shop", **labels: str) -> Tree:
    return resource("WorkloadEntry", name, {"address": "198.51.100.1", "labels": labels}, namespace)


def unresolved(*objects: Tree, **spec: Any) -> str:
    """What the finding says of an entry without endpoints."""
    routes = [route_config("80", virtual_host(HOST, 80))]
    made = dump([listener("0.0.0.0", 80, http("80"))], [cluster(HOST, 80, "EDS")], routes)
    unread = () if objects else ("workloadentries",)
    [found] = Mesh(made, entry("a", HOST, "80/HTTP", "STATIC", **spec), *objects, unread=unread).facts("upstreams")
    return str(found.reason)


def test_the_workload_next_door_does_not_count() -> None:
    selects: dict[str, Any] = {"workloadSelector": {"labels": {"app": "vm"}}}
    start = "the workloadSelector (app=vm) of ServiceEntry shop/a selects no WorkloadEntry or pod in shop"
    there = workload("vm", "bank", app="vm")
    assert (
        unresolved(there, **selects) == f"{start}; WorkloadEntry bank/vm has these labels, but is in another namespace"
    )
    assert unresolved(workload("vm", app="db"), **selects) == f"{start}; WorkloadEntry shop/vm has other labels"
    served = "the entry has no endpoint that serves this port"
    assert unresolved(workload("vm", app="vm"), **selects) == served
    assert unresolved(pod(key=POD, labels={"app": "vm"}), there, **selects) == served
    assert unresolved(**selects) == served  # no WorkloadEntry was read


def test_a_rule_for_tls_that_does_not_apply_is_named() -> None:
    routes = [route_config("80", virtual_host(HOST, 80))]
    made = dump([listener("0.0.0.0", 80, http("80"))], [cluster(HOST, 80, target=443)], routes)
    rule = destination_rule("tls", HOST, tls={"mode": "SIMPLE"})
    rule["metadata"]["namespace"] = "bank"
    [found] = Mesh(made, entry("a", HOST, "80/HTTP>443"), rule).facts("upstreams")
    assert found.not_applied.startswith("; DestinationRule bank/tls sets TLS for a.example, but it lies outside")
    rule["metadata"]["namespace"] = "shop"
    [found] = Mesh(made, entry("a", HOST, "80/HTTP>443"), rule).facts("upstreams")
    assert found.not_applied == ""


@pytest.mark.parametrize(
    ("host", "near"),
    [
        ("news.example", "; ServiceEntry shop/wide registers *.news.example, which does not cover news.example itself"),
        ("api.maps.example", "; ServiceEntry shop/apex registers maps.example, without names below it"),
        ("other.example", ""),
        ("www.news.example", ""),
    ],
)
def test_an_entry_that_comes_near_is_named(host: str, near: str) -> None:
    entries = [entry("wide", "*.news.example", "443/TLS", "NONE"), entry("apex", "maps.example", "443/TLS")]
    made = dump([], [cluster("*.news.example", 443, "ORIGINAL_DST"), cluster("maps.example", 443)])
    mesh = Mesh(made, *entries, pod({"API": f"https://{host}"}, key=POD))
    [found] = [fact for fact in mesh.facts("connections") if fact.host == host]
    assert found.near == near


def test_a_rule_that_istiod_makes_of_a_policy_is_nobodys_to_edit() -> None:
    made_of = "pay~a-example~istio-autogenerated-k8s-gateway"
    routes = [route_config("80", virtual_host(HOST, 80))]
    made = dump([listener("0.0.0.0", 80, http("80"))], [cluster(HOST, 80, tls=HOST, by=made_of)], routes)
    [found] = Mesh(made, entry("pay", HOST, "80/HTTP")).facts("upstreams")
    assert found.destination_rule == f"shop/{made_of}, which istiod makes from a BackendTLSPolicy for pay"
    assert (found.originates_tls, found.without_tls) == (True, {})

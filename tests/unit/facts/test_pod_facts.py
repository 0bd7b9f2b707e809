"""Pods as a whole, their literal secrets, and the proxies' policies and refusals."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from tests.meshes import PASSTHROUGH, POD, Mesh, Tree, dump, listener, namespace, outbound, pod, tcp

DEPENDENCY = {"A": "https://a.example"}


def view(*objects: Tree, proxies: Tree | None = None, **given: Any) -> Any:
    [found] = Mesh(proxies, *objects, **given).facts("pods")
    return found


def test_a_pod_without_sidecar_in_a_namespace_that_injects() -> None:
    found = view(pod(DEPENDENCY, sidecar=False), namespace("shop", injected="enabled"))
    assert (found.sidecar, found.injected_namespace, found.opted_out) == (False, True, False)
    assert found.dependencies == ("a.example:443",)


def test_a_pod_that_opted_out_did_so_on_purpose() -> None:
    found = view(
        pod(DEPENDENCY, sidecar=False, labels={"sidecar.istio.io/inject": "false"}),
        namespace("shop", injected="enabled"),
    )
    assert (found.injected_namespace, found.opted_out) == (False, True)


def test_a_namespace_that_does_not_inject() -> None:
    assert not view(pod(DEPENDENCY, sidecar=False), namespace("shop")).injected_namespace
    assert not view(pod(DEPENDENCY, sidecar=False), unread=["namespaces"]).injected_namespace


def test_a_revision_label_injects_unless_switched_off() -> None:
    by_revision = namespace("shop")
    by_revision["metadata"]["labels"] = {"istio.io/rev": "stable"}
    assert view(pod(DEPENDENCY, sidecar=False), by_revision).injected_namespace
    by_revision["metadata"]["labels"]["istio-injection"] = "disabled"
    assert not view(pod(DEPENDENCY, sidecar=False), by_revision).injected_namespace


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pod_is_not_looked_at(phase: str) -> None:
    assert Mesh(None, pod(DEPENDENCY, sidecar=False, phase=phase)).facts("pods") == []


def test_a_sidecar_counts_by_its_dump_too() -> None:
    assert view(pod(DEPENDENCY, sidecar=False), proxies=dump()).sidecar


def test_namespaces_limit_the_pods() -> None:
    mesh = Mesh(None, pod(DEPENDENCY), pod(DEPENDENCY, key="bank/api"))
    assert [p.pod for p in mesh.sheet("bank").facts("pods")] == ["bank/api"]
    assert {p.pod for p in mesh.facts("pods")} == {POD, "bank/api"}


def test_a_literal_password_and_a_password_in_a_url() -> None:
    env = {"DB_PASSWORD": "marker-one", "DB_URL": "postgres://u:marker-two@db.example/x", "PLAIN": "value"}
    found = Mesh(None, pod(env)).facts("credentials")
    assert {(c.variable, c.form) for c in found} == {("DB_PASSWORD", "literal"), ("DB_URL", "url")}
    assert "marker" not in repr(found)


def credential(**metadata: object) -> Any:
    [found] = Mesh(None, pod({"DB_PASSWORD": "marker"}, **metadata)).facts("credentials")  # type: ignore[arg-type]
    return found


def test_the_steps_to_a_secret_name_everything_but_the_password() -> None:
    owner = [{"kind": "ReplicaSet", "name": "web-6d4b75cb6d", "controller": True}]
    found = credential(ownerReferences=owner, labels={"pod-template-hash": "6d4b75cb6d"})
    assert found.create_secret == (
        "kubectl create secret generic web-credentials -n shop --from-file=DB_PASSWORD=/dev/stdin"
    )
    command = shlex.split(found.use_secret)
    assert command[:-1] == ["kubectl", "patch", "deployment/web", "-n", "shop", "-p"]
    reference = {"secretKeyRef": {"name": "web-credentials", "key": "DB_PASSWORD"}}
    env = {"name": "DB_PASSWORD", "value": None, "valueFrom": reference}
    containers = [{"name": "app", "env": [env]}]
    assert json.loads(command[-1]) == {"spec": {"template": {"spec": {"containers": containers}}}}


def test_a_pod_without_a_template_is_told_in_words() -> None:
    assert credential().use_secret.startswith("edit the manifest of Pod web: replace the value of DB_PASSWORD with ")


def test_a_hostile_name_stays_one_word_of_the_command() -> None:
    env = {"DB_PASSWORD'; rm -rf ~ #": "marker"}
    owner: Any = [{"kind": "StatefulSet", "name": "web", "controller": True}]
    for found in Mesh(None, pod(env, ownerReferences=owner)).facts("credentials"):
        assert shlex.split(found.create_secret)[-1] == "--from-file=value=/dev/stdin"
        assert len(shlex.split(found.use_secret)) == 7


def test_the_policy_is_read_from_where_unmatched_traffic_goes() -> None:
    policies = {name: Mesh(dump(policy=name)).facts("policies")[0] for name in (PASSTHROUGH, "BlackHoleCluster")}
    assert {name: p.policy for name, p in policies.items()} == {
        PASSTHROUGH: "ALLOW_ANY",
        "BlackHoleCluster": "REGISTRY_ONLY",
    }
    assert policies[PASSTHROUGH].decided_by == PASSTHROUGH


def test_without_listeners_and_routes_the_policy_is_unknown() -> None:
    [found] = Mesh(dump(without=("Listeners", "Routes"))).facts("policies")
    assert (found.policy, found.decided_by) == ("unknown", "nothing that was read")


def test_a_refused_listener() -> None:
    chain = tcp(outbound("a.example", 443))
    refused = dump([listener("0.0.0.0", 443, chain)], refused={"0.0.0.0_443": "partial wildcards are not supported"})
    [found] = Mesh(refused).facts("rejections")
    assert (found.object_kind, found.object_name, found.port, found.state) == ("listener", "0.0.0.0_443", 443, "error")
    assert "partial wildcards" in found.details
    assert found.has_active


def test_a_proxy_that_took_everything_refused_nothing() -> None:
    assert Mesh(dump([listener("0.0.0.0", 443, tcp(outbound("a.example", 443)))])).facts("rejections") == []

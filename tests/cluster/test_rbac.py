"""The printed roles are sound, grant what a run asks for and nothing else, and never a Secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import yamlio
from tests.cluster.apiserver import Asked, FakeApi, Ran
from tests.cluster.meshes import put_snapshot
from tests.conftest import Cli

READ, APPLY, WITH_EXEC = (), ("--apply",), ("--exec",)
EVERY = [READ, ("--read",), APPLY, WITH_EXEC, ("--apply", "--exec")]
WRITES = {"create", "update", "patch", "delete", "deletecollection", "*"}


def printed(cli: Cli, *options: str) -> dict[str, Any]:
    done = cli("rbac", *options)
    assert (done.code, done.err) == (0, "")
    return {tree["kind"]: tree for tree in yamlio.load_documents(done.out.encode(), "rbac")}


@pytest.mark.parametrize("options", EVERY)
def test_the_account_is_bound_to_the_role(cli: Cli, options: tuple[str, ...]) -> None:
    made = printed(cli, *options, "-n", "tools")
    assert set(made) == {"Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
    account = made["ServiceAccount"]["metadata"]
    assert made["Namespace"]["metadata"]["name"] == account["namespace"] == "tools"
    assert made["ClusterRoleBinding"]["subjects"] == [
        {"kind": "ServiceAccount", "name": account["name"], "namespace": "tools"}
    ]
    role = made["ClusterRole"]["metadata"]["name"]
    assert made["ClusterRoleBinding"]["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": role,
    }
    assert role == ("meshdoctor-apply" if "--apply" in options else "meshdoctor-read")


@pytest.mark.parametrize("options", EVERY)
def test_no_secret_and_no_wildcard_is_in_it(cli: Cli, options: tuple[str, ...]) -> None:
    for rule in printed(cli, *options)["ClusterRole"]["rules"]:
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert "*" not in words
        assert not [word for word in words if "secret" in word]


@pytest.mark.parametrize("options", [READ, WITH_EXEC])
def test_to_look_is_not_to_write(cli: Cli, options: tuple[str, ...]) -> None:
    for rule in printed(cli, *options)["ClusterRole"]["rules"]:
        if not {"pods/portforward", "pods/exec"} & {*rule["resources"]}:
            assert not WRITES & {*rule["verbs"]}


def test_to_fix_is_to_write_istios_kinds_alone(cli: Cli) -> None:
    read, apply = (printed(cli, *options)["ClusterRole"]["rules"] for options in (READ, APPLY))
    more = [rule for rule in apply if rule not in read]
    assert [rule for rule in read if rule not in apply] == []
    assert {group for rule in more for group in rule["apiGroups"]} == {"networking.istio.io"}


def test_read_and_apply_at_once_is_wrong_usage(cli: Cli) -> None:
    done = cli("rbac", "--read", "--apply")
    assert (done.code, done.out) == (2, "")


def authoriser(rules: list[dict[str, Any]]) -> Any:
    def forbidden(asked: Asked) -> bool:
        # Port-forward and exec need both verbs: which one is asked for depends on the version of Kubernetes.
        verbs = {"get", "create"} if asked.resource in ("pods/portforward", "pods/exec") else {asked.verb}
        return not any(
            asked.group in rule["apiGroups"] and asked.resource in rule["resources"] and verbs <= {*rule["verbs"]}
            for rule in rules
        )

    return forbidden


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize("options", [READ, WITH_EXEC, APPLY])
@pytest.mark.parametrize("snapshot", ["tcp-port-clash", "egress-gateway"])
def test_the_role_is_enough(cli: Cli, api: FakeApi, tmp_path: Path, options: tuple[str, ...], snapshot: str) -> None:
    put_snapshot(api, snapshot)
    api.run = lambda pod, command: Ran(b"127.0.0.1 STREAM x\n")
    api.forbidden = authoriser(printed(cli, *options)["ClusterRole"]["rules"])
    dns = "auto" if "--exec" in options else "off"
    for scope in ((), ("-n", "bookinfo")):
        report = json.loads(cli("check", "--json", "--dns", dns, *scope).out)
        assert report["summary"]["proxies"] > 0
        assert "forbidden" not in json.dumps(report)
    saved = cli("capture", str(tmp_path / "saved"), "--dns", dns)
    assert saved.code == 0
    assert "not read" not in saved.err


@pytest.mark.usefixtures("kubeconfig")
def test_every_right_of_the_role_is_used(cli: Cli, api: FakeApi) -> None:
    rules = printed(cli, *WITH_EXEC)["ClusterRole"]["rules"]
    # A pod that reads a ConfigMap, so that every kind is asked for.
    api.objects["pods"][0]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    cli("check", "--json")
    used = {(asked.group, asked.resource) for asked in api.asked}
    granted = {(group, plural) for rule in rules for group in rule["apiGroups"] for plural in rule["resources"]}
    assert granted == used


@pytest.mark.usefixtures("kubeconfig")
def test_without_one_right_the_rest_is_judged_and_the_right_is_named(cli: Cli, api: FakeApi) -> None:
    rules = printed(cli)["ClusterRole"]["rules"]
    for left_out in ("pods/log", "serviceentries", "configmaps", "peerauthentications"):
        kept = [{**rule, "resources": [r for r in rule["resources"] if r != left_out]} for rule in rules]
        api.forbidden = authoriser(kept)
        report = json.loads(cli("check", "--json", "--dns", "off").out)
        assert report["summary"]["proxies"] == 1
        assert f'resource \\"{left_out}\\"' in json.dumps(report["unread"])

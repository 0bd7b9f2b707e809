"""The first step: what enters the sidecar, said with the setting that decides."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.model.trace import Trace
from meshdoctor.trace.outbound import Tracer
from tests.meshes import POD, Mesh, Tree, dump, pod

IP = "203.0.113.1"
USES = {"DB": "postgres://db.example/x"}


def with_init(*args: str, env: dict[str, str] | None = None, **app: Any) -> Tree:
    made = pod(USES)
    variables = [{"name": name, "value": value} for name, value in (env or {}).items()]
    init = {"name": "istio-init", "args": ["istio-iptables", "-i", "*", "-x", "", *args], "env": variables}
    made["spec"]["initContainers"] = [init]
    made["spec"]["containers"][0] |= app
    return made


def assess(made: Tree) -> Trace:
    return Tracer(Mesh(dump(), made, dns={"db.example": [IP]}).case.mesh, POD).assess("db.example", 5432)


def test_an_excluded_interface_makes_the_verdict_unknown() -> None:
    found = assess(with_init("-c", "net1"))
    assert (found.verdict, found.reason) == ("unknown", "interface-unknown")
    assert "net1 is excluded" in found.because
    assert f"ip route get {IP}" in found.advice
    assert (found.steps[0].at, found.steps[0].chose) == ("redirection", "not known")
    evidence = found.steps[0].evidence
    assert evidence is not None
    assert (evidence.path, evidence.value) == ("$.items[0].spec.initContainers[0].args[6]", "net1")


def test_a_group_that_is_not_known_makes_the_verdict_unknown() -> None:
    found = assess(with_init(env={"ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE": "3000"}))
    assert (found.verdict, found.reason) == ("unknown", "group-unknown")
    assert "id -g" in found.advice


@pytest.mark.parametrize("security", [{"runAsUser": 1337}, {"runAsGroup": 1337}])
def test_the_container_that_has_the_dependency_decides(security: dict[str, int]) -> None:
    made = with_init(securityContext=security)
    made["spec"]["containers"].append({"name": "other", "image": "other"})
    assert assess(made).verdict == "bypassed"
    made["spec"]["containers"][-1]["env"] = made["spec"]["containers"][0]["env"]
    assert assess(made).verdict == "blocked"


def test_who_redirects_is_named() -> None:
    assert "nftables redirects every address" in assess(with_init("--native-nftables")).steps[0].because
    assert "iptables redirects every address" in assess(with_init()).steps[0].because

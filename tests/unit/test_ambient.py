"""Pods without a sidecar by design, or without any: counted, shown as such, and never judged as sidecars."""

from __future__ import annotations

import json

import pytest

from meshdoctor import doctor
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.report import json_v1, text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.view import check
from tests.meshes import GATEWAY_POD, POD, Mesh, Tree, dump, namespace, pod

DEPENDENCY = {"A": "https://a.example"}
LABEL = {"istio.io/dataplane-mode": "ambient"}


def ambient_namespace(name: str = "shop") -> Tree:
    made = namespace(name, injected="enabled")
    made["metadata"]["labels"] |= LABEL
    return made


def proxied(key: str, role: str) -> Tree:
    made = pod(key=key)
    made["spec"]["containers"][-1]["args"] = ["proxy", role]
    return made


MIXED = Mesh(
    {POD: dump(), GATEWAY_POD: dump(key=GATEWAY_POD, role="router")},
    namespace("shop", injected="enabled"),
    ambient_namespace("flat"),
    proxied(POD, "sidecar"),
    proxied(GATEWAY_POD, "router"),
    pod(DEPENDENCY, key="flat/web", sidecar=False),
    pod(DEPENDENCY, key="shop/bare", sidecar=False),
    pod(DEPENDENCY, key="shop/job", sidecar=False, phase="Succeeded"),
    proxied("istio-system/ztunnel-abcde", "ztunnel"),
)
COUNTS = {
    "sidecar": 1,
    "ambient": 1,
    "gateway": 1,
    "waypoint": 0,
    "ztunnel": 1,
    "envoy": 0,
    "none": 1,
    "finished": 1,
}


def test_pods_are_counted_by_what_takes_their_traffic() -> None:
    found = doctor.diagnose(MIXED.case)
    assert found.pod_kinds == COUNTS
    assert found.pods == sum(COUNTS.values())
    assert json.loads(json_v1.check(found))["summary"]["pods"] == COUNTS
    shown = text.render(check.report(found), TextWriter(width=200))
    assert "not judged: 1 gateway, 1 ztunnel, 1 pod in ambient mode, 1 pod without a sidecar" in shown
    assert "6 pods (1 finished), " in shown


def test_a_mesh_of_sidecars_alone_needs_no_words_about_it() -> None:
    shown = text.render(check.report(doctor.diagnose(Mesh(dump(), pod()).case)), TextWriter(width=200))
    assert "1 sidecar (Istio 1.30.0), 1 pod, 0 external hosts" in shown


def test_namespaces_limit_the_counts() -> None:
    assert doctor.diagnose(MIXED.case, namespaces=["flat"]).pod_kinds == dict.fromkeys(COUNTS, 0) | {"ambient": 1}


def test_only_the_pod_that_should_have_a_sidecar_is_reported() -> None:
    found = doctor.diagnose(MIXED.case, rules=("no-sidecar",)).findings
    assert [f.pods for f in found] == [("shop/bare",)]


@pytest.mark.parametrize("where", ["labels", "annotations"])
def test_a_pod_may_be_enrolled_by_itself(where: str) -> None:
    told: Tree = {"labels": LABEL, "annotations": {"ambient.istio.io/redirection": "enabled"}}[where]
    enrolled = pod(DEPENDENCY, sidecar=False)
    enrolled["metadata"][where] = told
    mesh = Mesh(None, enrolled, namespace("shop", injected="enabled"))
    assert doctor.diagnose(mesh.case, rules=("no-sidecar",)).findings == ()


def test_a_dump_of_ztunnel_is_no_sidecars_dump_and_none_is_missed() -> None:
    own = proxied("istio-system/ztunnel-abcde", "ztunnel")
    for dumps in ({POD: dump()}, {POD: dump(), "istio-system/ztunnel-abcde": b'{"workloads": []}'}):
        mesh = Mesh(dumps, pod(), own)
        assert (read_mesh(mesh.capture).proxies_unread, read_mesh(mesh.capture).unread) == ({}, [])
        assert doctor.diagnose(mesh.case, rules=("tcp-port-clash",)).not_evaluated == ()


def test_waypoints_are_not_judged_as_sidecars() -> None:
    key = "flat/waypoint"
    for made in (dump(key=key, role="waypoint"), dump(key=key, without=["Bootstrap"])):
        sheet = Mesh({key: made}, proxied(key, "waypoint")).sheet()
        assert (sheet.names, sheet.facts("policies")) == ([key], [])


def test_the_trace_of_an_ambient_pod_says_who_takes_the_connection() -> None:
    found = doctor.trace(MIXED.case, "flat/web", "a.example", 443)
    assert (found.verdict, found.reason, found.missing) == ("unknown", "ambient", ("ztunnel",))
    assert "ztunnel" in found.because
    bare = doctor.trace(MIXED.case, "shop/bare", "a.example", 443)
    assert (bare.verdict, bare.reason) == ("bypassed", "no-sidecar")

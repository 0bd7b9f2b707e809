"""Who keeps an object: every tool's signs, nobody's where a person wrote it, and no object breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.fixes.plan.owners import Owner, appliers, holders, owner_of, writers
from meshdoctor.text.printable import printable

STEER = "evil\x1b[2J\u202e"


def managed(manager: str, operation: str = "Update", fields: Any = None, **more: Any) -> dict[str, Any]:
    own = {"manager": manager, "operation": operation, "fieldsV1": fields or {"f:spec": {"f:ports": {}}}, **more}
    return {"metadata": {"managedFields": [own]}}


@pytest.mark.parametrize(
    ("place", "name", "tool"),
    [
        ("annotations", "meta.helm.sh/release-name", "Helm"),
        ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
        ("labels", "argocd.argoproj.io/instance", "Argo CD"),
        ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
        ("labels", "helm.toolkit.fluxcd.io/name", "Flux"),
        ("annotations", "objectset.rio.cattle.io/id", "Fleet"),
        ("annotations", "configsync.gke.io/resource-id", "Config Sync"),
        ("labels", "kapp.k14s.io/app", "kapp"),
        ("labels", "olm.owner", "an operator"),
    ],
)
def test_a_tool_is_known_by_its_mark_and_the_mark_is_shown(place: str, name: str, tool: str) -> None:
    owner = owner_of({"metadata": {place: {name: f"egress{STEER}"}}})
    assert owner == Owner(tool, f"{place[:-1]} {name}=egress{printable(STEER)}")
    elsewhere = "annotations" if place == "labels" else "labels"
    assert owner_of({"metadata": {elsewhere: {name: "egress"}}}) is None
    assert owner_of({"metadata": {place: {name: ""}}}) is None


@pytest.mark.parametrize(("by", "tool"), [("Helm", "Helm"), ("my-operator", "my-operator"), (STEER, printable(STEER))])
def test_whoever_says_that_it_manages_is_believed(by: str, tool: str) -> None:
    owner = owner_of({"metadata": {"labels": {"app.kubernetes.io/managed-by": by}}})
    assert owner is not None
    assert owner.tool == tool


@pytest.mark.parametrize("by", ["kubectl", "Kubectl", "istioctl", "meshdoctor", "hand", ""])
def test_a_person_is_no_tool(by: str) -> None:
    assert owner_of({"metadata": {"labels": {"app.kubernetes.io/managed-by": by, "app": "helm"}}}) is None


@pytest.mark.parametrize(
    ("manager", "tool"),
    [("argocd-controller", "Argo CD"), ("kustomize-controller", "Flux"), ("helm", "Helm"), ("Terraform", "Terraform")],
)
def test_a_tool_is_known_by_what_it_wrote_its_status_aside(manager: str, tool: str) -> None:
    assert owner_of(managed(manager)) == Owner(tool, f"field manager {manager}")
    assert owner_of(managed(manager, subresource="status")) is None
    assert owner_of(managed("kubectl-edit")) is None


def test_an_owner_reference_is_an_operators() -> None:
    body = {"metadata": {"ownerReferences": [{"kind": "Egress", "name": STEER, "controller": True}]}}
    assert owner_of(body) == Owner("an operator", f"owner reference to Egress {printable(STEER)}")


def test_whoever_applies_holds_and_whoever_updated_does_not() -> None:
    both = {
        "metadata": {
            "managedFields": [
                *managed("team-b", "Apply")["metadata"]["managedFields"],
                *managed(STEER, "Apply", {"f:spec": {"f:hosts": {".": {}, 'v:"x"': {}}}})["metadata"]["managedFields"],
                *managed("kubectl-edit")["metadata"]["managedFields"],
                *managed("meshdoctor", "Apply")["metadata"]["managedFields"],
                *managed("istiod", "Apply", subresource="status")["metadata"]["managedFields"],
            ]
        }
    }
    assert appliers(both, "meshdoctor") == {"team-b", printable(STEER)}
    patch = {"spec": {"ports": [{"number": 443}], "exportTo": ["."]}}
    assert holders(both, patch, "meshdoctor") == (("team-b", ".spec.ports"),)
    assert holders(both, {"spec": {"hosts": ["x"]}}, "meshdoctor") == ((printable(STEER), ".spec.hosts"),)
    assert writers(both, "meshdoctor") == ("team-b", printable(STEER), "kubectl-edit")


KEYS = ["metadata", "labels", "annotations", "managedFields", "ownerReferences", "manager", "operation", "fieldsV1"]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), JUNK), JUNK)
def test_no_object_breaks_it(body: dict[str, Any], patch: Any) -> None:
    for found in ({"metadata": body}, body):
        owner_of(found)
        appliers(found, "meshdoctor")
        holders(found, patch, "meshdoctor")
        assert all(name == printable(name) for name in writers(found, "meshdoctor"))

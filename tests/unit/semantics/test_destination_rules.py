"""Which DestinationRule applies to a host, and why another does not."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.model.mesh import DestinationRule, MeshConfig
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.destination_rules import is_exported_rule, rule_for, why_not
from meshdoctor.semantics.istio.registry import Viewer

HOST = "a.example"
SHOP = Viewer("shop", labels={"app": "web"})


def rule(name: str, namespace: str = "shop", host: str = HOST, **fields: Any) -> DestinationRule:
    return DestinationRule(ObjectRef("DestinationRule", namespace, name), host, **fields)


def applied(*rules: DestinationRule, namespace: str = "bank") -> str:
    found = rule_for(rules, HOST, namespace, SHOP, None)
    return found.ref.name if found else ""


def test_the_lookup_path() -> None:
    everywhere = [rule(name, name) for name in ("istio-system", "bank", "shop", "elsewhere")]
    for place in ("shop", "bank", "istio-system"):
        assert applied(*everywhere) == place
        everywhere = [r for r in everywhere if r.ref.name != place]
    assert applied(*everywhere) == ""


def test_inside_a_namespace_host_then_selector_then_age() -> None:
    wide = rule("wide", host="*.example", created="1")
    assert applied(wide, rule("old", created="2"), rule("new", created="3")) == "old"
    assert applied(rule("old"), rule("mine", workload_selector={"app": "web"})) == "mine"
    assert applied(wide) == "wide"
    assert applied(rule("wide", host="*.example", workload_selector={"app": "web"}), rule("near")) == "near"
    assert applied(rule("other", host="b.example")) == ""


def test_a_rule_that_does_not_select_the_pod_hides_those_of_other_namespaces_all_the_same() -> None:
    others = rule("others", host="*.example", workload_selector={"app": "db"})
    assert applied(others, rule("root", "istio-system")) == ""
    assert applied(rule("others", "bank", workload_selector={"app": "db"}), rule("root", "istio-system")) == "root"


@pytest.mark.parametrize(
    ("passed_over", "why"),
    [
        (rule("x", "elsewhere"), "it lies outside the lookup path (the client's namespace, bank, istio-system)"),
        (rule("x", "bank", export_to=(".",)), "it is not exported to the client's namespace"),
        (rule("x", "bank", workload_selector={"app": "web"}), "pods of its own namespace only"),
        (rule("x", workload_selector={"app": "db"}), "its workloadSelector (app=db) does not select this pod"),
        (rule("x", "bank"), "DestinationRule shop/first comes before it"),
        (rule("first"), ""),
    ],
)
def test_why_a_rule_does_not_apply(passed_over: DestinationRule, why: str) -> None:
    found = why_not(passed_over, rule("first"), "bank", SHOP, None)
    assert found.endswith(why)
    assert bool(found) is bool(why)


def test_of_the_default_export_only_the_own_namespace_counts() -> None:
    for default, ok in [((".",), False), (("elsewhere",), True), (("*",), True)]:
        config = MeshConfig(default_destination_rule_export_to=default)
        assert is_exported_rule(rule("x", "bank"), "shop", config) is ok
    assert is_exported_rule(rule("x", "bank", export_to=("shop",)), "shop", MeshConfig())

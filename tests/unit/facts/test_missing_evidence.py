"""Gaps: which evidence a rule needs and lacks, by pod."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from meshdoctor.facts.derived.missing_evidence import EvidenceGaps
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.finding import Confidence, NotEvaluated
from meshdoctor.model.rule import Rule, RulePage
from meshdoctor.model.verdict import Severity
from tests.meshes import POD, Mesh, Tree, dump, pod

PAGE = RulePage(description="x", diagnosis="x", remediation="x")
ALL = Rule(
    id="all",
    title="x",
    severity=Severity.ERROR,
    confidence=Confidence.CERTAIN,
    select="$.claims[*]",
    when="true",
    message="x",
    why="x",
    page=PAGE,
)
TWO = (pod(), pod(key="bank/api"))


def gaps(need: str, mesh: Mesh, *namespaces: str) -> list[NotEvaluated]:
    asked = mesh.sheet(*namespaces).is_asked
    return EvidenceGaps(read_mesh(mesh.capture), asked).of(msgspec.structs.replace(ALL, needs=(need,)))


def test_a_gateway_that_was_not_read_is_missed_by_the_rule_that_follows_the_way_through_it() -> None:
    gateway = pod(key="edge/egress")
    gateway["spec"]["containers"][-1]["args"] = ["proxy", "router"]
    mesh = Mesh({POD: dump()}, pod(), gateway)
    asked = mesh.sheet(POD.split("/")[0]).is_asked
    for select, missed in (("$.gateway_hops[*]", [("edge/egress",)]), ("$.claims[*]", [])):
        rule = msgspec.structs.replace(ALL, needs=("config_dump",), select=select)
        assert [gap.pods for gap in EvidenceGaps(read_mesh(mesh.capture), asked).of(rule)] == missed


def without_endpoints() -> Tree:
    made = dump()
    made["configs"] = [c for c in made["configs"] if "Endpoints" not in c["@type"]]
    return made


def test_everything_there_is_no_gap() -> None:
    mesh = Mesh(dump(), pod())
    needs = ("config_dump", "clusters", "pods", "serviceentries", "virtualservices", "sidecars", "services", "dns")
    assert [gap for need in needs for gap in gaps(need, mesh)] == []


def test_a_sidecar_without_its_dump_is_named() -> None:
    [gap] = gaps("config_dump", Mesh(dump(), *TWO))
    assert (gap.pods, gap.missing) == (("bank/api",), ("proxies/bank/api/config_dump.json",))


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_finished_pods_dump_is_not_missed(phase: str) -> None:
    assert gaps("config_dump", Mesh(dump(), pod(), pod(key="shop/job", phase=phase))) == []


def test_a_pod_without_sidecar_has_no_dump_to_miss() -> None:
    assert gaps("config_dump", Mesh(dump(), pod(), pod(key="shop/bare", sidecar=False))) == []


def test_a_dump_that_cannot_be_read_is_named_with_the_reason() -> None:
    broken: Any = b"<html>"
    [gap] = gaps("config_dump", Mesh({"shop/web": dump(), "bank/api": broken}, *TWO))
    assert gap.pods == ("bank/api",)
    assert gap.because


@pytest.mark.parametrize("section", ["Listeners", "Routes", "Clusters"])
def test_a_dump_without_a_section_is_a_gap(section: str) -> None:
    [gap] = gaps("config_dump", Mesh(dump(without=(section,)), pod()))
    assert section.lower() in gap.because


def test_no_dump_at_all_is_a_gap_of_no_pod() -> None:
    [gap] = gaps("config_dump", Mesh(None))
    assert (gap.pods, gap.missing) == ((), ("proxies/*/*/config_dump.json",))


def test_endpoints_are_known_by_eds_or_the_clusters_page() -> None:
    [gap] = gaps("clusters", Mesh(without_endpoints(), pod()))
    assert gap.pods == ("shop/web",)


def test_dns_is_known_by_dns_json_or_by_what_envoy_resolved() -> None:
    assert len(gaps("dns", Mesh(without_endpoints(), pod()))) == 1
    assert gaps("dns", Mesh(without_endpoints(), pod(), dns={"a.example": ["203.0.113.1"]})) == []


@pytest.mark.parametrize("kind", ["serviceentries", "sidecars", "virtualservices", "namespaces"])
def test_a_kind_that_was_not_read_and_an_empty_one_that_was(kind: str) -> None:
    [gap] = gaps(kind, Mesh(dump(), unread=[kind]))
    assert (gap.pods, gap.missing) == ((), (f"resources/{kind}.yaml",))
    assert gaps(kind, Mesh(dump())) == []


def test_namespaces_limit_what_is_missed() -> None:
    mesh = Mesh(dump(), *TWO)
    assert gaps("config_dump", mesh, "shop") == []
    assert len(gaps("config_dump", mesh, "bank")) == 1


def test_sidecars_of_other_namespaces_are_no_evidence_for_this_one() -> None:
    [gap] = gaps("config_dump", Mesh(dump(), *TWO), "nowhere")
    assert (gap.pods, gap.missing) == ((), ("proxies/*/*/config_dump.json",))

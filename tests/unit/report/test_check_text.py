from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from meshdoctor.model.evidence import Unread
from meshdoctor.model.finding import Disposition, Fix, NotEvaluated
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.report import text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.view import check
from tests.golden.results import CLASH, CONSEQUENCE, CROWD, HEALTHY, LONG, MANIFEST, MANUAL, ORPHAN, TLS, finding

GAP = NotEvaluated("double-tls", ("a/b",), ("proxies/a/b/clusters.json",), "it was not captured")


def shown(*, verbose: bool = False, **given: Any) -> str:
    return text.render(check.report(replace(HEALTHY, **given), verbose=verbose), TextWriter(width=120))


def test_fine_is_said_only_with_evidence() -> None:
    assert "✓ no findings" in shown()
    for lacking in (
        {"not_evaluated": (GAP,)},
        {"unread": (Unread("dns.json", "malformed"),)},
        {"rules_run": ()},
        {"proxies": 0, "pods": 0},
    ):
        assert "✓ no findings" not in shown(**lacking)


def test_a_rule_that_lacked_evidence_somewhere_is_not_among_those_that_found_nothing() -> None:
    assert "✓ 2 rules" in shown()
    assert "✓ 1 rule " in shown(not_evaluated=(GAP,))


def test_pods_are_bounded_unless_all_are_asked_for() -> None:
    assert "and 397 more" in shown(findings=(CROWD,))
    everything = shown(findings=(CROWD,), verbose=True)
    assert all(pod in everything for pod in CROWD.pods)


def test_the_best_fix_is_printed_ready_to_apply_when_it_is_short() -> None:
    output = shown(findings=(CLASH,))
    assert f"        {MANIFEST.splitlines()[0]}" in output.splitlines()
    assert "2 other fixes: -v prints them" in output
    assert MANUAL.title not in output


def test_a_long_manifest_is_announced_and_printed_when_asked_for() -> None:
    assert "1 manifest of 52 lines: -v prints them" in shown(findings=(finding(fixes=(LONG,)),))
    output = shown(findings=(finding(fixes=(TLS, LONG)),), verbose=True)
    assert output.count("kind: ServiceEntry") == 2 + 4


def test_a_manifest_cannot_steer_the_terminal() -> None:
    fix = Fix("a", "A", Disposition.SAFE, "", ("name: \x1b[2Jx\n",))
    assert "name: \\x1b[2Jx" in shown(findings=(finding(fixes=(fix,)),))


def test_what_is_deleted_and_manual_steps_comes_after_the_manifests() -> None:
    gone = (ObjectRef("ServiceEntry", "shop", "b", "delete"), ObjectRef("ServiceEntry", "shop", "c", "delete"))
    lines = shown(findings=(finding(fixes=(replace(TLS, deletes=gone, steps="Restart the pods."),)),)).splitlines()
    at = lines.index("      then delete ServiceEntry shop/b, ServiceEntry shop/c")
    assert lines[at - 1].startswith("        ")
    assert lines[at + 1] == "      then: Restart the pods."


def test_what_a_finding_explains_is_folded_under_it() -> None:
    output = shown(findings=(CONSEQUENCE, CLASH))
    assert "also: github.com:443: The entry's hosts are ignored [tcp-hosts-ignored]" in output
    assert "information" not in output


def test_an_info_whose_cause_is_not_listed_is_shown() -> None:
    assert "information" in shown(findings=(ORPHAN,))


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ({}, "github.com:443"),
        ({"host": None, "port": None}, "bookinfo/ratings-v2-mysql-6c8d9f7b5-x2x4q"),
        ({"host": None, "resources": CLASH.resources}, "ServiceEntry bookinfo/hwcloud"),
        ({"host": None, "pods": ()}, "the mesh"),
        ({"host": "2001:db8::1"}, "[2001:db8::1]:443"),
    ],
)
def test_every_finding_is_about_something(given: dict[str, Any], target: str) -> None:
    assert subject(finding(**given)) == target


def test_a_suppressed_finding_says_so() -> None:
    assert "[tcp-port-clash, suppressed: known]" in shown(findings=(finding(suppressed="known"),))

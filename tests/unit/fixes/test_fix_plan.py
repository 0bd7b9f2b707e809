"""Plans: which finding, which fix, and what is said before anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshdoctor import bundled, yamlio
from meshdoctor.diagnosis.recorded import DiagnosisRecord, DiagnosisRequest
from meshdoctor.doctor import Source
from meshdoctor.errors import UsageError
from meshdoctor.fixes.impact import fix_safety
from meshdoctor.fixes.plan.fix_plan import choose, find, plan

KEEPERS: dict[str, dict[str, Any]] = {
    "Helm": {"annotations": {"meta.helm.sh/release-name": "egress"}},
    "Argo CD": {"labels": {"argocd.argoproj.io/instance": "egress"}},
    "Flux": {"labels": {"kustomize.toolkit.fluxcd.io/name": "egress"}},
}


@pytest.fixture(scope="module")
def clash() -> DiagnosisRecord:
    return DiagnosisRequest(Source(snapshot="tcp-port-clash")).open()


def test_a_finding_is_named_by_print_rule_subject_or_both(clash: DiagnosisRecord) -> None:
    findings = clash.diagnosis.findings
    wanted = find(findings, "tcp-port-clash")
    for name in (wanted.fingerprint[:6], "github.com:443", "github.com", "tcp-port-clash@github.com:443"):
        assert find(findings, name) == wanted
    with pytest.raises(UsageError, match="no finding tcp-port-clahs"):
        find(findings, "tcp-port-clahs")


def test_a_fix_is_the_first_that_can_be_applied_or_the_one_named(clash: DiagnosisRecord) -> None:
    finding = find(clash.diagnosis.findings, "tcp-port-clash")
    assert choose(finding).id == "use-tls"
    assert choose(finding, "move-and-scope").disposition == "manual"
    with pytest.raises(UsageError, match=r"no fix use-tsl of tcp-port-clash\. Did you mean use-tls"):
        choose(finding, "use-tsl")
    assert plan(clash, finding, choose(finding, "move-and-scope")).changes == ()


@pytest.mark.parametrize("tool", KEEPERS)
def test_who_keeps_an_object_is_said_before(tool: str, tmp_path: Path) -> None:
    entries = bundled.snapshots_dir() / "tcp-port-clash" / "resources" / "serviceentries.yaml"
    (listed,) = yamlio.load_documents(entries.read_bytes(), "serviceentries.yaml")
    for item in listed["items"]:
        if item["metadata"]["name"] == "github":
            item["metadata"] |= KEEPERS[tool]
    (tmp_path / "egress.yaml").write_text(yamlio.dump(listed))
    seen = DiagnosisRequest(Source(snapshot="tcp-port-clash", manifests=(tmp_path,))).open()
    finding = find(seen.diagnosis.findings, "tcp-port-clash")
    (kept,) = plan(seen, finding, choose(finding)).impact.managed
    assert kept.startswith(f"ServiceEntry bookinfo/github is managed by {tool} (")


def test_nobody_keeps_what_nothing_marks(clash: DiagnosisRecord) -> None:
    finding = find(clash.diagnosis.findings, "tcp-port-clash")
    assert plan(clash, finding, choose(finding)).impact.managed == ()


def test_a_fix_nobody_predicted_is_not_called_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = DiagnosisRequest(Source(snapshot="mysql-blocked")).open()
    finding = find(blocked.diagnosis.findings, "missing-service-entry")
    assert choose(finding).disposition == "safe"
    monkeypatch.setattr(fix_safety, "PREDICTED", 0)
    (again,) = fix_safety.restrict_dispositions(blocked.case.mesh, [finding])
    assert choose(again).disposition == "review"
    assert "`meshdoctor fix` predicts this one" in choose(again).cost
    assert plan(blocked, again, choose(again)).fix == choose(finding)

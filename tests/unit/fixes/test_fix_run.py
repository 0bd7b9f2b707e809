"""A fix step by step, without a front end: what may be done when, what is refused, what stands after a fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec import structs

from meshdoctor.diagnosis.recorded import DiagnosisRecord, DiagnosisRequest
from meshdoctor.doctor import Source
from meshdoctor.errors import NotApplied, NothingToJudge, PartlyApplied, Unreadable, UsageError
from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.apply.object_writes import PreparedChange
from meshdoctor.fixes.fix_context import READ_ONLY, FixContext
from meshdoctor.fixes.fix_evidence import FixEvidence
from meshdoctor.fixes.fix_run import FixRun
from meshdoctor.fixes.plan.fix_plan import FixPlan, choose, find, planned
from meshdoctor.model.fix import Change, FixEvent, FixListener, FixResult, FixTarget
from meshdoctor.sources.live.cluster_source import ClusterSource
from tests.tui.sessions import FakeCluster


@pytest.fixture(scope="module")
def clash() -> DiagnosisRecord:
    return DiagnosisRequest(Source(snapshot="tcp-port-clash")).open()


@pytest.fixture
def files(clash: DiagnosisRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FixContext:
    """A capture: fixes are new files."""
    monkeypatch.setenv("MESHDOCTOR_STATE", str(tmp_path / "state"))
    return FixContext(source=clash.request.source, diagnose=clash.request.again, evidence=lambda begin: clash)


class Stopped(ClusterApplier):
    """Stops once the fix is journaled, and leaves the entry in a state."""

    def __init__(self, journal: Journal, tell: FixListener, leaves: str) -> None:
        self._journal, self._tell, self._leaves = journal, tell, leaves

    def try_out(self, changes: Sequence[Change]) -> list[PreparedChange]:
        return []

    def apply(self, evidence: FixEvidence, plan: FixPlan, prepared: Sequence[PreparedChange]) -> FixResult:
        entry = self._journal.add(lambda number: planned(plan, number, FixTarget(server="https://api.test")))
        self._tell(FixEvent("journaled", number=entry.id))
        self._journal.update(entry, state=self._leaves)
        raise Unreadable("the server has gone")


@pytest.fixture
def cluster(files: FixContext) -> Callable[[str], FixContext]:
    """A cluster whose server goes away after the fix was journaled, by the state of the entry then."""
    source = Source(cluster=ClusterSource())
    return lambda leaves: FakeCluster(
        source=source,
        diagnose=files.diagnose,
        evidence=files.evidence,
        fake=lambda journal, location, tell: Stopped(journal, tell, leaves),
    )


def run_of(clash: DiagnosisRecord, context: FixContext, fix: str = "") -> FixRun:
    finding = find(clash.diagnosis.findings, "tcp-port-clash")
    return FixRun(context, finding=finding, fix=choose(finding, fix))


def test_new_files_are_written_and_undone_and_each_step_is_offered_in_its_turn(
    clash: DiagnosisRecord, files: FixContext, tmp_path: Path
) -> None:
    run, folder = run_of(clash, files), tmp_path / "out"
    assert run.why_not("apply") == "it is not previewed yet"
    run.preview()
    run.try_out(folder)
    assert (run.why_not("apply"), folder.exists()) == ("", False)
    run.apply()
    assert sorted(map(str, folder.iterdir())) == sorted(run.files)
    assert run.why_not("apply") == run.why_not("save") == "fix 1 is already written"
    assert run.why_not("resume") == "fix 1 is written: there is nothing to resume"
    run.preview_undo()
    run.undo()
    assert (run.is_undo, list(folder.iterdir())) == (True, [])
    assert run.why_not("undo") == "fix 1 is undone: there is nothing to undo"


def test_a_manual_fix_is_only_shown(clash: DiagnosisRecord, files: FixContext) -> None:
    run = run_of(clash, files, "move-and-scope")
    run.preview()
    assert run.why_not("save") == run.why_not("apply") == "fix move-and-scope is manual: nothing is written"


@pytest.mark.parametrize("has_cluster", [True, False])
def test_read_only_leaves_what_exists_alone_and_new_files_are_written_all_the_same(
    clash: DiagnosisRecord,
    files: FixContext,
    cluster: Callable[[str], FixContext],
    tmp_path: Path,
    *,
    has_cluster: bool,
) -> None:
    context = (
        cluster("failed")
        if has_cluster
        else structs.replace(files, source=Source(manifests=(tmp_path / "egress.yaml",)))
    )
    run = run_of(clash, structs.replace(context, is_read_only=True))
    run.preview()
    assert (run.why_not("apply"), run.why_not("save")) == (READ_ONLY, "")
    run.save(tmp_path / "out")
    assert list((tmp_path / "out").iterdir())
    beside = run_of(clash, structs.replace(files, is_read_only=True))
    beside.preview()
    assert beside.why_not("apply") == ""


def test_a_finding_that_may_be_gone_is_not_fixed_on_a_cluster(
    clash: DiagnosisRecord, cluster: Callable[[str], FixContext]
) -> None:
    run = run_of(clash, structs.replace(cluster("failed"), why_unread=lambda finding: "its pods were not read"))
    run.preview()
    with pytest.raises(NothingToJudge, match="its pods were not read"):
        run.try_out()
    assert (run.why_not("apply"), run.why_not("save")) == ("its pods were not read", "")


def test_a_fix_that_failed_whole_can_be_tried_again(
    clash: DiagnosisRecord, cluster: Callable[[str], FixContext]
) -> None:
    run = run_of(clash, cluster("failed"))
    run.preview()
    run.try_out()
    with pytest.raises(NotApplied, match=r"the server has gone\. Fix 1 was not applied: nothing was changed"):
        run.apply()
    assert (run.entry, run.why_not("apply")) == (None, "")


def test_a_fix_that_stopped_half_way_can_be_continued_or_undone(
    clash: DiagnosisRecord, cluster: Callable[[str], FixContext]
) -> None:
    run = run_of(clash, cluster("applied"))
    run.preview()
    run.try_out()
    with pytest.raises(PartlyApplied, match=r"the server has gone\. Fix 1 may be applied in part") as caught:
        run.apply()
    assert caught.value.number == 1
    assert [run.why_not(action) for action in ("resume", "undo")] == ["", ""]
    assert run.why_not("apply") == "fix 1 is already applied"


def test_what_was_applied_to_a_cluster_is_not_undone_in_files(
    clash: DiagnosisRecord, files: FixContext, cluster: Callable[[str], FixContext]
) -> None:
    run = run_of(clash, cluster("applied"))
    run.preview()
    run.try_out()
    with pytest.raises(PartlyApplied):
        run.apply()
    with pytest.raises(UsageError, match="the fix was applied to a cluster"):
        FixRun(files, entry=run.entry).preview_undo()

"""A fix whose process is killed at any moment can be gone on with, or undone; two people at once lose nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meshdoctor import doctor
from meshdoctor.diagnosis.recorded import DiagnosisRequest
from meshdoctor.errors import NotApplied
from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.apply.object_writes import ManagedElsewhere, Stale
from meshdoctor.fixes.plan.fix_plan import FixPlan, choose, find, plan
from meshdoctor.kube.writes import Conflict
from meshdoctor.sources.live.cluster_source import ClusterSource
from tests.lab.api import Object
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario, read_scenario
from tests.lab.test_fixes import verdicts
from tests.lab.test_scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
from meshdoctor import doctor
from meshdoctor.errors import NotApplied
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.diagnosis.recorded import DiagnosisRequest
from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.plan.fix_plan import choose, find, plan

kubeconfig, state, point, number = sys.argv[1:]
source = ClusterSource(kubeconfig=Path(kubeconfig))
request = DiagnosisRequest(doctor.Source(cluster=source))
seen = request.open()
finding = find(seen.diagnosis.findings, "tcp-port-clash")
planned = plan(seen, finding, choose(finding, "use-tls"))


def die(event):
    if event.step == point and event.done == int(number):
        os.kill(os.getpid(), signal.SIGKILL)


applier = ClusterApplier(source, Journal(Path(state)), request.again, die)
applier.apply(seen, planned, applier.try_out(planned.changes))
"""

POINTS = [
    ("tried", 0),
    ("journaled", 0),
    ("written", 1),
    ("written", 2),
    ("applied", 0),
    ("waiting", 0),
    ("checking", 0),
]


def clash(lab: Lab) -> Scenario:
    """Two entries on one port: its fix by TLS writes to both."""
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "tcp-port-clash"))
    lab.load(scenario)
    return scenario


def applier_of(lab: Lab, state: Path) -> tuple[ClusterApplier, DiagnosisRequest]:
    source = ClusterSource(kubeconfig=lab.kubeconfig)
    request = DiagnosisRequest(doctor.Source(cluster=source))
    return ClusterApplier(source, Journal(state), request.again), request


def planned_by(lab: Lab, fix: str, state: Path) -> tuple[ClusterApplier, DiagnosisRequest, FixPlan]:
    applier, look = applier_of(lab, state)
    seen = look.open()
    finding = find(seen.diagnosis.findings, "tcp-port-clash")
    return applier, look, plan(seen, finding, choose(finding, fix))


def kill_at(lab: Lab, state: Path, point: str, number: int) -> None:
    """A fix in a process of its own that is killed at this point."""
    command = [sys.executable, "-c", KILLED, str(lab.kubeconfig), str(state), point, str(number)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.lab
@pytest.mark.parametrize(("point", "number"), POINTS, ids=[f"{point}-{number}" for point, number in POINTS])
def test_a_killed_fix_is_gone_on_with_or_undone(lab: Lab, tmp_path: Path, point: str, number: int) -> None:
    scenario = clash(lab)
    before = verdicts(lab, scenario.probes)
    journal = Journal(tmp_path)
    kill_at(lab, tmp_path, point, number)
    if point == "tried":
        assert journal.entries() == []
        assert verdicts(lab, scenario.probes) == before
        return
    (entry,) = journal.entries()
    assert entry.state in ("planned", "applied")
    applier, _ = applier_of(lab, tmp_path)
    undone = applier.undo(entry, applier.undo_plan(entry))
    assert undone.entry.state == "undone"
    lab.settle()
    assert verdicts(lab, scenario.probes) == before

    kill_at(lab, tmp_path, point, number)
    entry = journal.entries()[-1]
    made = applier.resume(entry)
    assert made.verification is not None
    assert made.verification.is_gone
    assert made.entry.state == "verified", made.verification
    assert verdicts(lab, scenario.probes)["status.builds.test:443"] == "delivered"
    applier.undo(made.entry, applier.undo_plan(made.entry))
    assert verdicts(lab, scenario.probes) == before


@pytest.mark.lab
def test_of_two_people_the_second_sees_a_conflict_and_nothing_is_lost(lab: Lab, tmp_path: Path) -> None:
    clash(lab)
    first, _, by_first = planned_by(lab, "set-addresses", tmp_path / "first")
    second, look, by_second = planned_by(lab, "use-tls", tmp_path / "second")
    tried = second.try_out(by_second.changes)
    seen = look.open()
    made = first.apply(seen, by_first, first.try_out(by_first.changes))
    assert made.entry.state == "verified"
    after_first = {item["metadata"]["name"]: item["spec"] for item in lab.api.items(*ENTRIES)}
    with pytest.raises(Conflict, match="was changed since"):
        second.apply(seen, by_second, tried)
    with pytest.raises(Stale, match="was changed since it was read"):
        second.try_out(by_second.changes)
    assert {item["metadata"]["name"]: item["spec"] for item in lab.api.items(*ENTRIES)} == after_first
    assert [entry.state for entry in Journal(tmp_path / "second").entries()] == ["failed"]
    first.undo(made.entry, first.undo_plan(made.entry))


@pytest.mark.lab
def test_what_another_manager_applies_or_a_tool_keeps_is_not_touched(lab: Lab, tmp_path: Path) -> None:
    clash(lab)
    applier, _, planned = planned_by(lab, "use-tls", tmp_path)
    declared = entry(lab, "status")
    lab.api.apply(declared | {"metadata": {"name": "status", "namespace": "shop"}})
    before = lab.api.items(*ENTRIES)
    with pytest.raises(Conflict, match=r"another field manager applies \.spec\.ports.*by lab"):
        applier.try_out(planned.changes)
    kept = {"name": "repo", "namespace": "shop", "labels": {"argocd.argoproj.io/instance": "egress"}}
    lab.api.apply(entry(lab, "repo") | {"metadata": kept})
    repo = [change for change in planned.changes if change.key.name == "repo"]
    with pytest.raises(ManagedElsewhere, match=r"repo is managed by Argo CD .*--export"):
        applier.try_out(repo)
    assert [item["spec"] for item in lab.api.items(*ENTRIES)] == [item["spec"] for item in before]
    assert Journal(tmp_path).entries() == []


@pytest.mark.lab
def test_an_undo_leaves_what_others_wrote_since(lab: Lab, tmp_path: Path) -> None:
    clash(lab)
    applier, look, planned = planned_by(lab, "set-addresses", tmp_path)
    made = applier.apply(look.open(), planned, applier.try_out(planned.changes))
    patch = {"spec": {"addresses": ["198.51.100.20", "198.51.100.21"]}}
    path = lab.api.path(entry(lab, "status"))
    lab.api.request("PATCH", f"{path}?fieldManager=kubectl-edit", patch, "application/merge-patch+json")
    with pytest.raises(NotApplied, match=r"status was changed since it was read \(by .*kubectl-edit"):
        applier.undo_plan(made.entry)
    assert entry(lab, "status")["spec"]["addresses"] == ["198.51.100.20", "198.51.100.21"]
    assert Journal(tmp_path).get(made.entry.id).state == "verified"


ENTRIES = ("networking.istio.io/v1", "serviceentries", "shop")


def entry(lab: Lab, name: str) -> Object:
    """One ServiceEntry of the shop, as a person would write it."""
    found = next(item for item in lab.api.items(*ENTRIES) if item["metadata"]["name"] == name)
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": found["spec"],
    }

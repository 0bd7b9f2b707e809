"""Fixes under less than the best conditions, and the whole story as a person types it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from meshdoctor import doctor
from meshdoctor.diagnosis.recorded import DiagnosisRecord, DiagnosisRequest
from meshdoctor.errors import NotApplied
from meshdoctor.fixes.apply import cluster_applier
from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.apply.object_writes import PreparedChange, WriteOutcome, write
from meshdoctor.fixes.plan.fix_plan import FixPlan, choose, find, plan
from meshdoctor.kube.writes import Writer
from meshdoctor.sources.live.cluster_source import ClusterSource
from tests.lab.accounts import Account, account_allowed, account_from
from tests.lab.faults import kill_envoy, revive, stopped_envoy, stopped_istiod
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario, read_scenario
from tests.lab.test_fixes import verdicts
from tests.lab.test_live_permissions import printed, rules
from tests.lab.test_scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
REFUSED = {
    "apiVersion": "networking.istio.io/v1alpha3",
    "kind": "EnvoyFilter",
    "metadata": {"name": "refused", "namespace": "shop"},
    "spec": {
        "configPatches": [
            {
                "applyTo": "LISTENER",
                "match": {"context": "SIDECAR_OUTBOUND"},
                "patch": {"operation": "MERGE", "value": {"listener_filters": [{"name": "nobody.has.this"}]}},
            }
        ]
    },
}
"""What every outbound listener refuses: a filter that Envoy has not got."""
DATABASE = "db.orders.test:3306"


@pytest.fixture
def story(lab: Lab) -> Scenario:
    """Story 1: nobody registered the database."""
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "mysql-missing-entry"))
    lab.load(scenario)
    return scenario


def requested(source: ClusterSource) -> DiagnosisRequest:
    return DiagnosisRequest(doctor.Source(cluster=source))


def looked(source: ClusterSource, name: str = DATABASE) -> tuple[DiagnosisRecord, FixPlan]:
    seen = requested(source).open()
    finding = find(seen.diagnosis.findings, name)
    return seen, plan(seen, finding, choose(finding))


def as_account(account: Account) -> ClusterSource:
    return ClusterSource(kubeconfig=account.kubeconfig)


@pytest.mark.lab
def test_the_role_that_is_printed_is_enough_and_the_one_to_look_is_not(
    lab: Lab, story: Scenario, tmp_path: Path
) -> None:
    reader = as_account(account_from(lab.control, printed()))
    # Without exec nobody asks DNS in the pod, and there is no address to register: planned by who may.
    seen, planned = looked(ClusterSource(kubeconfig=lab.kubeconfig))
    with pytest.raises(
        NotApplied, match=r"may not get serviceentries.*may not create serviceentries.*rbac --apply.*--export"
    ):
        ClusterApplier(reader, Journal(tmp_path), requested(reader).again).try_out(planned.changes)
    account = as_account(account_from(lab.control, printed(apply=True)))
    applier = ClusterApplier(account, Journal(tmp_path), seen.request.again)
    made = applier.apply(seen, planned, applier.try_out(planned.changes))
    assert made.entry.state == "verified"
    assert applier.undo(made.entry, applier.undo_plan(made.entry)).entry.state == "undone"


@pytest.mark.lab
def test_who_may_create_and_not_patch_is_told_before_anything_happens(
    lab: Lab, story: Scenario, tmp_path: Path
) -> None:
    allowed = [
        *rules(),
        {"apiGroups": ["networking.istio.io"], "resources": ["serviceentries"], "verbs": ["get", "create"]},
    ]
    half = as_account(account_allowed(lab.control, "half", allowed))
    _, planned = looked(ClusterSource(kubeconfig=lab.kubeconfig))
    with pytest.raises(NotApplied, match=r"may not patch serviceentries"):
        ClusterApplier(half, Journal(tmp_path), requested(half).again).try_out(planned.changes)
    assert Journal(tmp_path).entries() == []


@pytest.mark.lab
def test_a_proxy_that_lags_is_named_and_nothing_is_called_verified(lab: Lab, story: Scenario, tmp_path: Path) -> None:
    source = ClusterSource(kubeconfig=lab.kubeconfig)
    seen, planned = looked(source)
    (pod,) = lab.pods.values()
    journal = Journal(tmp_path)
    applier = ClusterApplier(source, journal, seen.request.again, seconds=3.0)
    tried = applier.try_out(planned.changes)
    frozen = stopped_envoy(pod)

    def freeze(event: Any) -> None:
        if event.step == "written":
            frozen.__enter__()

    applier._tell = freeze
    try:
        made = applier.apply(seen, planned, tried)
    finally:
        frozen.__exit__(None, None, None)
        applier._tell = lambda event: None
    assert made.acceptance.pending == planned.finding.pods
    assert made.entry.state == "unverified"
    assert made.verification is None or made.verification.unread == planned.finding.pods
    lab.settle()
    assert verdicts(lab, story.probes)[DATABASE] == "delivered"
    applier.undo(made.entry, applier.undo_plan(made.entry))


@pytest.mark.lab
def test_what_istiod_pushed_for_others_before_the_write_is_not_the_fix(
    lab: Lab, story: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ClusterSource(kubeconfig=lab.kubeconfig)
    seen, planned = looked(source)
    applier = ClusterApplier(source, Journal(tmp_path), requested(source).again, seconds=4.0)
    tried = applier.try_out(planned.changes)
    silent = contextlib.ExitStack()
    other = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "other", "namespace": "shop"},
        "spec": {"hosts": ["other.test"], "ports": [{"number": 8080, "name": "http", "protocol": "HTTP"}]},
    }

    def later(writer: Writer, prepared: PreparedChange) -> WriteOutcome:
        """Somebody else's change reaches the proxy after it was looked at; the fix's own never does."""
        lab.apply(other)
        for _ in range(3):
            lab.next_second()
        silent.enter_context(stopped_istiod(lab.control))
        return write(writer, prepared)

    monkeypatch.setattr(cluster_applier, "write", later)
    with silent:
        made = applier.apply(seen, planned, tried)
    monkeypatch.undo()
    assert (made.acceptance.accepted, made.acceptance.pending) == ((), planned.finding.pods)
    assert made.entry.state == "unverified"
    applier.undo(made.entry, applier.undo_plan(made.entry))


@pytest.mark.lab
def test_an_envoy_that_was_started_anew_after_refusals_takes_the_fix(
    lab: Lab, story: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ClusterSource(kubeconfig=lab.kubeconfig)
    seen, planned = looked(source)
    (pod,) = lab.pods.values()
    refused = "listener_manager.lds.update_rejected"
    lab.apply(REFUSED)
    lab.delete(REFUSED)
    assert f"{refused}: 0" not in pod.admin(f"/stats?filter={refused}").decode()
    applier = ClusterApplier(source, Journal(tmp_path), requested(source).again, seconds=20.0)
    tried = applier.try_out(planned.changes)

    def later(writer: Writer, prepared: PreparedChange) -> WriteOutcome:
        made = write(writer, prepared)
        kill_envoy(pod)
        revive(pod)
        return made

    monkeypatch.setattr(cluster_applier, "write", later)
    made = applier.apply(seen, planned, tried)
    monkeypatch.undo()
    assert f"{refused}: 0" in pod.admin(f"/stats?filter={refused}").decode()
    assert (made.acceptance.accepted, made.acceptance.rejected) == (planned.finding.pods, ())
    assert made.entry.state == "verified"
    applier.undo(made.entry, applier.undo_plan(made.entry))


@pytest.mark.lab
def test_dns_capture_is_verified_once_the_pods_are_made_anew(lab: Lab, tmp_path: Path) -> None:
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "tcp-port-clash"))
    lab.load(replace(scenario, istiod={"PILOT_ENABLE_IP_AUTOALLOCATE": "true"}))
    source = ClusterSource(kubeconfig=lab.kubeconfig)
    seen = requested(source).open()
    finding = find(seen.diagnosis.findings, "tcp-port-clash")
    planned = plan(seen, finding, choose(finding, "dns-capture"))
    applier = ClusterApplier(source, Journal(tmp_path), requested(source).again)
    made = applier.apply(seen, planned, applier.try_out(planned.changes))
    assert (made.entry.state, made.verification) == ("applied", None)
    assert "rollout restart" in made.entry.manual_steps
    # Nobody injects in the lab: what the webhook makes of the ProxyConfig is set on the new pod.
    (pod,) = scenario.pods
    lab.replace_pod(pod.name, replace(pod, name="runner-6d4b75cb6d-zz7qk", dns_capture=True))
    probes = [replace(probe, pod="runner-6d4b75cb6d-zz7qk") for probe in scenario.probes[:2]]
    assert [seen.verdict for seen in lab.connect(*probes)] == ["delivered", "delivered"]
    verified = applier.resume(made.entry)
    assert verified.verification is not None
    assert verified.entry.state == "verified", verified.verification
    undone = applier.undo(verified.entry, applier.undo_plan(verified.entry))
    assert undone.entry.state == "undone"


@pytest.mark.lab
def test_the_story_as_it_is_typed(lab: Lab, story: Scenario, tmp_path: Path) -> None:
    before = verdicts(lab, story.probes)
    listed = typed(lab, tmp_path, "fix", code=1)
    assert DATABASE in listed
    preview = typed(lab, tmp_path, "fix", DATABASE, code=1)
    assert "+  - 203.0.113.10/32" in preview
    assert f"{DATABASE}: blocked -> delivered" in preview
    typed(lab, tmp_path, "fix", DATABASE, "--apply", code=2)
    assert Journal(tmp_path).entries() == []
    applied = json.loads(typed(lab, tmp_path, "fix", DATABASE, "--apply", "--yes", "--json", code=0))
    assert applied["verification"]["holds"] is True
    assert applied["fix"]["state"] == "verified"
    assert verdicts(lab, story.probes) == before | {DATABASE: "delivered"}
    typed(lab, tmp_path, "check", "--rule", "missing-service-entry", code=0)
    assert "verified" in typed(lab, tmp_path, "fix", "--history", code=0)
    assert "every verdict is as before the fix" in typed(lab, tmp_path, "undo", "--yes", code=0)
    assert verdicts(lab, story.probes) == before
    typed(lab, tmp_path, "undo", "--yes", code=2)


def typed(lab: Lab, state: Path, *arguments: str, code: int) -> str:
    """What a command prints, run as from a script."""
    command = [sys.executable, "-m", "meshdoctor", *arguments]
    environment = os.environ | {"KUBECONFIG": str(lab.kubeconfig), "MESHDOCTOR_STATE": str(state), "COLUMNS": "200"}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert ended.returncode == code, (arguments, ended.stdout, ended.stderr)
    return ended.stdout


@pytest.mark.lab
def test_a_port_added_beside_what_another_manager_applies_is_taken_back(lab: Lab, tmp_path: Path) -> None:
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "mysql-missing-entry"))
    (pod,) = scenario.pods
    lab.load(replace(scenario, pods=[replace(pod, env={**pod.env, "METRICS_URL": "http://cache.orders.test:9121"})]))
    path = "/apis/networking.istio.io/v1/namespaces/shop/serviceentries/cache"
    made = lab.api.request("GET", path)
    declared = {"apiVersion": made["apiVersion"], "kind": made["kind"], "spec": made["spec"]}
    lab.api.apply(declared | {"metadata": {"name": "cache", "namespace": "shop"}})
    source = ClusterSource(kubeconfig=lab.kubeconfig)
    seen, planned = looked(source, "cache.orders.test:9121")
    assert planned.fix.id == "add-port"
    applier = ClusterApplier(source, Journal(tmp_path), requested(source).again)
    made = applier.apply(seen, planned, applier.try_out(planned.changes))
    assert {port["number"] for port in lab.api.request("GET", path)["spec"]["ports"]} == {6379, 9121}
    undone = applier.undo(made.entry, applier.undo_plan(made.entry))
    assert undone.entry.state == "undone"
    assert lab.api.request("GET", path)["spec"] == declared["spec"]

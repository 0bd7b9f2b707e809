"""Fixes on a real mesh: the real connection turns, no other one does, and undo brings the old outcome back."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from meshdoctor import doctor
from meshdoctor.diagnosis.recorded import DiagnosisRequest
from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.plan.fix_plan import choose, find, plan
from meshdoctor.sources.live.cluster_source import ClusterSource
from tests.lab.lab import Lab
from tests.lab.scenario import Probe, read_scenario
from tests.lab.test_scenarios import SCENARIOS, place


class Fix(Struct, frozen=True):
    """One fix of one finding in one scenario, and the connections that it turns; all others stay as they were."""

    scenario: str
    finding: str
    fix: str
    turns: dict[str, str]

    def __str__(self) -> str:
        return f"{self.scenario}-{self.fix}"


FIXES = (
    Fix("mysql-missing-entry", "missing-service-entry", "tcp-by-address", {"db.orders.test:3306": "delivered"}),
    Fix(
        "tcp-port-clash",
        "tcp-port-clash",
        "use-tls",
        {"status.builds.test:443": "delivered", "stranger.test:443": "blocked", "repo.builds.test:443 ''": "blocked"},
    ),
    Fix(
        "tcp-port-clash",
        "tcp-port-clash",
        "set-addresses",
        {"status.builds.test:443": "delivered", "stranger.test:443": "blocked"},
    ),
    Fix("clash-across-namespaces", "tcp-port-clash", "scope", {"status.builds.test:443@198.51.100.20": "delivered"}),
    Fix("tcp-without-addresses", "resolution-none-leak", "set-addresses", {"db.other.test:3306": "blocked"}),
    Fix("none-leak", "resolution-none-leak", "use-tls", {"stranger.test:443": "blocked"}),
    Fix("none-leak", "resolution-none-leak", "set-addresses", {"stranger.test:443": "blocked"}),
    Fix(
        "address-missing", "incomplete-address-list", "add-addresses", {"db.orders.test:3306@203.0.113.11": "delivered"}
    ),
    Fix("hidden-by-export", "api.partner.test:443", "export-to-namespace", {"api.partner.test:443": "delivered"}),
    Fix("sidecar-hides-entry", "service-entry-not-visible", "list-in-sidecar", {"api.partner.test:443": "delivered"}),
    Fix("double-tls", "double-tls", "drop-origination", {"billing.test:443": "delivered"}),
    Fix("wrong-protocol", "protocol-mismatch", "declare-protocol", {"db.orders.test:3306": "delivered"}),
    Fix("duplicate-entries", "duplicate-host", "merge", {"api.partner.test:8443": "delivered"}),
)


def named(probe: Probe, at: str) -> str:
    """A connection's name; one with a server name of its own carries it."""
    return at if probe.sni is None else f"{at} {probe.sni!r}"


def verdicts(lab: Lab, probes: tuple[Probe, ...]) -> dict[str, str]:
    """What really becomes of the connections."""
    return {named(seen.probe, place(seen)): seen.verdict for seen in lab.connect(*probes)}


@pytest.mark.lab
@pytest.mark.parametrize("fix", FIXES, ids=str)
def test_a_fix_turns_its_connection_and_undo_turns_it_back(lab: Lab, fix: Fix, tmp_path: Path) -> None:
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == fix.scenario))
    lab.load(scenario)
    before = verdicts(lab, scenario.probes)

    source = ClusterSource(kubeconfig=lab.kubeconfig)
    request = DiagnosisRequest(doctor.Source(cluster=source))
    seen = request.open()
    finding = find(seen.diagnosis.findings, fix.finding)
    planned = plan(seen, finding, choose(finding, fix.fix))
    assert planned.fix.disposition in ("safe", "review")
    assert set(finding.pods) <= set(planned.impact.pods)
    applier = ClusterApplier(source, Journal(tmp_path), request.again)
    made = applier.apply(seen, planned, applier.try_out(planned.changes))
    assert made.verification is not None
    assert made.verification.holds, (made.verification, made.entry.note)
    assert set(finding.pods) <= set(made.acceptance.accepted)
    assert made.entry.state == "verified"
    assert verdicts(lab, scenario.probes) == before | fix.turns

    undone = applier.undo(made.entry, applier.undo_plan(made.entry))
    assert undone.is_as_before, undone
    assert planned.impact.not_restored == ()
    assert verdicts(lab, scenario.probes) == before
    assert [entry.state for entry in Journal(tmp_path).entries()] == ["undone"]

"""Mends on a real mesh: the real connection turns, no other one does, and undo brings the old outcome back."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from meshdoctor import doctor
from meshdoctor.live import ClusterSource
from meshdoctor.mending.cluster import Mender
from meshdoctor.mending.journal import Journal
from meshdoctor.mending.look import Look
from meshdoctor.mending.plan import choose, find, plan
from tests.lab.lab import Lab
from tests.lab.scenario import Probe, read_scenario
from tests.lab.test_scenarios import SCENARIOS, place


class Mend(Struct, frozen=True):
    """One mend of one finding in one scenario, and the connections that it turns; all others stay as they were."""

    scenario: str
    finding: str
    fix: str
    turns: dict[str, str]

    def __str__(self) -> str:
        return f"{self.scenario}-{self.fix}"


MENDS = (
    Mend("mysql-missing-entry", "missing-service-entry", "tcp-by-address", {"db.orders.test:3306": "delivered"}),
    Mend(
        "tcp-port-clash",
        "tcp-port-clash",
        "use-tls",
        {"status.builds.test:443": "delivered", "stranger.test:443": "blocked", "repo.builds.test:443 ''": "blocked"},
    ),
    Mend(
        "tcp-port-clash",
        "tcp-port-clash",
        "set-addresses",
        {"status.builds.test:443": "delivered", "stranger.test:443": "blocked"},
    ),
    Mend("clash-across-namespaces", "tcp-port-clash", "scope", {"status.builds.test:443@198.51.100.20": "delivered"}),
    Mend("tcp-without-addresses", "resolution-none-leak", "set-addresses", {"db.other.test:3306": "blocked"}),
    Mend("none-leak", "resolution-none-leak", "use-tls", {"stranger.test:443": "blocked"}),
    Mend("none-leak", "resolution-none-leak", "set-addresses", {"stranger.test:443": "blocked"}),
    Mend(
        "address-missing", "incomplete-address-list", "add-addresses", {"db.orders.test:3306@203.0.113.11": "delivered"}
    ),
    Mend("hidden-by-export", "api.partner.test:443", "export-to-namespace", {"api.partner.test:443": "delivered"}),
    Mend("sidecar-hides-entry", "service-entry-not-visible", "list-in-sidecar", {"api.partner.test:443": "delivered"}),
    Mend("double-tls", "double-tls", "drop-origination", {"billing.test:443": "delivered"}),
    Mend("wrong-protocol", "protocol-mismatch", "declare-protocol", {"db.orders.test:3306": "delivered"}),
    Mend("duplicate-entries", "duplicate-host", "merge", {"api.partner.test:8443": "delivered"}),
)


def named(probe: Probe, at: str) -> str:
    """A connection's name; one with a server name of its own carries it."""
    return at if probe.sni is None else f"{at} {probe.sni!r}"


def verdicts(lab: Lab, probes: tuple[Probe, ...]) -> dict[str, str]:
    """What really becomes of the connections."""
    return {named(seen.probe, place(seen)): seen.verdict for seen in lab.connect(*probes)}


@pytest.mark.lab
@pytest.mark.parametrize("mend", MENDS, ids=str)
def test_a_mend_turns_its_connection_and_undo_turns_it_back(lab: Lab, mend: Mend, tmp_path: Path) -> None:
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == mend.scenario))
    lab.load(scenario)
    before = verdicts(lab, scenario.probes)

    look = Look(doctor.Source(cluster=ClusterSource(kubeconfig=lab.kubeconfig)))
    seen = look.open()
    finding = find(seen.diagnosis.findings, mend.finding)
    planned = plan(seen, finding, choose(finding, mend.fix))
    assert planned.fix.disposition in ("safe", "review")
    assert set(finding.pods) <= set(planned.touched.pods)
    mender = Mender(ClusterSource(kubeconfig=lab.kubeconfig), Journal(tmp_path))
    made = mender.apply(seen, planned, mender.try_out(planned.changes))
    assert made.proof is not None
    assert made.proof.holds, (made.proof, made.entry.note)
    assert set(finding.pods) <= set(made.waited.took)
    assert made.entry.state == "proved"
    assert verdicts(lab, scenario.probes) == before | mend.turns

    undone = mender.undo(made.entry, mender.undo_plan(made.entry), look)
    assert undone.is_as_before, undone
    assert planned.touched.after_undo == ()
    assert verdicts(lab, scenario.probes) == before
    assert [entry.state for entry in Journal(tmp_path).entries()] == ["undone"]

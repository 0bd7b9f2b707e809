"""Watching a real mesh: a quiet one costs no dump, and what somebody else applies is seen without a whole look."""

from __future__ import annotations

from time import monotonic

import pytest

from meshdoctor.diagnosis.events import DiagnosisFinished, Event, PodChecked
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.doctor import Source
from meshdoctor.model.resolver import Resolver
from meshdoctor.sources.live.cluster_source import ClusterSource
from tests.lab.lab import Lab
from tests.lab.scenario import read_scenario
from tests.lab.test_fixes import verdicts
from tests.lab.test_scenarios import SCENARIOS

DATABASE = "db.orders.test:3306"
PATIENCE = 60.0
ENTRY = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "ServiceEntry",
    "metadata": {"name": "orders-db", "namespace": ""},
    "spec": {
        "hosts": ["db.orders.test"],
        "ports": [{"number": 3306, "name": "tcp", "protocol": "TCP"}],
        "resolution": "DNS",
    },
}


@pytest.mark.lab
def test_a_quiet_mesh_costs_no_dump_and_an_entry_of_somebody_else_is_seen(lab: Lab) -> None:
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "mysql-missing-entry"))
    lab.load(scenario)
    lab.settle()
    events: list[Event] = []
    diagnosis_session = DiagnosisSession(
        Source(cluster=ClusterSource(kubeconfig=lab.kubeconfig, resolver=Resolver.OFF)), events.append
    )
    diagnosis_session.refresh_now()
    first = events[-1]
    assert isinstance(first, DiagnosisFinished)
    assert has_finding(first)
    end = first
    for _ in range(3):
        events.clear()
        diagnosis_session.refresh_now(only_changed=True)
        end = events[-1]  # type: ignore[assignment]
    assert end is first or not [event for event in events if isinstance(event, PodChecked)], "it has come to rest"
    namespace = next(iter(lab.pods)).split("/")[0] if "/" in next(iter(lab.pods)) else scenario.pods[0].namespace
    lab.apply({**ENTRY, "metadata": {"name": "orders-db", "namespace": namespace}})
    until = monotonic() + PATIENCE
    while has_finding(end) and monotonic() < until:
        diagnosis_session.refresh_now(only_changed=True)
        end = events[-1]  # type: ignore[assignment]
    assert not has_finding(end)
    assert verdicts(lab, scenario.probes)[DATABASE] == "delivered"


def has_finding(end: Event) -> bool:
    assert isinstance(end, DiagnosisFinished)
    return any(one.rule == "missing-service-entry" for one in end.diagnosis.findings)

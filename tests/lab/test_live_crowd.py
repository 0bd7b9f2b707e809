"""Two hundred sidecars at once, eight of them real."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from meshdoctor import doctor
from meshdoctor.model.resolver import Resolver
from meshdoctor.sources.live.cluster_source import ClusterSource
from tests.lab.crowd import add_crowd
from tests.lab.lab import Lab
from tests.lab.scenario import read_scenario
from tests.lab.test_live import told
from tests.lab.test_scenarios import SCENARIOS

REAL, ALL = 8, 200


def gather(lab: Lab, snapshots: Path) -> list[str]:
    """Load the crowd; the keys of the pods whose Envoy is real."""
    story = read_scenario(next(path for path in SCENARIOS if path.stem == "tcp-port-clash"))
    first = story.pods[0]
    pods = tuple(structs.replace(first, name=f"{first.name[:-1]}{number}") for number in range(2, 2 + REAL))
    lab.load(structs.replace(story, pods=pods, probes=()))
    add_crowd(lab, snapshots, ALL - REAL)
    return [pod.key for pod in pods]


@pytest.mark.lab
def test_two_hundred_sidecars(lab: Lab, root: Path) -> None:
    real = gather(lab, root / "snapshots")
    case = doctor.open_case(doctor.Source(cluster=ClusterSource(kubeconfig=lab.kubeconfig, resolver=Resolver.OFF)))
    said = told(case)
    assert said["summary"]["proxies"] == ALL
    assert [note for note in case.capture.unread if "config_dump" in note.path] == []
    clashes = [f for f in said["findings"] if f["rule"] == "tcp-port-clash" and set(real) & set(f["pods"])]
    assert clashes
    assert all(set(real) <= set(f["pods"]) for f in clashes), "one cause seen by eight pods is one finding"
    assert len({(f["host"], f["port"]) for f in clashes}) == len(clashes)

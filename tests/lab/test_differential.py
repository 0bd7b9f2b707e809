"""Random meshes in real istiod and Envoy: whatever becomes of a connection, `trace` says beforehand.

`make lab-test` tries a few fixed seeds, `make lab-test PYTEST_ARGS='-k random --meshes 100 --first-seed 1000'` others.
A disagreement is written as a new case below `cases/`, which is tried for ever after.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from msgspec import structs, to_builtins

from meshdoctor import doctor
from tests.lab.agreement import differences, traced
from tests.lab.lab import Lab
from tests.lab.probes import Seen
from tests.lab.random_mesh import HOSTS, PODS, random_mesh
from tests.lab.scenario import Scenario, read_scenario

CASES = Path(__file__).parent / "cases"
BRIEF, PATIENT = 1.5, 6.0
"""Seconds after which a silent connection counts as hanging, at first and where that made a difference."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("--first-seed")
        metafunc.parametrize("seed", range(first, first + metafunc.config.getoption("--meshes")))


@pytest.fixture
def pods(lab: Lab) -> Lab:
    """The pods of all random meshes. They keep running from one to the next."""
    if [running.pod for running in lab.pods.values()] != list(PODS) or lab.hosts != HOSTS:
        lab.load(Scenario("the pods of random meshes", PODS, HOSTS))
    return lab


def disagreements(lab: Lab, scenario: Scenario, folder: Path) -> list[tuple[Seen, list[str]]]:
    """Connections that trace predicts wrongly from a capture made after them; a first doubt is looked at again."""
    wrong: list[tuple[Seen, list[str]]] = []
    probes = scenario.probes
    for attempt, limit in enumerate((BRIEF, PATIENT)):
        seen = [one for one in lab.connect(*probes, limit=limit) if one.connected]
        case = doctor.open_case(doctor.Source(lab.capture(folder / str(attempt))))
        judged = [(one, differences(traced(case, one), one)) for one in seen]
        wrong = [(one, found) for one, found in judged if found]
        if not wrong:
            break
        lab.settle()
        probes = tuple(structs.replace(one.probe, ip=one.ip) for one, _ in wrong)
    return wrong


def report(scenario: Scenario, wrong: list[tuple[Seen, list[str]]]) -> str:
    """What a person needs to find out who is right."""
    lines = [scenario.about]
    for one, found in wrong:
        lines += [f"{one.probe.pod}: {one.line}", *(f"    {difference}" for difference in found)]
    lines += [json.dumps(o) for batch in scenario.objects for o in batch]
    return "\n".join(lines)


def write_case(scenario: Scenario, wrong: list[tuple[Seen, list[str]]], name: str) -> Path:
    """Keep a mesh with the connections that were predicted wrongly."""
    kept = structs.replace(scenario, probes=tuple(one.probe for one, _ in wrong))
    path = CASES / f"{name}.yaml"
    path.write_text(yaml.safe_dump(to_builtins(kept), sort_keys=False, width=110, default_flow_style=None))
    return path


@pytest.mark.lab
def test_trace_predicts_connections_in_a_random_mesh(pods: Lab, seed: int, tmp_path: Path) -> None:
    scenario = random_mesh(seed)
    pods.exchange(scenario)
    wrong = disagreements(pods, scenario, tmp_path)
    if wrong:
        path = write_case(scenario, wrong, f"seed-{seed}")
        pytest.fail(f"kept as {path.name}: {report(scenario, wrong)}", pytrace=False)


@pytest.mark.lab
@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_was_predicted_wrongly_once_is_right_now(lab: Lab, path: Path, tmp_path: Path) -> None:
    scenario = read_scenario(path)
    lab.load(scenario)
    wrong = disagreements(lab, scenario, tmp_path)
    assert not wrong, report(scenario, wrong)


def test_a_seed_always_means_the_same_mesh() -> None:
    assert random_mesh(7) == random_mesh(7)
    assert random_mesh(7) != random_mesh(8)

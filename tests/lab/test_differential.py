"""Random meshes in real istiod and Envoy: whatever becomes of a connection, `trace` says beforehand.

`make lab-test` tries ten fixed seeds, `make lab-test PYTEST_ARGS='-k random --meshes 100 --first-seed 1000'` others.
A disagreement is written as a new case below `cases/`, which is tried for ever after.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from msgspec import structs, to_builtins

from meshdoctor import doctor
from meshdoctor.model.trace import Trace
from meshdoctor.model.verdict import Verdict
from tests.lab.agreement import differences, not_vouched_for, traced
from tests.lab.lab import Lab
from tests.lab.probes import Seen
from tests.lab.random_mesh import HOSTS, PODS, random_mesh
from tests.lab.scenario import Scenario, read_scenario
from tests.lab.tally import Tally

CASES = Path(__file__).parent / "cases"
BRIEF, PATIENT = 1.5, 6.0
"""Seconds after which a silent connection counts as hanging, at first and where that made a difference."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("--first-seed")
        metafunc.parametrize("seed", range(first, first + metafunc.config.getoption("--meshes")))


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """The sum over all seeds, said at the end."""
    counted = Tally()
    yield counted
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    assert reporter is not None
    for line in ("", *counted.lines()):
        reporter.write_line(line)


@pytest.fixture
def pods(lab: Lab) -> Lab:
    """The pods of all random meshes. They keep running from one to the next."""
    if [running.pod for running in lab.pods.values()] != list(PODS) or lab.hosts != HOSTS:
        lab.load(Scenario("the pods of random meshes", PODS, HOSTS))
    return lab


def looked_at(
    lab: Lab, scenario: Scenario, folder: Path
) -> tuple[list[tuple[Seen, Trace]], list[tuple[Seen, list[str]]]]:
    """(every connection with trace's answer, those that trace predicts wrongly), from a capture made after them.

    A first doubt is looked at again, and what the second look shows is what counts.
    """
    wrong: list[tuple[Seen, list[str]]] = []
    answers: dict[int, tuple[Seen, Trace]] = {}
    numbers: Sequence[int] = range(len(scenario.probes))
    probes = scenario.probes
    for attempt, limit in enumerate((BRIEF, PATIENT)):
        seen = dict(zip(numbers, lab.connect(*probes, limit=limit), strict=True))
        case = doctor.open_case(doctor.Source(lab.capture(folder / str(attempt))))
        answers |= {n: (one, traced(case, one)) for n, one in seen.items() if one.connected or not attempt}
        doubted = {n: _difference(*answers[n]) for n in seen}
        numbers = [n for n, found in doubted.items() if found]
        wrong = [(answers[n][0], doubted[n]) for n in numbers]
        if not wrong:
            break
        lab.settle()
        probes = tuple(structs.replace(answers[n][0].probe, ip=answers[n][0].ip) for n in numbers)
    return list(answers.values()), wrong


def _difference(seen: Seen, trace: Trace) -> list[str]:
    """Differences that count: trace's `unknown`, and what the lab cannot vouch for, are counted apart."""
    return [] if not_vouched_for(seen) or trace.verdict is Verdict.UNKNOWN else differences(trace, seen)


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
def test_trace_predicts_connections_in_a_random_mesh(pods: Lab, tally: Tally, seed: int, tmp_path: Path) -> None:
    scenario = random_mesh(seed)
    pods.exchange(scenario)
    judged, wrong = looked_at(pods, scenario, tmp_path)
    tally.add(seed, judged)
    if wrong:
        path = write_case(scenario, wrong, f"seed-{seed}")
        pytest.fail(f"kept as {path.name}: {report(scenario, wrong)}", pytrace=False)


@pytest.mark.lab
@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_was_predicted_wrongly_once_is_right_now(lab: Lab, path: Path, tmp_path: Path) -> None:
    scenario = read_scenario(path)
    lab.load(scenario)
    _, wrong = looked_at(lab, scenario, tmp_path)
    assert not wrong, report(scenario, wrong)


def test_a_seed_always_means_the_same_mesh() -> None:
    assert random_mesh(7) == random_mesh(7)
    assert random_mesh(7) != random_mesh(8)

"""Every scenario: what `trace` says from a capture is what happened to real connections."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdoctor import doctor
from meshdoctor.model.verdict import Severity
from tests.lab.agreement import differences, traced
from tests.lab.lab import Lab
from tests.lab.probes import Seen
from tests.lab.scenario import read_scenario

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))


@pytest.mark.lab
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_trace_predicts_every_connection(lab: Lab, path: Path, tmp_path: Path) -> None:
    scenario = read_scenario(path)
    lab.load(scenario)
    seen = lab.connect(*scenario.probes)
    case = doctor.open_case(doctor.Source(lab.capture(tmp_path / "capture")))
    wrong = []
    for one in seen:
        trace = traced(case, one)
        wrong += [f"{one.line}\n    {difference}; {trace.because}" for difference in differences(trace, one)]
    assert not wrong, "\n".join(wrong)
    if scenario.healthy:
        findings = doctor.diagnose(case).findings
        assert [f.rule for f in findings if f.severity is Severity.ERROR] == []
        assert {one.verdict for one in seen} == {"delivered"}
    assert {place(one): one.verdict for one in seen if place(one) in scenario.expect} == scenario.expect


def place(seen: Seen) -> str:
    """How a scenario's `expect` names a connection."""
    probe = seen.probe
    return f"{probe.host}:{probe.port}" + (f"@{probe.ip}" if probe.ip else "")


def test_scenarios_are_well_formed() -> None:
    """Read everywhere, so that a scenario that cannot be loaded is noticed without the lab."""
    assert len(SCENARIOS) >= 8
    for path in SCENARIOS:
        scenario = read_scenario(path)
        assert {probe.pod for probe in scenario.probes} <= {pod.name for pod in scenario.pods}
        assert scenario.expect, path.name

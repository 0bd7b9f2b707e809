"""A live run: it says what really happens, and its capture says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.report import json_v1
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.sources.redact import Removals
from meshdoctor.sources.save import save
from tests.lab.agreement import differences, traced
from tests.lab.lab import Lab
from tests.lab.scenario import read_scenario
from tests.lab.test_scenarios import SCENARIOS


def live(lab: Lab, **scope: Any) -> doctor.Source:
    """The lab's cluster as a source."""
    return doctor.Source(cluster=ClusterSource(kubeconfig=lab.kubeconfig, **scope))


def told(case: doctor.Case) -> dict[str, Any]:
    """Everything that `check --json` says of a case, but where it comes from."""
    said: dict[str, Any] = json.loads(json_v1.check(doctor.diagnose(case)))
    del said["source"]
    return said


@pytest.mark.lab
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_live_run_predicts_every_connection_and_equals_its_capture(lab: Lab, path: Path, tmp_path: Path) -> None:
    scenario = read_scenario(path)
    lab.load(scenario)
    seen = lab.connect(*scenario.probes)
    case = doctor.open_case(live(lab))
    # A live run takes a failed lookup for no answer, not for "there is no address": what needs that is not compared.
    unresolved = {host.host for host in scenario.hosts if host.dns is not None and not host.dns}
    compared = [one for one in seen if one.probe.host not in unresolved]
    wrong = [f"{one.line}\n    {d}" for one in compared for d in differences(traced(case, one), one)]
    assert not wrong, "\n".join(wrong)
    # The same evidence: Envoy forgets hosts of ORIGINAL_DST clusters in time, so a second look may see others.
    save(case.capture, tmp_path / "capture.tar.zst", Removals(), {})
    assert told(doctor.open_case(doctor.Source(tmp_path / "capture.tar.zst"))) == told(case)


@pytest.mark.lab
def test_capture_reads_the_cluster_and_keeps_no_password(lab: Lab, tmp_path: Path) -> None:
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "mysql-missing-entry"))
    lab.load(scenario)
    saved = doctor.save_capture(live(lab), tmp_path / "capture")
    assert saved.proxies == len(lab.pods)
    assert not saved.unread
    case = doctor.open_case(doctor.Source(saved.path))
    assert told(case)["findings"]
    passwords = [value for pod in scenario.pods for name, value in pod.env.items() if "PASSWORD" in name]
    assert passwords
    written = b"".join(path.read_bytes() for path in saved.path.rglob("*") if path.is_file())
    assert not [password for password in passwords if password.encode() in written]


@pytest.mark.lab
def test_trace_asks_one_sidecar_only(lab: Lab) -> None:
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "egress-gateway"))
    lab.load(scenario)
    probe = scenario.probes[0]
    case = doctor.open_case(live(lab), pod=probe.pod, hosts=(probe.host,))
    assert len(lab.pods) > 1
    assert [key.rpartition("/")[2] for key in case.capture.proxy_documents()] == [probe.pod]
    whole = doctor.open_case(live(lab))
    traces = [doctor.trace(c, probe.pod, probe.host, probe.port, protocol=probe.protocol) for c in (case, whole)]
    assert traces[0] == traces[1]
    assert traces[0].verdict != "unknown"

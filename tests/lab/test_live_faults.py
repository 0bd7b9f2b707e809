"""What goes wrong in mid-run: the run ends, all else is judged, and what failed is named."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.model.resolver import Resolver
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.sources.live.live_cluster import FetchLimits
from tests.lab.crowd import add_crowd
from tests.lab.faults import bad_admin, kill_envoy, stopped_envoy
from tests.lab.lab import Lab
from tests.lab.scenario import read_scenario
from tests.lab.sidecar import RunningPod
from tests.lab.test_live import told
from tests.lab.test_scenarios import SCENARIOS

OTHERS = 6
LATE = "took longer than 8 s"
FAULTS: dict[str, tuple[Callable[[RunningPod], contextlib.AbstractContextManager[None]], str]] = {
    "answers byte by byte": (lambda pod: bad_admin(pod, "trickle"), LATE),
    "never answers": (lambda pod: bad_admin(pod, "silent"), LATE),
    "stands still": (stopped_envoy, LATE),
    "answers HTML": (lambda pod: bad_admin(pod, "html"), "is not Envoy's /config_dump"),
    # kwok does not tell the end of a forwarded connection, so these two look like silence here.
    "admin port off": (lambda pod: bad_admin(pod, "refused"), LATE),
    "ends in the middle": (lambda pod: bad_admin(pod, "cut"), LATE),
}


@pytest.fixture
def victim(lab: Lab, root: Path) -> RunningPod:
    """A pod with a real Envoy among others that answer well."""
    lab.load(read_scenario(next(path for path in SCENARIOS if path.stem == "tcp-port-clash")))
    add_crowd(lab, root / "snapshots", OTHERS)
    return next(iter(lab.pods.values()))


def source(lab: Lab, **pace: Any) -> doctor.Source:
    return doctor.Source(
        cluster=ClusterSource(kubeconfig=lab.kubeconfig, pace=FetchLimits(**pace), resolver=Resolver.OFF)
    )


class During:
    """A watcher that does something while the run goes on."""

    def __init__(self, *, listed: Callable[[], object] = lambda: None) -> None:
        self._listed = listed
        self.told: dict[str, str] = {}

    def listed(self, pods: int, sidecars: int) -> None:
        self._listed()

    def fetched(self, pod: str, because: str) -> None:
        self.told[pod] = because


def failed(case: doctor.Case, pod: str) -> str:
    """Why a pod's dump is not there, as every rule that needs it says."""
    because = {gap["because"] for gap in told(case)["not_evaluated"] if pod in gap["pods"]}
    assert len(because) == 1, because
    return str(because.pop())


@pytest.mark.lab
@pytest.mark.parametrize("fault", FAULTS)
def test_a_sidecar_that_fails_delays_nobody_and_is_named(lab: Lab, victim: RunningPod, fault: str) -> None:
    broken, expected = FAULTS[fault]
    watcher = During()
    with broken(victim):
        case = doctor.open_case(source(lab, pod_seconds=8.0), watcher)
    assert expected in failed(case, victim.pod.key)
    assert len(case.capture.proxy_documents()) == OTHERS
    assert told(case)["summary"]["proxies"] == OTHERS
    assert [pod for pod, because in watcher.told.items() if because] == [victim.pod.key]


@pytest.mark.lab
def test_an_envoy_killed_while_it_answers(lab: Lab, victim: RunningPod) -> None:
    def strike() -> None:
        threading.Timer(0.5, kill_envoy, [victim]).start()

    with bad_admin(victim, "trickle", pause=0.002):
        case = doctor.open_case(source(lab, pod_seconds=8.0), During(listed=strike))
    assert failed(case, victim.pod.key)
    assert told(case)["summary"]["proxies"] == OTHERS


@pytest.mark.lab
def test_the_api_server_restarts_in_mid_run(lab: Lab, victim: RunningPod) -> None:
    def strike() -> None:
        lab.control.stop_api_server()
        threading.Timer(0.5, lab.control.start_api_server).start()

    case = doctor.open_case(source(lab, pod_seconds=60.0), During(listed=strike))
    said = told(case)
    assert said["summary"]["proxies"] == OTHERS + 1
    assert [gap for gap in said["not_evaluated"] if gap["missing"] != ["dns.json"]] == []
    assert victim.pod.key in {pod for finding in said["findings"] for pod in finding["pods"]}


@pytest.mark.lab
def test_a_pod_deleted_in_mid_run(lab: Lab, victim: RunningPod) -> None:
    def strike() -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": victim.pod.namespace, "name": victim.pod.name},
        }
        lab.api.delete_all([pod])

    case = doctor.open_case(source(lab, pod_seconds=8.0), During(listed=strike))
    assert failed(case, victim.pod.key) == "the pod was deleted while its sidecar was read"
    assert told(case)["summary"]["proxies"] == OTHERS

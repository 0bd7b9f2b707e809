"""What a glance keeps of the look before is what is still true, and what was not read then stays named."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from msgspec import structs

from meshdoctor.diagnosis import refresh
from meshdoctor.diagnosis.events import DiagnosisFailed, DiagnosisFinished
from meshdoctor.errors import Unreadable
from meshdoctor.sources.live.live_cluster import FetchLimits
from tests.cluster.apiserver import Answer, Asked, FakeApi, status
from tests.cluster.conftest import MakeSource
from tests.cluster.meshes import copy_pod, pages_of
from tests.cluster.test_diagnosis_session import found
from tests.cluster.test_refresh import Watched, crowd, versions

__all__ = ["crowd"]


def body_of(api: FakeApi, pod: str) -> dict[str, Any]:
    return next(one for one in api.objects["pods"] if one["metadata"]["name"] == pod.partition("/")[2])


def test_a_pod_made_anew_under_its_name_is_read(api: FakeApi, source: MakeSource, crowd: list[str]) -> None:
    """A StatefulSet's: its Envoy may count what the one before did, for it gets the same version."""
    body_of(api, crowd[2])["metadata"]["uid"] = "one"
    watched = Watched(api, source)
    api.envoys[crowd[2]].pages = pages_of("mysql-tcp-ok")
    versions(api, crowd[2], 1)
    body_of(api, crowd[2])["metadata"]["uid"] = "two"
    end = watched.refresh_changed()
    assert watched.dumps == {crowd[2]}
    assert crowd[2] not in {pod for _, rule, pods in found(end) for pod in pods if rule == "tcp-port-clash"}


def test_a_sidecar_that_was_started_anew_is_read(api: FakeApi, source: MakeSource, crowd: list[str]) -> None:
    def started(times: int) -> None:
        one = {"name": "istio-proxy", "restartCount": times, "ready": True, "containerID": f"containerd://{times}"}
        body_of(api, crowd[1])["status"]["containerStatuses"] = [one]

    started(0)
    watched = Watched(api, source)
    started(1)
    watched.refresh_changed()
    assert watched.dumps == {crowd[1]}
    watched.refresh_changed()
    assert watched.dumps == set()


def test_why_a_pod_is_not_asked_stays_told(api: FakeApi, source: MakeSource, crowd: list[str]) -> None:
    waiting = copy_pod(api, "waiting")
    body_of(api, waiting)["status"]["phase"] = "Pending"
    watched = Watched(api, source)
    first = watched.events[-1]
    assert isinstance(first, DiagnosisFinished)
    api.objects["serviceentries"].append(entry := copy.deepcopy(api.objects["serviceentries"][0]))
    entry["metadata"]["name"] = "another"
    end = watched.refresh_changed()
    assert isinstance(end, DiagnosisFinished)
    assert first.case.capture.unread
    assert first.case.capture.unread == end.case.capture.unread
    assert first.diagnosis.not_evaluated == end.diagnosis.not_evaluated


def test_that_logs_are_forbidden_stays_told(api: FakeApi, source: MakeSource, crowd: list[str]) -> None:
    def no_logs(asked: Asked) -> Answer | None:
        return status(403, "pods/log is forbidden: User may not get logs") if asked.resource == "pods/log" else None

    api.faults.append(no_logs)
    watched = Watched(api, lambda: structs.replace(source(), pace=FetchLimits(log_seconds=600)))
    first = watched.events[-1]
    assert isinstance(first, DiagnosisFinished)
    assert [note for note in first.case.capture.unread if "log" in note.path], first.case.capture.unread
    api.objects["serviceentries"].append(entry := copy.deepcopy(api.objects["serviceentries"][0]))
    entry["metadata"]["name"] = "another"
    end = watched.refresh_changed()
    assert isinstance(end, DiagnosisFinished)
    assert watched.dumps == set()
    assert first.case.capture.unread == end.case.capture.unread


def test_who_changed_before_a_failure_is_read_after_it(
    api: FakeApi, source: MakeSource, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "IN_TURN", 1)
    watched = Watched(api, source)
    turn = sorted(crowd)[0]
    api.envoys[turn].pages = pages_of("mysql-tcp-ok")
    versions(api, turn, 2)

    def fails(*_: object) -> None:
        raise Unreadable("away")

    with monkeypatch.context() as patch:
        patch.setattr(refresh, "add_manifests", fails)
        told = watched.refresh_changed()
    assert isinstance(told, DiagnosisFailed)
    end = watched.refresh_changed()
    assert turn not in {pod for _, rule, pods in found(end) for pod in pods if rule == "tcp-port-clash"}

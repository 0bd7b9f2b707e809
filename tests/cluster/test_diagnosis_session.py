"""A session over a live cluster: pods as listed, verdicts as dumps come in, and the doctor's word at the end."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.diagnosis.cluster_reader import read_cluster
from meshdoctor.diagnosis.events import (
    DiagnosisFailed,
    DiagnosisFinished,
    Event,
    FindingsUpdated,
    PodChecked,
    PodsListed,
    PodUnread,
)
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.doctor import Source
from tests.cluster.apiserver import FakeApi
from tests.cluster.conftest import MakeSource
from tests.cluster.envoy import Manner
from tests.cluster.meshes import RATINGS, copy_pod, put_snapshot


def looked(source: Source, **limits: Any) -> list[Event]:
    events: list[Event] = []
    DiagnosisSession(source, events.append, **limits).refresh_now()
    return events


def found(end: Event) -> list[tuple[str, str, tuple[str, ...]]]:
    """(severity, rule, pods) of every finding of an end."""
    assert isinstance(end, DiagnosisFinished)
    return [(one.severity, one.rule, one.pods) for one in end.diagnosis.findings]


def test_its_end_is_what_the_doctor_says(api: FakeApi, source: MakeSource) -> None:
    put_snapshot(api, "mysql-blocked")
    copy_pod(api, "other")
    end = looked(Source(cluster=source()))[-1]
    assert isinstance(end, DiagnosisFinished)
    assert end.diagnosis == doctor.diagnose(doctor.Case(end.case.capture))
    assert end.hosts == doctor.hosts(doctor.Case(end.case.capture))
    again = read_cluster(source()).capture()
    assert again.documents.keys() == end.case.capture.documents.keys()


def test_pods_are_listed_then_judged_for_the_time_being_then_for_good(api: FakeApi, source: MakeSource) -> None:
    copy_pod(api, "other")
    events = [
        event
        for event in looked(Source(cluster=source()))
        if isinstance(event, PodsListed | PodChecked | DiagnosisFinished)
    ]
    assert isinstance(events[0], PodsListed)
    assert isinstance(events[-1], DiagnosisFinished)
    judged = [(event.pod, event.is_final) for event in events if isinstance(event, PodChecked)]
    pods = {one.key for one in events[0].pods if one.is_coming}
    assert len(pods) == 2
    assert sorted(judged) == sorted((pod, final) for pod in pods for final in (False, True))
    assert [final for _, final in judged] == [False, False, True, True]
    assert [event for event in events if isinstance(event, PodsListed)] == events[:1]


def test_findings_are_there_before_the_end(api: FakeApi, source: MakeSource) -> None:
    told = next(event for event in looked(Source(cluster=source())) if isinstance(event, FindingsUpdated))
    assert "tcp-port-clash" in {one.rule for one in told.findings}


def test_a_sidecar_that_does_not_answer_is_told_and_the_rest_is_judged(api: FakeApi, source: MakeSource) -> None:
    dead = copy_pod(api, "dead", Manner.REFUSED)
    events = looked(Source(cluster=source()))
    told = {event.pod: event.because for event in events if isinstance(event, PodUnread)}
    assert list(told) == [dead]
    assert told[dead]
    assert isinstance(events[-1], DiagnosisFinished)
    assert events[-1].diagnosis.proxies == 1


def test_no_right_to_list_pods_is_one_sentence(api: FakeApi, source: MakeSource) -> None:
    api.forbidden = lambda asked: asked.resource == "pods"
    end = looked(Source(cluster=source()))[-1]
    assert isinstance(end, DiagnosisFailed)
    assert end.is_away
    assert "pods" in end.because


@pytest.mark.parametrize("namespace", ["bokinfo"])
def test_a_namespace_that_is_not_there_is_one_sentence(api: FakeApi, source: MakeSource, namespace: str) -> None:
    from meshdoctor.sources.live.object_reader import Scope

    end = looked(Source(cluster=source(scope=Scope((namespace,)))), namespaces=(namespace,))[-1]
    assert isinstance(end, DiagnosisFailed)
    assert "bookinfo" in end.because


def asked_of(api: FakeApi) -> set[str]:
    """Pods whose sidecars were asked."""
    return {asked.name for asked in api.asked if asked.resource in ("pods/portforward", "pods/exec")}


def test_one_pod_is_looked_at_again_and_the_others_dumps_are_kept(api: FakeApi, source: MakeSource) -> None:
    other = copy_pod(api, "other")
    events: list[Event] = []
    diagnosis_session = DiagnosisSession(Source(cluster=source()), events.append)
    diagnosis_session.refresh_now([other])
    assert len(asked_of(api)) == 2, "nothing was read before"
    first = events[-1]
    api.asked.clear()
    events.clear()
    diagnosis_session.refresh_now([other])
    assert asked_of(api) == {other.split("/")[1]}
    assert found(events[-1]) == found(first)
    listed = next(event for event in events if isinstance(event, PodsListed))
    assert {one.key: one.is_kept for one in listed.pods if one.is_coming} == {RATINGS: True, other: False}
    assert {event.pod for event in events if isinstance(event, PodChecked) and not event.is_final} == {other}


def test_a_new_pod_is_asked_and_a_pod_that_went_is_forgotten(api: FakeApi, source: MakeSource) -> None:
    events: list[Event] = []
    gone = copy_pod(api, "gone")
    diagnosis_session = DiagnosisSession(Source(cluster=source()), events.append)
    diagnosis_session.refresh_now()
    api.objects["pods"] = [one for one in api.objects["pods"] if one["metadata"]["name"] != gone.split("/")[1]]
    new = copy_pod(api, "new")
    api.asked.clear()
    diagnosis_session.refresh_now([])
    assert asked_of(api) == {new.split("/")[1]}
    end = events[-1]
    assert isinstance(end, DiagnosisFinished)
    assert {key for key in end.case.mesh.proxy_names} == {RATINGS, new}


def test_whoever_asks_again_sees_what_was_just_changed(api: FakeApi, source: MakeSource) -> None:
    """The first reading and those of watch mode may come from the API server's cache."""
    session = DiagnosisSession(Source(cluster=source()), lambda event: None)

    def from_cache() -> set[bool]:
        asked, api.asked[:] = [one for one in api.asked if one.verb == "list"], []
        return {"resourceVersion" in one.query for one in asked}

    session.refresh_now()
    assert from_cache() == {True}
    session.refresh_now(only_changed=True)
    assert from_cache() == {True}
    session.refresh_now([RATINGS])
    assert from_cache() == {False}
    session.refresh_now()
    assert from_cache() == {False}

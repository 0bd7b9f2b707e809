"""A sitting over a live cluster: pods as listed, verdicts as dumps come in, and the doctor's word at the end."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from meshdoctor import doctor
from meshdoctor.doctor import Source
from meshdoctor.live import read_cluster
from meshdoctor.sitting.events import Event, Failed, Finished, Found, Judged, Listed, Unasked
from meshdoctor.sitting.sitting import Sitting
from tests.cluster.apiserver import FakeApi
from tests.cluster.conftest import MakeSource
from tests.cluster.envoy import Manner
from tests.cluster.meshes import copy_pod, put_snapshot


def looked(source: Source, **limits: Any) -> list[Event]:
    events: list[Event] = []
    Sitting(source, events.append, **limits).look()
    return events


def plain(diagnosis: Any) -> Any:
    return structs.replace(diagnosis, captured_at=None)


def test_its_end_is_what_the_doctor_says(api: FakeApi, source: MakeSource) -> None:
    put_snapshot(api, "mysql-blocked")
    copy_pod(api, "other")
    end = looked(Source(cluster=source()))[-1]
    assert isinstance(end, Finished)
    case = doctor.Case(read_cluster(source()).capture())
    assert plain(end.diagnosis) == plain(doctor.diagnose(case))
    assert end.hosts == doctor.hosts(doctor.Case(case.capture))


def test_pods_are_listed_then_judged_for_the_time_being_then_for_good(api: FakeApi, source: MakeSource) -> None:
    copy_pod(api, "other")
    events = [event for event in looked(Source(cluster=source())) if isinstance(event, Listed | Judged | Finished)]
    assert isinstance(events[0], Listed)
    assert isinstance(events[-1], Finished)
    judged = [(event.pod, event.is_final) for event in events if isinstance(event, Judged)]
    pods = {one.key for one in events[0].pods if one.is_coming}
    assert len(pods) == 2
    assert sorted(judged) == sorted((pod, final) for pod in pods for final in (False, True))
    assert [final for _, final in judged] == [False, False, True, True]
    assert [event for event in events if isinstance(event, Listed)] == events[:1]


def test_findings_are_there_before_the_end(api: FakeApi, source: MakeSource) -> None:
    found = next(event for event in looked(Source(cluster=source())) if isinstance(event, Found))
    assert "tcp-port-clash" in {one.rule for one in found.findings}


def test_a_sidecar_that_does_not_answer_is_told_and_the_rest_is_judged(api: FakeApi, source: MakeSource) -> None:
    dead = copy_pod(api, "dead", Manner.REFUSED)
    events = looked(Source(cluster=source()))
    told = {event.pod: event.because for event in events if isinstance(event, Unasked)}
    assert list(told) == [dead]
    assert told[dead]
    assert isinstance(events[-1], Finished)
    assert events[-1].diagnosis.proxies == 1


def test_no_right_to_list_pods_is_one_sentence(api: FakeApi, source: MakeSource) -> None:
    api.forbidden = lambda asked: asked.resource == "pods"
    end = looked(Source(cluster=source()))[-1]
    assert isinstance(end, Failed)
    assert end.is_away
    assert "pods" in end.because


@pytest.mark.parametrize("namespace", ["bokinfo"])
def test_a_namespace_that_is_not_there_is_one_sentence(api: FakeApi, source: MakeSource, namespace: str) -> None:
    from meshdoctor.collect.live.objects import Scope

    end = looked(Source(cluster=source(scope=Scope((namespace,)))), namespaces=(namespace,))[-1]
    assert isinstance(end, Failed)
    assert "bookinfo" in end.because

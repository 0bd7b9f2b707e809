"""A session tells what the doctor says, pod by pod, and nothing once nobody listens."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from meshdoctor import doctor
from meshdoctor.bundled import snapshot_names, snapshots_dir
from meshdoctor.diagnosis import case_watch, session
from meshdoctor.diagnosis.events import (
    DiagnosisFailed,
    DiagnosisFinished,
    Event,
    FindingsUpdated,
    PodChecked,
    PodsListed,
    PodUnread,
    Progress,
)
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.diagnosis.tracing import open_tracer, trace_from
from meshdoctor.doctor import Source
from meshdoctor.errors import NothingToJudge
from meshdoctor.model.trace import ClientOptions
from tests.meshes import POD, Mesh, dump, pod
from tests.replicas import Crowd


def looked(source: Source, **limits: object) -> list[Event]:
    events: list[Event] = []
    DiagnosisSession(source, events.append, **limits).refresh_now()  # type: ignore[arg-type]
    return events


def judged_case(case: doctor.Case) -> list[Event]:
    events: list[Event] = []
    DiagnosisSession(Source(), events.append).diagnose(case)
    return events


@pytest.mark.parametrize("name", snapshot_names())
def test_its_end_is_what_the_doctor_says(name: str) -> None:
    end = looked(Source(snapshot=name))[-1]
    assert isinstance(end, DiagnosisFinished)
    assert end.diagnosis == doctor.diagnose(doctor.open_case(Source(snapshot=name)))
    assert end.hosts == doctor.hosts(doctor.open_case(Source(snapshot=name)))


def test_replicas_are_judged_once_and_told_each() -> None:
    crowd = Crowd(snapshots_dir() / "tcp-port-clash", replicas=5)
    events = judged_case(doctor.Case(crowd.capture))
    told = [event for event in events if isinstance(event, PodChecked)]
    assert len(told) == 5
    assert len({id(event.verdicts) for event in told}) == 1, "replicas share their verdicts"
    end = events[-1]
    assert isinstance(end, DiagnosisFinished)
    assert end.diagnosis == doctor.diagnose(doctor.Case(Crowd(snapshots_dir() / "tcp-port-clash", replicas=5).capture))
    assert end.hosts == doctor.hosts(doctor.Case(Crowd(snapshots_dir() / "tcp-port-clash", replicas=5).capture))


def test_each_dump_is_read_once() -> None:
    crowd = Crowd(snapshots_dir() / "healthy", replicas=3)
    judged_case(doctor.Case(crowd.capture))
    assert {count for path, count in crowd.reads.items() if path.endswith("config_dump.json")} == {1}


def test_pods_are_listed_before_any_is_judged_and_hosts_with_them() -> None:
    events = looked(Source(snapshot="tcp-port-clash-scoped"))
    listed = events[0]
    assert isinstance(listed, PodsListed)
    assert {one.kind for one in listed.pods} == {"sidecar"}
    assert all(one.is_coming for one in listed.pods)
    assert {row.host for row in listed.hosts} >= {"github.com"}
    assert not any(row.verdicts for row in listed.hosts)
    judged = [event.pod for event in events if isinstance(event, PodChecked)]
    assert sorted(judged) == sorted(one.key for one in listed.pods)
    assert [event.done for event in events if isinstance(event, Progress)][-1] == 2


def test_what_cannot_be_read_is_told_with_its_reason() -> None:
    mesh = Mesh({POD: dump(), "bank/api": b'{"configs": ['}, pod(), pod(key="bank/api"))
    events = judged_case(mesh.case)
    (unasked,) = [event for event in events if isinstance(event, PodUnread)]
    assert unasked.pod == "bank/api"
    assert unasked.because
    assert isinstance(events[-1], DiagnosisFinished)


def test_a_pod_whose_dump_is_not_there_says_so_at_once() -> None:
    mesh = Mesh({POD: dump()}, pod(), pod(key="bank/api"))
    listed = judged_case(mesh.case)[0]
    assert isinstance(listed, PodsListed)
    absent = {one.key: one.because for one in listed.pods}
    assert absent == {POD: "", "bank/api": "its config dump was not read"}


def test_findings_come_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_watch, "FINDINGS_EVERY", -1.0)
    events = looked(Source(snapshot="tcp-port-clash"))
    found = next(event for event in events if isinstance(event, FindingsUpdated))
    end = events[-1]
    assert isinstance(end, DiagnosisFinished)
    assert {one.fingerprint for one in found.findings} <= {one.fingerprint for one in end.diagnosis.findings}
    assert found.findings


@pytest.mark.parametrize(
    ("source", "limits", "said", "is_away"),
    [
        (Source(path=Path("nowhere")), {}, "nowhere", True),
        (Source(snapshot="tcp-port-clsh"), {}, "tcp-port-clash", False),
        (Source(snapshot="tcp-port-clash"), {"namespaces": ("bokinfo",)}, "bookinfo", False),
        (Source(snapshot="tcp-port-clash"), {"labels": "app=nobody"}, "app=nobody", False),
    ],
    ids=["no such path", "no such snapshot", "no such namespace", "no such label"],
)
def test_what_goes_wrong_is_told_in_a_sentence(
    source: Source, limits: dict[str, object], said: str, is_away: bool
) -> None:
    end = looked(source, **limits)[-1]
    assert isinstance(end, DiagnosisFailed)
    assert said in end.because
    assert end.is_away is is_away


def test_a_fault_of_its_own_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("seven\nof nine")

    monkeypatch.setattr(session, "open_case", broken)
    assert looked(Source(snapshot="healthy")) == [DiagnosisFailed("a bug in meshdoctor: ValueError: seven", False)]


def stopped_at(kind: type[Event]) -> list[Event]:
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, kind):
            diagnosis_session.stop()

    diagnosis_session = DiagnosisSession(Source(snapshot="tcp-port-clash-scoped"), tell)
    diagnosis_session.refresh_now()
    return events


@pytest.mark.parametrize("kind", [PodsListed, PodChecked])
def test_it_ends_where_it_is_stopped(kind: type[Event]) -> None:
    events = stopped_at(kind)
    assert isinstance(events[-1], kind)


def wait_for(diagnosis_session: DiagnosisSession) -> None:
    while diagnosis_session.is_busy:
        threading.Event().wait(0.01)


def test_it_looks_again_when_asked_and_not_twice_at_once() -> None:
    gate, events = threading.Event(), list[Event]()

    def tell(event: Event) -> None:
        events.append(event)
        gate.wait(5.0)

    diagnosis_session = DiagnosisSession(Source(snapshot="healthy"), tell)
    assert diagnosis_session.refresh()
    assert not diagnosis_session.refresh(["bookinfo/reviews"])
    gate.set()
    wait_for(diagnosis_session)
    assert diagnosis_session.refresh()
    wait_for(diagnosis_session)
    assert [type(event) for event in events].count(DiagnosisFinished) == 2


def test_a_trace_is_answered_from_the_newest_evidence() -> None:
    diagnosis_session = DiagnosisSession(Source(snapshot="tcp-port-clash"), lambda event: None)
    with pytest.raises(NothingToJudge, match="nothing has been read yet"):
        diagnosis_session.trace("ratings", "github.com", 443)
    diagnosis_session.refresh_now()
    case = doctor.open_case(Source(snapshot="tcp-port-clash"))
    tracer = open_tracer(case, "ratings")
    clients: tuple[ClientOptions, ...] = ({}, {"protocol": "tls", "sni": ""}, {"ip": "198.51.100.20"})
    for client in clients:
        assert diagnosis_session.trace("ratings", "github.com", 443, **client) == trace_from(
            tracer, "github.com", 443, **client
        )


def test_a_trace_between_two_turns_changes_nothing() -> None:
    events: list[Event] = []
    traces: list[str] = []

    def tell(event: Event) -> None:
        events.append(event)
        if isinstance(event, PodChecked):
            traces.append(diagnosis_session.trace(event.pod, "github.com", 443).verdict)

    diagnosis_session = DiagnosisSession(Source(snapshot="tcp-port-clash-scoped"), tell)
    diagnosis_session.refresh_now()
    assert len(traces) == 2
    end = events[-1]
    assert isinstance(end, DiagnosisFinished)
    assert end.diagnosis == doctor.diagnose(doctor.open_case(Source(snapshot="tcp-port-clash-scoped")))

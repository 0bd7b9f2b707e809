"""What watching a cluster costs it: objects are listed, a few counters asked for, dumps read where they say so."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from meshdoctor.diagnosis import refresh
from meshdoctor.diagnosis.events import DiagnosisFailed, DiagnosisFinished, Event, PodChecked, PodsListed
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.doctor import Source
from meshdoctor.kube.login import log_in
from meshdoctor.kube.session import Login
from meshdoctor.sources.live.config_counters import PAGE, state_of
from meshdoctor.sources.live.object_reader import SECONDS
from tests.cluster.apiserver import FakeApi, status
from tests.cluster.conftest import MakeSource
from tests.cluster.envoy import Manner
from tests.cluster.live_sessions import drop, mesh_state, opened, without
from tests.cluster.meshes import PAGES, RATINGS, copy_pod, pages_of
from tests.cluster.test_diagnosis_session import found
from tests.tui.sessions import press, run
from tests.tui.waiting import until

DUMP = PAGES["config_dump.json"]


def versions(api: FakeApi, pod: str, version: int) -> None:
    """What a sidecar counts."""
    stats = (
        f"cluster_manager.cds.version: {version}\nlistener_manager.lds.version: {version}\nother.thing: 7\n".encode()
    )
    envoy = api.envoys[pod]
    envoy.pages = {**envoy.pages, PAGES["stats.txt"]: stats, PAGE: stats + b"cluster_manager.cluster_removed: 0\n"}


@pytest.fixture
def crowd(api: FakeApi) -> list[str]:
    """Four pods like the one that is there, which count."""
    pods = [RATINGS, *(copy_pod(api, f"web-{number}") for number in range(3))]
    for pod in pods:
        versions(api, pod, 1)
    return pods


class Watched:
    """A session with its first look over. `cost`: what a glance asks, by resource, and the dumps it reads."""

    def __init__(self, api: FakeApi, source: MakeSource) -> None:
        self.api = api
        self.events: list[Event] = []
        self.diagnosis_session = DiagnosisSession(Source(cluster=source()), self.events.append)
        self.diagnosis_session.refresh_now()
        assert isinstance(self.events[-1], DiagnosisFinished)

    def refresh_changed(self) -> Event:
        self.events.clear()
        self.api.asked.clear()
        for envoy in self.api.envoys.values():
            envoy.asked.clear()
        self.diagnosis_session.refresh_now(only_changed=True)
        return self.events[-1]

    @property
    def dumps(self) -> set[str]:
        return {pod for pod, envoy in self.api.envoys.items() if DUMP in envoy.asked}

    @property
    def counted(self) -> set[str]:
        return {pod for pod, envoy in self.api.envoys.items() if PAGE in envoy.asked}


def test_nobody_logs_in_again_unless_the_server_wants_it(
    api: FakeApi, source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(api, source)
    logins: list[str] = []

    def counted(kubeconfig: Path | None, context: str | None, seconds: float) -> Login:
        logins.append(context or "")
        api.faults.clear()
        return log_in(kubeconfig, context, seconds)

    monkeypatch.setattr("meshdoctor.diagnosis.cluster_reader.log_in", counted)
    watched.refresh_changed()
    assert logins == []
    api.faults.append(lambda asked: status(401, "Unauthorized"))
    assert isinstance(watched.refresh_changed(), DiagnosisFinished)
    assert len(logins) == 1
    assert not [event for event in watched.events if isinstance(event, DiagnosisFailed)]


def test_where_nothing_has_changed_no_dump_is_read_and_nothing_is_judged(
    api: FakeApi, source: MakeSource, crowd: list[str]
) -> None:
    watched = Watched(api, source)
    first = watched.events[-1]
    assert watched.refresh_changed() is first
    assert watched.dumps == set()
    assert watched.counted == set(crowd)
    assert not [event for event in watched.events if isinstance(event, PodChecked | PodsListed)]
    asked = Counter(one.resource for one in api.asked)
    assert asked.pop("pods/portforward") == len(crowd)
    assert max(asked.values()) == 1, "each kind is listed once"


def test_a_sidecar_that_got_something_is_read_and_no_other(api: FakeApi, source: MakeSource, crowd: list[str]) -> None:
    watched = Watched(api, source)
    api.envoys[crowd[2]].pages = pages_of("mysql-tcp-ok")
    versions(api, crowd[2], 2)
    end = watched.refresh_changed()
    assert watched.dumps == {crowd[2]}
    assert isinstance(end, DiagnosisFinished)
    assert [pods for _, rule, pods in found(end) if rule == "tcp-port-clash"] == [
        tuple(sorted(set(crowd) - {crowd[2]}))
    ]
    assert watched.refresh_changed() is end
    assert watched.dumps == set()


def test_an_object_of_somebody_else_is_seen_at_once_and_its_push_when_it_comes(
    api: FakeApi, source: MakeSource, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "IN_TURN", 1)
    watched = Watched(api, source)
    first = watched.events[-1]
    api.objects["serviceentries"].pop()
    assert watched.refresh_changed() is not first
    assert (watched.dumps, watched.counted) == (set(), set(crowd))
    for pod in crowd:
        versions(api, pod, 2)
    watched.refresh_changed()
    assert watched.dumps == set(crowd), "all are asked once more: a push takes its time"
    watched.refresh_changed()
    assert (watched.dumps, len(watched.counted)) == (set(), 1)


def test_in_a_quiet_mesh_sidecars_are_asked_in_turn(
    api: FakeApi, source: MakeSource, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "IN_TURN", 3)
    watched = Watched(api, source)
    seen: list[set[str]] = []
    for _ in range(4):
        watched.refresh_changed()
        seen.append(watched.counted)
    assert [len(one) for one in seen] == [3, 3, 3, 3]
    assert set.union(*seen[:2]) == set(crowd)
    assert Counter(pod for one in seen for pod in one) == dict.fromkeys(crowd, 3)


def test_pods_come_and_go(api: FakeApi, source: MakeSource, crowd: list[str]) -> None:
    watched = Watched(api, source)
    without(api, crowd[3])
    new = copy_pod(api, "new")
    end = watched.refresh_changed()
    assert isinstance(end, DiagnosisFinished)
    assert watched.dumps == {new}
    assert {*end.case.mesh.proxy_names} == {*crowd[:3], new}


def test_a_sidecar_that_never_answers_is_not_read_again_and_again(
    api: FakeApi, source: MakeSource, crowd: list[str]
) -> None:
    dead = copy_pod(api, "dead", Manner.REFUSED)
    watched = Watched(api, source)
    first = watched.events[-1]
    assert watched.refresh_changed() is first
    api.envoys[dead] = type(api.envoys[dead])(pages_of("mysql-tcp-ok"))
    versions(api, dead, 1)
    end = watched.refresh_changed()
    assert isinstance(end, DiagnosisFinished)
    assert watched.dumps == {dead}
    assert dead in {*end.case.mesh.proxy_names}


def test_after_a_failure_what_is_kept_is_told_again_without_a_dump(
    api: FakeApi, source: MakeSource, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(api, source)
    monkeypatch.setattr("meshdoctor.sources.live.object_reader.SECONDS", 2.0)
    api.faults.append(drop)
    assert isinstance(watched.refresh_changed(), DiagnosisFailed)
    api.faults.clear()
    monkeypatch.setattr("meshdoctor.sources.live.object_reader.SECONDS", SECONDS)
    end = watched.refresh_changed()
    assert isinstance(end, DiagnosisFinished)
    assert watched.dumps == set()
    assert {event.pod for event in watched.events if isinstance(event, PodChecked)} == set(crowd)


def test_a_sidecar_that_does_not_count_is_read_each_time(api: FakeApi, source: MakeSource) -> None:
    watched = Watched(api, source)
    watched.refresh_changed()
    assert watched.dumps == {RATINGS}


def test_the_state_is_of_what_decides_and_zeros_say_nothing() -> None:
    known = state_of(b"cluster_manager.cds.version: 5\nlistener_manager.lds.version: 6\n")
    assert known == state_of(
        b"listener_manager.lds.version: 6\ncluster_manager.cluster_removed: 0\ncluster_manager.cds.version: 5\nx.y: 3\n"
    )
    assert known != state_of(b"cluster_manager.cds.version: 5\nlistener_manager.lds.version: 7\n")
    assert known != state_of(
        b"cluster_manager.cds.version: 5\nlistener_manager.lds.version: 6\ncluster_manager.cluster_updated: 1\n"
    )
    assert state_of(b"cluster_manager.cluster_updated: 1\n") == ""


def test_watching_marks_what_others_change_and_keeps_the_cursor(
    api: FakeApi, source: MakeSource, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshdoctor.tui import auto_refresh

    monkeypatch.setattr(auto_refresh, "EVERY", 0.05)
    monkeypatch.setattr(auto_refresh, "_TICK", 0.02)

    async def story() -> None:
        async with opened(source()) as pilot:
            await press(pilot, "1", "j", "j", "w")
            table = pilot.app.screen.query_one("#pods").table  # type: ignore[attr-defined]
            under = table.key
            for envoy in api.envoys.values():
                envoy.asked.clear()
            entry = {**api.objects["serviceentries"][0]}
            entry["metadata"] = {**entry["metadata"], "name": "new-entry", "uid": "u-new"}
            entry["spec"] = {**entry["spec"], "hosts": ["new.outside.test"]}
            api.objects["serviceentries"].append(entry)
            # istiod would push: the sidecar of one pod has it.
            api.envoys[crowd[1]].pages = pages_of("mysql-tcp-ok")
            versions(api, crowd[1], 2)
            await until(pilot, lambda: sum(mesh_state(pilot).changes.count()), "something is marked")
            assert table.key == under
            gone = next(pod for pod in crowd if pod not in (under, crowd[1]))
            without(api, gone)
            await until(pilot, lambda: gone in mesh_state(pilot).changes.gone("pods"), "the pod is marked as gone")
            assert table.key == under
            await press(pilot, "w")

    run(story())

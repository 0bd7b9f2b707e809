"""Looking at files again: what is taken over of the look before comes out as if everything had been read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from meshdoctor.bundled import snapshots_dir
from meshdoctor.diagnosis import cache
from meshdoctor.diagnosis.events import DiagnosisFailed, DiagnosisFinished, Event, PodChecked
from meshdoctor.diagnosis.session import DiagnosisSession
from meshdoctor.doctor import Source
from meshdoctor.facts.proxy_files import DumpProxies, OpenedDump
from tests.replicas import Crowd


class Looked:
    """A session over a folder. `read`: the proxies whose dumps the newest look opened."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self.read: set[str] = set()
        self.source = Source(path=folder)
        self.diagnosis_session = DiagnosisSession(self.source, self.events.append)
        opened = DumpProxies.opened

        def noted(proxies: DumpProxies, key: str) -> OpenedDump | None:
            found = opened(proxies, key)
            if found is not None:
                self.read.add(key)
            return found

        monkeypatch.setattr(DumpProxies, "opened", noted)

    def look(self, *again: str, whole: bool = False) -> DiagnosisFinished:
        self.events.clear()
        self.read.clear()
        self.diagnosis_session.refresh_now(None if whole else again)
        end = self.events[-1]
        assert isinstance(end, DiagnosisFinished), end
        return end

    def is_as_if_new(self, end: DiagnosisFinished) -> bool:
        """The same as a look that knows nothing of earlier ones, told of every pod."""
        told = {
            event.pod: (event.version, event.policy, event.verdicts)
            for event in self.events
            if isinstance(event, PodChecked)
        }
        events: list[Event] = []
        DiagnosisSession(self.source, events.append).refresh_now()
        fresh = events[-1]
        assert isinstance(fresh, DiagnosisFinished)
        wholly = {
            event.pod: (event.version, event.policy, event.verdicts)
            for event in events
            if isinstance(event, PodChecked)
        }
        return (end.diagnosis, end.hosts, told) == (fresh.diagnosis, fresh.hosts, wholly)


def write(folder: Path, snapshot: str, replicas: int) -> list[str]:
    """A capture with replicas of each pod of a snapshot; gives their names."""
    crowd = Crowd(snapshots_dir() / snapshot, replicas=replicas)
    for path, document in crowd.capture.documents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(document.read())
    return sorted(f"{pod.parent.name}/{pod.name}" for pod in (folder / "proxies").glob("*/*"))


def dump_of(folder: Path, pod: str) -> Path:
    return folder / "proxies" / pod / "config_dump.json"


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SHARE", 2)


def test_r_reads_the_pods_share_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pods = write(tmp_path, "tcp-port-clash", 6)
    looked = Looked(tmp_path, monkeypatch)
    first = looked.look()
    assert looked.read == set(pods)
    end = looked.look(pods[2])
    assert looked.read == {pods[2], pods[3]}
    assert end.diagnosis == first.diagnosis
    assert looked.is_as_if_new(end)
    looked.look(whole=True)
    assert looked.read == set(pods), "R reads everything"


def test_a_dump_that_was_written_since_is_read_whoever_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pods = write(tmp_path, "tcp-port-clash", 6)
    looked = Looked(tmp_path, monkeypatch)
    first = looked.look()
    other = next((snapshots_dir() / "mysql-tcp-ok" / "proxies").glob("*/*/config_dump.json"))
    shutil.copy(other, dump_of(tmp_path, pods[5]))
    end = looked.look(pods[0])
    assert {pods[0], pods[1], pods[4], pods[5]} <= looked.read
    assert end.diagnosis != first.diagnosis
    assert looked.is_as_if_new(end)
    assert looked.is_as_if_new(looked.look())


@pytest.mark.parametrize("change", ["object", "gone", "new"])
def test_where_more_than_dumps_changed_everything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    pods = write(tmp_path, "tcp-port-clash", 4)
    looked = Looked(tmp_path, monkeypatch)
    looked.look()
    if change == "object":
        (tmp_path / "resources" / "serviceentries.yaml").write_text("apiVersion: v1\nkind: List\nitems: []\n", "utf-8")
    elif change == "gone":
        shutil.rmtree(dump_of(tmp_path, pods[0]).parent)
    else:
        shutil.copytree(dump_of(tmp_path, pods[0]).parent, dump_of(tmp_path, "bookinfo/zz").parent)
    end = looked.look(pods[1])
    there = {f"{pod.parent.name}/{pod.name}" for pod in (tmp_path / "proxies").glob("*/*")}
    assert looked.read == there
    assert looked.is_as_if_new(end)


def test_a_dump_that_cannot_be_read_stays_named_until_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pods = write(tmp_path, "tcp-port-clash", 4)
    whole = dump_of(tmp_path, pods[0]).read_bytes()
    dump_of(tmp_path, pods[0]).write_bytes(whole[:200])
    looked = Looked(tmp_path, monkeypatch)
    looked.look()
    end = looked.look(pods[3])
    assert pods[0] in end.case.mesh.proxies_unread
    assert looked.is_as_if_new(end)
    dump_of(tmp_path, pods[0]).write_bytes(whole)
    end = looked.look(pods[3])
    assert end.case.mesh.proxies_unread == {}
    assert looked.is_as_if_new(end)


def test_where_a_gateway_is_looked_at_again_so_is_all_that_goes_through_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pods = write(tmp_path, "egress-gateway", 3)
    gateway = next(pod for pod in pods if "gateway" in pod)
    sidecar = next(pod for pod in pods if "gateway" not in pod)
    looked = Looked(tmp_path, monkeypatch)
    looked.look()
    end = looked.look(gateway)
    assert looked.read == set(pods)
    assert looked.is_as_if_new(end)
    end = looked.look(sidecar)
    assert looked.is_as_if_new(end)


def test_after_a_look_that_failed_everything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pods = write(tmp_path / "capture", "tcp-port-clash", 4)
    looked = Looked(tmp_path / "capture", monkeypatch)
    looked.look()
    (tmp_path / "capture").rename(tmp_path / "away")
    looked.diagnosis_session.refresh_now(pods[:1])
    assert isinstance(looked.events[-1], DiagnosisFailed)
    (tmp_path / "away").rename(tmp_path / "capture")
    end = looked.look(pods[0])
    assert looked.read == set(pods)
    assert looked.is_as_if_new(end)

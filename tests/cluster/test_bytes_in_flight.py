"""Sidecars that together are larger than what may be in memory: all are read, and not all at once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from meshdoctor.diagnosis.cluster_reader import open_cluster
from meshdoctor.kube.body import Body
from meshdoctor.kube.pod_requests import Forward
from meshdoctor.sources.live import live_cluster
from meshdoctor.sources.live.bytes_in_flight import BytesInFlight
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.sources.live.live_cluster import FetchLimits
from meshdoctor.sources.redact import Removals
from meshdoctor.sources.redaction import Redaction
from tests.cluster.apiserver import FakeApi
from tests.cluster.conftest import MakeSource
from tests.cluster.envoy import Manner
from tests.cluster.meshes import PAGES, RATINGS, copy_pod
from tests.conftest import Cli

DUMP = PAGES["config_dump.json"]
SIZE = 3_000_000
"""Bytes that are added to each dump."""
LIMIT = 4_000_000


@pytest.fixture
def crowd(api: FakeApi) -> list[str]:
    """The pods of large sidecars."""
    pages = api.envoys[RATINGS].pages
    dump = json.loads(pages[DUMP])
    dump["configs"].append({"@type": "type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump", "x": "x" * SIZE})
    pages[DUMP] = json.dumps(dump).encode()
    return [RATINGS, *(copy_pod(api, f"large-{number}", Manner.CHUNKED) for number in range(11))]


def limited(source: ClusterSource, **changed: Any) -> ClusterSource:
    pace = FetchLimits(**{"log_seconds": 0, "bytes_in_flight": LIMIT, **changed})
    return ClusterSource(kubeconfig=source.kubeconfig, pace=pace, resolver=source.resolver)


def test_all_are_read_and_few_are_in_memory(
    api: FakeApi, crowd: list[str], source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, inside, most = threading.Lock(), 0, 0
    fetch = Forward.fetch

    def came(self: Forward, target: str) -> Body:
        nonlocal inside, most
        body = fetch(self, target)
        with lock:
            inside += len(body)
            most = max(most, inside)
        return body

    plainly = Redaction.page

    def cleaned(self: Redaction, path: str, content: bytes, removals: Removals) -> bytes:
        nonlocal inside
        done = plainly(self, path, content, removals)
        with lock:
            inside -= len(content)
        return done

    monkeypatch.setattr(Forward, "fetch", came)
    monkeypatch.setattr(Redaction, "page", cleaned)
    cluster = open_cluster(limited(source()))
    cluster.fetch()
    assert cluster.read_pods == sorted(crowd)
    assert inside == 0
    assert SIZE < most < LIMIT + 2 * SIZE


def test_pages_that_come_by_exec_count_as_well(
    api: FakeApi, crowd: list[str], source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms: list[BytesInFlight] = []

    def made(limit: int, expected: int) -> BytesInFlight:
        rooms.append(BytesInFlight(limit, expected))
        return rooms[0]

    monkeypatch.setattr(live_cluster, "BytesInFlight", made)
    api.forbidden = lambda asked: asked.resource == "pods/portforward"
    cluster = open_cluster(limited(source()))
    cluster.fetch()
    assert cluster.read_pods == sorted(crowd)
    assert SIZE < rooms[0].peak < LIMIT + 2 * SIZE


def test_cleaning_takes_no_time_from_a_pod(
    api: FakeApi, crowd: list[str], source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, pages = 3.0, len(PAGES) * len(crowd)
    pause = threading.Event()

    def slow(self: Redaction, path: str, content: bytes, removals: Removals) -> bytes:
        pause.wait(1.5 * seconds / pages)
        return content

    monkeypatch.setattr(Redaction, "page", slow)
    cluster = open_cluster(limited(source(), pod_seconds=seconds))
    cluster.fetch()
    assert cluster.read_pods == sorted(crowd)


def test_sidecars_that_are_slow_in_the_middle_keep_nobody_waiting(
    api: FakeApi, crowd: list[str], source: MakeSource
) -> None:
    slow = [copy_pod(api, f"a-slow-{number}", Manner.STALLED) for number in range(3)]
    cluster = open_cluster(limited(source(), pod_seconds=6.0))
    cluster.fetch()
    assert cluster.read_pods == sorted(crowd)
    notes = {note.path: note.because for note in cluster.capture().unread}
    assert all("longer than 6 s" in notes[f"proxies/{pod}/config_dump.json"] for pod in slow)


def test_ctrl_c_while_sidecars_wait_for_room(
    cli: Cli, api: FakeApi, kubeconfig: Path, crowd: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshdoctor.cli.progress import ProgressBar

    def struck(self: ProgressBar, pod: str, because: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "fetched", struck)
    monkeypatch.setattr(live_cluster, "BytesInFlight", lambda limit, expected: BytesInFlight(LIMIT, expected=LIMIT))
    done = cli("check", "--json", "--dns", "off", "--logs-since", "0")
    assert done.code == 130
    unread = {note["path"]: note["because"] for note in json.loads(done.out)["unread"]}
    missed = [pod for pod in crowd if f"proxies/{pod}/config_dump.json" in unread]
    assert len(missed) == len(crowd) - 1
    assert all("interrupted" in unread[f"proxies/{pod}/config_dump.json"] for pod in missed)

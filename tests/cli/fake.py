"""A stand-in for `meshdoctor.doctor`: the same calls, answers given by the test, what was asked remembered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import Struct

from meshdoctor.doctor import SavedCapture
from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.host_table import HostTable
from meshdoctor.model.rule import Rule
from meshdoctor.model.trace import Trace
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.sources.live.live_cluster import FetchObserver
from tests.golden.results import DELIVERED, HEALTHY, HOSTS, MILD, RULE


class Source(Struct, frozen=True):
    path: Path | None = None
    manifests: tuple[Path, ...] = ()
    snapshot: str | None = None
    cluster: ClusterSource | None = None
    more: tuple[Path, ...] = ()


class Case(Struct, frozen=True):
    """An opened source. `interrupted`: Ctrl-C ended the reading."""

    source: Source
    interrupted: bool = False


class SnapshotInfo(Struct, frozen=True):
    name: str
    title: str
    story: str
    istio_version: str
    expected: dict[str, list[list[str]]] = {}


class FakeDoctor(ModuleType):
    """`asked` holds the last question of each call; an `error` is raised by the next one."""

    def __init__(self) -> None:
        super().__init__("meshdoctor.doctor")
        self.Source = Source
        self.SnapshotInfo = SnapshotInfo
        self.asked: dict[str, Any] = {}
        self.error: BaseException | None = None
        self.diagnosis: Diagnosis = HEALTHY
        self.traced: Trace = DELIVERED
        self.listed: HostTable = HOSTS
        self.interrupted = False
        self.saved = SavedCapture(
            Path("saved"), documents=3, proxies=1, size=2048, removed=0, replaced=0, unread=(), interrupted=False
        )

    def open_case(
        self,
        source: Source,
        watcher: FetchObserver | None = None,
        *,
        pod: str = "",
        hosts: Collection[str] | None = None,
    ) -> Case:
        self.asked["source"] = source
        self.asked["narrowed"] = (pod, hosts)
        if self.error is not None:
            raise self.error
        return Case(source, self.interrupted)

    def save_capture(self, source: Source, path: Path, watcher: FetchObserver | None = None) -> SavedCapture:
        self.asked["source"] = source
        self.asked["target"] = path
        if self.error is not None:
            raise self.error
        return self.saved

    def diagnose(self, case: Case, **asked: Any) -> Diagnosis:
        self.asked["diagnose"] = {name: value for name, value in asked.items() if value}
        return self.diagnosis

    def trace(self, case: Case, pod: str, host: str, port: int, **asked: Any) -> Trace:
        self.asked["trace"] = (pod, host, port)
        self.asked["options"] = {name: value for name, value in asked.items() if value is not None}
        return self.traced

    def hosts(self, case: Case, namespaces: Sequence[str] = (), labels: str = "") -> HostTable:
        self.asked["hosts"] = tuple(namespaces)
        return self.listed

    def load_catalogue(self, rule_dirs: Sequence[Path] = ()) -> list[Rule]:
        self.asked["rule_dirs"] = list(rule_dirs)
        return [RULE, MILD]

    def snapshots(self) -> list[SnapshotInfo]:
        return [
            SnapshotInfo("healthy", "Nothing is wrong", "Every host is reached.", "1.30.0"),
            SnapshotInfo(
                "clash", "Two services, one port", "One of them loses.", "1.30.0", {"errors": [["tcp-port-clash", "x"]]}
            ),
        ]

"""A stand-in for `meshdoctor.doctor`: the same five calls, answers given by the test, what was asked remembered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import Struct

from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.hosts import Hosts
from meshdoctor.model.rule import Rule
from meshdoctor.model.trace import Trace
from tests.golden.results import DELIVERED, HEALTHY, HOSTS, MILD, RULE


class Source(Struct, frozen=True):
    path: Path | None = None
    manifests: tuple[Path, ...] = ()
    snapshot: str | None = None


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
        self.listed: Hosts = HOSTS

    def open_case(self, source: Source) -> Source:
        self.asked["source"] = source
        if self.error is not None:
            raise self.error
        return source

    def diagnose(self, case: Source, **asked: Any) -> Diagnosis:
        self.asked["diagnose"] = {name: value for name, value in asked.items() if value}
        return self.diagnosis

    def trace(self, case: Source, pod: str, host: str, port: int, **asked: Any) -> Trace:
        self.asked["trace"] = (pod, host, port)
        self.asked["options"] = {name: value for name, value in asked.items() if value is not None}
        return self.traced

    def hosts(self, case: Source, namespaces: Sequence[str] = ()) -> Hosts:
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

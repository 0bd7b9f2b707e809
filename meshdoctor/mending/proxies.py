"""Whether proxies have taken what istiod pushed: by the versions of listeners and clusters that Envoy counts.

istiod pushes a change to the proxies that get the changed object and to no others; a push gives both discovery
services a new version, whether or not the listeners come out the same (istio pilot/pkg/xds/ads.go; Envoy's statistics
`lds.version`, `cds.version` and `update_rejected`, envoyproxy.io "xDS subscription statistics").
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable

from msgspec import Struct

from meshdoctor.collect.live.pods import PROXY
from meshdoctor.collect.live.pool import Pool
from meshdoctor.collect.live.sidecars import SidecarReader
from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline
from meshdoctor.model.mend import Waited

_STATS = r"/stats?filter=(lds|cds)\.(version|update_rejected)$"
_LINE = re.compile(r"([a-z_]+)\.(lds|cds)\.(version|update_rejected): (\d+)$", re.MULTILINE)
_ASK_SECONDS = 10.0
_PAUSE = 0.3
_SETTLE = 0.5
"""Routes and endpoints follow listeners in the same push."""
_STRAGGLE = 5.0
"""Seconds that other proxies are waited for once those of the finding have it."""


class Marks(Struct, frozen=True):
    """What one Envoy runs: versions by service, and how many updates it refused."""

    versions: tuple[tuple[str, str], ...]
    rejected: int


Tell = Callable[[int, int], None]
"""How many took it, of how many."""


class Watch:
    """The proxies of some pods, from a moment before the change."""

    def __init__(self, reader: SidecarReader, pods: Collection[str], at_once: int) -> None:
        self._reader = reader
        self._at_once = at_once
        self.unread: dict[str, str] = {}
        self.before = self._marks(pods)

    def wait(self, first: Collection[str], seconds: float, tell: Tell = lambda took, of: None) -> Waited:
        """Until all have it, or the time is up; those that are not `first` get a few seconds more than those."""
        end = time.monotonic() + seconds
        left, took, rejected = set(self.before), set[str](), set[str]()
        urgent = left & set(first)
        tell(0, len(left))
        while left:
            for pod, marks in self._marks(left, max(1.0, min(_ASK_SECONDS, end - time.monotonic()))).items():
                if marks.rejected > self.before[pod].rejected:
                    rejected.add(pod)
                elif marks.versions != self.before[pod].versions:
                    took.add(pod)
            left -= took | rejected
            tell(len(took), len(self.before))
            if urgent and not urgent & left:
                urgent = set()
                end = min(end, time.monotonic() + _STRAGGLE)
            if not left or time.monotonic() >= end:
                break
            time.sleep(_PAUSE)
        if took:
            time.sleep(_SETTLE)
        unread = {pod: because for pod, because in self.unread.items() if pod not in self.before}
        return Waited(
            took=tuple(sorted(took)), lagging=tuple(sorted(left)), rejected=tuple(sorted(rejected)), unread=unread
        )

    def _marks(self, pods: Iterable[str], seconds: float = _ASK_SECONDS) -> dict[str, Marks]:
        pool: Pool[str, Marks] = Pool(self._ask, at_once=self._at_once, seconds=seconds)
        found: dict[str, Marks] = {}
        for done in pool.run(sorted(pods)):
            if done.result is not None:
                found[done.item] = done.result
                self.unread.pop(done.item, None)
            elif isinstance(done.problem, Unreadable):
                self.unread[done.item] = str(done.problem)
            elif done.problem is not None:
                raise done.problem
        return found

    def _ask(self, pod: str, deadline: Deadline) -> Marks:
        namespace, _, name = pod.partition("/")
        page = self._reader.page(namespace, name, PROXY, _STATS, deadline).decode("utf-8", "replace")
        found = _LINE.findall(page)
        versions = tuple(sorted((f"{service}.{what}", value) for _, service, what, value in found if what == "version"))
        if not versions:
            raise Unreadable("its statistics do not count versions of listeners and clusters")
        return Marks(versions, sum(int(value) for _, _, what, value in found if what == "update_rejected"))

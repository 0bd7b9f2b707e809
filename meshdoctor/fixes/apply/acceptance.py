"""Whether proxies have taken what istiod pushed: by the versions of listeners and clusters that Envoy counts.

istiod pushes a change to the proxies that get the changed object and to no others; a push gives both discovery
services a new version, whether or not the listeners come out the same (istio pilot/pkg/xds/ads.go; Envoy's statistics
`lds.version`, `cds.version` and `update_rejected`, envoyproxy.io "xDS subscription statistics"). A version's text is
the time of the push by istiod's clock and a number, `2026-11-21T10:00:00Z/12` (pilot/pkg/xds/discovery.go).

Other changes are pushed as well, and what was pushed before the write is not the change: a new version counts where the
proxy was seen without it after the write, or where its text says that it is no older than the write.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline
from meshdoctor.model.fix import Acceptance
from meshdoctor.sources.live.live_pods import PROXY
from meshdoctor.sources.live.sidecar_reader import SidecarReader
from meshdoctor.sources.live.thread_pool import ThreadPool

_STATS = r"/stats?filter=(lds|cds)\.(version|version_text|update_rejected)$"
_LINE = re.compile(r'([a-z_]+)\.(lds|cds)\.(version|version_text|update_rejected): "?([^"\n]*)"?$', re.MULTILINE)
_SKEW = timedelta(seconds=1)
"""By so much istiod's clock may be behind the API server's; both tell whole seconds."""
_ASK_SECONDS = 10.0
_PAUSE = 0.3
_SETTLE = 0.5
"""Routes and endpoints follow listeners in the same push."""
_STRAGGLE = 5.0
"""Seconds that other proxies are waited for once those of the finding have it."""


class ConfigVersions(Struct, frozen=True):
    """What one Envoy runs: versions by service, and how many updates it refused."""

    versions: tuple[tuple[str, str], ...]
    rejected: int
    pushed: datetime | None = None
    """When the newest of the versions was pushed, by istiod's clock; None where their text does not say."""

    @property
    def is_blank(self) -> bool:
        """It has just started, and has no configuration yet."""
        return any(version == "0" for _, version in self.versions)


Tell = Callable[[int, int], None]
"""How many took it, of how many."""


class AcceptanceWatch:
    """The proxies of some pods, from a moment right before the change. To look at them takes `seconds` at most."""

    def __init__(self, reader: SidecarReader, pods: Collection[str], at_once: int, seconds: float) -> None:
        self._reader = reader
        self._at_once = at_once
        self.unread: dict[str, str] = {}
        self.before = self._marks(pods, seconds)
        self._stood: set[str] = set()
        """Pods that were seen without the change after it was written."""

    def wait(
        self,
        first: Collection[str],
        seconds: float,
        since: datetime | None = None,
        tell: Tell = lambda accepted, of: None,
    ) -> Acceptance:
        """Until all have it, or the time is up; those that are not `first` get a few seconds more than those.

        `since`: when the change was written, by the API server's clock.
        """
        end = time.monotonic() + seconds
        left, accepted, rejected = set(self.before), set[str](), set[str]()
        urgent = left & set(first)
        tell(0, len(left))
        while left:
            for pod, marks in self._marks(left, max(1.0, end - time.monotonic())).items():
                if self._has_refused(pod, marks):
                    rejected.add(pod)
                elif self._has_taken(pod, marks, since):
                    accepted.add(pod)
            left -= accepted | rejected
            tell(len(accepted), len(self.before))
            if urgent and not urgent & left:
                urgent = set()
                end = min(end, time.monotonic() + _STRAGGLE)
            if not left or time.monotonic() >= end:
                break
            time.sleep(_PAUSE)
        if accepted:
            time.sleep(_SETTLE)
        unread = {pod: because for pod, because in self.unread.items() if pod not in self.before}
        return Acceptance(
            accepted=tuple(sorted(accepted)),
            pending=tuple(sorted(left)),
            rejected=tuple(sorted(rejected)),
            unread=unread,
        )

    def _has_refused(self, pod: str, marks: ConfigVersions) -> bool:
        """It refused an update since. A counter that went down is that of an Envoy that was started anew."""
        before = self.before[pod].rejected
        return marks.rejected > (before if marks.rejected >= before else 0)

    def _has_taken(self, pod: str, marks: ConfigVersions, since: datetime | None) -> bool:
        if marks.is_blank:
            return False
        is_new = marks.versions != self.before[pod].versions
        if is_new and (pod in self._stood or _is_since(marks, since)):
            return True
        # What it has now was there before the change, or was pushed before it: the next version counts.
        self.before[pod] = marks
        self._stood.add(pod)
        return False

    def _marks(self, pods: Iterable[str], seconds: float) -> dict[str, ConfigVersions]:
        each = min(_ASK_SECONDS, seconds)
        pool: ThreadPool[str, ConfigVersions] = ThreadPool(
            self._ask, at_once=self._at_once, seconds=each, within=seconds
        )
        found: dict[str, ConfigVersions] = {}
        for done in pool.run(sorted(pods)):
            if done.result is not None:
                found[done.item] = done.result
                self.unread.pop(done.item, None)
            elif isinstance(done.problem, Unreadable):
                self.unread[done.item] = str(done.problem)
            elif done.problem is not None:
                raise done.problem
        return found

    def _ask(self, pod: str, deadline: Deadline) -> ConfigVersions:
        namespace, _, name = pod.partition("/")
        page = self._reader.page(namespace, name, PROXY, _STATS, deadline).decode("utf-8", "replace")
        found = _LINE.findall(page)
        versions = tuple(sorted((f"{service}.{what}", value) for _, service, what, value in found if what == "version"))
        if not versions:
            raise Unreadable("its statistics do not count versions of listeners and clusters")
        texts = (value for _, _, what, value in found if what == "version_text")
        pushed = max(filter(None, map(_pushed, texts)), default=None)
        rejected = sum(int(value) for _, _, what, value in found if what == "update_rejected" and value.isdigit())
        return ConfigVersions(versions, rejected, pushed)


def _pushed(text: str) -> datetime | None:
    """The time in a version's text."""
    try:
        moment = datetime.fromisoformat(text.partition("/")[0])
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _is_since(marks: ConfigVersions, since: datetime | None) -> bool:
    """Not known to be older."""
    return marks.pushed is None or since is None or marks.pushed >= since - _SKEW

"""Whether sidecars accepted what istiod pushed, by the versions of listeners and clusters in Envoy's statistics.

istiod pushes a change to the proxies that get the changed object and to no others; a push gives both discovery
services a new version, whether or not the listeners come out the same (istio pilot/pkg/xds/ads.go; Envoy's statistics
`lds.version`, `cds.version` and `update_rejected`, envoyproxy.io "xDS subscription statistics"). A version's text is
the time of the push by istiod's clock and a number, `2026-11-21T10:00:00Z/12` (pilot/pkg/xds/discovery.go).

istiod pushes other changes too. A new version counts only where the sidecar was seen without it after the write, or
where its text says that it is not older than the write.
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
"""How far istiod's clock may be behind the API server's; both give whole seconds."""
_ASK_SECONDS = 10.0
_PAUSE = 0.3
_SETTLE = 0.5
"""Routes and endpoints follow listeners in the same push."""
_STRAGGLE = 5.0
"""Timeout for the other sidecars once those of the finding have it."""


class ConfigVersions(Struct, frozen=True):
    """The versions that one Envoy runs, and how many updates it rejected."""

    numbers: tuple[tuple[str, str], ...]
    """By service."""
    rejected: int
    pushed: datetime | None = None
    """When the newest of the versions was pushed, by istiod's clock; None where their text has no time."""

    @property
    def is_blank(self) -> bool:
        """Envoy has just started, and has no configuration yet."""
        return any(version == "0" for _, version in self.numbers)


Tell = Callable[[int, int], None]
"""How many accepted it, of how many."""


class AcceptanceWatch:
    """The sidecars of some pods, from right before the change. Reading their versions takes at most `seconds`."""

    def __init__(self, reader: SidecarReader, pods: Collection[str], concurrency: int, seconds: float) -> None:
        self._reader = reader
        self._concurrency = concurrency
        self.unread: dict[str, str] = {}
        self.before = self._read_versions(pods, seconds)
        self._without: set[str] = set()
        """Pods seen without the change after it was written."""

    def wait(
        self,
        first: Collection[str],
        seconds: float,
        since: datetime | None = None,
        tell: Tell = lambda accepted, of: None,
    ) -> Acceptance:
        """Waits until all have it, or the timeout; once those of `first` have it, only a few seconds more.

        `since`: when the change was written, by the API server's clock.
        """
        end = time.monotonic() + seconds
        left, accepted, rejected = set(self.before), set[str](), set[str]()
        urgent = left & set(first)
        tell(0, len(left))
        while left:
            for pod, versions in self._read_versions(left, max(1.0, end - time.monotonic())).items():
                if self._has_rejected(pod, versions):
                    rejected.add(pod)
                elif self._has_accepted(pod, versions, since):
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

    def _has_rejected(self, pod: str, versions: ConfigVersions) -> bool:
        """Envoy rejected an update since. A counter that went down means that Envoy restarted."""
        before = self.before[pod].rejected
        return versions.rejected > (before if versions.rejected >= before else 0)

    def _has_accepted(self, pod: str, versions: ConfigVersions, since: datetime | None) -> bool:
        if versions.is_blank:
            return False
        is_new = versions.numbers != self.before[pod].numbers
        is_known_older = versions.pushed is not None and since is not None and versions.pushed < since - _SKEW
        if is_new and (pod in self._without or not is_known_older):
            return True
        # This version is older than the change: the next one counts.
        self.before[pod] = versions
        self._without.add(pod)
        return False

    def _read_versions(self, pods: Iterable[str], seconds: float) -> dict[str, ConfigVersions]:
        timeout = min(_ASK_SECONDS, seconds)
        pool: ThreadPool[str, ConfigVersions] = ThreadPool(
            self._read_pod, concurrency=self._concurrency, seconds=timeout, within=seconds
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

    def _read_pod(self, pod: str, deadline: Deadline) -> ConfigVersions:
        namespace, _, name = pod.partition("/")
        page = self._reader.page(namespace, name, PROXY, _STATS, deadline).decode("utf-8", "replace")
        found = _LINE.findall(page)
        versions = tuple(sorted((f"{service}.{what}", value) for _, service, what, value in found if what == "version"))
        if not versions:
            raise Unreadable("its /stats page has no lds.version and cds.version")
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

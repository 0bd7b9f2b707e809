"""Reads a live cluster into a Capture in memory, its dumps compressed.

Pods are listed first, to find out whether the server answers and the account may read; then the other objects; then all
sidecars concurrently.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from typing import Any, Protocol

from msgspec import Struct

from meshdoctor.errors import Unreadable
from meshdoctor.kube.session import Session
from meshdoctor.model.evidence import Capture, Document, Unread, proxy_of
from meshdoctor.sources.limits import MIB
from meshdoctor.sources.live.bytes_in_flight import BytesInFlight
from meshdoctor.sources.live.config_counters import states
from meshdoctor.sources.live.live_pods import LivePod
from meshdoctor.sources.live.object_reader import Objects, Scope, read_objects
from meshdoctor.sources.live.sidecar_evidence import EVERY_POD, FetchedSidecar, SidecarFetch, clean
from meshdoctor.sources.live.sidecar_reader import CONFIG_DUMP, PAGES, SidecarReader
from meshdoctor.sources.live.thread_pool import TaskResult, ThreadPool
from meshdoctor.sources.redact import Removals
from meshdoctor.sources.redaction import Redaction
from meshdoctor.text.times import now


class FetchLimits(Struct, frozen=True):
    """Concurrency and time limits."""

    concurrency: int = 16
    """Sidecars read at the same time."""
    pod_seconds: float = 30.0
    """Time limit of one sidecar, retries included."""
    log_seconds: int = 600
    """Access-log window; 0: logs are not read."""
    bytes_in_flight: int = 128 * MIB
    """Bytes of admin pages and logs that are in memory at once, not redacted and compressed yet."""


class FetchObserver(Protocol):
    """Is notified of progress."""

    def listed(self, pods: int, sidecars: int) -> None:
        """The pods are listed; `sidecars` of them will be read."""

    def fetched(self, pod: str, because: str) -> None:
        """One sidecar is read, or could not be read for the reason `because`."""


class LiveCluster:
    """One cluster, read in two steps: its objects, and its sidecars by `fetch`."""

    def __init__(
        self, session: Session, scope: Scope, pace: FetchLimits, redaction: Redaction, *, is_fresh: bool = False
    ) -> None:
        self.session = session
        self.scope = scope
        self.pace = pace
        self.is_fresh = is_fresh
        self.captured_at = now()
        self.interrupted = False
        self.redaction = redaction
        self.removals = Removals()
        """Secrets that were redacted so far."""
        self._documents: dict[str, Document] = {}
        self._unread: list[Unread] = []
        self._states: dict[str, str] = {}
        """Config counters of the sidecars when they were read, by pod."""

    @cached_property
    def objects(self) -> Objects:
        """The cluster's objects, read at the first use. Raises `Unreadable` where not even pods can be listed."""
        return read_objects(self.session, self.scope, self.removals, is_fresh=self.is_fresh)

    def fetch(self, watcher: FetchObserver | None = None, wanted: Callable[[str], bool] = lambda key: True) -> None:
        """Reads every sidecar that is `wanted` (by `namespace/name`). Ctrl-C ends it and notes the rest as not read."""
        # A pod that has ended has no running sidecar: its dump is not missing.
        sidecars = [pod for pod in self.objects.pods if pod.has_sidecar and not pod.has_ended and wanted(pod.key)]
        asked = [pod for pod in sidecars if not pod.why_unasked]
        self._unread += [Unread(_path(pod), pod.why_unasked) for pod in sidecars if pod.why_unasked]
        if watcher is not None:
            watcher.listed(len(self.objects.pods), len(asked))
        pace = self.pace
        room = BytesInFlight(pace.bytes_in_flight, pace.bytes_in_flight // pace.concurrency)
        pool: ThreadPool[LivePod, FetchedSidecar] = ThreadPool(
            SidecarFetch(self.session, room, pace.log_seconds).read,
            concurrency=pace.concurrency,
            seconds=pace.pod_seconds,
            discard=FetchedSidecar.release,
        )
        left = {pod.key: pod for pod in asked}
        try:
            for done in pool.run(asked):
                self._add(done, watcher)
                del left[done.item.key]
        except KeyboardInterrupt:
            self.interrupted = True
            missed = (_path(pod) for pod in left.values() if _path(pod) not in self._documents)
            self._unread += [Unread(path, "interrupted before it was read") for path in missed]

    def _add(self, done: TaskResult[LivePod, FetchedSidecar], watcher: FetchObserver | None) -> None:
        if done.problem is not None and not isinstance(done.problem, Unreadable):
            raise done.problem
        because = str(done.problem) if done.problem else ""
        if because:
            self._unread.append(Unread(_path(done.item), because))
        elif done.result is not None:
            # One at a time, in this thread: redacting a dump needs several times its size in memory, and its time is
            # not the pod's.
            read = clean(done.item, done.result, self.redaction, self.captured_at)
            self._documents.update(read.documents)
            self._unread += (note for note in read.unread if note not in self._unread)
            self.removals.merge(read.removals)
            self._states[done.item.key] = read.state
        if watcher is not None:
            watcher.fetched(done.item.key, because)

    @property
    def about(self) -> dict[str, Any]:
        """Where the capture comes from, for its capture.yaml."""
        return {
            "context": self.session.context,
            "namespaces": list(self.scope.namespaces),
            "labels": self.scope.labels,
            "interrupted": self.interrupted,
        }

    @property
    def read_pods(self) -> list[str]:
        """`namespace/name` of the pods whose config dump was read."""
        parts = (path.split("/") for path in self._documents if path.endswith(f"/{CONFIG_DUMP}"))
        return sorted(f"{part[1]}/{part[2]}" for part in parts)

    def documents_of(self, pod: str) -> dict[str, Document]:
        """What was read of one sidecar so far, by file name."""
        found = ((name, self._documents.get(f"proxies/{pod}/{name}")) for name in PAGES)
        return {name: document for name, document in found if document is not None}

    def keep_from(self, before: LiveCluster, but: Collection[str]) -> frozenset[str]:
        """Takes over what `before` read of sidecars that still run, except of the pods `but`; returns their pods.

        A pod that was replaced or restarted since is not taken over, whatever its name.
        """
        kept = {pod.key for pod in self.asked if pod.key not in but} & {*before.read_pods} - self._restarted(before)
        self._states |= {key: before._states.get(key, "") for key in kept}
        self._documents |= {path: one for path, one in before._documents.items() if proxy_of(path)[0] in kept}
        self._unread += [
            one for one in before._unread if proxy_of(one.path)[0] in kept or (kept and one.path.startswith(EVERY_POD))
        ]
        return frozenset(kept)

    def _restarted(self, before: LiveCluster) -> frozenset[str]:
        """The pods whose sidecar was restarted or replaced since."""
        runs = {pod.key: pod.run for pod in before.objects.pods}
        return frozenset(pod.key for pod in self.asked if runs.get(pod.key, pod.run) != pod.run)

    @property
    def asked(self) -> list[LivePod]:
        """The pods whose sidecars can be asked."""
        return [pod for pod in self.objects.pods if pod.has_sidecar and not pod.why_unasked]

    def changed_since(self, before: LiveCluster, among: Collection[str] | None = None) -> frozenset[str]:
        """The pods to read: new ones, and those whose configuration has changed since `before`.

        Of those that were read before, only the pods `among` are asked, or all. A pod that could not be read before and
        does not answer now keeps its note.
        """
        restarted = self._restarted(before)
        known = {*before.read_pods} - restarted
        asked = [pod for pod in self.asked if pod.key not in known or among is None or pod.key in among]
        found = states(SidecarReader(self.session), asked, self.pace.concurrency)
        changed = set[str]()
        for pod in asked:
            missed = [note for note in before._unread if note.path == _path(pod)]
            if missed and pod.key not in found:
                self._unread += missed
            elif pod.key in restarted or not found.get(pod.key) or found[pod.key] != before._states.get(pod.key):
                changed.add(pod.key)
        return frozenset(changed)

    def is_like(self, before: LiveCluster) -> bool:
        """Whether the objects are the same as before, as far as meshdoctor reads them."""
        mine, others = self.objects, before.objects
        return mine.unread == others.unread and mine.fingerprints == others.fingerprints

    def note(self, unread: Iterable[Unread]) -> None:
        """Adds notes about what could not be read."""
        self._unread += unread

    def add(self, document: Document) -> None:
        """Adds a document that was not read from the cluster, `dns.json`."""
        self._documents[document.path] = document

    def capture(self) -> Capture:
        """Everything read so far."""
        return Capture(
            kind="cluster",
            location=self.session.context,
            documents={**self.objects.documents, **dict(sorted(self._documents.items()))},
            # Config dumps first: long lists of notes are shortened, and a missing dump costs most verdicts.
            unread=(
                *sorted(self._unread, key=lambda note: (not note.path.endswith(CONFIG_DUMP), note.path)),
                *self.objects.unread,
            ),
            captured_at=self.captured_at,
        )


def _path(pod: LivePod) -> str:
    return f"proxies/{pod.key}/{CONFIG_DUMP}"

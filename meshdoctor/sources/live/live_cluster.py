"""A live cluster as a Capture: everything that a saved one would hold, in memory, dumps compressed.

The order is the user's: pods first (is there a cluster, may I look?), then the objects, then every sidecar at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from functools import cached_property, partial
from typing import Any, Protocol

from msgspec import Struct, field

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Deadline, TimedOut
from meshdoctor.kube.pod_requests import log_of
from meshdoctor.kube.session import Refused, Session, Unreachable
from meshdoctor.model.access_log import FILE
from meshdoctor.model.evidence import Capture, Document, Unread, proxy_of
from meshdoctor.semantics.envoy.access_log import digest, encode
from meshdoctor.sources.documents import packed_document
from meshdoctor.sources.live.config_counters import state_of, states
from meshdoctor.sources.live.live_pods import PROXY, LivePod
from meshdoctor.sources.live.object_reader import Objects, Scope, read_objects
from meshdoctor.sources.live.sidecar_reader import CONFIG_DUMP, PAGES, STATS, SidecarReader
from meshdoctor.sources.live.thread_pool import TaskResult, ThreadPool
from meshdoctor.sources.redact import Removals, redact_page
from meshdoctor.text.times import now

MAX_LOG_BYTES = 8 * 1024 * 1024
_RESTLESS = ("resourceVersion", "managedFields")


class FetchLimits(Struct, frozen=True):
    """How hard the cluster is asked."""

    at_once: int = 16
    """Sidecars asked at the same time."""
    pod_seconds: float = 30.0
    """For all that is asked of one sidecar, retries included."""
    log_seconds: int = 600
    """How far back access logs are read; 0: not at all."""


class FetchObserver(Protocol):
    """Who is told how it goes on."""

    def listed(self, pods: int, sidecars: int) -> None:
        """The pods are known; so many sidecars will be asked."""

    def fetched(self, pod: str, because: str) -> None:
        """One sidecar is done; `because` says why it could not be read, else it is empty."""


class _Kept(Struct):
    """What one sidecar left: documents by path."""

    documents: dict[str, Document] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)
    state: str = ""
    removals: Removals = field(default_factory=Removals)


class LiveCluster:
    """One cluster, read in two steps: its objects at once, its sidecars when they are asked for."""

    def __init__(self, session: Session, scope: Scope, pace: FetchLimits) -> None:
        self.session = session
        self.scope = scope
        self.pace = pace
        self.captured_at = now()
        self.interrupted = False
        self.removals = Removals()
        """Secrets that were taken out so far."""
        self._documents: dict[str, Document] = {}
        self._unread: list[Unread] = []
        self._states: dict[str, str] = {}
        """Of the sidecars as they were read, by pod."""
        self._cleaning = threading.Lock()
        """Taking secrets out of a dump needs several times its size: one at a time, which is no slower either."""

    @cached_property
    def objects(self) -> Objects:
        """The cluster's objects; read at the first use. Raises `Unreadable` where not even pods can be listed."""
        return read_objects(self.session, self.scope, self.removals)

    def fetch(self, watcher: FetchObserver | None = None, wanted: Callable[[str], bool] = lambda key: True) -> None:
        """Asks every sidecar that is `wanted` (by `namespace/name`). Ctrl-C keeps what is there, and names the rest."""
        # A pod that has ended runs nothing: its dump is not missing.
        sidecars = [pod for pod in self.objects.pods if pod.has_sidecar and not pod.has_ended and wanted(pod.key)]
        asked = [pod for pod in sidecars if not pod.why_unasked]
        self._unread += [Unread(_path(pod), pod.why_unasked) for pod in sidecars if pod.why_unasked]
        if watcher is not None:
            watcher.listed(len(self.objects.pods), len(asked))
        reader = SidecarReader(self.session)
        pool: ThreadPool[LivePod, _Kept] = ThreadPool(
            partial(self._read, reader), at_once=self.pace.at_once, seconds=self.pace.pod_seconds
        )
        left = {pod.key: pod for pod in asked}
        try:
            for done in pool.run(asked):
                self._take(done, watcher)
                del left[done.item.key]
        except KeyboardInterrupt:
            self.interrupted = True
            missed = (_path(pod) for pod in left.values() if _path(pod) not in self._documents)
            self._unread += [Unread(path, "interrupted before it was read") for path in missed]

    def _take(self, done: TaskResult[LivePod, _Kept], watcher: FetchObserver | None) -> None:
        if done.problem is not None and not isinstance(done.problem, Unreadable):
            raise done.problem
        because = str(done.problem) if done.problem else ""
        if because:
            self._unread.append(Unread(_path(done.item), because))
        elif done.result is not None:
            self._keep(done.result)
            self._states[done.item.key] = done.result.state
        if watcher is not None:
            watcher.fetched(done.item.key, because)

    def _read(self, reader: SidecarReader, pod: LivePod, deadline: Deadline) -> _Kept:
        """One sidecar's pages, redacted and packed where they were read: in the worker's thread."""
        pages = reader.read(pod.namespace, pod.name, PROXY, deadline)
        kept = _Kept(unread=[Unread(f"proxies/{pod.key}/{n.path}", n.because) for n in pages.unread])
        kept.state = state_of(pages.files.get(STATS, b""))
        with self._cleaning:
            for name in list(pages.files):
                path = f"proxies/{pod.key}/{name}"
                content = redact_page(path, pages.files.pop(name), kept.removals)
                kept.documents[path] = packed_document(path, content)
        if self.pace.log_seconds:
            self._read_log(pod, kept, deadline)
        return kept

    def _read_log(self, pod: LivePod, kept: _Kept, deadline: Deadline) -> None:
        """The digest of the access log. What cannot be had of it costs nothing but itself."""
        path = f"proxies/{pod.key}/{FILE}"
        try:
            text = log_of(self.session, pod.namespace, pod.name, PROXY, self.pace.log_seconds, MAX_LOG_BYTES, deadline)
        except Refused as problem:
            # One role is the same for all pods: told once.
            everywhere = problem.status == 403
            kept.unread.append(Unread(f"proxies/*/*/{FILE}" if everywhere else path, str(problem)))
        except (Unreachable, TimedOut) as problem:
            kept.unread.append(Unread(path, str(problem)))
        else:
            log = digest(text, own_ips=pod.ips, since_seconds=self.pace.log_seconds, read_at=self.captured_at)
            kept.documents[path] = packed_document(path, encode(log))

    def _keep(self, kept: _Kept) -> None:
        self._documents.update(kept.documents)
        self._unread += (note for note in kept.unread if note not in self._unread)
        self.removals.counts.update(kept.removals.counts)

    @property
    def about(self) -> dict[str, Any]:
        """What a saved capture says of where it comes from."""
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
        """Takes over what an earlier look read of sidecars that are still there, all `but` these; gives their pods.

        One that was made or started anew since is not the same, whatever its name.
        """
        kept = {pod.key for pod in self.asked if pod.key not in but} & {*before.read_pods} - self._anew(before)
        self._states |= {key: before._states.get(key, "") for key in kept}
        self._documents |= {path: one for path, one in before._documents.items() if proxy_of(path)[0] in kept}
        self._unread += [
            one for one in before._unread if proxy_of(one.path)[0] in kept or (kept and _is_of_all(one.path))
        ]
        return frozenset(kept)

    def _anew(self, before: LiveCluster) -> frozenset[str]:
        """The pods that run another sidecar than then."""
        runs = {pod.key: pod.run for pod in before.objects.pods}
        return frozenset(pod.key for pod in self.asked if runs.get(pod.key, pod.run) != pod.run)

    @property
    def asked(self) -> list[LivePod]:
        """The pods whose sidecars can be asked."""
        return [pod for pod in self.objects.pods if pod.has_sidecar and not pod.why_unasked]

    def changed_since(self, before: LiveCluster, among: Collection[str] | None = None) -> frozenset[str]:
        """The pods that have to be read: new ones, and those whose sidecar is not as an earlier look has left it.

        Of those that were read then only these are asked, `among`, or all. One that could not be read then, and does
        not answer now, is noted as it was.
        """
        anew = self._anew(before)
        known = {*before.read_pods} - anew
        asked = [pod for pod in self.asked if pod.key not in known or among is None or pod.key in among]
        found = states(SidecarReader(self.session), asked, self.pace.at_once)
        changed = set[str]()
        for pod in asked:
            missed = [note for note in before._unread if note.path == _path(pod)]
            if missed and pod.key not in found:
                self._unread += missed
            elif pod.key in anew or not found.get(pod.key) or found[pod.key] != before._states.get(pod.key):
                changed.add(pod.key)
        return frozenset(changed)

    def is_like(self, before: LiveCluster) -> bool:
        """The objects say what they said then, as far as meshdoctor looks at them."""
        mine, others = self.objects, before.objects
        return (
            mine.unread == others.unread
            and mine.documents.keys() == others.documents.keys()
            and all(_said(one) == _said(others.documents[path]) for path, one in mine.documents.items())
        )

    def note(self, unread: Iterable[Unread]) -> None:
        """Adds what else could not be read."""
        self._unread += unread

    def add(self, document: Document) -> None:
        """Adds a document that was made of what was read, `dns.json`."""
        self._documents[document.path] = document

    def capture(self) -> Capture:
        """Everything read so far."""
        return Capture(
            kind="cluster",
            location=self.session.context,
            documents={**self.objects.documents, **dict(sorted(self._documents.items()))},
            unread=(*sorted(self._unread, key=_most_missed), *self.objects.unread),
            captured_at=self.captured_at,
        )


def _most_missed(note: Unread) -> tuple[bool, str]:
    """A sidecar's own configuration first: lists of what was not read are cut short, and it costs most verdicts."""
    return not note.path.endswith(CONFIG_DUMP), note.path


def _is_of_all(path: str) -> bool:
    """Told once of all sidecars, `proxies/*/*/access_log.json`."""
    return path.startswith("proxies/*/")


def _said(document: Document) -> list[Any]:
    """The objects of a List without what changes by itself."""
    tree = document.tree() if document.tree is not None else {}
    return [_settled(item) for item in tree["items"]]


def _settled(item: dict[str, Any]) -> dict[str, Any]:
    metadata = {name: said for name, said in item.get("metadata", {}).items() if name not in _RESTLESS}
    status = item.get("status")
    if item.get("kind") == "Pod" and isinstance(status, dict):
        status = {name: status.get(name) for name in ("phase", "podIP", "podIPs")}
    return {**item, "metadata": metadata, "status": status}


def _path(pod: LivePod) -> str:
    return f"proxies/{pod.key}/{CONFIG_DUMP}"

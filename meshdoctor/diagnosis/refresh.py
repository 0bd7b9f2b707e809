"""Refreshes a live cluster: lists the pods, checks each as its dump is read, and checks all of them at the end.

The results in between are provisional: DNS answers and access logs come after the dumps, and a gateway's dump may come
after those of the sidecars that send to it. Any of these can change the verdicts of any pod.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from http import HTTPStatus

from meshdoctor.diagnosis.case_reader import add_manifests
from meshdoctor.diagnosis.case_watch import CaseWatch
from meshdoctor.diagnosis.cluster_reader import open_cluster, resolve
from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun
from meshdoctor.diagnosis.events import FindingsUpdated, PodChecked, PodUnread, Progress
from meshdoctor.diagnosis.pod_list import list_pods
from meshdoctor.facts.case import Case
from meshdoctor.facts.mesh_reader import add_proxy
from meshdoctor.kube.session import Refused, Session
from meshdoctor.model.resolver import Resolver
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.sources.live.live_cluster import LiveCluster
from meshdoctor.sources.source import Source

IN_TURN = 32
"""Sidecars that are asked whether they have changed, in a refresh without a changed object."""

FINDINGS_AT_MOST = 25
"""Most `FindingsUpdated` of one refresh."""


def read_whole_cluster(
    watch: CaseWatch, source: Source, before: LiveCluster | None, pods: Collection[str]
) -> LiveCluster:
    """Reads and checks the cluster, and returns it.

    With `before`, only the sidecars of `pods` are read again. Raises as `read_cluster` does, and `SessionStopped`.
    """
    cluster = _opened(watch, source)
    kept = cluster.keep_from(before, pods) if before else frozenset()
    return _read(watch, source, cluster, kept, lambda key: key not in kept)


def _opened(watch: CaseWatch, source: Source, session: Session | None = None) -> LiveCluster:
    """Reuses the login of `session`, unless the server refuses it: a kubeconfig's plugin may take seconds."""
    asked = source.cluster or ClusterSource()
    watch.tell(Progress(0, 0, "reading the cluster's objects"))
    try:
        return open_cluster(asked, session)
    except Refused as problem:
        if session is None or problem.status != HTTPStatus.UNAUTHORIZED:
            raise
    return open_cluster(asked)


def _read(
    watch: CaseWatch,
    source: Source,
    cluster: LiveCluster,
    kept: frozenset[str],
    wanted: Callable[[str], bool],
) -> LiveCluster:
    asked = source.cluster or ClusterSource()
    cluster.fetch(_Arrivals(watch, source, cluster, kept), wanted)
    if asked.resolver is not Resolver.OFF:
        watch.tell(Progress(0, 0, "resolving hosts"))
        resolve(cluster, asked.resolver)
    case = Case(add_manifests(cluster.capture(), source))
    watch.diagnose(case, doing="checking with DNS answers", is_new=False)
    return cluster


class ClusterRefresh:
    """Refreshes only what has changed, to watch a cluster at little cost.

    The objects are listed each time. Where they changed, every sidecar is asked for a few counters, this time and the
    next, as a push takes time, and also after a failed refresh; else some of them in turn. Dumps are read of sidecars
    that have changed; hosts are resolved again where anything has.
    """

    def __init__(self) -> None:
        self._order: dict[str, None] = {}
        """Pods whose sidecars were asked, the longest ago first."""
        self._has_just_changed = False
        self._has_answered = True
        """The server answered the last time."""

    def reset(self) -> None:
        """All sidecars were read."""
        self._order = {}

    def refresh_changed(
        self, watch: CaseWatch, source: Source, before: LiveCluster, *, must_tell: bool
    ) -> LiveCluster | None:
        """Reads and checks what changed, and returns the cluster; None where nothing has, unless it `must_tell`.

        Raises as `read_whole_cluster`.
        """
        session, self._has_answered = before.session if self._has_answered else None, False
        cluster = _opened(watch, source, session)
        self._has_answered = True
        is_like = cluster.is_like(before)
        ask_all, self._has_just_changed = not is_like or self._has_just_changed or must_tell, not is_like
        changed = cluster.changed_since(before, None if ask_all else self._next(cluster))
        if is_like and not changed and not must_tell:
            return None
        kept = cluster.keep_from(before, changed)
        asked = {pod.key for pod in cluster.asked}
        # Those that cannot be read are included: `fetched` says why.
        return _read(watch, source, cluster, kept, lambda key: key in changed or key not in asked)

    def _next(self, cluster: LiveCluster) -> list[str]:
        """The sidecars that were asked longest ago."""
        here = [pod.key for pod in cluster.asked]
        turns = [*(key for key in here if key not in self._order), *(key for key in self._order if key in {*here})]
        asked = turns[:IN_TURN]
        self._order = dict.fromkeys([*turns[IN_TURN:], *asked])
        return asked


class _Arrivals:
    """Checks each sidecar once it is read (a `FetchObserver`), and sends its event."""

    def __init__(self, watch: CaseWatch, source: Source, cluster: LiveCluster, kept: frozenset[str]) -> None:
        self._watch = watch
        self._source = source
        self._cluster = cluster
        self._kept = kept
        self._total = 0
        self._done = 0

    @cached_property
    def _case(self) -> Case:
        """The cluster's objects, to which each dump is added once it is read."""
        return Case(add_manifests(self._cluster.capture(), self._source))

    @cached_property
    def _run(self) -> DiagnosisRun:
        return self._watch.start(self._case, is_final=False)

    def listed(self, pods: int, sidecars: int) -> None:
        """The pods are listed; so many sidecars will be read."""
        self._total = sidecars
        case = self._case
        self._watch.set_case(case)
        sheet = self._watch.sheet(case)
        unasked = {note.path for note in case.capture.unread}
        asked = (pod.key for pod in self._cluster.objects.pods if pod.has_sidecar and not pod.why_unasked)
        coming = [key for key in asked if f"proxies/{key}/config_dump.json" not in unasked]
        self._watch.tell(list_pods(case.capture, sheet, coming, self._kept))
        self._watch.tell(Progress(0, sidecars, "reading sidecars"))

    def fetched(self, pod: str, because: str) -> None:
        """One sidecar is done; `because` says why it could not be read, else it is empty."""
        self._done += 1
        if because:
            self._watch.tell(PodUnread(pod, because))
        else:
            self._check(pod)
        self._watch.tell(Progress(self._done, self._total, "reading sidecars"))
        if self._done % max(1, self._total // FINDINGS_AT_MOST) == 0:
            self._watch.tell(FindingsUpdated(self._run.findings()))

    def _added(self, pod: str) -> Iterator[PodChecked]:
        """Adds its dump and checks it. Both need the lock: a trace may read the proxies meanwhile."""
        add_proxy(self._case.mesh, pod, self._cluster.documents_of(pod))
        yield from self._run.check([pod])

    def _check(self, pod: str) -> None:
        mesh = self._case.mesh
        for checked in self._watch.in_turn(self._added(pod)):
            self._watch.tell(checked)
        if pod in mesh.proxies_unread:
            self._watch.tell(PodUnread(pod, mesh.proxies_unread[pod]))

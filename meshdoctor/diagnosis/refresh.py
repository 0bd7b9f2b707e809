"""A look at a live cluster: pods are listed first, each is judged as its dump comes in, and all of them at the end.

What is told in between is provisional: DNS answers come after the dumps (pods that were read are asked), access logs
with them, and a gateway's dump may come after those of the sidecars that send to it. Any of these can change any pod's
verdicts, so the end judges all of it anew, replicas once.
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
"""Sidecars that are asked whether they have changed, each time that no object has."""

FINDINGS_AT_MOST = 25
"""Tellings of the provisional findings, however many pods there are."""


def read_whole_cluster(
    watch: CaseWatch, source: Source, before: LiveCluster | None, pods: Collection[str]
) -> LiveCluster:
    """Lists, fetches, judges, and gives the cluster as it was read.

    Of `before`, where there is one, all sidecars but those of `pods` are taken over and not asked again. Raises as
    `read_cluster` does, and `SessionStopped`.
    """
    cluster = _opened(watch, source)
    kept = cluster.keep_from(before, pods) if before else frozenset()
    return _read(watch, source, cluster, kept, lambda key: key not in kept)


def _opened(watch: CaseWatch, source: Source, session: Session | None = None) -> LiveCluster:
    """With `session` without a new login, unless the server wants one: a kubeconfig's plugin may take seconds."""
    asked = source.cluster or ClusterSource()
    watch.tell(Progress(0, 0, "asking the cluster for its objects"))
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
        watch.tell(Progress(0, 0, "asking DNS"))
        resolve(cluster, asked.resolver)
    case = Case(add_manifests(cluster.capture(), source))
    watch.diagnose(case, doing="judging with DNS answers", is_new=False)
    return cluster


class ClusterRefresh:
    """Looks again at what has changed, and at nothing else: what watching a cluster costs it.

    The objects are listed each time. Where they changed, every sidecar is asked for a few counters, this time and the
    next, for a push takes its time, and also where the look before failed with what it had found; else some of them in
    turn. Dumps are read of those that have changed, DNS is asked again where anything has.
    """

    def __init__(self) -> None:
        self._order: dict[str, None] = {}
        """Pods whose sidecars were asked, the one that was asked longest ago first."""
        self._is_restless = False
        self._was_there = True
        """The server answered the last time."""

    def reset(self) -> None:
        """All of them were read just now."""
        self._order = {}

    def refresh_changed(
        self, watch: CaseWatch, source: Source, before: LiveCluster, *, must_tell: bool
    ) -> LiveCluster | None:
        """The cluster as it is now, judged and told; None where nothing has changed, unless it `must_tell`.

        Raises as `read_whole_cluster`.
        """
        session, self._was_there = before.session if self._was_there else None, False
        cluster = _opened(watch, source, session)
        self._was_there = True
        is_like = cluster.is_like(before)
        ask_all, self._is_restless = not is_like or self._is_restless or must_tell, not is_like
        changed = cluster.changed_since(before, None if ask_all else self._next(cluster))
        if is_like and not changed and not must_tell:
            return None
        kept = cluster.keep_from(before, changed)
        asked = {pod.key for pod in cluster.asked}
        # The others are not asked either: why not is told.
        return _read(watch, source, cluster, kept, lambda key: key in changed or key not in asked)

    def _next(self, cluster: LiveCluster) -> list[str]:
        """Whose turn it is: whoever was asked longest ago."""
        here = [pod.key for pod in cluster.asked]
        turns = [*(key for key in here if key not in self._order), *(key for key in self._order if key in {*here})]
        asked = turns[:IN_TURN]
        self._order = dict.fromkeys([*turns[IN_TURN:], *asked])
        return asked


class _Arrivals:
    """Hears of each sidecar that was read (a `FetchObserver`), checks it, and tells."""

    def __init__(self, watch: CaseWatch, source: Source, cluster: LiveCluster, kept: frozenset[str]) -> None:
        self._watch = watch
        self._source = source
        self._cluster = cluster
        self._kept = kept
        self._total = 0
        self._done = 0

    @cached_property
    def _case(self) -> Case:
        """The cluster's objects, to which the dumps are added as they come."""
        return Case(add_manifests(self._cluster.capture(), self._source))

    @cached_property
    def _run(self) -> DiagnosisRun:
        return self._watch.start(self._case, is_final=False)

    def listed(self, pods: int, sidecars: int) -> None:
        """The pods are known; so many sidecars will be asked."""
        self._total = sidecars
        case = self._case
        self._watch.take_up(case)
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
        """Its dump is added in its turn as well: a trace may go through the proxies meanwhile."""
        add_proxy(self._case.mesh, pod, self._cluster.documents_of(pod))
        yield from self._run.turns([pod])

    def _check(self, pod: str) -> None:
        mesh = self._case.mesh
        for checked in self._watch.in_turn(self._added(pod)):
            self._watch.tell(checked)
        if pod in mesh.proxies_unread:
            self._watch.tell(PodUnread(pod, mesh.proxies_unread[pod]))

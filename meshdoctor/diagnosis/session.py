"""One source, looked at as often as asked: what comes out is told as events while it comes, from a thread of its own.

Nothing here waits for whoever listens, and whoever listens never waits for a cluster or a file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from meshdoctor.diagnosis.cache import shares_of
from meshdoctor.diagnosis.case_run import CaseRun
from meshdoctor.diagnosis.events import (
    DiagnosisFailed,
    DiagnosisFinished,
    Event,
    FindingsUpdated,
    PodChecked,
    PodUnread,
    Progress,
)
from meshdoctor.diagnosis.pod_list import listed
from meshdoctor.doctor import Case, Source, open_case, sheet_of, traced, tracer_of
from meshdoctor.errors import MeshdoctorError, NothingToJudge, Unreadable
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.model.trace import Trace
from meshdoctor.trace.outbound import Tracer

if TYPE_CHECKING:
    from meshdoctor.diagnosis.cache import CachedShare, DiagnosisCache
    from meshdoctor.diagnosis.details import HostFacts, PodFacts
    from meshdoctor.diagnosis.file_stamps import Stamp
    from meshdoctor.diagnosis.refresh import ClusterRefresh
    from meshdoctor.sources.live.live_cluster import LiveCluster

Answer = TypeVar("Answer")

Tell = Callable[[Event], None]
"""Hears each event, in the thread that makes it. It must not wait."""

FINDINGS_EVERY = 0.4
"""Seconds between two tellings of all findings so far: to write them out costs as much as to judge a pod or two."""

OPEN_AT_MOST = 3
"""Sidecars that are kept open for traces; the dump of each may weigh tens of megabytes."""


PATIENCE = 0.2
"""Seconds after which whoever waits for a turn looks whether the session has ended: a program waits for its threads."""


class SessionStopped(Exception):
    """Nobody listens any more."""


class DiagnosisSession:
    """A source being looked at. `namespaces` and `labels` (a selector) limit the pods, as everywhere."""

    def __init__(self, source: Source, tell: Tell, namespaces: Sequence[str] = (), labels: str = "") -> None:
        self.source = source
        self.case: Case | None = None
        """The newest evidence; of a live cluster still growing while it is read."""
        self._tell = tell
        self._namespaces = tuple(namespaces)
        self._labels = labels
        self._stop = threading.Event()
        self._turn = threading.Lock()
        """Whoever opens dumps of the case has it: a proxy's turn, or a trace between two turns."""
        self._thread: threading.Thread | None = None
        self._opened: dict[str, Tracer] = {}
        self._opened_of: Case | None = None
        self._cluster: LiveCluster | None = None
        """The live cluster as the newest whole look left it."""
        self._end: DiagnosisFinished | None = None
        """Its end, where that is what was told last."""
        self._cluster_refresh: ClusterRefresh | None = None
        self._ledger: DiagnosisCache | None = None
        """What the newest look at files has left."""

    @property
    def is_busy(self) -> bool:
        """A look is under way."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stamp(self) -> Stamp | None:
        """Of the files as they were when the newest look at them began; None where there was none, or it failed."""
        ledger = self._ledger
        return ledger.stamp if ledger is not None else None

    def refresh(self, pods: Collection[str] | None = None, *, only_changed: bool = False) -> bool:
        """Starts a look in a thread of its own; False where one is under way already.

        `pods` (keys): of a live cluster only these sidecars, and those nobody has read yet, are asked again. The
        objects are read anew and everything is judged again: a proxy's verdicts depend on entries that may have
        changed. Of files only the dumps of these pods, of their neighbours, and of those that were written since are
        read again. `is_glance`: only sidecars that say that they have changed are asked again.
        """
        if self.is_busy:
            return False
        # A daemon: a request that hangs must not keep the program from ending.
        source_options = partial(self.look, pods, only_changed=only_changed)
        self._thread = threading.Thread(target=source_options, daemon=True, name="meshdoctor session")
        self._thread.start()
        return True

    def stop(self) -> None:
        """Ends the look under way at its next step. Nothing more is told."""
        self._stop.set()

    def look(self, pods: Collection[str] | None = None, *, only_changed: bool = False) -> None:
        """One look as `refresh` starts it, in this thread. Never raises: what goes wrong is told."""
        try:
            if self.source.cluster is not None:
                self._look_at_cluster(pods, only_changed=only_changed)
            else:
                self._look_at_files(pods)
        except SessionStopped:
            return
        except MeshdoctorError as problem:
            self._fail(str(problem), is_away=isinstance(problem, Unreadable))
        except Exception as problem:
            what = str(problem).partition("\n")[0]
            self._fail(f"a fault in meshdoctor itself: {type(problem).__name__}: {what}", is_away=False)

    def _look_at_files(self, again: Collection[str] | None) -> None:
        """With `again`, dumps that are as they were are not read but for those."""
        from meshdoctor.diagnosis.cache import DiagnosisCache
        from meshdoctor.diagnosis.file_stamps import stamp

        ledger = DiagnosisCache(stamp(self.source), self.source.path)
        before, self._ledger = self._ledger, None
        case = open_case(self.source)
        good: list[CachedShare] = []
        if before is not None and again is not None:
            good = before.still_good(ledger.stamp, sorted(self.sheet(case).names), again, case.mesh)
        ledger.shares = self.judge(case, good)
        self._ledger = ledger

    def _look_at_cluster(self, pods: Collection[str] | None, *, only_changed: bool) -> None:
        from meshdoctor.diagnosis.refresh import ClusterRefresh, read_whole_cluster

        if self._cluster_refresh is None:
            self._cluster_refresh = ClusterRefresh()
        if only_changed and self._cluster is not None:
            found = self._cluster_refresh.refresh_changed(self, self.source, self._cluster, must_tell=self._end is None)
            if found is not None:
                self._cluster = found
            elif self._end is not None:
                # Nothing has changed: what was told holds.
                self.tell(self._end)
        else:
            self._cluster_refresh.reset()
            before = None if pods is None else self._cluster
            self._cluster = read_whole_cluster(self, self.source, before, pods or ())

    def _fail(self, because: str, *, is_away: bool) -> None:
        self._end = None
        if not self._stop.is_set():
            self._tell(DiagnosisFailed(because, is_away))

    def tell(self, event: Event) -> None:
        """Tells an event. Raises `Stopped` where nobody listens any more."""
        if self._stop.is_set():
            raise SessionStopped
        self._tell(event)

    def take_up(self, case: Case) -> None:
        """From now on this is the newest evidence. Of the one before nothing is held, for its dumps may be large."""
        self.case, self._end = case, None

    def sheet(self, case: Case) -> FactSheet:
        """The case's mesh as far as it is asked for."""
        return sheet_of(case, self._namespaces, self._labels)

    def judge(
        self, case: Case, good: Sequence[CachedShare] | None = None, *, doing: str = "judging", is_new: bool = True
    ) -> list[CachedShare]:
        """Judges all of a case that is whole, and tells the end. `is_new`: its pods were not listed before.

        `good`: shares of an earlier look that hold; the result is this look's shares then.
        """
        self.take_up(case)
        sheet = self.sheet(case)
        names = sheet.names
        if is_new:
            self.tell(listed(case.capture, sheet, names))
        course = CaseRun(case, sheet)
        turns = course.turns(names) if good is None else _in_shares(course, names, good)
        self._judge_all(course, sheet, names, turns, doing)
        with self._turn:
            finished = course.finished()
        self.tell(finished)
        self._end = finished
        return course.shares

    def _judge_all(
        self, course: CaseRun, sheet: FactSheet, names: list[str], turns: Iterator[PodChecked], doing: str
    ) -> None:
        told_unread: set[str] = set()
        told_at = time.monotonic()
        self.tell(Progress(0, len(names), doing))
        for done, judged in enumerate(self.in_turn(turns), 1):
            self.tell(judged)
            self._tell_unread(sheet, told_unread)
            self.tell(Progress(done + len(told_unread), len(names), doing))
            if time.monotonic() - told_at > FINDINGS_EVERY:
                self.tell(FindingsUpdated(course.findings()))
                told_at = time.monotonic()
        self._tell_unread(sheet, told_unread)
        self.tell(Progress(len(names), len(names), doing))

    def _tell_unread(self, sheet: FactSheet, told: set[str]) -> None:
        for key, because in list(sheet.mesh.proxies_unread.items()):
            if key not in told and sheet.is_asked(key):
                told.add(key)
                self.tell(PodUnread(key, because))

    def in_turn(self, turns: Iterator[PodChecked]) -> Iterator[PodChecked]:
        """The same, each made while nobody else opens a dump."""
        while True:
            if self._stop.is_set():
                raise SessionStopped
            with self._turn:
                judged = next(turns, None)
            if judged is None:
                return
            yield judged

    def using(self, work: Callable[[Case], Answer]) -> Answer:
        """What `work` makes of the newest evidence, while nobody else opens a dump. Call it from a thread.

        Raises what `work` raises, `NothingToJudge` where nothing has been read yet, or the session ends meanwhile.
        """
        if self.case is None:
            raise NothingToJudge("nothing has been read yet: wait for the first pods")
        while not self._turn.acquire(timeout=PATIENCE):
            if self._stop.is_set():
                raise NothingToJudge("nothing is looked at any more")
        try:
            return work(self.case)
        finally:
            self._turn.release()

    def trace(self, pod: str, host: str, port: int, **how: Any) -> Trace:
        """What `doctor.trace` says of the newest evidence, without line numbers. May wait for one proxy's turn: call
        it from a thread. A sidecar is opened for the first question only.

        Raises what that raises, `NothingToJudge` where nothing has been read yet.
        """
        return self.using(lambda case: traced(self._tracer(case, pod), host, port, **how))

    def _tracer(self, case: Case, pod: str) -> Tracer:
        if case is not self._opened_of:
            self._opened, self._opened_of = {}, case
        if pod not in self._opened:
            tracer = tracer_of(case, pod)
            if tracer.proxy is None:
                # Its dump may still come in.
                return tracer
            while len(self._opened) >= OPEN_AT_MOST:
                del self._opened[next(iter(self._opened))]
            self._opened[pod] = tracer
        return self._opened[pod]

    def pod_facts(self, pod: str) -> PodFacts:
        """All that is known of a pod. Opens its sidecar: call it from a thread; raises as `using`."""
        from meshdoctor.diagnosis.details import pod_facts

        return self.using(lambda case: pod_facts(case, pod))

    def host_facts(self, host: str, port: int | None, pod: str = "") -> HostFacts:
        """All that is known of a host; `pod`: whose sidecar is asked what it resolved the host to. As `pod_facts`."""
        from meshdoctor.diagnosis.details import host_facts

        return self.using(lambda case: host_facts(case, host, port, self._tracer(case, pod) if pod else None))


def _in_shares(course: CaseRun, names: Sequence[str], good: Sequence[CachedShare]) -> Iterator[PodChecked]:
    """Each share's turns; those that hold are not read."""
    known = {share.names: share for share in good}
    for share in shares_of(names):
        yield from course.adopt(known[share]) if share in known else course.share_turns(share)

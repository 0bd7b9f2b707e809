"""The newest evidence of a source, diagnosed while somebody watches and questioned in between.

Nothing here waits for whoever listens, and whoever listens never waits for a cluster or a file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun
from meshdoctor.diagnosis.events import DiagnosisFinished, Event, FindingsUpdated, PodUnread, Progress
from meshdoctor.diagnosis.pod_list import list_pods
from meshdoctor.diagnosis.scope import load_catalogue, sheet_of
from meshdoctor.diagnosis.tracing import open_tracer, trace_from
from meshdoctor.errors import NothingToJudge
from meshdoctor.facts.case import Case
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.model.trace import Trace
from meshdoctor.trace.outbound import Tracer

if TYPE_CHECKING:
    from meshdoctor.diagnosis.details import HostFacts, PodFacts
    from meshdoctor.diagnosis.proxy_checker import CheckedShare

Answer = TypeVar("Answer")
Turn = TypeVar("Turn")

Tell = Callable[[Event], None]
"""Hears each event, in the thread that makes it. It must not wait."""

FINDINGS_EVERY = 0.4
"""Seconds between two tellings of all findings so far: to write them out costs as much as to check a pod or two."""

OPEN_AT_MOST = 3
"""Sidecars that are kept open for traces; the dump of each may weigh tens of megabytes."""

PATIENCE = 0.2
"""Seconds after which whoever waits for a turn looks whether the session has ended: a program waits for its threads."""


class SessionStopped(Exception):
    """Nobody listens any more."""


class CaseWatch:
    """Runs diagnoses and tells their events. `namespaces` and `labels` (a selector) limit the pods, as everywhere."""

    def __init__(self, tell: Tell, namespaces: Sequence[str] = (), labels: str = "") -> None:
        self.case: Case | None = None
        """The newest evidence; of a live cluster still growing while it is read."""
        self.finished: DiagnosisFinished | None = None
        """Its end, where that is what was told last."""
        self._tell = tell
        self._namespaces = tuple(namespaces)
        self._labels = labels
        self._stop = threading.Event()
        self._turn = threading.Lock()
        """Whoever opens dumps of the case has it: a proxy's turn, or a trace between two turns."""
        self._opened: dict[str, Tracer] = {}
        self._opened_of: Case | None = None

    @property
    def is_stopped(self) -> bool:
        """Nobody listens any more."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ends what is under way at its next step. Nothing more is told."""
        self._stop.set()

    def tell(self, event: Event) -> None:
        """Tells an event. Raises `SessionStopped` where nobody listens any more."""
        if self._stop.is_set():
            raise SessionStopped
        self._tell(event)

    def take_up(self, case: Case) -> None:
        """From now on this is the newest evidence. Of the one before nothing is held, for its dumps may be large."""
        self.case, self.finished = case, None

    def sheet(self, case: Case) -> FactSheet:
        """The case's mesh as far as it is asked for."""
        return sheet_of(case, self._namespaces, self._labels)

    def start(self, case: Case, *, is_final: bool = True) -> DiagnosisRun:
        """A run over the pods asked for, with the built-in rules."""
        return DiagnosisRun(case, self.sheet(case), load_catalogue(), is_final=is_final)

    def diagnose(
        self, case: Case, kept: Sequence[CheckedShare] | None = None, *, doing: str = "judging", is_new: bool = True
    ) -> list[CheckedShare]:
        """Diagnoses a case that is whole, and tells the end. `is_new`: its pods were not listed before.

        `kept`: shares of an earlier run that hold; the result is this run's shares then.
        """
        self.take_up(case)
        run = self.start(case)
        sheet, names = run.sheet, run.sheet.names
        if is_new:
            self.tell(list_pods(case.capture, sheet, names))
        unread: set[str] = set()
        told_at = time.monotonic()
        self.tell(Progress(0, len(names), doing))
        for done, event in enumerate(self.in_turn(run.events(kept)), 1):
            if isinstance(event, DiagnosisFinished):
                self._tell_unread(sheet, unread)
                self.tell(Progress(len(names), len(names), doing))
                self.tell(event)
                self.finished = event
                break
            self.tell(event)
            self._tell_unread(sheet, unread)
            self.tell(Progress(done + len(unread), len(names), doing))
            if time.monotonic() - told_at > FINDINGS_EVERY:
                self.tell(FindingsUpdated(run.findings()))
                told_at = time.monotonic()
        return run.shares

    def _tell_unread(self, sheet: FactSheet, told: set[str]) -> None:
        for key, because in list(sheet.mesh.proxies_unread.items()):
            if key not in told and sheet.is_asked(key):
                told.add(key)
                self.tell(PodUnread(key, because))

    def in_turn(self, turns: Iterator[Turn]) -> Iterator[Turn]:
        """The same, each made while nobody else opens a dump."""
        while True:
            if self._stop.is_set():
                raise SessionStopped
            with self._turn:
                try:
                    turn = next(turns)
                except StopIteration:
                    return
            yield turn

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
        return self.using(lambda case: trace_from(self._tracer(case, pod), host, port, **how))

    def _tracer(self, case: Case, pod: str) -> Tracer:
        if case is not self._opened_of:
            self._opened, self._opened_of = {}, case
        if pod not in self._opened:
            tracer = open_tracer(case, pod)
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

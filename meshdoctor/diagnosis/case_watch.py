"""The newest evidence of a source: diagnosed with events as it is read, and traced in between.

Listeners must not block; they never wait for a cluster or a file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar, Unpack

from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun
from meshdoctor.diagnosis.events import DiagnosisFinished, Event, FindingsUpdated, PodUnread, Progress
from meshdoctor.diagnosis.pod_list import list_pods
from meshdoctor.diagnosis.scope import load_catalogue, sheet_of
from meshdoctor.diagnosis.tracing import open_tracer, trace_from
from meshdoctor.errors import NothingToJudge
from meshdoctor.facts.case import Case
from meshdoctor.facts.derived.fact_lists import FactSheet
from meshdoctor.model.trace import ClientOptions, Trace
from meshdoctor.trace.outbound import Tracer

if TYPE_CHECKING:
    from meshdoctor.diagnosis.details import HostFacts, PodFacts
    from meshdoctor.diagnosis.proxy_checker import CheckedShare

Answer = TypeVar("Answer")
Turn = TypeVar("Turn")

Tell = Callable[[Event], None]
"""Receives each event, in the thread of the diagnosis. It must not block."""

FINDINGS_EVERY = 0.4
"""Seconds between two `FindingsUpdated`: to make one costs as much as to check a pod or two."""

OPEN_AT_MOST = 3
"""Sidecars that are kept open for traces; the dump of each may weigh tens of megabytes."""

PATIENCE = 0.2
"""Seconds after which a thread that waits for its turn checks whether the session has ended."""


class SessionStopped(Exception):
    """The session was stopped."""


class CaseWatch:
    """Runs diagnoses and sends their events. `namespaces` and `labels` (a selector) limit the pods."""

    def __init__(self, tell: Tell, namespaces: Sequence[str] = (), labels: str = "") -> None:
        self.case: Case | None = None
        """The newest evidence; that of a live cluster grows while it is read."""
        self.finished: DiagnosisFinished | None = None
        """The last event, where that was the end of a diagnosis."""
        self._tell = tell
        self._namespaces = tuple(namespaces)
        self._labels = labels
        self._stop = threading.Event()
        self._turn = threading.Lock()
        """Held while dumps of the case are read: by the check of a proxy, or by a trace in between."""
        self._opened: dict[str, Tracer] = {}
        self._opened_of: Case | None = None

    @property
    def is_stopped(self) -> bool:
        """The session was stopped."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ends a running diagnosis at its next step. No more events are sent."""
        self._stop.set()

    def tell(self, event: Event) -> None:
        """Sends an event. Raises `SessionStopped` after `stop`."""
        if self._stop.is_set():
            raise SessionStopped
        self._tell(event)

    def set_case(self, case: Case) -> None:
        """Replaces the evidence. Nothing of the old one is kept, as its dumps may be large."""
        self.case, self.finished = case, None

    def sheet(self, case: Case) -> FactSheet:
        """The facts of the pods asked for."""
        return sheet_of(case, self._namespaces, self._labels)

    def start(self, case: Case, *, is_final: bool = True) -> DiagnosisRun:
        """A run over the pods asked for, with the built-in rules."""
        return DiagnosisRun(case, self.sheet(case), load_catalogue(), is_final=is_final)

    def diagnose(
        self, case: Case, kept: Sequence[CheckedShare] | None = None, *, doing: str = "checking", is_new: bool = True
    ) -> list[CheckedShare]:
        """Diagnoses a complete case and sends the end. `is_new`: its pods were not listed before.

        `kept`: shares of an earlier run to reuse. Returns the shares of this run.
        """
        self.set_case(case)
        run = self.start(case)
        sheet, names = run.sheet, run.sheet.names
        if is_new:
            self.tell(list_pods(case.capture, sheet, names))
        unread: set[str] = set()
        sent_at = time.monotonic()
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
            if time.monotonic() - sent_at > FINDINGS_EVERY:
                self.tell(FindingsUpdated(run.findings()))
                sent_at = time.monotonic()
        return run.shares

    def _tell_unread(self, sheet: FactSheet, sent: set[str]) -> None:
        for key, because in list(sheet.mesh.proxies_unread.items()):
            if key not in sent and sheet.is_asked(key):
                sent.add(key)
                self.tell(PodUnread(key, because))

    def in_turn(self, turns: Iterator[Turn]) -> Iterator[Turn]:
        """Yields `turns`; each is made while no other thread reads dumps."""
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
        """The result of `work` on the newest evidence; no other thread reads dumps meanwhile. Call it from a thread.

        Raises what `work` raises, and `NothingToJudge` before anything was read, or where the session ends meanwhile.
        """
        if self.case is None:
            raise NothingToJudge("nothing has been read yet: wait for the first pods")
        while not self._turn.acquire(timeout=PATIENCE):
            if self._stop.is_set():
                raise NothingToJudge("the session has ended")
        try:
            return work(self.case)
        finally:
            self._turn.release()

    def trace(self, pod: str, host: str, port: int, **client: Unpack[ClientOptions]) -> Trace:
        """As `doctor.trace` on the newest evidence, without line numbers. May wait for the check of one proxy: call it
        from a thread. Raises as that does, and as `using`.
        """
        return self.using(lambda case: trace_from(self._tracer(case, pod), host, port, **client))

    def _tracer(self, case: Case, pod: str) -> Tracer:
        if case is not self._opened_of:
            self._opened, self._opened_of = {}, case
        if pod not in self._opened:
            tracer = open_tracer(case, pod)
            if tracer.proxy is None:
                # Its dump may still be read.
                return tracer
            while len(self._opened) >= OPEN_AT_MOST:
                del self._opened[next(iter(self._opened))]
            self._opened[pod] = tracer
        return self._opened[pod]

    def pod_facts(self, pod: str) -> PodFacts:
        """All that is known of a pod. Reads its dump: call it from a thread; raises as `using`."""
        from meshdoctor.diagnosis.details import pod_facts

        return self.using(lambda case: pod_facts(case, pod))

    def host_facts(self, host: str, port: int | None, pod: str = "") -> HostFacts:
        """All that is known of a host; with `pod`, also what its sidecar resolved. Call it as `pod_facts`."""
        from meshdoctor.diagnosis.details import host_facts

        return self.using(lambda case: host_facts(case, host, port, self._tracer(case, pod) if pod else None))

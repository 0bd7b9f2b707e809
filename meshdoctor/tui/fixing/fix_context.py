"""What fixes of a session stand on: its source, its newest evidence, the journal, and who may write to the cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, structs

from meshdoctor.errors import NothingToJudge
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRecord, DiagnosisRequest
from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.fix import Baseline, ConnectionChange, JournalEntry
from meshdoctor.tui.fixing.applier import MakeApplier, real_applier
from meshdoctor.tui.fixing.fix_run import FixRun

if TYPE_CHECKING:
    from meshdoctor.diagnosis.session import DiagnosisSession
    from meshdoctor.doctor import Source
    from meshdoctor.sources.live.cluster_source import ClusterSource
    from meshdoctor.tui.app_session import TuiSession

Answer = TypeVar("Answer")
_PATIENCE = 600.0
"""Seconds that a fix waits for the look under way to end."""
_PAUSE = 0.1


class _Shared(DiagnosisRecord):
    """What the session has seen, read while nobody else opens its dumps."""

    diagnosis_session: DiagnosisSession

    def baseline(self) -> Baseline:
        """As of any look."""
        return self.diagnosis_session.using(lambda case: super(_Shared, self).baseline())


class JournaledFix(Struct, frozen=True):
    """What was done about a finding."""

    entries: tuple[JournalEntry, ...] = ()
    improvements: tuple[ConnectionChange, ...] = ()
    """What the newest of them turned for the better, where this session did it."""


class FixContext:
    """The fixes of a session. `make_mender` is replaced in tests."""

    def __init__(self, session: TuiSession, make_applier: MakeApplier = real_applier) -> None:
        self._session = session
        self.make_applier = make_applier
        self.journal = Journal()
        self.ended: Callable[[FixRun], object] = lambda course: None
        """Hears, in any thread, that a course which may have changed something has ended."""
        self.current: FixRun | None = None
        """The newest course that began to change something."""

    @property
    def source(self) -> Source:
        """What is looked at. Raises `NothingToJudge` before anything is."""
        return self._session.open_diagnosis.source

    @property
    def cluster(self) -> ClusterSource | None:
        """The cluster looked at."""
        return self._session.diagnosis_session.source.cluster if self._session.diagnosis_session is not None else None

    @property
    def place(self) -> str:
        """The context of the cluster looked at; empty where that is none."""
        return self._session.mesh_state.location if self.cluster is not None else ""

    @property
    def manifests(self) -> tuple[Path, ...]:
        """The user's own files; those beside a cluster are not what is changed."""
        return () if self.cluster is not None else self.source.manifests

    @property
    def is_read_only(self) -> bool:
        """Nothing may be changed."""
        return self._session.is_read_only

    @property
    def busy_with(self) -> FixRun | None:
        """The course that is changing something just now."""
        return self.current if self.current is not None and self.current.is_writing else None

    def open(self, finding: Finding, fix: Fix) -> FixRun:
        """A fix of a finding; the one under way where that is this finding's."""
        busy = self.busy_with
        if busy is not None and busy.finding is not None and busy.finding.fingerprint == finding.fingerprint:
            return busy
        return _begun(FixRun(self, finding=finding, fix=fix))

    def open_entry(self, entry: JournalEntry) -> FixRun:
        """A fix of the journal; the one under way where there is one."""
        return self.busy_with or _begun(FixRun(self, entry=entry))

    def entries(self, fingerprint: str = "") -> list[JournalEntry]:
        """Fixes of the journal that can be taken back from here, the newest last; of one finding, or of all.

        What cannot be read is left out: a fix says so when it needs it.
        """
        found, _ = self.journal.readable()
        return [e for e in found if self._is_here(e) and (not fingerprint or e.fingerprint == fingerprint)]

    def _is_here(self, entry: JournalEntry) -> bool:
        return not entry.has_ended and self._is_ours(entry)

    def _is_ours(self, entry: JournalEntry) -> bool:
        if self.cluster is None:
            return bool(entry.files) and not entry.place.context
        return bool(entry.place.server or entry.files) and entry.place.context == self.place

    def done_about(self, fingerprint: str) -> JournaledFix:
        """The fixes of a finding, whatever became of them, as far as the journal can be read."""
        found, _ = self.journal.readable()
        entries = tuple(e for e in found if e.fingerprint == fingerprint and self._is_ours(e))
        made = self.current.result if self.current is not None and not self.current.is_undo else None
        is_newest = made is not None and bool(entries) and entries[-1].id == made.entry.id
        return JournaledFix(
            entries,
            made.verification.improvements if made is not None and made.verification is not None and is_newest else (),
        )

    def interrupted(self) -> JournalEntry | None:
        """The newest fix that was not brought to an end and waits for nobody."""
        busy = self.busy_with
        open_ = [e for e in self.entries() if e.was_interrupted]
        return None if busy is not None or not open_ else open_[-1]

    def look(self, namespaces: tuple[str, ...], labels: str) -> DiagnosisRequest:
        """The same source, limited to some pods."""
        source = self.source
        if source.cluster is not None:
            scope = structs.replace(source.cluster.scope, namespaces=namespaces, labels=labels)
            source = structs.replace(source, cluster=structs.replace(source.cluster, scope=scope))
        return DiagnosisRequest(source, namespaces, labels)

    def with_seen(self, work: Callable[[DiagnosisRecord], Answer], waiting: Callable[[str], None]) -> Answer:
        """What `work` makes of what was seen; while a look is under way, `waiting` hears why nothing happens yet."""
        seen = self._seen(waiting)
        return seen.diagnosis_session.using(lambda case: work(seen))

    def refuse_unseen(self, finding: Finding) -> None:
        """Raises `NothingToJudge` for a finding of which nobody knows whether it is still there."""
        if finding.fingerprint in self._session.mesh_state.changes.unseen("findings"):
            rows = (self._session.mesh_state.pods.get(pod) for pod in finding.pods)
            row = next((row for row in rows if row is not None and row.state == "unread"), None)
            because = f": {row.key}: {row.because}" if row is not None else ""
            raise NothingToJudge(
                f"its pods could not be read in the last look{because}. R on the main screen reads anew"
            )

    def apart(self, work: Callable[[DiagnosisRecord], Answer]) -> Answer:
        """The same for work that takes long and opens dumps itself."""
        return work(self._seen(lambda text: None))

    def _seen(self, waiting: Callable[[str], None]) -> _Shared:
        session, end = self._session, time.monotonic() + _PATIENCE
        while self._is_looking() and time.monotonic() < end:
            waiting("waiting for the look under way to end")
            time.sleep(_PAUSE)
        diagnosis_session, diagnosis = session.diagnosis_session, session.mesh_state.diagnosis
        if (
            diagnosis_session is None
            or diagnosis_session.case is None
            or diagnosis is None
            or session.mesh_state.failed is not None
        ):
            raise NothingToJudge("what it rests on could not be read as a whole: R on the main screen looks again")
        opening = session.opening
        seen = _Shared(
            DiagnosisRequest(diagnosis_session.source, opening.namespaces, opening.labels),
            diagnosis_session.case,
            diagnosis,
        )
        seen.diagnosis_session = diagnosis_session
        return seen

    def _is_looking(self) -> bool:
        diagnosis_session, mesh_state = self._session.diagnosis_session, self._session.mesh_state
        is_told = not mesh_state.is_refreshing and (mesh_state.diagnosis is not None or mesh_state.failed is not None)
        return diagnosis_session is not None and (diagnosis_session.is_busy or not is_told)


def _begun(course: FixRun) -> FixRun:
    course.prepare()
    return course

"""The fixes of a session, opened from findings and from the journal; one at a time may change something."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshdoctor.diagnosis.recorded import DiagnosisRecord, DiagnosisRequest
from meshdoctor.errors import NothingToJudge
from meshdoctor.fixes.fix_context import FixContext
from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.fix import ConnectionChange, JournalEntry
from meshdoctor.tui.fix_worker import FixWorker
from meshdoctor.tui.session_state import SessionState

if TYPE_CHECKING:
    from meshdoctor.diagnosis.session import DiagnosisSession

_PATIENCE = 600.0
"""Seconds that a fix waits for a running refresh to end."""
_PAUSE = 0.1


class SessionFixes:
    """The fixes of a session, and the one that is running."""

    def __init__(self, session: SessionState) -> None:
        self._session = session
        self.ended: Callable[[FixWorker], object] = lambda worker: None
        """Called, in any thread, after a fix that may have changed something has ended."""
        self.current: FixWorker | None = None
        """The last fix that began to change something."""

    @property
    def context(self) -> FixContext:
        """Where the fixes of the open source are written. Raises `NothingToJudge` before a source is open."""
        session = self._session
        request = self._request(session.open_diagnosis)
        return FixContext(
            source=request.source,
            diagnose=request.again,
            location=session.mesh_state.location,
            evidence=self._newest,
            is_read_only=session.is_read_only,
            why_unread=self._why_unread,
        )

    def _request(self, diagnosis_session: DiagnosisSession) -> DiagnosisRequest:
        opening = self._session.opening
        return DiagnosisRequest(diagnosis_session.source, opening.namespaces, opening.labels)

    @property
    def busy_with(self) -> FixWorker | None:
        """The fix that is changing something now."""
        return self.current if self.current is not None and self.current.is_writing else None

    def open(self, finding: Finding, fix: Fix) -> FixWorker:
        """A fix of a finding; the running one where it is this finding's."""
        busy = self.busy_with
        if busy is not None and busy.run.finding is not None and busy.run.finding.fingerprint == finding.fingerprint:
            return busy
        return FixWorker(self, finding=finding, fix=fix).prepare()

    def open_entry(self, entry: JournalEntry) -> FixWorker:
        """A fix of the journal; the running fix where there is one."""
        return self.busy_with or FixWorker(self, entry=entry).prepare()

    def entries(self, fingerprint: str = "") -> list[JournalEntry]:
        """Fixes that can be undone from here, the newest last; of one finding, or of all."""
        if self._session.diagnosis_session is None:
            return []
        return [entry for entry in self.context.entries(fingerprint) if not entry.has_ended]

    def done_about(self, fingerprint: str) -> tuple[list[JournalEntry], tuple[ConnectionChange, ...]]:
        """All fixes of a finding, and what the newest improved, where this session applied it."""
        entries = self.context.entries(fingerprint)
        run = self.current.run if self.current is not None else None
        made = run.result if run is not None and not run.is_undo else None
        if made is None or made.verification is None or not entries or entries[-1].id != made.entry.id:
            return entries, ()
        return entries, made.verification.improvements

    def interrupted(self) -> JournalEntry | None:
        """The newest interrupted fix."""
        open_ = [entry for entry in self.entries() if entry.was_interrupted]
        return None if self.busy_with is not None or not open_ else open_[-1]

    def _why_unread(self, finding: Finding) -> str:
        mesh_state = self._session.mesh_state
        if finding.fingerprint not in mesh_state.changes.unseen("findings"):
            return ""
        rows = (mesh_state.pods.get(pod) for pod in finding.pods)
        row = next((row for row in rows if row is not None and row.state == "unread"), None)
        because = f": {row.key}: {row.because}" if row is not None else ""
        return f"its pods could not be read in the last refresh{because}. Press R on the main screen to refresh"

    def _newest(self, begin: Callable[[str], None]) -> DiagnosisRecord:
        session, end = self._session, time.monotonic() + _PATIENCE
        while self._is_refreshing() and time.monotonic() < end:
            begin("waiting for the refresh to end")
            time.sleep(_PAUSE)
        shared, mesh_state = session.diagnosis_session, session.mesh_state
        if shared is None or shared.case is None or mesh_state.diagnosis is None or mesh_state.failed is not None:
            raise NothingToJudge("the evidence could not be read completely: press R on the main screen to refresh")
        return DiagnosisRecord(self._request(shared), shared.case, mesh_state.diagnosis, using=shared.using)

    def _is_refreshing(self) -> bool:
        diagnosis_session, mesh_state = self._session.diagnosis_session, self._session.mesh_state
        has_ended = not mesh_state.is_refreshing and (mesh_state.diagnosis is not None or mesh_state.failed is not None)
        return diagnosis_session is not None and (diagnosis_session.is_busy or not has_ended)

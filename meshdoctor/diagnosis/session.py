"""Diagnoses one source repeatedly, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from meshdoctor.diagnosis.case_reader import open_case
from meshdoctor.diagnosis.case_watch import CaseWatch, SessionStopped, Tell
from meshdoctor.diagnosis.events import DiagnosisFailed
from meshdoctor.errors import MeshdoctorError, Unreadable, fault
from meshdoctor.sources.source import Source

if TYPE_CHECKING:
    from meshdoctor.diagnosis.cache import DiagnosisCache
    from meshdoctor.diagnosis.file_stamps import Stamp
    from meshdoctor.diagnosis.proxy_checker import CheckedShare
    from meshdoctor.diagnosis.refresh import ClusterRefresh
    from meshdoctor.sources.live.live_cluster import LiveCluster


class DiagnosisSession(CaseWatch):
    """A source, its newest evidence, and the thread that refreshes it."""

    def __init__(self, source: Source, tell: Tell, namespaces: Sequence[str] = (), labels: str = "") -> None:
        super().__init__(tell, namespaces, labels)
        self.source = source
        self._thread: threading.Thread | None = None
        self._cluster: LiveCluster | None = None
        """The live cluster as the last complete refresh read it."""
        self._cluster_refresh: ClusterRefresh | None = None
        self._cache: DiagnosisCache | None = None
        """The results of the last refresh of files."""

    @property
    def is_busy(self) -> bool:
        """A refresh is running."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stamp(self) -> Stamp | None:
        """The files' stamp at the start of the last refresh; None before the first one, or where it failed."""
        return self._cache.stamp if self._cache is not None else None

    def refresh(self, pods: Collection[str] | None = None, *, only_changed: bool = False) -> bool:
        """Starts a refresh in a thread; False where one is running.

        `pods` (keys): of a live cluster, only these sidecars and those not read yet are read again, with all objects,
        and everything is checked again. Of files, only the dumps of these pods and of their neighbours, and those that
        changed, are read again. `only_changed`: only sidecars that report a change are read again.
        """
        if self.is_busy:
            return False
        # A daemon, so that the program can end while a request hangs.
        work = partial(self.refresh_now, pods, only_changed=only_changed)
        self._thread = threading.Thread(target=work, daemon=True, name="meshdoctor session")
        self._thread.start()
        return True

    def refresh_now(self, pods: Collection[str] | None = None, *, only_changed: bool = False) -> None:
        """One refresh, in this thread. Never raises: an error becomes `DiagnosisFailed`."""
        try:
            if self.source.cluster is not None:
                self._refresh_live(pods, only_changed=only_changed)
            else:
                self._refresh_files(pods)
        except SessionStopped:
            return
        except MeshdoctorError as problem:
            self._fail(problem.message, is_away=isinstance(problem, Unreadable))
        except Exception as problem:
            self._fail(fault(problem), is_away=False)

    def _refresh_files(self, again: Collection[str] | None) -> None:
        """With `again`, only the dumps of these pods and those that changed are read."""
        from meshdoctor.diagnosis.cache import DiagnosisCache
        from meshdoctor.diagnosis.file_stamps import stamp

        cache = DiagnosisCache(stamp(self.source), None if self.source.more else self.source.path)
        before, self._cache = self._cache, None
        case = open_case(self.source)
        kept: list[CheckedShare] = []
        if before is not None and again is not None:
            kept = before.still_good(cache.stamp, sorted(self.sheet(case).names), again, case.mesh)
        cache.shares = self.diagnose(case, kept)
        self._cache = cache

    def _refresh_live(self, pods: Collection[str] | None, *, only_changed: bool) -> None:
        from meshdoctor.diagnosis.refresh import ClusterRefresh, read_whole_cluster

        if self._cluster_refresh is None:
            self._cluster_refresh = ClusterRefresh()
        if only_changed and self._cluster is not None:
            must_tell = self.finished is None
            found = self._cluster_refresh.refresh_changed(self, self.source, self._cluster, must_tell=must_tell)
            if found is not None:
                self._cluster = found
            elif self.finished is not None:
                # Nothing has changed: the last result holds.
                self.tell(self.finished)
        else:
            self._cluster_refresh.reset()
            before = None if pods is None else self._cluster
            # Whoever asks again has often just changed something, as a fix has.
            source = self.source if self._cluster is None else self.source.fresh()
            self._cluster = read_whole_cluster(self, source, before, pods or ())

    def _fail(self, because: str, *, is_away: bool) -> None:
        self.finished = None
        if not self.is_stopped:
            self._tell(DiagnosisFailed(because, is_away))

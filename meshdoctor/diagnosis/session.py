"""One source, diagnosed as often as asked, in a thread of its own."""

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
    """A source being looked at."""

    def __init__(self, source: Source, tell: Tell, namespaces: Sequence[str] = (), labels: str = "") -> None:
        super().__init__(tell, namespaces, labels)
        self.source = source
        self._thread: threading.Thread | None = None
        self._cluster: LiveCluster | None = None
        """The live cluster as the newest whole look left it."""
        self._cluster_refresh: ClusterRefresh | None = None
        self._cache: DiagnosisCache | None = None
        """What the newest look at files has left."""

    @property
    def is_busy(self) -> bool:
        """A look is under way."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def stamp(self) -> Stamp | None:
        """Of the files as they were when the newest look at them began; None where there was none, or it failed."""
        return self._cache.stamp if self._cache is not None else None

    def refresh(self, pods: Collection[str] | None = None, *, only_changed: bool = False) -> bool:
        """Starts a look in a thread of its own; False where one is under way already.

        `pods` (keys): of a live cluster only these sidecars, and those nobody has read yet, are asked again. The
        objects are read anew and everything is judged again: a proxy's verdicts depend on entries that may have
        changed. Of files only the dumps of these pods, of their neighbours, and of those that were written since are
        read again. `only_changed`: only sidecars that say that they have changed are asked again.
        """
        if self.is_busy:
            return False
        # A daemon: a request that hangs must not keep the program from ending.
        look = partial(self.look, pods, only_changed=only_changed)
        self._thread = threading.Thread(target=look, daemon=True, name="meshdoctor session")
        self._thread.start()
        return True

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
            self._fail(fault(problem), is_away=False)

    def _look_at_files(self, again: Collection[str] | None) -> None:
        """With `again`, dumps that are as they were are not read but for those."""
        from meshdoctor.diagnosis.cache import DiagnosisCache
        from meshdoctor.diagnosis.file_stamps import stamp

        cache = DiagnosisCache(stamp(self.source), self.source.path)
        before, self._cache = self._cache, None
        case = open_case(self.source)
        kept: list[CheckedShare] = []
        if before is not None and again is not None:
            kept = before.still_good(cache.stamp, sorted(self.sheet(case).names), again, case.mesh)
        cache.shares = self.diagnose(case, kept)
        self._cache = cache

    def _look_at_cluster(self, pods: Collection[str] | None, *, only_changed: bool) -> None:
        from meshdoctor.diagnosis.refresh import ClusterRefresh, read_whole_cluster

        if self._cluster_refresh is None:
            self._cluster_refresh = ClusterRefresh()
        if only_changed and self._cluster is not None:
            must_tell = self.finished is None
            found = self._cluster_refresh.refresh_changed(self, self.source, self._cluster, must_tell=must_tell)
            if found is not None:
                self._cluster = found
            elif self.finished is not None:
                # Nothing has changed: what was told holds.
                self.tell(self.finished)
        else:
            self._cluster_refresh.reset()
            before = None if pods is None else self._cluster
            self._cluster = read_whole_cluster(self, self.source, before, pods or ())

    def _fail(self, because: str, *, is_away: bool) -> None:
        self.finished = None
        if not self.is_stopped:
            self._tell(DiagnosisFailed(because, is_away))

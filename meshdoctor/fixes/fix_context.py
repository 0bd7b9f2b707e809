"""Where the fixes of one source are written, whether they may be, and what they rest on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from meshdoctor.errors import NothingToJudge, UsageError
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.fix_evidence import Diagnose, FixEvidence
from meshdoctor.model.finding import Finding
from meshdoctor.model.fix import FixListener, JournalEntry
from meshdoctor.sources.source import Source

if TYPE_CHECKING:
    from meshdoctor.fixes.apply.cluster_applier import ClusterApplier

READ_ONLY = "read-only: neither a cluster nor your manifests are changed"


def _nothing_diagnosed(begin: Callable[[str], None]) -> FixEvidence:
    raise NothingToJudge("nothing has been diagnosed yet")


class FixContext(Struct, frozen=True, kw_only=True):
    """A source, whose cluster or manifests are changed, or else new files are written; and the journal."""

    source: Source
    diagnose: Diagnose
    """Verifies a fix on a cluster."""
    evidence: Callable[[Callable[[str], None]], FixEvidence] = _nothing_diagnosed
    """The newest diagnosis, which a fix of a finding needs; its argument hears what is waited for.

    Raises `NothingToJudge` where there is none.
    """
    journal: Journal = field(default_factory=Journal)
    location: str = ""
    """The context of the cluster, as far as it is known."""
    is_read_only: bool = False
    seconds: float = 30.0
    """How long a cluster's proxies are waited for."""
    why_unseen: Callable[[Finding], str] = lambda finding: ""
    """Why nobody knows whether a finding still stands; empty where it is known to."""

    @property
    def in_files(self) -> bool:
        """Fixes are written to files, not to a cluster."""
        return self.source.cluster is None

    @property
    def manifests(self) -> tuple[Path, ...]:
        """The user's own files; those beside a cluster are not what is changed."""
        return self.source.manifests if self.in_files else ()

    @property
    def makes_new_files(self) -> bool:
        """There is neither a cluster nor a manifest to change."""
        return self.in_files and not self.manifests

    @property
    def why_read_only(self) -> str:
        """Why nothing that exists may be changed; empty where it may. New files always may be written."""
        return READ_ONLY if self.is_read_only and not self.makes_new_files else ""

    def applier(self, tell: FixListener) -> ClusterApplier:
        """Logs in to the cluster. Raises `Unreadable` and `UsageError` as that does, or where there is no cluster."""
        from meshdoctor.fixes.apply.cluster_applier import ClusterApplier

        if self.source.cluster is None:
            raise UsageError("the fix was applied to a cluster: leave --from and -f out, and give --context")
        return ClusterApplier(self.source.cluster, self.journal, self.diagnose, tell, self.seconds)

    def entries(self, fingerprint: str = "") -> list[JournalEntry]:
        """Fixes of the journal that were applied here, the newest last; of one finding, or of all.

        What cannot be read is left out: a fix says so when it needs it.
        """
        found, _ = self.journal.readable()
        return [e for e in found if self._is_ours(e) and (not fingerprint or e.fingerprint == fingerprint)]

    def _is_ours(self, entry: JournalEntry) -> bool:
        if self.in_files:
            return bool(entry.files) and not entry.place.context
        return bool(entry.place.server or entry.files) and entry.place.context == self.location

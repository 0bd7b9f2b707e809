"""Where the fixes of one source are written, whether changes are allowed, and the evidence they are planned on."""

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


def _nothing_diagnosed(_begin: Callable[[str], None]) -> FixEvidence:
    raise NothingToJudge("nothing has been diagnosed yet")


class FixContext(Struct, frozen=True, kw_only=True):
    """A source, to whose cluster or manifests fixes are applied (else to new files), and the journal."""

    source: Source
    diagnose: Diagnose
    """Diagnoses a cluster again, to verify a fix."""
    evidence: Callable[[Callable[[str], None]], FixEvidence] = _nothing_diagnosed
    """The newest diagnosis, which a fix of a finding needs; its argument receives each step as a text.

    Raises `NothingToJudge` where there is none.
    """
    journal: Journal = field(default_factory=Journal)
    location: str = ""
    """The context of the cluster; empty where it is not known."""
    is_read_only: bool = False
    seconds: float = 30.0
    """Timeout for the sidecars to accept a change."""
    why_unread: Callable[[Finding], str] = lambda finding: ""
    """Why the pods of a finding could not be read in the last refresh; empty where they were."""

    @property
    def in_files(self) -> bool:
        """Fixes are written to files, not to a cluster."""
        return self.source.cluster is None

    @property
    def manifests(self) -> tuple[Path, ...]:
        """The user's own files; not those given beside a cluster, which a fix does not change."""
        return self.source.manifests if self.in_files else ()

    @property
    def makes_new_files(self) -> bool:
        """There is neither a cluster nor a manifest to change: fixes are new files."""
        return self.in_files and not self.manifests

    @property
    def why_read_only(self) -> str:
        """Why nothing that exists may be changed; empty where it may. New files always may be written."""
        return READ_ONLY if self.is_read_only and not self.makes_new_files else ""

    def applier(self, tell: FixListener) -> ClusterApplier:
        """Logs in to the cluster. Raises `Unreadable`, and `UsageError` for an unknown context or without a cluster."""
        from meshdoctor.fixes.apply.cluster_applier import ClusterApplier

        if self.source.cluster is None:
            raise UsageError("the fix was applied to a cluster: leave --from and -f out, and give --context")
        return ClusterApplier(self.source.cluster, self.journal, self.diagnose, tell, self.seconds)

    def entries(self, fingerprint: str = "") -> list[JournalEntry]:
        """Fixes of the journal that were applied here, the newest last; of one finding, or of all.

        Unreadable entries are left out.
        """
        found, _ = self.journal.readable()
        return [e for e in found if self._is_here(e) and (not fingerprint or e.fingerprint == fingerprint)]

    def _is_here(self, entry: JournalEntry) -> bool:
        if self.in_files:
            return bool(entry.files) and not entry.place.context
        return bool(entry.place.server or entry.files) and entry.place.context == self.location

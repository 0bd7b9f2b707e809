"""Where the fixes of one source are written, whether they may be, and what they rest on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.errors import NothingToJudge, UsageError
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.fix_evidence import FixEvidence
from meshdoctor.model.finding import Finding
from meshdoctor.model.fix import FixListener, JournalEntry

if TYPE_CHECKING:
    from meshdoctor.fixes.apply.cluster_applier import ClusterApplier

READ_ONLY = "read-only: neither a cluster nor your manifests are changed"


Begin = Callable[[str], None]
"""Hears what is waited for."""


def _nothing_diagnosed(begin: Begin) -> FixEvidence:
    raise NothingToJudge("nothing has been diagnosed yet")


class FixContext(Struct, frozen=True, kw_only=True):
    """A cluster (`connect`), the user's manifests, or new files beside a capture; and the journal."""

    journal: Journal
    evidence: Callable[[Begin], FixEvidence] = _nothing_diagnosed
    """The newest diagnosis, which a fix of a finding needs. Raises `NothingToJudge` where there is none."""
    connect: Callable[[FixListener], ClusterApplier] | None = None
    """Logs in to the cluster; None: fixes are written to files."""
    location: str = ""
    """The cluster's context; empty for files."""
    kubectl_context: str | None = None
    """The context that was asked for by name: kubectl has to be given it too."""
    manifests: tuple[Path, ...] = ()
    """The user's own files, which are changed where there is no cluster."""
    is_read_only: bool = False
    why_unseen: Callable[[Finding], str] = lambda finding: ""
    """Why nobody knows whether a finding still stands; empty where it is known to."""

    @property
    def in_files(self) -> bool:
        """Fixes are written to files, not to a cluster."""
        return self.connect is None

    @property
    def makes_new_files(self) -> bool:
        """There is neither a cluster nor a manifest to change."""
        return self.in_files and not self.manifests

    @property
    def why_read_only(self) -> str:
        """Why nothing that exists may be changed; empty where it may. New files always may be written."""
        return READ_ONLY if self.is_read_only and not self.makes_new_files else ""

    def applier(self, tell: FixListener) -> ClusterApplier:
        """Who writes to the cluster. Raises as logging in does, and `UsageError` where there is no cluster."""
        if self.connect is None:
            raise UsageError("the fix was applied to a cluster: leave --from and -f out, and give --context")
        return self.connect(tell)

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

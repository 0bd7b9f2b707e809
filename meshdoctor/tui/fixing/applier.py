"""Who writes to a cluster, as the session sees it. `fixing.cluster.Mender` is the one that really does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from meshdoctor.model.fix import Change, FixEvent, FixResult, JournalEntry

if TYPE_CHECKING:
    from meshdoctor.fixes.apply.object_writes import PreparedChange
    from meshdoctor.fixes.plan.fix_plan import FixPlan
    from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRecord, DiagnosisRequest
    from meshdoctor.sources.live.cluster_source import ClusterSource

Tell = Callable[[FixEvent], None]


class Applier(Protocol):
    """What each does and raises is told at `Mender`."""

    def try_out(self, changes: Sequence[Change]) -> list[PreparedChange]:
        """Rights and a dry run."""

    def apply(self, seen: DiagnosisRecord, plan: FixPlan, prepared: Sequence[PreparedChange]) -> FixResult:
        """Writes, waits and verifies."""

    def resume(self, entry: JournalEntry, look: DiagnosisRequest) -> FixResult:
        """Goes on with an interrupted one."""

    def undo_plan(self, entry: JournalEntry) -> list[PreparedChange]:
        """What an undo would write."""

    def undo(self, entry: JournalEntry, prepared: Sequence[PreparedChange], look: DiagnosisRequest) -> FixResult:
        """Takes it back."""


MakeApplier = Callable[["ClusterSource", Tell], Applier]


def real_applier(source: ClusterSource, tell: Tell) -> Applier:
    """Logs in to the cluster. Raises `Unreadable` and `UsageError` as that does."""
    from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
    from meshdoctor.fixes.apply.journal import Journal

    return ClusterApplier(source, Journal(), tell)

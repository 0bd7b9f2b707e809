"""Who writes to a cluster, as the session sees it. `mending.cluster.Mender` is the one that really does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from meshdoctor.model.mend import Change, Entry, Event, Result

if TYPE_CHECKING:
    from meshdoctor.live import ClusterSource
    from meshdoctor.mending.look import Look, Seen
    from meshdoctor.mending.objects import Prepared
    from meshdoctor.mending.plan import Plan

Tell = Callable[[Event], None]


class Mending(Protocol):
    """What each does and raises is told at `Mender`."""

    def try_out(self, changes: Sequence[Change]) -> list[Prepared]:
        """Rights and a dry run."""

    def apply(self, seen: Seen, plan: Plan, prepared: Sequence[Prepared]) -> Result:
        """Writes, waits and proves."""

    def resume(self, entry: Entry, look: Look) -> Result:
        """Goes on with an interrupted one."""

    def undo_plan(self, entry: Entry) -> list[Prepared]:
        """What an undo would write."""

    def undo(self, entry: Entry, prepared: Sequence[Prepared], look: Look) -> Result:
        """Takes it back."""


MakeMender = Callable[["ClusterSource", Tell], Mending]


def real_mender(source: ClusterSource, tell: Tell) -> Mending:
    """Logs in to the cluster. Raises `Unreadable` and `UsageError` as that does."""
    from meshdoctor.mending.cluster import Mender
    from meshdoctor.mending.journal import Journal

    return Mender(source, Journal(), tell)

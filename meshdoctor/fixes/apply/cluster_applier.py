"""Applies a fix to a cluster in steps; interrupted at any of them, it can be resumed or undone.

permissions → dry run → journal → write → wait for the sidecars → check again → journal. If the second of two writes
fails, the first is rolled back.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from meshdoctor.errors import MeshdoctorError, NotApplied, UsageError
from meshdoctor.fixes.apply.acceptance import AcceptanceWatch
from meshdoctor.fixes.apply.journal import Journal, refuse_closed, refuse_ended
from meshdoctor.fixes.apply.object_writes import PreparedChange, inverse, prepare, restore, write
from meshdoctor.fixes.fix_evidence import Diagnose, FixEvidence
from meshdoctor.fixes.impact.ownership import deleted_entries, ownership_changes_of, ownership_of
from meshdoctor.fixes.plan.fix_plan import FixPlan, planned
from meshdoctor.fixes.verify.verification import compare
from meshdoctor.kube.session import Refused, Session
from meshdoctor.kube.writes import Writer, WriteTarget, target_of
from meshdoctor.model.fix import (
    Acceptance,
    Change,
    FixEvent,
    FixListener,
    FixResult,
    FixTarget,
    JournalEntry,
    Verification,
    WrittenChange,
)
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.sources.live.sidecar_reader import SidecarReader
from meshdoctor.text.phrases import count
from meshdoctor.text.times import now
from meshdoctor.view.verification import in_short

_VERBS = {"create": ("get", "create", "patch"), "update": ("get", "patch"), "delete": ("get", "delete")}
_MANUAL = "manual steps remain; resume the fix after them to verify it"
_CHECKS = 3
"""How often the mesh is checked after a fix: a new cluster may not have resolved its host the first time."""
_PAUSE = 2.0


class ClusterApplier:
    """Applies fixes to one cluster and undoes them, and verifies that with `diagnose`.

    `seconds` is the timeout for the sidecars to accept a change.
    """

    def __init__(
        self,
        source: ClusterSource,
        journal: Journal,
        diagnose: Diagnose,
        tell: FixListener = lambda event: None,
        seconds: float = 30.0,
    ) -> None:
        from meshdoctor.kube.login import log_in

        self._session = Session(log_in(source.kubeconfig, source.context, source.pace.pod_seconds))
        self._writer = Writer(self._session)
        self._reader = SidecarReader(self._session)
        self._concurrency = source.pace.concurrency
        self._journal = journal
        self._diagnose = diagnose
        self._tell = tell
        self._seconds = seconds

    def try_out(self, changes: Sequence[Change]) -> list[PreparedChange]:
        """Checks permissions and the dry run of every change, in their order. Writes nothing.

        Raises `NotApplied` where a permission is missing, an object has changed, is managed by a tool, or already has
        the change: an undo would remove the work of somebody else. Raises `Refused` where the server refuses.
        """
        prepared = self._dry_run(changes)
        for one in prepared:
            if one.way == "nothing":
                raise NotApplied(f"{one.change.key} already has the change. Nothing was changed: check again")
        return prepared

    def _dry_run(self, changes: Sequence[Change]) -> list[PreparedChange]:
        self._refuse_forbidden(changes)
        prepared = [prepare(self._writer, change) for change in changes]
        self._tell(FixEvent("tried", "the server accepts the change (dry run)"))
        return prepared

    def apply(self, evidence: FixEvidence, plan: FixPlan, prepared: Sequence[PreparedChange]) -> FixResult:
        """Writes what was tried out, waits, verifies. Raises `NotApplied` and `Refused` where nothing was changed."""
        before, place = evidence.baseline(), self._place(evidence)
        entry = self._journal.add(lambda number: structs.replace(planned(plan, number, place), before=before))
        with self._journal.locked(entry.id):
            self._tell(FixEvent("journaled", f"fix {entry.id} is in the journal", number=entry.id))
            if not entry.manual_steps:
                return self._carry_out(entry, prepared)
            entry = self._journal.update(self._write(entry, prepared), state="applied", note=_MANUAL)
            self._tell(FixEvent("applied", f"applied; {_MANUAL}"))
            return FixResult(entry=entry)

    def resume(self, entry: JournalEntry) -> FixResult:
        """Continues an unfinished fix. Raises as `apply` does."""
        self._refuse_elsewhere(entry)
        with self._journal.locked(entry.id):
            entry = self._journal.get(entry.id)
            refuse_closed(entry)
            return self._carry_out(entry, self._dry_run([one.change for one in entry.written]))

    def undo_plan(self, entry: JournalEntry) -> list[PreparedChange]:
        """What an undo would write, as a dry run. Raises `NotApplied` where somebody else changed an object since."""
        self._refuse_elsewhere(entry)
        refuse_ended(entry)
        self._refuse_forbidden([inverse(one.change) for one in entry.written])
        return [restore(self._writer, one) for one in reversed(entry.written)]

    def undo(self, entry: JournalEntry, prepared: Sequence[PreparedChange]) -> FixResult:
        """Undoes a fix, waits, and compares with before the fix."""
        with self._journal.locked(entry.id):
            entry = self._journal.get(entry.id)
            refuse_ended(entry)
            wrote = any(one.way != "nothing" for one in prepared)
            watch = self._watch(entry, prepared)
            entry = self._write_undo(entry, prepared)
            since = self._session.answered
            nothing = "the fix was never applied: there was nothing to undo"
            self._tell(FixEvent("applied", "undone" if wrote else nothing))
            acceptance = self._wait(watch, entry, since)
            made = FixResult(entry=entry, wrote=wrote, acceptance=acceptance)
            return self._compared(made) if wrote else made

    def _write_undo(self, entry: JournalEntry, prepared: Sequence[PreparedChange]) -> JournalEntry:
        """Writes an undo. Before the first write, the journal says that it has begun."""
        begun = self._journal.update(entry, state="applied", note=f"an undo began {now()} and did not end: undo again")
        for number, one in enumerate(prepared):
            try:
                write(self._writer, one)
            except Refused as problem:
                if problem.status < 500 and all(done.way == "nothing" for done in prepared[:number]):
                    self._journal.put(entry)
                raise
            self._tell(FixEvent("written", f"{_WORDS[one.change.action]} {one.change.key}"))
        return self._journal.update(begun, state="undone", note=f"undone {now()}")

    def _carry_out(self, entry: JournalEntry, prepared: Sequence[PreparedChange]) -> FixResult:
        watch = self._watch(entry, prepared)
        entry = self._write(entry, prepared)
        since = self._session.answered
        entry = self._journal.update(entry, state="applied")
        self._tell(FixEvent("applied", "applied"))
        acceptance = self._wait(watch, entry, since)
        verification, because = self._verified(entry, acceptance)
        state = "verified" if verification is not None and verification.holds else "unverified"
        made = FixResult(entry=entry, acceptance=acceptance, verification=verification)
        entry = self._journal.update(entry, state=state, note=because or _in_words(made))
        return structs.replace(made, entry=entry)

    def _watch(self, entry: JournalEntry, prepared: Sequence[PreparedChange]) -> AcceptanceWatch | None:
        """The sidecars right before a write; None where nothing is written."""
        if all(one.way == "nothing" for one in prepared):
            return None
        return AcceptanceWatch(self._reader, entry.affected, self._concurrency, self._seconds)

    def _wait(self, watch: AcceptanceWatch | None, entry: JournalEntry, since: datetime | None) -> Acceptance:
        """`since`: when the server answered the last write."""
        return Acceptance() if watch is None else watch.wait(entry.pods, self._seconds, since, self._accepted)

    def _write(self, entry: JournalEntry, prepared: Sequence[PreparedChange]) -> JournalEntry:
        written = list(entry.written)
        for number, one in enumerate(prepared):
            try:
                outcome = write(self._writer, one)
                if one.way != "nothing":
                    written[number] = WrittenChange(change=one.change, uid=outcome.uid, version=outcome.version)
                    entry = self._journal.update(entry, written=tuple(written))
            except (MeshdoctorError, KeyboardInterrupt) as problem:
                # Unless the server refused it, the write may have been done.
                done = number if isinstance(problem, Refused) and problem.status < 500 else number + 1
                if done > number:
                    time.sleep(_PAUSE)  # a request under way arrives before the object is read
                self._roll_back(entry, written[:done], str(problem) or "interrupted")
                raise
            if one.way == "nothing":
                continue
            self._tell(FixEvent("written", f"{_WORDS[one.change.action]} {one.change.key}", number + 1, len(prepared)))
        return entry

    def _roll_back(self, entry: JournalEntry, done: Sequence[WrittenChange], because: str) -> None:
        """Undoes the writes that were done. Where that fails, the entry stays `applied`, so that it can be undone."""
        try:
            for one in reversed(done):
                back = restore(self._writer, one)
                write(self._writer, back)
                if back.way != "nothing":
                    self._tell(FixEvent("rolled back", f"rolled back {one.change.key}"))
        except MeshdoctorError as problem:
            self._journal.update(entry, state="applied", note=f"partly applied: {because}; rollback failed: {problem}")
            return
        self._journal.update(entry, state="failed", note=because)

    def _verified(self, entry: JournalEntry, acceptance: Acceptance) -> tuple[Verification | None, str]:
        """The verification, or None and the reason. A sidecar that rejected the update counts as not read."""
        verification, because = None, ""
        for number in range(_CHECKS):
            if number:
                time.sleep(_PAUSE)
            self._tell(FixEvent("checking", "checking again"))
            try:
                verification, because = compare(entry.before, self._diagnose_again(entry).baseline(), entry), ""
            except MeshdoctorError as problem:
                because = f"the mesh could not be checked again: {problem}"
                continue
            verification = structs.replace(
                verification, unread=tuple(sorted({*verification.unread, *acceptance.rejected}))
            )
            if verification.is_gone and not verification.is_worse:
                break
        self._tell(
            FixEvent(
                "checked",
                because or _in_words(FixResult(entry=entry, acceptance=acceptance, verification=verification)),
            )
        )
        return verification, because

    def _compared(self, made: FixResult) -> FixResult:
        """The result of an undo with what differs from before the fix; without, where the mesh cannot be checked."""
        entry = made.entry
        self._tell(FixEvent("checking", "checking again"))
        try:
            evidence = self._diagnose_again(entry)
            verification = compare(entry.before, evidence.baseline())
        except MeshdoctorError:
            return made
        deleted = deleted_entries([one.change for one in entry.written])
        now_owned = evidence.using(lambda mesh: ownership_of(mesh, deleted))
        return structs.replace(
            made, verification=verification, ownership_changes=ownership_changes_of(entry.ownership, now_owned)
        )

    def _diagnose_again(self, entry: JournalEntry) -> FixEvidence:
        return self._diagnose(entry.place.namespaces, entry.place.labels)

    def _place(self, evidence: FixEvidence) -> FixTarget:
        session = self._session
        return FixTarget(
            server=session.server,
            cluster=self._writer.cluster(),
            context=session.context,
            namespaces=evidence.namespaces,
            labels=evidence.labels,
        )

    def _accepted(self, done: int, of: int) -> None:
        self._tell(FixEvent("waiting", f"{done} of {of} sidecars accepted it", done, of))

    def _refuse_forbidden(self, changes: Sequence[Change]) -> None:
        asked: dict[tuple[str, WriteTarget], str] = {}
        for change in changes:
            key = change.key
            # A role may be limited to named objects; a creation is checked without a name.
            target = target_of(key.api_version, key.kind, key.namespace, key.name if change.before is not None else "")
            for verb in _VERBS[change.action]:
                if (verb, target) not in asked:
                    asked[verb, target] = self._writer.may(verb, target).because
        refused = [because for because in asked.values() if because]
        if refused:
            raise NotApplied(
                f"{'; '.join(refused)}. Nothing was changed. `meshdoctor rbac --apply` prints the role that is needed; "
                "--export writes the manifests for somebody who has it"
            )

    def _refuse_elsewhere(self, entry: JournalEntry) -> None:
        place = entry.place
        if not place.server:
            raise UsageError(f"fix {entry.id} was applied to files, not to a cluster")
        here = self._writer.cluster() if place.cluster else ""
        # A tunnel may give two clusters one address, or one cluster two.
        is_here = here == place.cluster if here else place.server == self._session.server
        if not is_here:
            raise UsageError(
                f"fix {entry.id} was applied to context {place.context} ({place.server}), not to "
                f"{self._session.context} ({self._session.server}): give --context"
            )


_WORDS = {"create": "created", "update": "changed", "delete": "deleted"}


def _in_words(made: FixResult) -> str:
    verification = made.verification
    if verification is None:
        return ""
    if verification.holds:
        return in_short(made)
    counts = (
        (verification.still_failing, "connection", " still failing"),
        (verification.new_findings, "new finding", ""),
        (verification.regressions, "connection", " worse"),
        (verification.unread, "sidecar", " not checked again"),
    )
    parts = [] if verification.is_gone else ["the finding is still there"]
    return ", ".join([*parts, *(count(len(found), noun) + how for found, noun, how in counts if found)])

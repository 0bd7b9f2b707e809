"""A fix applied to a cluster, step by step, so that it can be stopped at any of them and gone on with or undone.

rights → dry run → journal → write → wait for the proxies → fetch and judge again → journal. A second write that fails
takes the first one back.
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
from meshdoctor.fixes.impact.ownership import made_anew, ownership_changes_of, ownership_of
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
from meshdoctor.text.times import now
from meshdoctor.view.verification import in_short

_VERBS = {"create": ("get", "create", "patch"), "update": ("get", "patch"), "delete": ("get", "delete")}
_LEFT = "it works once a person has done the rest; then --resume verifies it"
_LOOKS = 3
"""How often a mesh is judged after a fix: a new cluster may still resolve its host at the first look."""
_PAUSE = 2.0


class ClusterApplier:
    """Applies fixes to one cluster and undoes them. `diagnose` is what verifies them.

    `seconds` is how long proxies are waited for.
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

        self._session = Session(log_in(source.kubeconfig, source.context))
        self._writer = Writer(self._session)
        self._reader = SidecarReader(self._session)
        self._concurrency = source.pace.at_once
        self._journal = journal
        self._diagnose = diagnose
        self._tell = tell
        self._seconds = seconds

    def try_out(self, changes: Sequence[Change]) -> list[PreparedChange]:
        """Rights and dry run of every change, in their order. Writes nothing.

        Raises `NotApplied` where a right is missing, an object moved on or is kept by a tool, or is already as it is to
        be: an undo would take that from whoever did it. Raises `Refused` where the server refuses.
        """
        prepared = self._tried(changes)
        for one in prepared:
            if one.way == "nothing":
                raise NotApplied(
                    f"{one.change.key} is already as the fix would leave it. Nothing was changed: check again"
                )
        return prepared

    def _tried(self, changes: Sequence[Change]) -> list[PreparedChange]:
        self._refuse_forbidden(changes)
        prepared = [prepare(self._writer, change) for change in changes]
        self._tell(FixEvent("tried", "the server accepts it (dry run)"))
        return prepared

    def apply(self, evidence: FixEvidence, plan: FixPlan, prepared: Sequence[PreparedChange]) -> FixResult:
        """Writes what was tried, waits, verifies it. Raises `NotApplied` and `Refused` where nothing was changed."""
        before, place = evidence.baseline(), self._place(evidence)
        entry = self._journal.add(lambda number: structs.replace(planned(plan, number, place), before=before))
        with self._journal.held(entry.id):
            self._tell(FixEvent("journaled", f"fix {entry.id} is in the journal", number=entry.id))
            if not entry.manual_steps:
                return self._carry_out(entry, prepared)
            entry = self._journal.update(self._write(entry, prepared), state="applied", note=_LEFT)
            self._tell(FixEvent("applied", f"applied; {_LEFT}"))
            return FixResult(entry=entry)

    def resume(self, entry: JournalEntry) -> FixResult:
        """Goes on with a fix that was interrupted. Raises as `apply` does."""
        self._refuse_elsewhere(entry)
        with self._journal.held(entry.id):
            entry = self._journal.get(entry.id)
            refuse_closed(entry)
            return self._carry_out(entry, self._tried([one.change for one in entry.written]))

    def undo_plan(self, entry: JournalEntry) -> list[PreparedChange]:
        """What an undo would write, tried on the server. Raises `NotApplied` where others wrote to it meanwhile."""
        self._refuse_elsewhere(entry)
        refuse_ended(entry)
        self._refuse_forbidden([inverse(one.change) for one in entry.written])
        return [restore(self._writer, one) for one in reversed(entry.written)]

    def undo(self, entry: JournalEntry, prepared: Sequence[PreparedChange]) -> FixResult:
        """Takes a fix back, waits, and compares with what was before it."""
        with self._journal.held(entry.id):
            entry = self._journal.get(entry.id)
            refuse_ended(entry)
            wrote = any(one.way != "nothing" for one in prepared)
            watch = self._watch(entry, prepared)
            entry = self._take_back(entry, prepared)
            since = self._session.answered
            told = "it is as it was" if wrote else "it was never applied: there was nothing to undo"
            self._tell(FixEvent("applied", told))
            waited = self._wait(watch, entry, since)
            made = FixResult(entry=entry, wrote=wrote, waited=waited)
            return self._compared(made) if wrote else made

    def _take_back(self, entry: JournalEntry, prepared: Sequence[PreparedChange]) -> JournalEntry:
        """The writes of an undo. From the first on, the journal says that the fix is whole no longer."""
        begun = self._journal.update(
            entry, state="applied", note=f"its undo began {now()} and did not end: undo it again"
        )
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
        waited = self._wait(watch, entry, since)
        verification, because = self._verified(entry, waited)
        state = "verified" if verification is not None and verification.holds else "unverified"
        made = FixResult(entry=entry, waited=waited, verification=verification)
        entry = self._journal.update(entry, state=state, note=because or _in_words(made))
        return structs.replace(made, entry=entry)

    def _watch(self, entry: JournalEntry, prepared: Sequence[PreparedChange]) -> AcceptanceWatch | None:
        """The proxies as they are right before a write; None where nothing is written."""
        if all(one.way == "nothing" for one in prepared):
            return None
        return AcceptanceWatch(self._reader, entry.affected, self._concurrency, self._seconds)

    def _wait(self, watch: AcceptanceWatch | None, entry: JournalEntry, since: datetime | None) -> Acceptance:
        """`since`: when the last write was answered."""
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
                # Without a clear no, the write may have been done all the same.
                done = number if isinstance(problem, Refused) and problem.status < 500 else number + 1
                if done > number:
                    time.sleep(_PAUSE)  # what is still on its way arrives before it is looked for
                self._roll_back(entry, written[:done], str(problem) or "interrupted")
                raise
            if one.way == "nothing":
                continue
            self._tell(FixEvent("written", f"{_WORDS[one.change.action]} {one.change.key}", number + 1, len(prepared)))
        return entry

    def _roll_back(self, entry: JournalEntry, done: Sequence[WrittenChange], because: str) -> None:
        """Takes back what the first of several writes did. Leaves the entry to be undone where even that fails."""
        try:
            for one in reversed(done):
                back = restore(self._writer, one)
                write(self._writer, back)
                if back.way != "nothing":
                    self._tell(FixEvent("rolled back", f"took back {one.change.key}"))
        except MeshdoctorError as problem:
            self._journal.update(entry, state="applied", note=f"half applied: {because}; not taken back: {problem}")
            return
        self._journal.update(entry, state="failed", note=because)

    def _verified(self, entry: JournalEntry, waited: Acceptance) -> tuple[Verification | None, str]:
        """The verification by judging again, or None and why there is none. Who refused the update verifies nothing."""
        verification, because = None, ""
        for number in range(_LOOKS):
            if number:
                time.sleep(_PAUSE)
            self._tell(FixEvent("judging", "fetching and judging again"))
            try:
                verification, because = compare(entry.before, self._seen_again(entry).baseline(), entry), ""
            except MeshdoctorError as problem:
                because = f"it could not be judged again: {problem}"
                continue
            verification = structs.replace(verification, unread=tuple(sorted({*verification.unread, *waited.rejected})))
            if verification.is_gone and not verification.is_worse:
                break
        self._tell(
            FixEvent("judged", because or _in_words(FixResult(entry=entry, waited=waited, verification=verification)))
        )
        return verification, because

    def _compared(self, made: FixResult) -> FixResult:
        """An undo with what differs from before the fix; without, where it cannot be judged."""
        entry = made.entry
        self._tell(FixEvent("judging", "fetching and judging again"))
        try:
            evidence = self._seen_again(entry)
            verification = compare(entry.before, evidence.baseline())
        except MeshdoctorError:
            return made
        anew = made_anew([one.change for one in entry.written])
        now_owned = evidence.using(lambda mesh: ownership_of(mesh, anew))
        return structs.replace(
            made, verification=verification, ownership_changes=ownership_changes_of(entry.ownership, now_owned)
        )

    def _seen_again(self, entry: JournalEntry) -> FixEvidence:
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
        self._tell(FixEvent("waiting", f"{done} of {of} proxies took it", done, of))

    def _refuse_forbidden(self, changes: Sequence[Change]) -> None:
        asked: dict[tuple[str, WriteTarget], str] = {}
        for change in changes:
            key = change.key
            # A role may name the objects it is for; what does not exist yet has no name to the server.
            target = target_of(key.api_version, key.kind, key.namespace, key.name if change.before is not None else "")
            for verb in _VERBS[change.action]:
                if (verb, target) not in asked:
                    asked[verb, target] = self._writer.may(verb, target).because
        refused = [because for because in asked.values() if because]
        if refused:
            raise NotApplied(
                f"{'; '.join(refused)}. Nothing was changed. `meshdoctor rbac --apply` prints the role that is enough; "
                "--export writes the manifests for whoever may"
            )

    def _refuse_elsewhere(self, entry: JournalEntry) -> None:
        place = entry.place
        if not place.server:
            raise UsageError(f"fix {entry.id} was applied to files, not to a cluster")
        here = self._writer.cluster() if place.cluster else ""
        # A tunnel gives another cluster the same address, and the same cluster another one.
        is_here = here == place.cluster if here else place.server == self._session.server
        if not is_here:
            raise UsageError(
                f"fix {entry.id} was applied to context {place.context} ({place.server}), and this is "
                f"{self._session.context} ({self._session.server}): give --context"
            )


_WORDS = {"create": "created", "update": "changed", "delete": "deleted"}


def _in_words(made: FixResult) -> str:
    verification = made.verification
    if verification is None:
        return ""
    if verification.holds:
        return in_short(made)
    parts = [] if verification.is_gone else ["the finding is still there"]
    parts += (
        [f"{len(verification.still_failing)} of its connections fail as before"] if verification.still_failing else []
    )
    parts += [f"{len(verification.new_findings)} new findings"] if verification.new_findings else []
    parts += [f"{len(verification.regressions)} connections are worse"] if verification.regressions else []
    parts += [f"{len(verification.unread)} sidecars could not be judged again"] if verification.unread else []
    return ", ".join(parts)

"""A mend applied to a cluster, step by step, so that it can be stopped at any of them and gone on with or undone.

rights → dry run → journal → write → wait for the proxies → fetch and judge again → journal. A second write that fails
takes the first one back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from meshdoctor.collect.live.sidecars import SidecarReader
from meshdoctor.errors import MeshdoctorError, NotApplied, UsageError
from meshdoctor.kube.session import Refused, Session
from meshdoctor.kube.writes import Target, Writer, target_of
from meshdoctor.mending.journal import Journal, refuse_closed, refuse_ended
from meshdoctor.mending.look import Look, Seen
from meshdoctor.mending.objects import Prepared, inverse, prepare, restore, write
from meshdoctor.mending.plan import Plan, planned
from meshdoctor.mending.proof import compare
from meshdoctor.mending.proxies import Watch
from meshdoctor.model.mend import Baseline, Change, Entry, Event, Place, Proof, Result, Waited, Written
from meshdoctor.semantics.times import now

if TYPE_CHECKING:
    from meshdoctor.live import ClusterSource

Tell = Callable[[Event], None]

_VERBS = {"create": ("get", "create", "patch"), "update": ("get", "patch"), "delete": ("get", "delete")}
_LEFT = "it works once a person has done the rest; then --resume proves it"
_LOOKS = 3
"""How often a mesh is judged after a mend: a new cluster may still resolve its host at the first look."""
_PAUSE = 2.0


class Mender:
    """Applies mends to one cluster and undoes them. `seconds` is how long proxies are waited for."""

    def __init__(
        self, source: ClusterSource, journal: Journal, tell: Tell = lambda event: None, seconds: float = 30.0
    ) -> None:
        from meshdoctor.kube.login import log_in

        self._session = Session(log_in(source.kubeconfig, source.context))
        self._writer = Writer(self._session)
        self._reader = SidecarReader(self._session)
        self._at_once = source.pace.at_once
        self._journal = journal
        self._tell = tell
        self._seconds = seconds

    def try_out(self, changes: Sequence[Change]) -> list[Prepared]:
        """Rights and dry run of every change, in their order. Writes nothing.

        Raises `NotApplied` where a right is missing, an object moved on or is kept by a tool, or is already as it is to
        be: an undo would take that from whoever did it. Raises `Refused` where the server refuses.
        """
        prepared = self._tried(changes)
        for one in prepared:
            if one.way == "nothing":
                raise NotApplied(
                    f"{one.change.key} is already as the mend would leave it. Nothing was changed: check again"
                )
        return prepared

    def _tried(self, changes: Sequence[Change]) -> list[Prepared]:
        self._refuse_forbidden(changes)
        prepared = [prepare(self._writer, change) for change in changes]
        self._tell(Event("tried", "the server accepts it (dry run)"))
        return prepared

    def apply(self, seen: Seen, plan: Plan, prepared: Sequence[Prepared]) -> Result:
        """Writes what was tried, waits, and proves it. Raises `NotApplied` and `Refused` where nothing was changed."""
        before, place = seen.baseline(), self._place(seen.look)
        entry = self._journal.add(lambda number: structs.replace(planned(plan, number, place), before=before))
        watch = Watch(self._reader, entry.touched, self._at_once)
        with self._journal.held(entry.id):
            self._tell(Event("journaled", f"mend {entry.id} is in the journal"))
            if not entry.left_to_do:
                return self._carry_out(entry, prepared, watch, seen.look)
            entry = self._journal.update(self._write(entry, prepared), state="applied", note=_LEFT)
            self._tell(Event("applied", f"applied; {_LEFT}"))
            return Result(entry=entry)

    def resume(self, entry: Entry, look: Look) -> Result:
        """Goes on with a mend that was interrupted. Raises as `apply` does."""
        self._refuse_elsewhere(entry)
        with self._journal.held(entry.id):
            entry = self._journal.get(entry.id)
            refuse_closed(entry)
            watch = Watch(self._reader, entry.touched, self._at_once)
            return self._carry_out(entry, self._tried([one.change for one in entry.written]), watch, look)

    def undo_plan(self, entry: Entry) -> list[Prepared]:
        """What an undo would write, tried on the server. Raises `NotApplied` where others wrote to it meanwhile."""
        self._refuse_elsewhere(entry)
        refuse_ended(entry)
        self._refuse_forbidden([inverse(one.change) for one in entry.written])
        return [restore(self._writer, one) for one in reversed(entry.written)]

    def undo(self, entry: Entry, prepared: Sequence[Prepared], look: Look) -> Result:
        """Takes a mend back, waits, and compares with what was before it."""
        watch = Watch(self._reader, entry.touched, self._at_once)
        with self._journal.held(entry.id):
            entry = self._journal.get(entry.id)
            refuse_ended(entry)
            wrote = any(one.way != "nothing" for one in prepared)
            entry = self._take_back(entry, prepared)
            told = "it is as it was" if wrote else "it was never applied: there was nothing to undo"
            self._tell(Event("applied", told))
            waited = watch.wait(entry.pods, self._seconds, self._took) if wrote else Waited()
            proof = self._undone(entry, look) if wrote else None
            return Result(entry=entry, wrote=wrote, waited=waited, proof=proof)

    def _take_back(self, entry: Entry, prepared: Sequence[Prepared]) -> Entry:
        """The writes of an undo. From the first on, the journal says that the mend is whole no longer."""
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
            self._tell(Event("written", f"{_WORDS[one.change.action]} {one.change.key}"))
        return self._journal.update(begun, state="undone", note=f"undone {now()}")

    def _carry_out(self, entry: Entry, prepared: Sequence[Prepared], watch: Watch, look: Look) -> Result:
        wrote = any(one.way != "nothing" for one in prepared)
        entry = self._write(entry, prepared)
        entry = self._journal.update(entry, state="applied")
        self._tell(Event("applied", "applied"))
        waited = watch.wait(entry.pods, self._seconds, self._took) if wrote else Waited()
        proof, because = self._proved(entry, look, waited)
        state = "proved" if proof is not None and proof.holds else "unproved"
        return Result(
            entry=self._journal.update(entry, state=state, note=because or _in_words(proof)), waited=waited, proof=proof
        )

    def _write(self, entry: Entry, prepared: Sequence[Prepared]) -> Entry:
        written = list(entry.written)
        for number, one in enumerate(prepared):
            try:
                outcome = write(self._writer, one)
                if one.way != "nothing":
                    written[number] = Written(change=one.change, uid=outcome.uid, version=outcome.version)
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
            self._tell(Event("written", f"{_WORDS[one.change.action]} {one.change.key}", number + 1, len(prepared)))
        return entry

    def _roll_back(self, entry: Entry, done: Sequence[Written], because: str) -> None:
        """Takes back what the first of several writes did. Leaves the entry to be undone where even that fails."""
        try:
            for one in reversed(done):
                back = restore(self._writer, one)
                write(self._writer, back)
                if back.way != "nothing":
                    self._tell(Event("rolled back", f"took back {one.change.key}"))
        except MeshdoctorError as problem:
            self._journal.update(entry, state="applied", note=f"half applied: {because}; not taken back: {problem}")
            return
        self._journal.update(entry, state="failed", note=because)

    def _proved(self, entry: Entry, look: Look, waited: Waited) -> tuple[Proof | None, str]:
        """The proof by judging again, or None and why there is none. Who refused the update proves nothing."""
        proof, because = None, ""
        for number in range(_LOOKS):
            if number:
                time.sleep(_PAUSE)
            self._tell(Event("judging", "fetching and judging again"))
            try:
                proof, because = compare(entry.before, _seen_again(look), entry), ""
            except MeshdoctorError as problem:
                because = f"it could not be judged again: {problem}"
                continue
            proof = structs.replace(proof, unread=tuple(sorted({*proof.unread, *waited.rejected})))
            if proof.is_gone and not proof.is_worse:
                break
        self._tell(Event("judged", because or _in_words(proof)))
        return proof, because

    def _undone(self, entry: Entry, look: Look) -> Proof | None:
        self._tell(Event("judging", "fetching and judging again"))
        try:
            return compare(entry.before, _seen_again(look))
        except MeshdoctorError:
            return None

    def _place(self, look: Look) -> Place:
        session = self._session
        return Place(
            server=session.server,
            cluster=self._writer.cluster(),
            context=session.context,
            namespaces=look.namespaces,
            labels=look.labels,
        )

    def _took(self, done: int, of: int) -> None:
        self._tell(Event("waiting", f"{done} of {of} proxies took it", done, of))

    def _refuse_forbidden(self, changes: Sequence[Change]) -> None:
        asked: dict[tuple[str, Target], str] = {}
        for change in changes:
            key = change.key
            target = target_of(key.api_version, key.kind, key.namespace, "")
            for verb in _VERBS[change.action]:
                if (verb, target) not in asked:
                    asked[verb, target] = self._writer.may(verb, target).because
        refused = [because for because in asked.values() if because]
        if refused:
            raise NotApplied(
                f"{'; '.join(refused)}. Nothing was changed. `meshdoctor rbac --apply` prints the role that is enough; "
                "--export writes the manifests for whoever may"
            )

    def _refuse_elsewhere(self, entry: Entry) -> None:
        place = entry.place
        if not place.server:
            raise UsageError(f"mend {entry.id} was applied to files, not to a cluster")
        here = self._writer.cluster() if place.cluster else ""
        # A tunnel gives another cluster the same address, and the same cluster another one.
        is_here = here == place.cluster if here else place.server == self._session.server
        if not is_here:
            raise UsageError(
                f"mend {entry.id} was applied to context {place.context} ({place.server}), and this is "
                f"{self._session.context} ({self._session.server}): give --context"
            )


def _seen_again(look: Look) -> Baseline:
    """What is judged now. Reading gives what it has after Ctrl-C, and half of it is no proof."""
    seen = look.open(to_compare=True)
    if seen.case.interrupted:
        raise KeyboardInterrupt
    return seen.baseline()


_WORDS = {"create": "created", "update": "changed", "delete": "deleted"}


def _in_words(proof: Proof | None) -> str:
    if proof is None:
        return ""
    if proof.holds:
        return "the finding is gone and nothing is worse"
    parts = [] if proof.is_gone else ["the finding is still there"]
    parts += [f"{len(proof.stuck)} of its connections fail as before"] if proof.stuck else []
    parts += [f"{len(proof.new)} new findings"] if proof.new else []
    parts += [f"{len(proof.worse)} connections are worse"] if proof.worse else []
    parts += [f"{len(proof.unread)} sidecars could not be judged again"] if proof.unread else []
    return ", ".join(parts)

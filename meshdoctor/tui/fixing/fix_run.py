"""One fix on its way, or one of the journal: what is known of it, and what can be done with it next.

Work goes on in a thread; screens come and go, and look at what is kept here. Whatever goes wrong is a step that says
so. What can be done is told by `why_not`, and done by `apply`, `save` and `undo`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from meshdoctor.errors import MeshdoctorError, Unreadable
from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.fix import FixEvent, FixResult, JournalEntry
from meshdoctor.tui.state.fix_steps import StepList, allowed

if TYPE_CHECKING:
    from meshdoctor.fixes.apply.journal import Journal
    from meshdoctor.fixes.apply.object_writes import PreparedChange
    from meshdoctor.fixes.plan.fix_plan import FixPlan
    from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRequest
    from meshdoctor.tui.fixing.applier import Applier
    from meshdoctor.tui.fixing.fix_context import FixContext

Deed = Literal["apply", "save", "undo"]

_BUSY = "it is under way"


def _may_pass(problem: MeshdoctorError) -> bool:
    """The server did not answer, or did not mean it: another time it may work."""
    from meshdoctor.kube.session import Refused

    if isinstance(problem, Refused):
        return problem.status in (401, 429) or problem.status >= 500
    return isinstance(problem, Unreadable)


class FixRun:
    """A fix of a finding, or (`entry`) one of the journal."""

    def __init__(
        self,
        fix_context: FixContext,
        *,
        finding: Finding | None = None,
        fix: Fix | None = None,
        entry: JournalEntry | None = None,
    ) -> None:
        self.finding = finding
        self.fix = fix
        self.entry = entry
        """As it stands in the journal; None until it is there."""
        self.saved: JournalEntry | None = None
        """What was written to files beside a cluster, to which it can be applied all the same."""
        self.steps = StepList()
        self.plan: FixPlan | None = None
        self.diffs: tuple[str, ...] = ()
        """Unified, one an object or for all files."""
        self.result: FixResult | None = None
        self.is_undo = False
        """The result is that of an undo."""
        self.is_writing = False
        """Something is being changed, or may be."""
        self.has_written = False
        """Something was changed since it was opened."""
        self.stopped = ""
        """Why it cannot be applied; empty where it can, or where nobody knows yet."""
        self.listeners: set[Callable[[], object]] = set()
        """Hear, in any thread, that something is otherwise. They must not wait."""
        self._fix_context = fix_context
        self._thread: threading.Thread | None = None
        self._is_tried = False
        self._is_journaled = False

    @property
    def journal(self) -> Journal:
        """Where fixes are written down."""
        return self._fix_context.journal

    @property
    def is_busy(self) -> bool:
        """A thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_open(self) -> bool:
        """The journal has it as not done: interrupted, or waiting for a person."""
        return self.entry is not None and self.entry.is_open

    @property
    def is_in_files(self) -> bool:
        """It is written to files, not to a cluster."""
        return self._fix_context.cluster is None

    @property
    def asks_folder(self) -> bool:
        """Saving it needs a folder to be named."""
        return not self._fix_context.manifests or bool(self.stopped) or self._fix_context.is_read_only

    def why_not(self, action: Deed) -> str:
        """Why something cannot be done now; empty where it can."""
        if self.is_busy:
            return _BUSY
        if action == "undo":
            return self._why_no_undo()
        if self.entry is not None and not (action == "apply" and self.is_open):
            return f"it is {self.entry.state} already"
        if action == "save":
            return self._why_no_plan()
        return self._why_no_plan() or self.stopped or self._why_not_here()

    def _why_no_plan(self) -> str:
        if self.is_open:
            return ""
        if self.plan is None:
            return self.stopped or "it is not worked out yet"
        return "" if self.plan.changes else "this fix is done by hand"

    def _why_not_here(self) -> str:
        if self._fix_context.is_read_only and not (self.is_in_files and not self._fix_context.manifests):
            return "the session is read-only"
        if self._fix_context.busy_with not in (None, self):
            return "another fix is under way"
        return "" if self.is_in_files or self._is_tried or self.is_open else "it is not tried yet"

    def _why_no_undo(self) -> str:
        if self.entry is None:
            return "" if self.saved is not None else "nothing of it is applied"
        if self.entry.has_ended:
            return f"it is {self.entry.state}"
        if self._fix_context.is_read_only and not self.entry.files:
            return "the session is read-only"
        return "another fix is under way" if self._fix_context.busy_with not in (None, self) else ""

    # What is done, each in a thread

    def prepare(self) -> None:
        """Works out what it would change, and has that tried where there is a cluster. Changes nothing."""
        self._start(self._look_up if self.entry is not None else self._work_out)

    def apply(self) -> None:
        """Applies it, or goes on with it, and has it verified."""
        if self._fix_context.cluster is None:
            self.save(None)
        elif self.is_open:
            self._start(self._resume, writes=True)
        else:
            self._start(self._apply, writes=True)

    def save(self, folder: Path | None) -> None:
        """Writes it to files: the user's own, or new ones in a folder."""
        self._start(lambda: self._save(folder), writes=True)

    def undo(self) -> None:
        """Takes it back."""
        self._start(self._undo, writes=True)

    def _tell(self) -> None:
        for listener in list(self.listeners):
            listener()

    def _start(self, work: Callable[[], None], *, writes: bool = False) -> None:
        if self.is_busy:
            return
        self.is_writing = writes
        self._is_journaled = False
        if writes:
            self._fix_context.current = self
        # A daemon: whoever leaves the program is not held up; the journal says how far it got.
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True, name="meshdoctor fix")
        self._thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except MeshdoctorError as problem:
            self._stop(str(problem), may_pass=_may_pass(problem))
        except Exception as problem:
            what = str(problem).partition("\n")[0]
            self._stop(f"a fault in meshdoctor itself: {type(problem).__name__}: {what}")
        has_ended, self.is_writing = self.is_writing, False
        self._thread = None
        self._tell()
        if has_ended:
            self._fix_context.ended(self)

    def _stop(self, because: str, *, may_pass: bool = False) -> None:
        self.steps.put("error", because)
        if not self.is_writing:
            self.stopped = self.stopped or because
            if may_pass:
                self.steps.put("info", "Nothing is changed: esc, then open it again to try again.")
        left = self._newest() if self._is_journaled and self.entry is None else None
        if left is not None and left.state == "failed":
            self.steps.put("info", f"fix {left.id} was not applied: nothing is changed. a tries it again")
        elif left is not None:
            self.entry, self.has_written = left, True
            text = f"fix {left.id} may be applied in part: u takes it back, a goes on with it"
            self.steps.put("warning", text)

    def _newest(self) -> JournalEntry | None:
        """The entry that a fix which was stopped has left in the journal."""
        assert self.finding is not None
        assert self.fix is not None
        own = (self.finding.fingerprint, self.fix.id)
        found, _ = self.journal.readable()
        return next((e for e in reversed(found) if (e.fingerprint, e.fix) == own), None)

    def _note(self, event: FixEvent) -> None:
        if event.step == "tried" and self.plan is not None:
            self.steps.put("fine", allowed(self.plan.changes))
        self._is_journaled |= event.step == "journaled"
        self.steps.absorb(event)
        self._tell()

    def _begin(self, text: str) -> None:
        self.steps.begin(text)
        self._tell()

    def _work_out(self) -> None:
        from meshdoctor.fixes.plan.fix_plan import plan
        from meshdoctor.fixes.plan.object_diff import unified

        finding, fix = self.finding, self.fix
        assert finding is not None
        assert fix is not None
        self._begin("working out what it changes and whom that touches")
        self.plan = self._fix_context.with_seen(lambda seen: plan(seen, finding, fix), self._begin)
        self._fix_context.refuse_unseen(finding)
        self.diffs = tuple(filter(None, (unified(change) for change in self.plan.changes)))
        self.steps.lines.clear()
        if not self.plan.changes:
            self.steps.put("none", "This fix is done by hand: nothing is applied here.")
        elif self._fix_context.cluster is None:
            self._try_files(self.plan)
        elif self._fix_context.is_read_only:
            self.steps.put("none", "The session is read-only: a is off. s writes the fix as files.")
        else:
            self._try()

    def _try_files(self, plan: FixPlan) -> None:
        from meshdoctor.fixes.apply.file_applier import edits_for
        from meshdoctor.fixes.files.file_edits import unified_files

        if not self._fix_context.manifests:
            self.steps.put("none", "There is no cluster here. a or s writes the fix as new files; u takes them back.")
            return
        self.diffs = (unified_files(edits_for(plan, self._fix_context.manifests)),)
        self.steps.put("none", "a changes the files given with -f. Nothing is written yet.")

    def _try(self) -> None:
        """Rights and a dry run, so that the key is only offered where it works."""
        assert self.plan is not None
        self._begin("asking whether it is allowed, and trying it (dry run)")
        self._applier().try_out(self.plan.changes)
        self._is_tried = True
        self.steps.put("none", "a applies it. Nothing is changed yet.")

    def _applier(self) -> Applier:
        assert self._fix_context.cluster is not None
        return self._fix_context.make_applier(self._fix_context.cluster, self._note)

    def _apply(self) -> None:
        from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRecord

        assert self.plan is not None
        plan = self.plan
        self.steps.lines.clear()
        self._begin("asking whether it is allowed, and trying it (dry run)")
        applier = self._applier()
        prepared = applier.try_out(plan.changes)
        self._say_beside(prepared)

        def run(seen: DiagnosisRecord) -> FixResult:
            self._fix_context.refuse_unseen(plan.finding)
            return applier.apply(seen, plan, prepared)

        self._keep(self._fix_context.apart(run), is_undo=False)

    def _say_beside(self, prepared: Sequence[PreparedChange]) -> None:
        written = [one for one in prepared if one.beside]
        if written:
            who = ", ".join(dict.fromkeys(name for one in written for name in one.beside))
            what = ", ".join(str(one.change.key) for one in written)
            text = f"{who} wrote {what}: applying the old file again takes the fix back, so change it too (s)"
            self.steps.put("warning", text)

    def _keep(self, made: FixResult, *, is_undo: bool) -> None:
        self.result, self.entry, self.is_undo = made, made.entry, is_undo
        self.has_written = True
        if self.steps.pending is not None:
            self.steps.lines.pop()

    def _resume(self) -> None:
        assert self.entry is not None
        self.steps.lines.clear()
        entry = self.entry
        if entry.files:
            from meshdoctor.fixes.apply import file_applier

            self._keep(FixResult(entry=file_applier.write(entry, self.journal)), is_undo=False)
            return
        self._begin("asking whether it is allowed, and trying it (dry run)")
        self._keep(self._applier().resume(entry, self._look(entry)), is_undo=False)

    def _save(self, folder: Path | None) -> None:
        from meshdoctor.tui.fixing.fix_saving import save

        assert self.plan is not None
        self.steps.lines.clear()
        self._begin("writing")
        saved = save(self.plan, self._fix_context, self.journal, folder)
        if saved.entry is not None and self._fix_context.cluster is not None:
            self.saved = saved.entry
        elif saved.entry is not None:
            self._keep(FixResult(entry=saved.entry), is_undo=False)
        for text in saved.told:
            self.steps.put("fine", text)
        for text in saved.notes:
            self.steps.put("info", text)

    def _look_up(self) -> None:
        """An entry of the journal: what taking it back would change, or going on with it."""
        from meshdoctor.fixes.files.file_edits import file_edit, unified_files
        from meshdoctor.fixes.plan.object_diff import unified

        assert self.entry is not None
        entry = self.entry
        if entry.files:
            back = [file_edit(edit.path, edit.shown, edit.after, edit.before) for edit in entry.files]
            self.diffs = (unified_files(back),)
        elif self.is_open:
            self.diffs = tuple(filter(None, (unified(one.change) for one in entry.written)))
        elif not entry.has_ended:
            self._begin("asking what taking it back would change")
            prepared = self._applier().undo_plan(entry)
            diffs = (unified(one.change) for one in prepared if one.way != "nothing")
            self.diffs = tuple(diff.replace(" (fixed)\n", " (as it was)\n", 1) for diff in diffs if diff)
        self.steps.put("none", self._offer(entry))

    def _offer(self, entry: JournalEntry) -> str:
        if self._fix_context.is_read_only and not entry.files:
            return "The session is read-only: nothing is taken back here."
        if self.is_open:
            why = (
                "It waits for what is left to do" if entry.manual_steps else "It was interrupted, unless it still runs"
            )
            return f"{why}. a goes on with it and verifies it, u takes it back."
        return "u takes it back. Nothing is changed yet."

    def _undo(self) -> None:
        if self.entry is None and self.saved is not None:
            self._unsave(self.saved)
            return
        assert self.entry is not None
        entry = self.journal.get(self.entry.id)
        if self.result is not None:
            self.steps.put("none", "")
        else:
            self.steps.lines.clear()
        if entry.files:
            from meshdoctor.fixes.apply import file_applier

            self._begin("putting the files back")
            self._keep(FixResult(entry=file_applier.undo(entry, self.journal)), is_undo=True)
            return
        self._begin("asking what taking it back would change")
        applier = self._applier()
        prepared = applier.undo_plan(entry)
        self._keep(applier.undo(entry, prepared, self._look(entry)), is_undo=True)

    def _unsave(self, saved: JournalEntry) -> None:
        from meshdoctor.fixes.apply import file_applier

        self.steps.lines.clear()
        file_applier.undo(saved, self.journal)
        self.saved = None
        self.steps.put("fine", f"fix {saved.id} is taken back: what was written is removed")

    def _look(self, entry: JournalEntry) -> DiagnosisRequest:
        return self._fix_context.look(entry.place.namespaces, entry.place.labels)

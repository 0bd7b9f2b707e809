"""A `FixRun` at work in a thread, with its steps: screens come and go, and show what is kept here.

Whatever goes wrong is a step that says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from meshdoctor.errors import MeshdoctorError, Unreadable
from meshdoctor.fixes.fix_run import FixAction, FixRun, PartlyApplied
from meshdoctor.model.fix import FixEvent, JournalEntry
from meshdoctor.report.fix_text import FILE_WORDS
from meshdoctor.tui.state.fix_steps import StepList, allowed

if TYPE_CHECKING:
    from meshdoctor.fixes.files.export import Export
    from meshdoctor.model.finding import Finding, Fix
    from meshdoctor.tui.session_fixes import SessionFixes

_TRYING = "asking whether it is allowed, and trying it (dry run)"


class FixWorker:
    """A fix of a finding, or (`entry`) one of the journal."""

    def __init__(
        self,
        fixes: SessionFixes,
        *,
        finding: Finding | None = None,
        fix: Fix | None = None,
        entry: JournalEntry | None = None,
    ) -> None:
        self.run = FixRun(fixes.context(self._begin), self._hear, finding=finding, fix=fix, entry=entry)
        self.steps = StepList()
        self.diffs: tuple[str, ...] = ()
        """What was previewed when it was opened."""
        self.is_writing = False
        """Something is being changed, or may be."""
        self.has_written = False
        """Something was changed since it was opened."""
        self.listeners: set[Callable[[], object]] = set()
        """Hear, in any thread, that something is otherwise. They must not wait."""
        self._fixes = fixes
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """A thread is at work."""
        return self._thread is not None and self._thread.is_alive()

    def why_not(self, action: FixAction) -> str:
        """Why something cannot be done now; empty where it can. `apply` continues a fix that is open."""
        if self.is_busy:
            return "it is under way"
        if action != "save" and self._fixes.busy_with not in (None, self):
            return "another fix is under way"
        return self.run.why_not("resume" if action == "apply" and self.run.is_open else action)

    # What is done, each in a thread

    def prepare(self) -> None:
        """Works out what it would change, and has that tried where there is a cluster. Changes nothing."""
        self._start(self._preview if self.run.entry is None else self._preview_entry)

    def apply(self) -> None:
        """Applies it, or continues it, and has it verified."""
        self._start(self._resume if self.run.is_open else self._apply, writes=True)

    def save(self, folder: Path | None) -> None:
        """Writes it to files: the user's own, or new ones in a folder."""
        self._start(lambda: self._save(folder), writes=True)

    def undo(self) -> None:
        """Takes it back."""
        self._start(self._undo, writes=True)

    def _start(self, work: Callable[[], None], *, writes: bool = False) -> None:
        if self.is_busy:
            return
        self.is_writing = writes
        if writes:
            self._fixes.current = self
        # A daemon: whoever leaves the program is not held up; the journal says how far it got.
        self._thread = threading.Thread(target=self._work, args=(work,), daemon=True, name="meshdoctor fix")
        self._thread.start()

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        except PartlyApplied as problem:
            self.has_written = True
            self.steps.put("error", f"{problem}: u takes it back, a goes on with it")
        except MeshdoctorError as problem:
            self.steps.put("error", str(problem))
            if not self.is_writing and _may_pass(problem):
                self.steps.put("info", "Nothing is changed: esc, then open it again to try again.")
        except Exception as problem:
            what = str(problem).partition("\n")[0]
            self.steps.put("error", f"a fault in meshdoctor itself: {type(problem).__name__}: {what}")
        has_ended, self.is_writing = self.is_writing, False
        self._thread = None
        self._tell()
        if has_ended:
            self._fixes.ended(self)

    def _tell(self) -> None:
        for listener in list(self.listeners):
            listener()

    def _hear(self, event: FixEvent) -> None:
        if event.step == "tried" and self.run.plan is not None:
            self.steps.put("fine", allowed(self.run.plan.changes))
        self.steps.absorb(event)
        self._tell()

    def _begin(self, text: str) -> None:
        self.steps.begin(text)
        self._tell()

    def _preview(self) -> None:
        run, context = self.run, self.run.context
        self._begin("working out what it changes and whom that touches")
        run.preview()
        self.diffs = run.diffs
        self.steps.lines.clear()
        because = run.why_not("save")
        if because:
            offer = f"{because}."
        elif context.makes_new_files:
            offer = "There is no cluster here. a or s writes the fix as new files; u takes them back."
        elif context.is_read_only:
            offer = f"{context.why_read_only}: a is off. s writes the fix as files."
        else:
            if not context.in_files:
                self._begin(_TRYING)
            run.try_out()
            self.diffs = run.diffs
            offer = "a changes the files given with -f." if context.in_files else "a applies it."
            offer += " Nothing is changed yet."
        self.steps.put("none", offer)

    def _preview_entry(self) -> None:
        """What undoing a fix of the journal would change, or continuing it."""
        run, entry = self.run, self.run.entry
        assert entry is not None
        offer = run.why_not("undo") or "u takes it back. Nothing is changed yet."
        if entry.is_open:
            run.preview_resume()
            waits = "waits for what is left to do" if entry.manual_steps else "was interrupted, unless it still runs"
            offer = run.why_not("resume") or f"It {waits}. a goes on with it and verifies it, u takes it back."
        elif not entry.has_ended:
            self._begin("asking what taking it back would change")
            run.preview_undo()
        self.diffs = run.diffs
        self.steps.put("none", offer)

    def _apply(self) -> None:
        self.steps.lines.clear()
        self._begin(_TRYING)
        self.run.try_out()
        self.run.apply()
        self._written()

    def _resume(self) -> None:
        self.steps.lines.clear()
        self._begin(_TRYING)
        self.run.resume()
        self._written()

    def _undo(self) -> None:
        if self.run.result is not None:
            self.steps.put("none", "")
        else:
            self.steps.lines.clear()
        self._begin("asking what taking it back would change")
        saved = self.run.saved if self.run.entry is None else None
        self.run.preview_undo()
        self.run.undo()
        if saved is not None:
            self.steps.put("fine", f"fix {saved.id} is taken back: what was written is removed")
        else:
            self._written()

    def _save(self, folder: Path | None) -> None:
        run = self.run
        self.steps.lines.clear()
        self._begin("writing")
        made = run.save(folder.expanduser() if folder is not None else None)
        entry = run.entry or run.saved
        if run.entry is not None:
            self._written()
        if made is not None:
            self._tell_export(made)
        elif entry is not None:
            for edit in entry.files:
                self.steps.put("fine", f"{FILE_WORDS[edit.action]} {edit.shown}")
        if entry is not None and (made is None or made.written):
            self.steps.put("info", f"fix {entry.id} is in the journal: u takes it back")

    def _tell_export(self, made: Export) -> None:
        count = len(made.written)
        written = f"{count} file{'s' * (count != 1)} written below {made.folder}"
        self.steps.put("fine", written if count else f"{made.folder} holds it already")
        for text in (*(f"to apply it: {command.do}" for command in made.commands), *made.notes):
            self.steps.put("info", text)

    def _written(self) -> None:
        self.has_written = True
        if self.steps.pending is not None:
            self.steps.lines.pop()


def _may_pass(problem: MeshdoctorError) -> bool:
    """The server did not answer, or did not mean it: another time it may work."""
    from meshdoctor.kube.session import Refused

    if isinstance(problem, Refused):
        return problem.status in (401, 429) or problem.status >= 500
    return isinstance(problem, Unreadable)

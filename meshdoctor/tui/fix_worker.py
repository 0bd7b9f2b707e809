"""Runs a `FixRun` in a thread and keeps its steps for the screens that show them.

An error becomes a step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from meshdoctor.errors import MeshdoctorError, PartlyApplied, Unreadable, fault
from meshdoctor.fixes.fix_run import FixAction, FixRun
from meshdoctor.model.fix import FixEvent, JournalEntry
from meshdoctor.text.phrases import count
from meshdoctor.tui.state.fix_steps import StepList, allowed
from meshdoctor.view.journal import FILE_ACTIONS

if TYPE_CHECKING:
    from meshdoctor.fixes.fix_context import FixContext
    from meshdoctor.model.finding import Finding, Fix


class FixTurns(Protocol):
    """The fixes of a session, of which one at a time changes something."""

    current: FixWorker | None
    """The newest fix that began to change something."""
    ended: Callable[[FixWorker], object]
    """Hears, in any thread, that a fix which may have changed something has ended."""

    @property
    def context(self) -> FixContext:
        """Where the fixes are written."""

    @property
    def busy_with(self) -> FixWorker | None:
        """The fix that is changing something just now."""


class FixWorker:
    """A fix of a finding, or (`entry`) one of the journal."""

    def __init__(
        self,
        fixes: FixTurns,
        *,
        finding: Finding | None = None,
        fix: Fix | None = None,
        entry: JournalEntry | None = None,
    ) -> None:
        self.run = FixRun(fixes.context, self._on_event, finding=finding, fix=fix, entry=entry)
        self.steps = StepList()
        self.diffs: tuple[str, ...] = ()
        """The diffs of the preview."""
        self.is_writing = False
        """Something is being changed, or may be."""
        self.listeners: set[Callable[[], object]] = set()
        """Called, in any thread, after each change of state. They must not block."""
        self._fixes = fixes
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Its thread is running."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def has_written(self) -> bool:
        """Something was changed, or may be."""
        return self.run.result is not None or self.run.is_open

    @property
    def asks_folder(self) -> bool:
        """Saving it needs a folder: there are no manifests, or they cannot be changed."""
        return not self.run.context.manifests or bool(self.run.why_not("apply"))

    def why_not(self, action: FixAction) -> str:
        """Why something cannot be done now; empty where it can. `apply` resumes an unfinished fix."""
        if self.is_busy:
            return "it is running"
        if action != "save" and self._fixes.busy_with not in (None, self):
            return "another fix is running"
        return self.run.why_not("resume" if action == "apply" and self.run.is_open else action)

    # What is done, each in a thread

    def prepare(self) -> FixWorker:
        """Previews the fix and tries it out on a cluster. Changes nothing."""
        self._start(self._prepare)
        return self

    def apply(self) -> None:
        """Applies or resumes it, and verifies it."""
        self._start(*([self.run.resume] if self.run.is_open else [self.run.try_out, self.run.apply]), writes=True)

    def save(self, folder: Path | None) -> None:
        """Writes it to files: the user's own, or new ones in a folder."""
        self._start(lambda: self._save(folder), writes=True)

    def undo(self) -> None:
        """Undoes it."""
        self._start(self.run.preview_undo, self.run.undo, writes=True)

    def _start(self, *work: Callable[[], object], writes: bool = False) -> None:
        if self.is_busy:
            return
        self.is_writing = writes
        if writes:
            self._fixes.current = self
        if self.run.result is None:
            self.steps.lines.clear()
        else:
            self.steps.put("none", "")
        # A daemon, so that the program can end; the journal has how far the fix got.
        self._thread = threading.Thread(target=self._work, args=work, daemon=True, name="meshdoctor fix")
        self._thread.start()

    def _work(self, *work: Callable[[], object]) -> None:
        try:
            for do in work:
                do()
            if self.steps.pending is not None:
                self.steps.lines.pop()
        except PartlyApplied as problem:
            self.steps.put("error", f"{problem}: U undoes it, A resumes it")
        except MeshdoctorError as problem:
            self.steps.put("error", problem.message)
            if not self.is_writing and _may_be_temporary(problem):
                self.steps.put("info", "Nothing was changed. To try again, press esc and open the fix again.")
        except Exception as problem:
            self.steps.put("error", fault(problem))
        has_ended, self.is_writing = self.is_writing, False
        self._thread = None
        self._notify()
        if has_ended:
            self._fixes.ended(self)

    def _notify(self) -> None:
        for listener in list(self.listeners):
            listener()

    def _on_event(self, event: FixEvent) -> None:
        if event.step == "tried" and self.run.plan is not None:
            self.steps.put("fine", allowed(self.run.plan.changes))
        self.steps.absorb(event)
        self._notify()

    def _prepare(self) -> None:
        run, context = self.run, self.run.context
        if run.entry is None:
            run.preview()
            self.diffs = run.diffs
            if not (run.why_not("save") or context.makes_new_files or context.is_read_only):
                run.try_out()
        elif run.is_open:
            run.preview_resume()
        else:
            run.preview_undo()
        self.diffs = run.diffs
        self.steps.put("none", self._offer())

    def _offer(self) -> str:
        """What the keys do, or why they do nothing."""
        run, context = self.run, self.run.context
        if run.entry is not None and run.is_open:
            state = "has manual steps left" if run.entry.manual_steps else "was interrupted, unless it still runs"
            return run.why_not("resume") or f"It {state}. A resumes and verifies it, U undoes it."
        if run.entry is not None:
            return run.why_not("undo") or "U undoes it. Nothing is changed yet."
        if run.why_not("save"):
            return f"{run.why_not('save')}."
        if context.makes_new_files:
            return "There is no cluster to change. A or s writes the fix to new files, U removes them."
        if context.is_read_only:
            return f"{context.why_read_only}. A is disabled, s writes the fix to files."
        does = "changes the files given with -f" if context.in_files else "applies it"
        return f"A {does}. Nothing is changed yet."

    def _save(self, folder: Path | None) -> None:
        run, put = self.run, self.steps.put
        made = run.save(folder.expanduser() if folder is not None else None)
        entry = run.entry or run.saved
        if made is not None:
            written = f"{count(len(made.written), 'file')} written below {made.folder}"
            put("fine", written if made.written else f"{made.folder} already has these files")
            for text in (*(f"to apply it: {command.do}" for command in made.commands), *made.notes):
                put("info", text)
        for edit in entry.files if entry is not None and made is None else ():
            put("fine", f"{FILE_ACTIONS[edit.action]} {edit.shown}")
        if entry is not None and (made is None or made.written):
            put("info", f"fix {entry.id} is in the journal: U undoes it")


def _may_be_temporary(problem: MeshdoctorError) -> bool:
    """The error may not occur again: no answer from the server, or a temporary refusal."""
    from meshdoctor.kube.session import Refused

    if isinstance(problem, Refused):
        return problem.status in (401, 429) or problem.status >= 500
    return isinstance(problem, Unreadable)

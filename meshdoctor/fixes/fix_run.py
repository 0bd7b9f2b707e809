"""One fix: previewed, tried out, applied and verified, saved to files, resumed, undone.

`FixRun` knows the order of the steps and which may be next. Front ends get each step as a `FixEvent`, and ask the user
between the steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from meshdoctor.errors import MeshdoctorError, NotApplied, NothingToJudge, PartlyApplied, UsageError
from meshdoctor.fixes.apply import file_applier
from meshdoctor.fixes.apply.journal import refuse_ended, why_closed, why_ended
from meshdoctor.fixes.files.export import Export, export
from meshdoctor.fixes.files.file_edits import file_edit, unified_files
from meshdoctor.fixes.files.file_writes import write_edits
from meshdoctor.fixes.fix_context import FixContext
from meshdoctor.fixes.plan.fix_plan import FixPlan, plan
from meshdoctor.fixes.plan.object_diff import unified
from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.fix import Change, FileEdit, FixEvent, FixListener, FixResult, JournalEntry

if TYPE_CHECKING:
    from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
    from meshdoctor.fixes.apply.object_writes import PreparedChange

FixAction = Literal["apply", "save", "resume", "undo"]

FOLDER = Path("meshdoctor-fixes")
"""Where new files are written unless another folder is named."""
_DRY_RUN = "checking permissions and the dry run"


class FixRun:
    """A fix of a finding, or (`entry`) one of the journal."""

    def __init__(
        self,
        context: FixContext,
        tell: FixListener = lambda event: None,
        *,
        finding: Finding | None = None,
        fix: Fix | None = None,
        entry: JournalEntry | None = None,
    ) -> None:
        self.context = context
        self.finding = finding
        self.fix = fix
        self.entry = entry
        """The fix in the journal; None before it is journaled."""
        self.saved: JournalEntry | None = None
        """The journal entry of an export of a cluster's fix, which can still be applied to the cluster."""
        self.plan: FixPlan | None = None
        self.diffs: tuple[str, ...] = ()
        """Unified diffs of the last preview or trial: one per object, or one for all files."""
        self.result: FixResult | None = None
        self.is_undo = False
        """`result` is that of an undo."""
        self.refusal = "it was not tried yet"
        """Why it cannot be applied to what exists; empty once `try_out` succeeded."""
        self._tell = tell
        self._journaled = 0
        self._applier: ClusterApplier | None = None
        self._prepared: Sequence[PreparedChange] = ()
        self._edits: Sequence[FileEdit] = ()
        self._folder = FOLDER

    # What can be done

    @property
    def is_open(self) -> bool:
        """The journal has it as unfinished: interrupted, or with manual steps left."""
        return self.entry is not None and self.entry.is_open

    @property
    def files(self) -> tuple[str, ...]:
        """The files that applying it writes, once it is tried out."""
        return tuple(edit.shown for edit in self._edits)

    def why_not(self, action: FixAction) -> str:
        """Why something cannot be done now, in a sentence; empty where it can."""
        context, entry = self.context, self.entry
        if action == "undo":
            applied = entry or self.saved
            if applied is None:
                return "it is not applied: there is nothing to undo"
            return why_ended(applied) or ("" if applied.files else context.why_read_only)
        if action == "resume":
            return "it is not applied yet" if entry is None else why_closed(entry) or context.why_read_only
        if entry is not None:
            return f"fix {entry.id} is already {entry.state}"
        if self.plan is None:
            return "it is not previewed yet"
        if not self.plan.changes:
            return f"fix {self.plan.fix.id} is manual: nothing is written"
        if action == "save" or context.makes_new_files:
            return ""
        return context.why_read_only or self.refusal

    # A fix of a finding

    def preview(self) -> FixPlan:
        """Plans its changes and predicts their impact. Writes nothing."""
        assert self.finding is not None
        assert self.fix is not None
        self._begin("planning the changes and predicting their impact")
        self.plan = plan(self.context.evidence(self._begin), self.finding, self.fix)
        self.diffs = _diffs(self.plan.changes)
        return self.plan

    def try_out(self, folder: Path | None = None) -> None:
        """Checks permissions and the dry run on a cluster; plans the edits of files, new ones in `folder`.

        Writes nothing. Raises what would stop `apply`.
        """
        try:
            self._try_out(folder)
        except MeshdoctorError as problem:
            self.refusal = self.refusal and str(problem)
            raise
        self.refusal = ""

    def _try_out(self, folder: Path | None) -> None:
        found, context = self._planned, self.context
        if context.makes_new_files or folder is not None:
            self._folder = folder or FOLDER
            self._edits = file_applier.new_files(found, self._folder)
        elif context.in_files:
            self._refuse_unread(found.finding)
            self._folder = context.manifests[0]
            self._edits = file_applier.edits_for(found, context.manifests)
        else:
            self._refuse_unread(found.finding)
            self._begin(_DRY_RUN)
            self._applier = context.applier(self._hear)
            self._prepared = self._applier.try_out(found.changes)
            for one in self._prepared:
                if one.other_writers:
                    text = f"{one.change.key} was written by {', '.join(one.other_writers)}"
                    undone = "applying that manifest again undoes the fix. Change it too (an export contains it)"
                    self._tell(FixEvent("warning", f"{text}: {undone}"))
            return
        self.diffs = (unified_files(self._edits),)

    def apply(self) -> FixResult:
        """Writes what was tried out; on a cluster waits for the sidecars and verifies the fix.

        Raises what stops it, `PartlyApplied` once it is in the journal.
        """
        found, context = self._planned, self.context
        if context.in_files:
            entry = file_applier.apply(found, self._edits, context.journal, self._folder.absolute())
            return self._keep(FixResult(entry=entry))
        assert self._applier is not None, "try_out comes first"
        evidence = context.evidence(self._begin)
        self._refuse_unread(found.finding)
        with self._after_journaling():
            return self._keep(self._applier.apply(evidence, found, self._prepared))

    def save(self, folder: Path | None = None) -> Export | None:
        """Writes it to files, which an undo restores: the user's manifests, or new ones in `folder`.

        For a cluster, and for a deletion in `folder`, this is an export.
        """
        if self.context.in_files and (folder is None or all(c.after is not None for c in self._planned.changes)):
            self.try_out(folder)
            self.apply()
            return None
        return self.export(folder or FOLDER, journaled=True)

    def export(self, folder: Path, *, journaled: bool = False) -> Export:
        """Writes manifests and an overlay below `folder`, with the kubectl commands to apply them."""
        found, context, cluster = self._planned, self.context, self.context.source.cluster
        entries: list[JournalEntry] = []

        def write(edits: Sequence[FileEdit]) -> None:
            where = folder.absolute()
            entries.append(file_applier.apply(found, edits, context.journal, where, context.location))

        write_ = write if journaled else write_edits
        made = export(found.changes, folder, context=cluster.context if cluster is not None else None, write=write_)
        if entries and context.in_files:
            self._keep(FixResult(entry=entries[0]))
        elif entries:
            self.saved = entries[0]
        return made

    # A fix of the journal

    def preview_resume(self) -> None:
        """Makes the diffs of what `resume` writes."""
        entry = self._entry
        self.diffs = (unified_files(entry.files),) if entry.files else _diffs([one.change for one in entry.written])

    def resume(self) -> FixResult:
        """Continues an unfinished fix, and verifies it. Raises as `apply` does."""
        entry = self._entry
        if entry.files:
            return self._keep(FixResult(entry=file_applier.write(entry, self.context.journal)))
        self._begin(_DRY_RUN)
        applier = self.context.applier(self._hear)
        self._journaled = entry.id
        with self._after_journaling():
            return self._keep(applier.resume(entry))

    def preview_undo(self) -> None:
        """Makes the diffs of an undo, and tries it on a cluster. Writes nothing.

        Raises `NotApplied` where somebody else changed an object since.
        """
        entry = self._entry
        refuse_ended(entry)
        if entry.files:
            back = [file_edit(edit.path, edit.shown, edit.after, edit.before) for edit in entry.files]
            self.diffs = (unified_files(back),)
            return
        self._begin("checking what the undo would change")
        self._applier = self.context.applier(self._hear)
        self._prepared = self._applier.undo_plan(entry)
        self.diffs = _diffs([one.change for one in self._prepared if one.way != "nothing"])

    def undo(self) -> FixResult:
        """Undoes it as previewed, and compares with before the fix. Raises `NotEditable` where a file changed."""
        entry = self._entry
        if not entry.files:
            assert self._applier is not None, "preview_undo comes first"
            return self._keep(self._applier.undo(entry, self._prepared), is_undo=True)
        made = FixResult(entry=file_applier.undo(entry, self.context.journal))
        if self.entry is not None:
            return self._keep(made, is_undo=True)
        self.saved = None
        self._tell(FixEvent("applied", f"fix {entry.id} is undone: its files are removed"))
        return made

    # Helpers

    @property
    def _entry(self) -> JournalEntry:
        """What can be resumed or undone, as the journal has it now."""
        applied = self.entry or self.saved
        assert applied is not None
        return self.context.journal.get(applied.id)

    @property
    def _planned(self) -> FixPlan:
        assert self.plan is not None, "preview comes first"
        return self.plan

    def _refuse_unread(self, finding: Finding) -> None:
        because = self.context.why_unread(finding)
        if because:
            raise NothingToJudge(because)

    def _begin(self, text: str) -> None:
        self._tell(FixEvent("begun", text))

    def _hear(self, event: FixEvent) -> None:
        self._journaled = event.number or self._journaled
        self._tell(event)

    def _keep(self, made: FixResult, *, is_undo: bool = False) -> FixResult:
        self.result, self.entry, self.is_undo = made, made.entry, is_undo
        return made

    @contextmanager
    def _after_journaling(self) -> Iterator[None]:
        """Makes a problem after the fix is in the journal a `NotApplied` or `PartlyApplied`."""
        try:
            yield
        except UsageError:
            raise
        except MeshdoctorError as problem:
            if not self._journaled:
                raise
            left = self.context.journal.get(self._journaled)
            self._journaled = 0
            if left.state == "failed":
                raise NotApplied(f"{problem}. Fix {left.id} was not applied: nothing was changed") from None
            self.entry = left
            raise PartlyApplied(str(problem), left.id) from None


def _diffs(changes: Sequence[Change]) -> tuple[str, ...]:
    return tuple(filter(None, map(unified, changes)))

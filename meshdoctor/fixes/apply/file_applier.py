"""Applies a fix to files: the user's manifests, or new ones beside a capture, which is never changed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import structs

from meshdoctor import yamlio
from meshdoctor.errors import NotApplied
from meshdoctor.fixes.apply.journal import Journal, refuse_closed, refuse_ended
from meshdoctor.fixes.files.file_edits import file_edit, plan_edits
from meshdoctor.fixes.files.file_writes import undo_edits, write_edits
from meshdoctor.fixes.files.manifest_files import read_manifests
from meshdoctor.fixes.files.manifest_placement import file_name
from meshdoctor.fixes.plan.fix_plan import FixPlan, planned
from meshdoctor.model.fix import FileEdit, FixTarget, JournalEntry
from meshdoctor.text.marks import is_redacted
from meshdoctor.text.times import now

_UNVERIFIED = "not verified: apply the files to the cluster, then run `meshdoctor check`"


def edits_for(plan: FixPlan, paths: Sequence[Path]) -> tuple[FileEdit, ...]:
    """The edits of the manifests at `paths`. Raises `NotEditable` where one of the changes cannot be made."""
    return plan_edits(plan.changes, read_manifests(paths))


def new_files(plan: FixPlan, folder: Path) -> tuple[FileEdit, ...]:
    """The fixed objects as new files in `folder`, for a capture without manifests.

    Raises `NotApplied` for a deletion, for a file that already exists, and for a value that was redacted.
    """
    edits = []
    for change in plan.changes:
        if change.after is None:
            raise NotApplied(f"the fix deletes {change.key}, which no file can: --export prints the kubectl command")
        shown = folder / file_name(change.key)
        path = os.path.realpath(shown)
        if os.path.lexists(path):
            raise NotApplied(f"{shown} already exists: move it, or use --export with another folder")
        text = yamlio.dump(change.after)
        if is_redacted(text):
            raise NotApplied(
                f"{change.key} contains text that was redacted in the capture: fix it in your own manifests (-f), "
                "or on the cluster"
            )
        edits.append(file_edit(path, str(shown), None, text.encode()))
    return tuple(edits)


def apply(plan: FixPlan, edits: Sequence[FileEdit], journal: Journal, folder: Path, context: str = "") -> JournalEntry:
    """Journals the edits and writes them. `context`: of the cluster that they are for, if any.

    Raises `NotEditable` where a file has changed; then none is written.
    """
    place = FixTarget(folder=str(folder), context=context)
    entry = journal.add(lambda number: structs.replace(planned(plan, number, place), files=tuple(edits)))
    return write(entry, journal)


def write(entry: JournalEntry, journal: Journal) -> JournalEntry:
    """Writes the files of an entry; those already written are left alone. Raises as `apply` does."""
    refuse_closed(entry)
    try:
        for edit in entry.files:
            os.makedirs(os.path.dirname(edit.path), exist_ok=True)
        write_edits(entry.files)
    except (NotApplied, OSError) as problem:
        because = str(problem)
        if isinstance(problem, OSError):
            because = f"cannot create {problem.filename}: {problem.strerror}. Nothing was written: give another folder"
        journal.update(entry, state="failed", note=because)
        raise NotApplied(because) from None
    return journal.update(entry, state="written", note=_UNVERIFIED)


def undo(entry: JournalEntry, journal: Journal) -> JournalEntry:
    """Restores every file. Raises `NotEditable` where one has changed since the fix; then none is restored."""
    refuse_ended(entry)
    undo_edits(entry.files)
    return journal.update(entry, state="undone", note=f"undone {now()}")

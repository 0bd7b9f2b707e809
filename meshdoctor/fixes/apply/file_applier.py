"""A fix applied to files: the user's own manifests, or new ones beside a capture, which itself is never changed."""

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
from meshdoctor.text.secrets import REDACTED
from meshdoctor.text.times import now

_UNVERIFIED = "files verify nothing: apply them to the cluster, then `meshdoctor check` says whether it worked"


def edits_for(plan: FixPlan, paths: Sequence[Path]) -> tuple[FileEdit, ...]:
    """What becomes of the manifests at `paths`. Raises `NotEditable` where one of the changes cannot be carried out."""
    return plan_edits(plan.changes, read_manifests(paths))


def beside(plan: FixPlan, folder: Path) -> tuple[FileEdit, ...]:
    """The fixed objects as new files in `folder`, for a capture without manifests.

    Raises `NotApplied` for a deletion, which no file can say, where a file of the name is there already, and where a
    secret that was redacted would have to be written.
    """
    edits = []
    for change in plan.changes:
        if change.after is None:
            raise NotApplied(f"{change.key} is to be deleted, which no new file says: --export prints the kubectl line")
        shown = folder / file_name(change.key)
        path = os.path.realpath(shown)
        if os.path.lexists(path):
            raise NotApplied(f"{shown} is there already: move it away, or --export to another folder")
        text = yamlio.dump(change.after)
        if REDACTED in text:
            raise NotApplied(
                f"{change.key} holds a secret that was redacted when it was captured, so it cannot be written: fix it "
                "in your own manifests (-f), or on the cluster"
            )
        edits.append(file_edit(path, str(shown), None, text.encode()))
    return tuple(edits)


def apply(plan: FixPlan, edits: Sequence[FileEdit], journal: Journal, folder: Path, context: str = "") -> JournalEntry:
    """Journals, with what was there before, and writes. `context`: of the cluster that it is for, where there is one.

    Raises `NotEditable` where a file changed; then none is."""
    place = FixTarget(folder=str(folder), context=context)
    entry = journal.add(lambda number: structs.replace(planned(plan, number, place), files=tuple(edits)))
    return write(entry, journal)


def write(entry: JournalEntry, journal: Journal) -> JournalEntry:
    """Writes what an entry says; done twice, it finds its work done. Raises as `apply` does."""
    refuse_closed(entry)
    try:
        for edit in entry.files:
            os.makedirs(os.path.dirname(edit.path), exist_ok=True)
        write_edits(entry.files)
    except (NotApplied, OSError) as problem:
        because = str(problem)
        if isinstance(problem, OSError):
            because = f"{problem.filename} cannot be made: {problem.strerror}. Nothing was written: name another folder"
        journal.update(entry, state="failed", note=because)
        raise NotApplied(because) from None
    return journal.update(entry, state="written", note=_UNVERIFIED)


def undo(entry: JournalEntry, journal: Journal) -> JournalEntry:
    """Puts every file back. Raises `NotEditable` where one is no longer what was written; then none is touched."""
    refuse_ended(entry)
    undo_edits(entry.files)
    return journal.update(entry, state="undone", note=f"undone {now()}")

"""A fix written to files: the user's manifests, new files beside a capture, or an export to hand on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.fixes.apply import file_applier
from meshdoctor.model.fix import FileEdit, JournalEntry
from meshdoctor.view.journal import FILE_ACTIONS

if TYPE_CHECKING:
    from meshdoctor.fixes.apply.journal import Journal
    from meshdoctor.fixes.plan.fix_plan import FixPlan
    from meshdoctor.tui.fixing.fix_context import FixContext

FOLDER = Path("meshdoctor-fixes")
"""Where new files are written unless another folder is named."""


class Saved(Struct, frozen=True):
    """What was written."""

    entry: JournalEntry | None
    """In the journal, so that it can be taken back; None where all of it was there already."""
    told: tuple[str, ...]
    notes: tuple[str, ...] = ()


def save(plan: FixPlan, fix_context: FixContext, journal: Journal, folder: Path | None) -> Saved:
    """Writes the fix. Without a folder it goes into the user's manifests.

    Raises `NotApplied` and `NotEditable`, with what to do, where a file is in the way or cannot be written.
    """
    if folder is None and fix_context.manifests:
        edits = file_applier.edits_for(plan, fix_context.manifests)
        return _told(file_applier.apply(plan, edits, journal, fix_context.manifests[0].absolute()))
    folder = (folder or FOLDER).expanduser()
    if fix_context.cluster is None and all(change.after is not None for change in plan.changes):
        return _told(file_applier.apply(plan, file_applier.beside(plan, folder), journal, folder.absolute()))
    return _exported(plan, fix_context, journal, folder)


def _told(entry: JournalEntry) -> Saved:
    lines = tuple(f"{FILE_ACTIONS[edit.action]} {edit.shown}" for edit in entry.files)
    return Saved(entry, lines, (_in_journal(entry),))


def _in_journal(entry: JournalEntry) -> str:
    return f"fix {entry.id} is in the journal: u takes it back"


def _exported(plan: FixPlan, fix_context: FixContext, journal: Journal, folder: Path) -> Saved:
    from meshdoctor.fixes.files.export import export

    context = fix_context.cluster.context if fix_context.cluster is not None else None
    entries: list[JournalEntry] = []

    def write(edits: Sequence[FileEdit]) -> None:
        entries.append(file_applier.apply(plan, edits, journal, folder.absolute(), fix_context.place))

    made = export(plan.changes, folder, context=context, write=write)
    count = len(made.written)
    told = (
        f"{count} file{'s' * (count != 1)} written below {made.folder}" if count else f"{made.folder} holds it already"
    )
    lines = tuple(f"to apply it: {command.do}" for command in made.commands)
    noted = tuple(_in_journal(entry) for entry in entries)
    return Saved(entries[0] if entries else None, (told,), (*lines, *made.notes, *noted))

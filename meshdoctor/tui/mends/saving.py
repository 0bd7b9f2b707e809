"""A mend written to files: the user's manifests, new files beside a capture, or an export to hand on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.mending import files
from meshdoctor.model.mend import Entry, FileEdit
from meshdoctor.report.fix_text import FILE_WORDS

if TYPE_CHECKING:
    from meshdoctor.mending.journal import Journal
    from meshdoctor.mending.plan import Plan
    from meshdoctor.tui.mends.ground import Ground

FOLDER = Path("meshdoctor-mends")
"""Where new files are written unless another folder is named."""


class Saved(Struct, frozen=True):
    """What was written."""

    entry: Entry | None
    """In the journal, so that it can be taken back; None where all of it was there already."""
    told: tuple[str, ...]
    notes: tuple[str, ...] = ()


def save(plan: Plan, ground: Ground, journal: Journal, folder: Path | None) -> Saved:
    """Writes the mend. Without a folder it goes into the user's manifests.

    Raises `NotApplied` and `NotEditable`, with what to do, where a file is in the way or cannot be written.
    """
    if folder is None and ground.manifests:
        edits = files.edits_for(plan, ground.manifests)
        return _told(files.apply(plan, edits, journal, ground.manifests[0].absolute()))
    folder = (folder or FOLDER).expanduser()
    if ground.cluster is None and all(change.after is not None for change in plan.changes):
        return _told(files.apply(plan, files.beside(plan, folder), journal, folder.absolute()))
    return _exported(plan, ground, journal, folder)


def _told(entry: Entry) -> Saved:
    lines = tuple(f"{FILE_WORDS[edit.action]} {edit.shown}" for edit in entry.files)
    return Saved(entry, lines, (_in_journal(entry),))


def _in_journal(entry: Entry) -> str:
    return f"mend {entry.id} is in the journal: u takes it back"


def _exported(plan: Plan, ground: Ground, journal: Journal, folder: Path) -> Saved:
    from meshdoctor.fixes.export import export

    context = ground.cluster.context if ground.cluster is not None else None
    entries: list[Entry] = []

    def write(edits: Sequence[FileEdit]) -> None:
        entries.append(files.apply(plan, edits, journal, folder.absolute(), ground.place))

    made = export(plan.changes, folder, context=context, write=write)
    count = len(made.written)
    told = (
        f"{count} file{'s' * (count != 1)} written below {made.folder}" if count else f"{made.folder} holds it already"
    )
    lines = tuple(f"to apply it: {command.do}" for command in made.commands)
    noted = tuple(_in_journal(entry) for entry in entries)
    return Saved(entries[0] if entries else None, (told,), (*lines, *made.notes, *noted))

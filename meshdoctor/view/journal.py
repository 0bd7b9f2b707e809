"""Fixes of the journal: the list of them, one in detail, and what a fix wrote to files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.model.fix import JournalEntry
from meshdoctor.text.printable import TextLines
from meshdoctor.text.shell import ShellCommand, command
from meshdoctor.view.blocks import (
    GAP,
    Block,
    CodeText,
    Icon,
    Labelled,
    Marked,
    Paragraph,
    Rows,
    TableRow,
    commands,
    names,
)
from meshdoctor.view.verification import ownership_changes

_PODS = 3
FILE_ACTIONS = {"create": "created", "delete": "deleted", "update": "changed"}
"""Words for what was done to a file."""
_ICONS: dict[str, Icon] = {
    "verified": "fine", "written": "fine", "undone": "step", "failed": "unknown", "unverified": "warning",
}  # fmt: skip
"""Of states; all others are open."""


def history(entries: Sequence[JournalEntry]) -> Iterator[Block]:
    """The journal, the newest first."""
    if not entries:
        yield Paragraph("the journal is empty: no fix was applied yet")
        return
    rows = []
    for entry in reversed(entries):
        state = "unfinished" if entry.awaits_person else "interrupted" if entry.was_interrupted else entry.state
        cells = (str(entry.id), entry.at, state, entry.subject)
        rows.append(TableRow(_ICONS.get(entry.state, "error"), cells, tuple(_row(entry))))
    yield Rows(tuple(rows))


def _row(entry: JournalEntry) -> Iterator[Block]:
    yield Paragraph(f"{entry.title} [{entry.rule}, {entry.fix}] in {place(entry)}")
    if entry.note:
        yield Paragraph(entry.note)
    if entry.awaits_person:
        yield Labelled("manual steps", TextLines(entry.manual_steps))
        yield Labelled("to verify it then", "", (CodeText(_resume(entry)),))
    elif entry.was_interrupted:
        yield Labelled("to resume it, unless it still runs", "", (CodeText(_resume(entry)),))
        yield Labelled("to undo it", "", (CodeText(_undo(entry)),))


def details(entry: JournalEntry) -> Iterator[Block]:
    """One fix of the journal."""
    yield Labelled("fix", f"{entry.id}  {entry.title}")
    yield Labelled("finding", f"{entry.rule} {entry.subject}")
    yield Labelled("in", place(entry))
    yield Labelled("at", entry.at)
    note = entry.note if entry.note.startswith(entry.state) else f"{entry.state}, {entry.note}".rstrip(", ")
    yield Labelled("state", note)
    if entry.manual_steps:
        yield Labelled("manual", TextLines(entry.manual_steps))
    if entry.pods:
        yield names("pods", entry.pods, _PODS)
    for text in ownership_changes(entry.not_restored):
        yield Labelled("undo", text, tone="warning")


def written(entry: JournalEntry) -> Iterator[Block]:
    """What a fix wrote to files, and its manual steps."""
    for edit in entry.files:
        yield Marked("fine", f"{FILE_ACTIONS[edit.action]} {edit.shown}")
    yield Marked("unknown", entry.note)
    if entry.manual_steps:
        yield Labelled("manual steps", TextLines(entry.manual_steps))


def then(entry: JournalEntry, cluster: str = "") -> Iterator[Block]:
    """The commands to verify or undo it. `cluster` are the options that name the cluster."""
    if entry.awaits_person:
        yield from commands("To verify it once the manual steps are done:", [_resume(entry, cluster)])
    yield from commands("To undo it:", [_undo(entry, cluster)])


def _resume(entry: JournalEntry, cluster: str = "") -> ShellCommand:
    return command("meshdoctor", "fix", "--resume", str(entry.id), more=cluster)


def _undo(entry: JournalEntry, cluster: str = "") -> ShellCommand:
    return command("meshdoctor", "undo", str(entry.id), more=cluster)


def state(entry: JournalEntry) -> Iterator[Block]:
    """The last fix of a finding, in a sentence."""
    if entry.was_interrupted:
        yield Marked("warning", f"fix {entry.id} of this finding was interrupted: it can be resumed or undone")
    elif entry.awaits_person:
        yield Marked("warning", TextLines(f"fix {entry.id} of this finding has manual steps: {entry.manual_steps}"))
        yield Paragraph("It can be verified then, or undone.", "faint")
    else:
        words = {
            "verified": "applied and verified",
            "written": "written to files",
            "unverified": "applied, not verified",
        }
        how = words.get(entry.state, entry.state)
        yield Marked("info", f"fix {entry.id} of this finding is {how} ({entry.at})")
    yield GAP


def place(entry: JournalEntry) -> str:
    """The folder or the cluster that it was applied to."""
    return entry.place.folder or entry.place.context

"""What `undo` does once it knows what is asked: show what is taken back, ask, take it back, compare."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.fix_request import FixRequest, applier_of
from meshdoctor.cli.steps import StepPrinter, confirmed, refuse_unconfirmed
from meshdoctor.cli.streams import put, say
from meshdoctor.errors import UsageError
from meshdoctor.text.printable import printable

if TYPE_CHECKING:
    from meshdoctor.fixes.apply.journal import Journal
    from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRequest
    from meshdoctor.model.fix import FixResult, JournalEntry


def last(entries: Sequence[JournalEntry]) -> JournalEntry:
    """The fix to undo where none is named. Raises `UsageError` where there is none."""
    left = [entry for entry in entries if not entry.has_ended]
    if not left:
        raise UsageError("nothing to undo: `meshdoctor fix --history` lists the fixes that were applied from here")
    return left[-1]


def undone(asked: FixRequest, entry: JournalEntry, look: DiagnosisRequest) -> int:
    """`undo` on a cluster."""
    from meshdoctor.fixes.apply.journal import refuse_ended
    from meshdoctor.fixes.plan.object_diff import unified

    refuse_ended(entry)
    if not asked.yes:
        refuse_unconfirmed("undo")
    with StepPrinter() as steps:
        applier = applier_of(asked, look, steps)
        prepared = applier.undo_plan(entry)
        _announce(entry, "\n".join(unified(one.change) for one in prepared if one.way != "nothing"))
        if not asked.yes and not confirmed(f"undo it in {printable(entry.place.context)}?"):
            return ExitCode.INTERRUPTED
        made = applier.undo(entry, prepared, look)
    return told(made, asked)


def undone_files(asked: FixRequest, entry: JournalEntry, journal: Journal) -> int:
    """`undo` of a fix that was written to files."""
    from meshdoctor.fixes.apply import file_applier
    from meshdoctor.fixes.apply.journal import refuse_ended
    from meshdoctor.fixes.files.file_edits import file_edit, unified_files
    from meshdoctor.model.fix import FixResult

    refuse_ended(entry)
    if not asked.yes:
        refuse_unconfirmed("undo")
        back = [file_edit(edit.path, edit.shown, edit.after, edit.before) for edit in entry.files]
        _announce(entry, unified_files(back))
        if not confirmed("undo it?"):
            return ExitCode.INTERRUPTED
    return told(FixResult(entry=file_applier.undo(entry, journal)), asked)


def told(made: FixResult, asked: FixRequest) -> int:
    """Says how an undo went; the exit code."""
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.undo(made))
    else:
        from meshdoctor.report import text
        from meshdoctor.view import verification as view

        put(text.render(view.undone(made), asked.page))
    verification = made.verification
    if verification is not None:
        return ExitCode.CLEAN if made.is_as_before else ExitCode.FOUND
    if made.wrote and not made.entry.files:
        say("no verdict: it is undone, and the mesh could not be checked again. Run `meshdoctor check`")
        return ExitCode.NO_VERDICT
    return ExitCode.CLEAN


def _announce(entry: JournalEntry, diffs: str) -> None:
    from meshdoctor.view.verification import ownership_changes

    sys.stderr.write(f"undo of fix {entry.id}: {printable(entry.title)}\n{diffs}\n")
    for text in ownership_changes(entry.not_restored):
        say(text)

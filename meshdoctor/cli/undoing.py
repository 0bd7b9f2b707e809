"""What `undo` does once it knows what is asked: show what is taken back, ask, take it back, compare."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meshdoctor.cli.asked import Asked, mender_of
from meshdoctor.cli.exits import ExitCode
from meshdoctor.cli.steps import Steps, confirmed, refuse_unconfirmed
from meshdoctor.cli.streams import put, say
from meshdoctor.errors import UsageError
from meshdoctor.semantics.text import printable

if TYPE_CHECKING:
    from meshdoctor.mending.journal import Journal
    from meshdoctor.mending.look import Look
    from meshdoctor.model.mend import Entry, Result


def last(entries: Sequence[Entry]) -> Entry:
    """The mend to undo where none is named. Raises `UsageError` where there is none."""
    left = [entry for entry in entries if not entry.has_ended]
    if not left:
        raise UsageError("nothing to undo: `meshdoctor fix --history` lists the mends that were applied from here")
    return left[-1]


def undone(asked: Asked, entry: Entry, look: Look) -> int:
    """`undo` on a cluster."""
    from meshdoctor.fixes.differences import unified
    from meshdoctor.mending.journal import refuse_ended

    refuse_ended(entry)
    if not asked.yes:
        refuse_unconfirmed("undo")
    with Steps() as steps:
        mender = mender_of(asked, look, steps)
        prepared = mender.undo_plan(entry)
        _announce(entry, "\n".join(unified(one.change) for one in prepared if one.way != "nothing"))
        if not asked.yes and not confirmed(f"take it back in {printable(entry.place.context)}?"):
            return ExitCode.INTERRUPTED
        made = mender.undo(entry, prepared, look)
    return told(made, asked)


def undone_files(asked: Asked, entry: Entry, journal: Journal) -> int:
    """`undo` of a mend that was written to files."""
    from meshdoctor.fixes.files import file_edit, unified_files
    from meshdoctor.mending import files
    from meshdoctor.mending.journal import refuse_ended
    from meshdoctor.model.mend import Result

    refuse_ended(entry)
    if not asked.yes:
        refuse_unconfirmed("undo")
        back = [file_edit(edit.path, edit.shown, edit.after, edit.before) for edit in entry.files]
        _announce(entry, unified_files(back))
        if not confirmed("take it back?"):
            return ExitCode.INTERRUPTED
    return told(Result(entry=files.undo(entry, journal)), asked)


def told(made: Result, asked: Asked) -> int:
    """Says how an undo went; the exit code."""
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.undo(made))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.undone(made, asked.page))
    proof = made.proof
    if proof is not None:
        return ExitCode.FOUND if proof.worse or proof.better or proof.new else ExitCode.CLEAN
    if made.wrote and not made.entry.files:
        say("no verdict: it is taken back, and the mesh could not be judged again. `meshdoctor check` tells how it is")
        return ExitCode.NO_VERDICT
    return ExitCode.CLEAN


def _announce(entry: Entry, diffs: str) -> None:
    sys.stderr.write(f"undo of mend {entry.id}: {printable(entry.title)}\n{diffs}\n")

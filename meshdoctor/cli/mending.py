"""What `fix` and `undo` do once they know what is asked: list, preview, apply, prove, take back."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.cli.exits import ExitCode
from meshdoctor.cli.steps import Steps, confirmed, refuse_unconfirmed
from meshdoctor.cli.streams import put, say
from meshdoctor.errors import UsageError
from meshdoctor.report.paper import Paper

if TYPE_CHECKING:
    from meshdoctor.mending.cluster import Mender
    from meshdoctor.mending.journal import Journal
    from meshdoctor.mending.look import Look, Seen
    from meshdoctor.mending.objects import Prepared
    from meshdoctor.mending.plan import Plan
    from meshdoctor.model.mend import Entry, FileEdit, Result

MENDS = Path("meshdoctor-mends")
"""Where a mend of a capture is written when no manifests are given."""


class Asked(Struct, frozen=True, kw_only=True):
    """The command line of `fix` or `undo`, the source aside."""

    finding: str = ""
    choose: str = ""
    apply: bool = False
    yes: bool = False
    export: Path | None = None
    resume: int | None = None
    waiting: int = 30
    """Seconds that proxies are waited for."""
    json: bool = False
    page: Paper = Paper()


def listed(asked: Asked, seen: Seen) -> int:
    """`fix`: the findings that have a mend."""
    from meshdoctor.fixes.changes import is_automatic

    findings = seen.diagnosis.findings
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.listed(seen.diagnosis))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.listed(findings, [any(map(is_automatic, f.fixes)) for f in findings], asked.page))
    return ExitCode.FOUND if any(f.severity == "error" for f in findings) else ExitCode.CLEAN


def mended(asked: Asked, seen: Seen) -> int:
    """`fix FINDING`: a preview, an export, or the mend applied."""
    from meshdoctor.mending.plan import choose, find, plan

    finding = find(seen.diagnosis.findings, asked.finding)
    planned = plan(seen, finding, choose(finding, asked.choose))
    if asked.export is not None:
        return _exported(planned, asked.export, asked)
    if not asked.apply:
        put(_preview(planned, asked, hint=True))
        return ExitCode.FOUND if finding.severity == "error" else ExitCode.CLEAN
    if not planned.changes:
        raise UsageError(f"mend {planned.fix.id} is done by hand: {planned.fix.steps or 'it would change nothing'}")
    if not asked.yes:
        refuse_unconfirmed("--apply")
    if seen.look.source.cluster is None:
        return _applied_to_files(asked, seen, planned)
    return _applied(asked, seen, planned)


def resumed(asked: Asked, look: Look) -> int:
    """`fix --resume`: goes on with a mend that was interrupted."""
    from meshdoctor.mending import files
    from meshdoctor.mending.journal import Journal

    journal = Journal()
    entry = journal.get(asked.resume or 0)
    if not asked.yes:
        refuse_unconfirmed("--resume")
        if not confirmed(f"go on with mend {entry.id}, {entry.title}?"):
            return ExitCode.USAGE
    if not entry.place.server:
        return _told_files(files.write(entry, journal), asked)
    with Steps() as steps, _saying_what_is_left():
        made = _mender(asked, look, steps).resume(entry, look)
    return _told(made, asked)


def undone(asked: Asked, entry: Entry, look: Look) -> int:
    """`undo` on a cluster."""
    from meshdoctor.fixes.differences import unified

    if not asked.yes:
        refuse_unconfirmed("undo")
    with Steps() as steps:
        mender = _mender(asked, look, steps)
        prepared = mender.undo_plan(entry)
        diffs = [unified(one.change) for one in prepared if one.way != "nothing"]
        sys.stderr.write("\n".join([f"undo of mend {entry.id}: {entry.title}", *diffs]) + "\n")
        if not asked.yes and not confirmed("take it back?"):
            return ExitCode.USAGE
        made = mender.undo(entry, prepared, look)
    return _told_undo(made, asked)


def undone_files(asked: Asked, entry: Entry, journal: Journal) -> int:
    """`undo` of a mend that was written to files."""
    from meshdoctor.mending import files
    from meshdoctor.model.mend import Result

    if not asked.yes:
        refuse_unconfirmed("undo")
        shown = ", ".join(edit.shown for edit in entry.files)
        if not confirmed(f"put back {shown}?"):
            return ExitCode.USAGE
    return _told_undo(Result(entry=files.undo(entry, journal)), asked)


def listed_history(asked: Asked) -> int:
    """`fix --history`."""
    from meshdoctor.mending.journal import Journal

    entries = Journal().entries()
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.history(entries))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.history(entries, asked.page))
    return ExitCode.CLEAN


def last(entries: Sequence[Entry]) -> Entry:
    """The mend to undo where none is named. Raises `UsageError` where there is none."""
    left = [entry for entry in entries if entry.state not in ("undone", "failed")]
    if not left:
        raise UsageError("no mend was applied from here that is not undone: `meshdoctor fix --history` lists them")
    return left[-1]


def _preview(planned: Plan, asked: Asked, *, hint: bool = False) -> str | bytes:
    from meshdoctor.fixes.differences import unified

    diffs = [(change, unified(change)) for change in planned.changes]
    if asked.json:
        from meshdoctor.report import fix_json

        return fix_json.preview(planned.finding, planned.fix, diffs, planned.touched)
    from meshdoctor.report import fix_text

    return fix_text.preview(planned.finding, planned.fix, diffs, planned.touched, asked.page, hint=hint)


def _applied(asked: Asked, seen: Seen, planned: Plan) -> int:
    with Steps() as steps:
        mender = _mender(asked, seen.look, steps)
        if not asked.yes:
            sys.stderr.write(str(_preview(planned, Asked(page=asked.page))))
        prepared = mender.try_out(planned.changes)
        _say_beside(prepared)
        if not asked.yes and not confirmed(f"apply {planned.fix.id}?"):
            return ExitCode.USAGE
        with _saying_what_is_left():
            made = mender.apply(seen, planned, prepared)
    code = _told(made, asked)
    if made.proof is None or not made.proof.is_worse or asked.yes or not confirmed("something got worse. Undo now?"):
        return code
    with Steps() as steps:
        mender = _mender(asked, seen.look, steps)
        return _told_undo(mender.undo(made.entry, mender.undo_plan(made.entry), seen.look), asked) or ExitCode.FOUND


def _applied_to_files(asked: Asked, seen: Seen, planned: Plan) -> int:
    from meshdoctor.fixes.files import unified_files
    from meshdoctor.mending import files
    from meshdoctor.mending.journal import Journal

    manifests = seen.look.source.manifests
    edits = files.edits_for(planned, manifests) if manifests else files.beside(planned, MENDS)
    if not asked.yes:
        sys.stderr.write(str(_preview(planned, Asked(page=asked.page))) + "\n" + unified_files(edits))
        if not confirmed(f"write {_names(edits)}?"):
            return ExitCode.USAGE
    else:
        sys.stderr.write(unified_files(edits))
    folder = manifests[0] if manifests else MENDS
    return _told_files(files.apply(planned, edits, Journal(), folder.absolute()), asked)


def _exported(planned: Plan, folder: Path, asked: Asked) -> int:
    if not planned.changes:
        raise UsageError(f"mend {planned.fix.id} is done by hand: {planned.fix.steps or 'it would change nothing'}")
    from meshdoctor.fixes.export import export

    made = export(planned.changes, folder)
    lines = [(command.do, command.undo) for command in made.commands]
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.exported(planned.finding, planned.fix, made.folder, made.written, lines, made.notes))
        return ExitCode.CLEAN
    from meshdoctor.report import fix_text

    put(fix_text.exported(planned.fix, made.folder, made.written, lines, made.notes, asked.page))
    return ExitCode.CLEAN


@contextmanager
def _saying_what_is_left() -> Iterator[None]:
    """Says after Ctrl-C in which state the mend was left."""
    try:
        yield
    except KeyboardInterrupt:
        from meshdoctor.mending.journal import OPEN, Journal

        entry = Journal().entries()[-1:]
        if entry and entry[0].state in OPEN:
            number = entry[0].id
            say(
                f"interrupted: mend {number} is {entry[0].state} and not proved. `meshdoctor fix --resume {number}` "
                f"goes on with it, `meshdoctor undo {number}` takes it back"
            )
        raise


def _mender(asked: Asked, look: Look, steps: Steps) -> Mender:
    from meshdoctor.mending.cluster import Mender
    from meshdoctor.mending.journal import Journal

    if look.source.cluster is None:
        raise UsageError("the mend was applied to a cluster: leave --from and -f out, and give --context")
    return Mender(look.source.cluster, Journal(), steps.tell, asked.waiting)


def _told(made: Result, asked: Asked) -> int:
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.result(made))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.result(made, asked.page))
    is_open = made.entry.state == "applied" and bool(made.entry.left_to_do)
    return ExitCode.CLEAN if is_open or (made.proof is not None and made.proof.holds) else ExitCode.FOUND


def _told_undo(made: Result, asked: Asked) -> int:
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.result(made))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.undone(made, asked.page))
    proof = made.proof
    return ExitCode.CLEAN if proof is None or not (proof.worse or proof.new) else ExitCode.FOUND


def _told_files(entry: Entry, asked: Asked) -> int:
    from meshdoctor.model.mend import Result

    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.result(Result(entry=entry)))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.written(entry, asked.page))
    return ExitCode.CLEAN


def _names(edits: Sequence[FileEdit]) -> str:
    return ", ".join(edit.shown for edit in edits)


def _say_beside(prepared: Sequence[Prepared]) -> None:
    for one in prepared:
        if one.beside:
            say(
                f"{one.change.key} was written by {', '.join(one.beside)}: applying the old file again takes the mend "
                "back, so change that file too (--export)"
            )

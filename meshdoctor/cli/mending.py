"""What `fix` does once it knows what is asked: list, preview, export, apply, prove, go on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from meshdoctor.cli import undoing
from meshdoctor.cli.asked import Asked, mender_of
from meshdoctor.cli.check import FailOn, exit_code
from meshdoctor.cli.exits import ExitCode
from meshdoctor.cli.steps import Steps, confirmed, refuse_unconfirmed
from meshdoctor.cli.streams import put, say
from meshdoctor.errors import MeshdoctorError, NotApplied, UsageError
from meshdoctor.semantics.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshdoctor.mending.look import Look, Seen
    from meshdoctor.mending.objects import Prepared
    from meshdoctor.mending.plan import Plan
    from meshdoctor.model.mend import Entry, Result

MENDS = Path("meshdoctor-mends")
"""Where a mend of a capture is written when no manifests are given."""


def listed(asked: Asked, seen: Seen) -> int:
    """`fix`: the findings that have a mend."""
    diagnosis = seen.diagnosis
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.findings(diagnosis))
    else:
        from meshdoctor.mending.plan import choose
        from meshdoctor.report import fix_text

        firsts = {finding.fingerprint: choose(finding) for finding in diagnosis.findings if finding.fixes}
        put(fix_text.findings(diagnosis, firsts, asked.page, asked.source))
    return exit_code(diagnosis, FailOn.ERROR, strict=False)


def mended(asked: Asked, seen: Seen) -> int:
    """`fix FINDING`: a preview, an export, or the mend applied."""
    from meshdoctor.mending.plan import choose, find, plan

    finding = find(seen.diagnosis.findings, asked.finding)
    planned = plan(seen, finding, choose(finding, asked.choose))
    if not asked.apply and asked.export is None:
        put(_preview(planned, asked, next_=_next(asked, seen, planned)))
        return ExitCode.FOUND if finding.severity == "error" else ExitCode.CLEAN
    if not planned.changes:
        steps = planned.fix.steps or "it would change nothing"
        raise UsageError(f"mend {planned.fix.id} is done by hand, nothing is written:\n{steps}")
    if asked.export is not None:
        return _exported(planned, asked.export, asked)
    if not asked.yes:
        refuse_unconfirmed("--apply")
    if seen.look.source.cluster is None:
        return _applied_to_files(asked, seen, planned)
    return _applied(asked, seen, planned)


def resumed(asked: Asked, entry: Entry, look: Look) -> int:
    """`fix --resume`: goes on with a mend that was interrupted."""
    from meshdoctor.fixes.differences import unified
    from meshdoctor.mending import files
    from meshdoctor.mending.journal import Journal

    if not asked.yes:
        refuse_unconfirmed("--resume")
        diffs = "\n".join(unified(one.change) for one in entry.written)
        sys.stderr.write(f"mend {entry.id}: {printable(entry.title)}\n{diffs}\n")
        if not confirmed("go on with it?"):
            return ExitCode.INTERRUPTED
    journal = Journal()
    if not entry.place.server:
        return _told_files(files.write(entry, journal), asked)
    with Steps(f"mend {entry.id} is in the journal") as steps:
        mender = mender_of(asked, look, steps)
        try:
            made = mender.resume(entry, look)
        except UsageError:
            raise
        except MeshdoctorError as problem:
            raise _with_what_is_left(problem, journal.get(entry.id)) from None
    return _told(made, asked)


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


def _preview(
    planned: Plan, asked: Asked, *, next_: Sequence[tuple[str, str]] = (), with_diffs: bool = True
) -> str | bytes:
    from meshdoctor.fixes.differences import unified

    diffs = [(change, unified(change) if with_diffs else "") for change in planned.changes]
    if asked.json:
        from meshdoctor.report import fix_json

        return fix_json.preview(planned.finding, planned.fix, diffs, planned.touched)
    from meshdoctor.report import fix_text

    return fix_text.preview(planned.finding, planned.fix, diffs, planned.touched, asked.page, next_)


def _next(asked: Asked, seen: Seen, planned: Plan) -> list[tuple[str, str]]:
    """Commands that follow a preview, each with what it does; none for a mend that is done by hand."""
    if not planned.changes:
        return []
    chosen = f" --choose {planned.fix.id}" if asked.choose else ""
    again = f"meshdoctor fix {planned.finding.fingerprint[:8]}{chosen}{asked.source}"
    source = seen.look.source
    where = f"writes new manifests below {MENDS}/"
    if source.cluster is not None:
        where = "applies it to the cluster and proves it"
    elif source.manifests:
        where = "changes the manifests of -f"
    applying = [] if asked.read_only else [(f"{again} --apply", where)]
    return [*applying, (f"{again} --export DIR", "writes manifests, an overlay, kubectl lines")]


def _applied(asked: Asked, seen: Seen, planned: Plan) -> int:
    from meshdoctor.mending.journal import Journal

    with Steps() as steps:
        mender = mender_of(asked, seen.look, steps)
        _show(planned, asked)
        prepared = mender.try_out(planned.changes)
        _say_beside(prepared)
        if not asked.yes and not confirmed(f"apply {planned.fix.id} to {printable(seen.diagnosis.location)}?"):
            return ExitCode.INTERRUPTED
        try:
            made = mender.apply(seen, planned, prepared)
        except MeshdoctorError as problem:
            if not steps.journaled:
                raise
            raise _with_what_is_left(problem, Journal().entries()[-1]) from None
    code = _told(made, asked)
    asks = made.proof is not None and made.proof.is_worse and not asked.yes and not asked.json
    if not asks or not confirmed("something got worse. Undo now?"):
        return code
    with Steps() as steps:
        mender = mender_of(asked, seen.look, steps)
        return undoing.told(mender.undo(made.entry, mender.undo_plan(made.entry), seen.look), asked) or ExitCode.FOUND


def _with_what_is_left(problem: MeshdoctorError, entry: Entry) -> MeshdoctorError:
    """The problem of a mend that was stopped after it was journaled, and what stands."""
    if entry.state == "failed":
        return NotApplied(f"{problem}. Mend {entry.id} was not applied: nothing is changed")
    return NotApplied(
        f"{problem}. Mend {entry.id} may be applied in part: `meshdoctor undo {entry.id}` takes it back, "
        f"`meshdoctor fix --resume {entry.id}` goes on with it"
    )


def _applied_to_files(asked: Asked, seen: Seen, planned: Plan) -> int:
    from meshdoctor.fixes.files import unified_files
    from meshdoctor.mending import files
    from meshdoctor.mending.journal import Journal

    manifests = seen.look.source.manifests
    edits = files.edits_for(planned, manifests) if manifests else files.beside(planned, MENDS)
    _show(planned, asked, with_diffs=False)
    sys.stderr.write(unified_files(edits))
    if not asked.yes and not confirmed(f"write {', '.join(printable(edit.shown) for edit in edits)}?"):
        return ExitCode.INTERRUPTED
    folder = manifests[0] if manifests else MENDS
    return _told_files(files.apply(planned, edits, Journal(), folder.absolute()), asked)


def _show(planned: Plan, asked: Asked, *, with_diffs: bool = True) -> None:
    """The preview on stderr, for whoever is to say yes to it."""
    if not asked.yes:
        sys.stderr.write(f"{_preview(planned, Asked(page=asked.page), with_diffs=with_diffs)!s}\n")


def _exported(planned: Plan, folder: Path, asked: Asked) -> int:
    from meshdoctor.fixes.export import export

    made = export(planned.changes, folder)
    lines = [(command.do, command.undo) for command in made.commands]
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.export(planned.finding, planned.fix, made.folder, made.written, lines, made.notes))
        return ExitCode.CLEAN
    from meshdoctor.report import fix_text

    put(fix_text.exported(planned.fix, made.folder, made.written, lines, made.notes, asked.page))
    return ExitCode.CLEAN


def _told(made: Result, asked: Asked) -> int:
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.result(made))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.result(made, asked.page, asked.cluster))
    return (
        ExitCode.CLEAN if made.entry.awaits_person or (made.proof is not None and made.proof.holds) else ExitCode.FOUND
    )


def _told_files(entry: Entry, asked: Asked) -> int:
    from meshdoctor.model.mend import Result

    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.result(Result(entry=entry)))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.written(entry, asked.page))
    return ExitCode.CLEAN


def _say_beside(prepared: Sequence[Prepared]) -> None:
    for one in prepared:
        if one.beside:
            say(
                f"{one.change.key} was written by {', '.join(one.beside)}: applying the old file again takes the mend "
                "back, so change that file too (--export)"
            )

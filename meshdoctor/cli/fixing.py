"""What `fix` does once it knows what is asked: list, preview, export, apply, verify, go on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from meshdoctor.cli import undo_fix
from meshdoctor.cli.check import FailOn, exit_code
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.fix_request import FixRequest, applier_of
from meshdoctor.cli.steps import StepPrinter, confirmed, refuse_unconfirmed
from meshdoctor.cli.streams import put, say
from meshdoctor.errors import MeshdoctorError, NotApplied, UsageError
from meshdoctor.model.verdict import Severity
from meshdoctor.text.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshdoctor.fixes.apply.object_writes import PreparedChange
    from meshdoctor.fixes.plan.fix_plan import FixPlan
    from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRecord, DiagnosisRequest
    from meshdoctor.model.fix import FixResult, JournalEntry

FIXES = Path("meshdoctor-fixes")
"""Where a fix of a capture is written when no manifests are given."""


def listed(asked: FixRequest, seen: DiagnosisRecord) -> int:
    """`fix`: the findings that have a fix."""
    diagnosis = seen.diagnosis
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.findings(diagnosis))
    else:
        from meshdoctor.fixes.plan.fix_plan import choose
        from meshdoctor.report import fix_text

        firsts = {finding.fingerprint: choose(finding) for finding in diagnosis.findings if finding.fixes}
        put(fix_text.findings(diagnosis, firsts, asked.page, asked.source))
    return exit_code(diagnosis, FailOn.ERROR, strict=False)


def fixed(asked: FixRequest, seen: DiagnosisRecord) -> int:
    """`fix FINDING`: a preview, an export, or the fix applied."""
    from meshdoctor.fixes.plan.fix_plan import choose, find, plan

    finding = find(seen.diagnosis.findings, asked.finding)
    planned = plan(seen, finding, choose(finding, asked.choose))
    if not asked.apply and asked.export is None:
        put(_preview(planned, asked, next_=_next(asked, seen, planned)))
        return ExitCode.FOUND if finding.severity is Severity.ERROR else ExitCode.CLEAN
    if not planned.changes:
        steps = planned.fix.steps or "it would change nothing"
        raise UsageError(f"fix {planned.fix.id} is manual, nothing is written. Its steps:\n{steps}")
    if asked.export is not None:
        return _exported(planned, asked.export, asked)
    if not asked.yes:
        refuse_unconfirmed("--apply")
    if seen.look.source.cluster is None:
        return _applied_to_files(asked, seen, planned)
    return _applied(asked, seen, planned)


def resumed(asked: FixRequest, entry: JournalEntry, look: DiagnosisRequest) -> int:
    """`fix --resume`: goes on with a fix that was interrupted."""
    from meshdoctor.fixes.apply import file_applier
    from meshdoctor.fixes.apply.journal import Journal
    from meshdoctor.fixes.plan.object_diff import unified

    if not asked.yes:
        refuse_unconfirmed("--resume")
        diffs = "\n".join(unified(one.change) for one in entry.written)
        sys.stderr.write(f"fix {entry.id}: {printable(entry.title)}\n{diffs}\n")
        if not confirmed("continue it?"):
            return ExitCode.INTERRUPTED
    journal = Journal()
    if not entry.place.server:
        return _told_files(file_applier.write(entry, journal), asked)
    with StepPrinter(f"fix {entry.id} is in the journal") as steps:
        applier = applier_of(asked, look, steps)
        try:
            made = applier.resume(entry, look)
        except UsageError:
            raise
        except MeshdoctorError as problem:
            raise _with_what_is_left(problem, journal.get(entry.id)) from None
    return _told(made, asked)


def listed_history(asked: FixRequest) -> int:
    """`fix --history`. What cannot be read is named, and hides nothing else."""
    from meshdoctor.fixes.apply.journal import Journal

    entries, broken = Journal().readable()
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.history(entries))
    else:
        from meshdoctor.report import fix_text

        if entries or not broken:
            put(fix_text.history(entries, asked.page))
    for problem in broken:
        say(str(problem))
    return ExitCode.FAILED if broken else ExitCode.CLEAN


def _preview(
    planned: FixPlan, asked: FixRequest, *, next_: Sequence[tuple[str, str]] = (), with_diffs: bool = True
) -> str | bytes:
    from meshdoctor.fixes.plan.object_diff import unified

    diffs = [(change, unified(change) if with_diffs else "") for change in planned.changes]
    if asked.json:
        from meshdoctor.report import fix_json

        return fix_json.preview(planned.finding, planned.fix, diffs, planned.impact)
    from meshdoctor.report import fix_text

    return fix_text.preview(planned.finding, planned.fix, diffs, planned.impact, asked.page, next_)


def _next(asked: FixRequest, seen: DiagnosisRecord, planned: FixPlan) -> list[tuple[str, str]]:
    """Commands that follow a preview, each with what it does; none for a fix that is done by hand."""
    if not planned.changes:
        return []
    chosen = f" --fix {planned.fix.id}" if asked.choose else ""
    again = f"meshdoctor fix {planned.finding.fingerprint[:8]}{chosen}{asked.source}"
    source = seen.look.source
    where = f"writes new manifests below {FIXES}/"
    if source.cluster is not None:
        where = "applies it to the cluster and verifies it"
    elif source.manifests:
        where = "changes the manifests of -f"
    applying = [] if asked.read_only else [(f"{again} --apply", where)]
    return [*applying, (f"{again} --export DIR", "writes manifests, an overlay, kubectl lines")]


def _applied(asked: FixRequest, seen: DiagnosisRecord, planned: FixPlan) -> int:
    from meshdoctor.fixes.apply.journal import Journal

    with StepPrinter() as steps:
        applier = applier_of(asked, seen.look, steps)
        _show(planned, asked)
        prepared = applier.try_out(planned.changes)
        _say_beside(prepared)
        if not asked.yes and not confirmed(f"apply {planned.fix.id} to {printable(seen.diagnosis.location)}?"):
            return ExitCode.INTERRUPTED
        try:
            made = applier.apply(seen, planned, prepared)
        except MeshdoctorError as problem:
            if not steps.journaled:
                raise
            raise _with_what_is_left(problem, Journal().entries()[-1]) from None
    code = _told(made, asked)
    asks = made.verification is not None and made.verification.is_worse and not asked.yes and not asked.json
    if not asks or not confirmed("something got worse. Undo now?"):
        return code
    with StepPrinter() as steps:
        applier = applier_of(asked, seen.look, steps)
        return (
            undo_fix.told(applier.undo(made.entry, applier.undo_plan(made.entry), seen.look), asked) or ExitCode.FOUND
        )


def _with_what_is_left(problem: MeshdoctorError, entry: JournalEntry) -> MeshdoctorError:
    """The problem of a fix that was stopped after it was journaled, and what stands."""
    if entry.state == "failed":
        return NotApplied(f"{problem}. Fix {entry.id} was not applied: nothing was changed")
    return NotApplied(
        f"{problem}. Fix {entry.id} may be applied in part: `meshdoctor undo {entry.id}` undoes it, "
        f"`meshdoctor fix --resume {entry.id}` continues it"
    )


def _applied_to_files(asked: FixRequest, seen: DiagnosisRecord, planned: FixPlan) -> int:
    from meshdoctor.fixes.apply import file_applier
    from meshdoctor.fixes.apply.journal import Journal
    from meshdoctor.fixes.files.file_edits import unified_files

    manifests = seen.look.source.manifests
    edits = file_applier.edits_for(planned, manifests) if manifests else file_applier.beside(planned, FIXES)
    _show(planned, asked, with_diffs=False)
    sys.stderr.write(unified_files(edits))
    if not asked.yes and not confirmed(f"write {', '.join(printable(edit.shown) for edit in edits)}?"):
        return ExitCode.INTERRUPTED
    folder = manifests[0] if manifests else FIXES
    return _told_files(file_applier.apply(planned, edits, Journal(), folder.absolute()), asked)


def _show(planned: FixPlan, asked: FixRequest, *, with_diffs: bool = True) -> None:
    """The preview on stderr, for whoever is to say yes to it."""
    if not asked.yes:
        sys.stderr.write(f"{_preview(planned, FixRequest(page=asked.page), with_diffs=with_diffs)!s}\n")


def _exported(planned: FixPlan, folder: Path, asked: FixRequest) -> int:
    from meshdoctor.fixes.files.export import export

    made = export(planned.changes, folder)
    lines = [(command.do, command.undo) for command in made.commands]
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.export(planned.finding, planned.fix, made.folder, made.written, lines, made.notes))
        return ExitCode.CLEAN
    from meshdoctor.report import fix_text

    put(fix_text.exported(planned.fix, made.folder, made.written, lines, made.notes, asked.page))
    return ExitCode.CLEAN


def _told(made: FixResult, asked: FixRequest) -> int:
    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.result(made))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.result(made, asked.page, asked.cluster))
    return (
        ExitCode.CLEAN
        if made.entry.awaits_person or (made.verification is not None and made.verification.holds)
        else ExitCode.FOUND
    )


def _told_files(entry: JournalEntry, asked: FixRequest) -> int:
    from meshdoctor.model.fix import FixResult

    if asked.json:
        from meshdoctor.report import fix_json

        put(fix_json.result(FixResult(entry=entry)))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.written(entry, asked.page))
    return ExitCode.CLEAN


def _say_beside(prepared: Sequence[PreparedChange]) -> None:
    for one in prepared:
        if one.beside:
            say(
                f"{one.change.key} was written by {', '.join(one.beside)}: applying the old file again undoes "
                "it, so change that file too (--export)"
            )

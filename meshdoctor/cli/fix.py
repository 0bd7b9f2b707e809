"""`meshdoctor fix` and `meshdoctor undo`: preview a fix, apply it, verify it, undo it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from msgspec import Struct

from meshdoctor.cli import options
from meshdoctor.cli.check import FailOn, exit_code
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.fix_output import FixOutput, StepPrinter, confirmed, refuse_unconfirmed
from meshdoctor.cli.progress import ProgressBar, ended
from meshdoctor.cli.source_options import SourceOptions
from meshdoctor.cli.streams import writer
from meshdoctor.errors import UsageError
from meshdoctor.model.verdict import Severity
from meshdoctor.text.printable import TextLines, printable
from meshdoctor.text.shell import ShellCommand, command

if TYPE_CHECKING:
    from meshdoctor.diagnosis.recorded import DiagnosisRecord
    from meshdoctor.fixes.fix_run import FixRun
    from meshdoctor.fixes.plan.fix_plan import FixPlan
    from meshdoctor.model.fix import JournalEntry

FindingName = Annotated[
    str | None,
    typer.Argument(
        metavar="FINDING",
        help="Finding: its fingerprint (or the start of it), its rule or its host:port",
        show_default=False,
    ),
]
FixId = Annotated[str, typer.Option("--fix", metavar="ID", help="Fix to use instead of the first one")]
Apply = Annotated[
    bool,
    typer.Option("--apply", help="Apply the fix: to the cluster, to the files of -f, or, for a capture, as new files"),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask for confirmation, not even where something gets worse")
]
Export = Annotated[
    Path | None,
    typer.Option(
        "--export", metavar="DIR", help="Write manifests and a kustomize overlay, and print the kubectl commands"
    ),
]
History = Annotated[bool, typer.Option("--history", help="List the fixes that were applied from here")]
Resume = Annotated[int | None, typer.Option("--resume", metavar="ID", help="Continue a fix that was interrupted")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Refuse all changes")]
Wait = Annotated[str, typer.Option("--wait", metavar="TIME", help="Timeout for the sidecars to accept the change")]
Number = Annotated[
    int | None,
    typer.Argument(
        metavar="ID", help="Number in `meshdoctor fix --history` (default the last one)", show_default=False
    ),
]

WAIT = "30s"


class FixRequest(Struct, frozen=True, kw_only=True):
    """The options of `fix` and `undo`, without those of the source."""

    finding: str = ""
    fix: str = ""
    apply: bool = False
    yes: bool = False
    export: Path | None = None
    history: bool = False
    resume: int | None = None
    read_only: bool = False
    wait: int = 30
    """Timeout in seconds for the sidecars to accept a change."""
    rule_dirs: tuple[Path, ...] = ()


def fix(
    finding: FindingName = None,
    *,
    fix_id: FixId = "",
    apply: Apply = False,
    yes: Yes = False,
    export: Export = None,
    history: History = False,
    resume: Resume = None,
    read_only: ReadOnly = False,
    wait: Wait = WAIT,
    source_options: SourceOptions,
    rules: options.RuleDirs = None,
    json: options.Json = False,
    no_color: options.NoColor = False,
) -> int:
    """List, preview, apply and verify fixes."""
    request = FixRequest(
        finding=finding or "",
        fix=fix_id,
        apply=apply,
        yes=yes,
        export=export,
        history=history,
        resume=resume,
        read_only=read_only,
        wait=options.seconds(wait, "--wait"),
        rule_dirs=tuple(rules or ()),
    )
    _refuse_contradictions(request)
    output = FixOutput(
        json=json,
        page=writer(no_color=no_color),
        source=source_options.as_typed(rules),
        cluster=source_options.cluster_as_typed,
    )
    from meshdoctor.fixes.apply.journal import Journal

    if history:
        return output.history(Journal())
    if resume is not None:
        return _continued("resume", Journal().get(resume), request, output, source_options)
    from meshdoctor.diagnosis.recorded import DiagnosisRequest

    asked = DiagnosisRequest(source_options.source(), source_options.chosen, source_options.labels, request.rule_dirs)
    with ProgressBar() as progress:
        record = asked.open(progress, to_compare=apply and asked.source.cluster is not None)
    interrupted = ended(record.case)
    if interrupted:
        return interrupted
    if finding:
        return _fixed(request, output, record)
    output.findings(record.diagnosis)
    return exit_code(record.diagnosis, FailOn.ERROR, strict=False)


fix.__doc__ = """List, preview, apply and verify fixes.

Without FINDING, the findings that have a fix are listed. With it, its first
fix is previewed, and --apply applies it.

Exit codes:
  0    verified, written, waiting for manual steps, or no error to fix
  1    an error is there to fix, or the fix was not verified
  2    wrong usage
  3    no verdict was possible
  4    nothing was applied: refused, in conflict, or not readable
  130  interrupted, or not confirmed

Examples:
  # List the findings that have a fix
  meshdoctor fix

  # Preview the first fix of a finding, or another one
  meshdoctor fix db.example.com:3306
  meshdoctor fix 3f2a8c01 --fix use-tls

  # Apply and verify it; in a script, without a question
  meshdoctor fix 3f2a8c01 --apply
  meshdoctor fix 3f2a8c01 --apply --yes --json

  # Apply it to manifests, or export it with the kubectl commands
  meshdoctor fix 3f2a8c01 --from capture/ -f manifests/ --apply
  meshdoctor fix 3f2a8c01 --export fixes/

  # List what was applied, and undo the last one
  meshdoctor fix --history
  meshdoctor undo
"""


def undo(
    number: Number = None,
    *,
    yes: Yes = False,
    wait: Wait = WAIT,
    source_options: SourceOptions,
    json: options.Json = False,
    no_color: options.NoColor = False,
) -> int:
    """Undo a fix: the last one, or the one with this number.

    Exit codes:
      0    undone
      1    undone, and something is not as it was before
      2    wrong usage
      3    undone, and no verdict was possible
      4    not undone: refused, in conflict, or not readable
      130  interrupted, or not confirmed

    Examples:
      # Undo the last fix
      meshdoctor undo

      # Undo a fix of `meshdoctor fix --history`, without a question
      meshdoctor undo 3 --yes
    """
    from meshdoctor.fixes.apply.journal import Journal

    entry = Journal().get(number) if number is not None else _last(Journal().entries())
    request = FixRequest(yes=yes, wait=options.seconds(wait, "--wait"))
    output = FixOutput(json=json, page=writer(no_color=no_color))
    return _continued("undo", entry, request, output, source_options)


def _refuse_contradictions(request: FixRequest) -> None:
    """Raise `UsageError` for options that exclude each other."""
    if request.read_only and (request.apply or request.resume is not None):
        raise UsageError("--read-only refuses --apply and --resume: leave one out")
    if request.apply and request.export is not None:
        raise UsageError("--apply and --export exclude each other: leave one out")
    others = [("--apply", request.apply), ("--export", request.export is not None), ("--fix", bool(request.fix))]
    given = [name for name, is_given in others if is_given]
    alone = "--history" if request.history else "--resume" if request.resume is not None else ""
    if alone and (request.finding or given):
        raise UsageError(f"{alone} takes no other option of a fix: leave {', '.join(given) or request.finding} out")
    if request.history and request.resume is not None:
        raise UsageError("--history and --resume exclude each other: leave one out")
    if given and not request.finding and not alone:
        raise UsageError(f"{given[0]} needs a finding: `meshdoctor fix` lists them")


def _refuse(because: str) -> None:
    if because:
        raise UsageError(because)


def _last(entries: Sequence[JournalEntry]) -> JournalEntry:
    """The fix to undo where none is named. Raises `UsageError` where there is none."""
    left = [entry for entry in entries if not entry.has_ended]
    if not left:
        raise UsageError("nothing to undo: `meshdoctor fix --history` lists the fixes that were applied from here")
    return left[-1]


def _fixed(request: FixRequest, output: FixOutput, record: DiagnosisRecord) -> int:
    """`fix FINDING`: a preview, an export, or the fix applied."""
    from meshdoctor.fixes.fix_context import FixContext
    from meshdoctor.fixes.fix_run import FixRun
    from meshdoctor.fixes.plan.fix_plan import choose, find

    finding = find(record.diagnosis.findings, request.finding)
    context = FixContext(
        source=record.request.source,
        diagnose=record.request.again,
        evidence=lambda begin: record,
        location=record.diagnosis.location,
        is_read_only=request.read_only,
        seconds=request.wait,
    )
    with StepPrinter() as steps:
        run = FixRun(context, steps.tell, finding=finding, fix=choose(finding, request.fix))
        plan = run.preview()
        if not request.apply and request.export is None:
            output.preview(plan, _next(request, output, run))
            return ExitCode.FOUND if finding.severity is Severity.ERROR else ExitCode.CLEAN
        because = run.why_not("save")
        steps_of_it = plan.fix.steps or "nothing is to be changed"
        _refuse(because and TextLines(f"{printable(because)}. Its steps:\n{steps_of_it}"))
        if request.export is not None:
            output.exported(plan, run.export(request.export))
            return ExitCode.CLEAN
        return _applied(request, output, run, plan)


def _applied(request: FixRequest, output: FixOutput, run: FixRun, plan: FixPlan) -> int:
    """`fix --apply`: tries it out, asks, applies, verifies, and offers the undo of a regression."""
    context = run.context
    if not request.yes:
        refuse_unconfirmed("--apply")
        output.announce(plan, with_diffs=not context.in_files)
    run.try_out()
    if context.in_files:
        sys.stderr.write("".join(run.diffs))
    to_files = f"write {', '.join(run.files)}?"
    question = to_files if context.in_files else f"apply {plan.fix.id} to {context.location}?"
    if not request.yes and not output.confirmed(question, plan.impact):
        return ExitCode.INTERRUPTED
    made = run.apply()
    code = output.result(made)
    asks = made.verification is not None and made.verification.is_worse and not request.yes and not output.json
    if not asks or not confirmed("there is a regression. Undo now?"):
        return code
    run.preview_undo()
    return output.undone(run.undo()) or ExitCode.FOUND


def _continued(
    action: Literal["resume", "undo"],
    entry: JournalEntry,
    request: FixRequest,
    output: FixOutput,
    source_options: SourceOptions,
) -> int:
    """Resumes or undoes a fix of the journal, on a cluster with the pods that it was diagnosed with."""
    from meshdoctor.diagnosis.recorded import DiagnosisRequest
    from meshdoctor.fixes.fix_context import FixContext
    from meshdoctor.fixes.fix_run import FixRun

    namespaces, labels, is_undo = entry.place.namespaces, entry.place.labels, action == "undo"
    source = source_options.on_cluster(namespaces, labels).source()
    asked = DiagnosisRequest(source, namespaces, labels, request.rule_dirs)
    with StepPrinter("" if is_undo else f"fix {entry.id} is in the journal") as steps:
        context = FixContext(source=source, diagnose=asked.again, seconds=request.wait)
        run = FixRun(context, steps.tell, entry=entry)
        _refuse(run.why_not(action))
        if not request.yes:
            refuse_unconfirmed("undo" if is_undo else "--resume")
        if is_undo:
            run.preview_undo()
        else:
            run.preview_resume()
        output.announce_entry(entry, run.diffs, is_undo=is_undo)
        where = f" in {entry.place.context}" if entry.place.server else ""
        agreed = request.yes or (
            confirmed(f"undo it{where}?") if is_undo else output.confirmed("resume it?", run.entry or entry)
        )
        if not agreed:
            return ExitCode.INTERRUPTED
        return output.undone(run.undo()) if is_undo else output.result(run.resume())


def _next(request: FixRequest, output: FixOutput, run: FixRun) -> list[tuple[ShellCommand, str]]:
    """The commands after a preview, each with what it does; none for a manual fix."""
    from meshdoctor.fixes.fix_run import FOLDER

    if run.why_not("save"):
        return []
    chosen = ("--fix", request.fix) if request.fix else ()
    assert run.finding is not None
    again = command("meshdoctor", "fix", run.finding.fingerprint[:8], *chosen, more=output.source)
    where = "change the manifests of -f"
    if not run.context.in_files:
        where = "apply it to the cluster and verify it"
    elif run.context.makes_new_files:
        where = f"write new manifests below {FOLDER}/"
    applying = [] if request.read_only else [(ShellCommand(f"{again} --apply"), where)]
    return [*applying, (ShellCommand(f"{again} --export DIR"), "write manifests, an overlay and kubectl commands")]

"""`meshdoctor check`: run the rules over one source and say what is broken."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from meshdoctor.cli import options
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.output_formats import Output, read_outputs
from meshdoctor.cli.progress import ProgressBar, ended
from meshdoctor.cli.source_options import SourceOptions
from meshdoctor.cli.streams import encoded, put, say, write_file, writer
from meshdoctor.text.phrases import count

if TYPE_CHECKING:
    from meshdoctor.model.finding import Diagnosis


class FailOn(StrEnum):
    """Lowest severity that makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "-o", "--output", metavar="FORMAT[=FILE]", help="Output format, text or json, to stdout or a file; repeatable"
    ),
]
Fail = Annotated[
    FailOn,
    typer.Option("--fail-on", metavar="error|warning|info|never", help="Lowest severity that makes the exit code 1"),
]
Rules = Annotated[
    list[str] | None,
    typer.Option("--rule", metavar="ID", help="Run only this rule; repeatable", autocompletion=options.complete_rule),
]
Skip = Annotated[
    list[str] | None,
    typer.Option("--skip", metavar="ID", help="Skip this rule; repeatable", autocompletion=options.complete_rule),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit 3 if any rule lacked evidence; a finding at --fail-on still exits 1")
]


def check(
    source_options: SourceOptions,
    json: options.Json = False,
    output: Outputs = None,
    fail_on: Fail = FailOn.ERROR,
    rule: Rules = None,
    skip: Skip = None,
    rules: options.RuleDirs = None,
    strict: Strict = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,
) -> int:
    """Check egress for problems.

    Runs the rules over every sidecar, and shows each finding with its evidence
    and its fixes.

    Exit codes:
      0    no finding at or above --fail-on
      1    a finding at or above --fail-on
      2    wrong usage
      3    no verdict was possible
      4    a cluster or file could not be read
      130  interrupted

    Examples:
      # Check the cluster of the current context
      meshdoctor check

      # Check the pods with a label, in one namespace of another context
      meshdoctor check -n shop -l app=web --context staging

      # Check a capture, an istioctl bug-report or a config dump
      meshdoctor check --from capture.tar.gz
      meshdoctor check --from bug-report.tar.gz
      meshdoctor check --from config_dump.json -f manifests/

      # Print text and write JSON; fail on warnings as well
      meshdoctor check -o text -o json=report.json --fail-on warning
    """
    outputs = read_outputs(output or (), json=json)
    source = source_options.source()

    from meshdoctor import doctor

    with ProgressBar() as progress:
        case = doctor.open_case(source, progress)
    diagnosis = doctor.diagnose(
        case,
        rules=rule or (),
        skip=skip or (),
        rule_dirs=rules or (),
        namespaces=source_options.chosen,
        labels=source_options.labels,
    )
    write(diagnosis, outputs, verbose=verbose, no_color=no_color, source=source_options.as_typed(rules))
    return ended(case) or exit_code(diagnosis, fail_on, strict=strict)


def write(diagnosis: Diagnosis, outputs: list[Output], *, verbose: bool, no_color: bool, source: str) -> None:
    """Write every output, files first, so that a slow or closed pipe does not delay them. Raises `Unreadable`.

    `source` are the options to repeat in a command that goes on from here.
    """
    for output in outputs:
        if output.file is not None:
            result = _rendered(diagnosis, output, verbose=verbose, no_color=True, source=source)
            write_file(output.file, result if isinstance(result, bytes) else encoded(result))
            say(f"wrote {output.file}")
    for output in outputs:
        if output.file is None:
            put(_rendered(diagnosis, output, verbose=verbose, no_color=no_color, source=source))


def _rendered(diagnosis: Diagnosis, output: Output, *, verbose: bool, no_color: bool, source: str) -> str | bytes:
    if output.format == "json":
        from meshdoctor.report import json_v1

        return json_v1.check(diagnosis)
    from meshdoctor.report import text
    from meshdoctor.report.text_writer import TextWriter
    from meshdoctor.view import check as view

    page = TextWriter() if output.file is not None else writer(no_color=no_color)
    return text.render(view.report(diagnosis, verbose=verbose, source=source), page)


def exit_code(diagnosis: Diagnosis, fail_on: FailOn, *, strict: bool) -> ExitCode:
    """The exit code of a finished check; where it is 3, the reason is shown on stderr.

    A finding at or above --fail-on makes it 1, even where other rules lacked evidence.
    """

    if fail_on is not FailOn.NEVER:
        from meshdoctor.model.verdict import Severity

        failing = tuple(Severity)[: Severity(fail_on.value).rank + 1]
        if any(finding.severity in failing and finding.suppressed is None for finding in diagnosis.findings):
            return ExitCode.FOUND
    because = _why_no_verdict(diagnosis, strict=strict)
    if because:
        say(because)
        return ExitCode.NO_VERDICT
    return ExitCode.CLEAN


def _why_nothing_judged(diagnosis: Diagnosis, nowhere: set[str]) -> str:
    """Why no rule judged anything; `nowhere` are the rules that lacked evidence for every pod."""
    if not diagnosis.proxies and not diagnosis.pods:
        return f"there is nothing to check: {diagnosis.location} contains no proxy configuration and no pod"
    kinds = diagnosis.pod_kinds
    if diagnosis.not_judged and not any(kinds.get(kind) for kind in ("sidecar", "none")):
        return "no verdict was possible: no pod here has a sidecar of Istio, see `not judged`"
    if not set(diagnosis.rules_run) - nowhere:
        return "no verdict was possible: every rule lacked evidence, see `not evaluated`"
    return ""


def _why_no_verdict(diagnosis: Diagnosis, *, strict: bool) -> str:
    """Why the check gives no verdict; empty where it gives one."""
    lacking = {entry.rule for entry in diagnosis.not_evaluated}
    nowhere = {entry.rule for entry in diagnosis.not_evaluated if not entry.pods and not entry.is_partial}
    if not diagnosis.findings and (because := _why_nothing_judged(diagnosis, nowhere)):
        return because
    blind = {pod for entry in diagnosis.not_evaluated if not entry.is_partial for pod in entry.pods}
    if blind and not diagnosis.proxies:
        return f"no verdict was possible: none of {len(blind)} sidecars could be read, see `not evaluated`"
    if strict and lacking:
        return f"--strict: {len(lacking)} rules lacked evidence: {', '.join(sorted(lacking))}"
    if strict and diagnosis.unread:
        shown = ", ".join(item.path for item in diagnosis.unread[:3])
        return f"--strict: {count(len(diagnosis.unread), 'document')} could not be read: {shown}"
    return ""

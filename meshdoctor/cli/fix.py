"""`meshdoctor fix` and `meshdoctor undo`: preview a fix, apply it, verify it, take it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meshdoctor.cli import options, undo_fix
from meshdoctor.cli.fix_request import FixRequest, refuse_contradictions, typed
from meshdoctor.cli.fixing import fixed, listed, listed_history, resumed
from meshdoctor.cli.progress import ProgressBar, ended
from meshdoctor.cli.source_options import SourceOptions
from meshdoctor.cli.streams import writer

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
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation")]
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
    cluster = typed(("--context", source_options.context), ("--kubeconfig", source_options.kubeconfig))
    files = typed(("--from", source_options.from_), ("-f", source_options.filenames))
    asked = FixRequest(
        finding=finding or "",
        choose=fix_id,
        apply=apply,
        yes=yes,
        export=export,
        history=history,
        resume=resume,
        read_only=read_only,
        waiting=options.seconds(wait, "--wait"),
        json=json,
        page=writer(no_color=no_color),
        source=files
        + cluster
        + typed(("-n", source_options.namespaces), ("-l", source_options.selector), ("--rules", rules)),
        cluster=cluster,
    )
    refuse_contradictions(asked)
    if history:
        return listed_history(asked)
    return _resumed(asked, source_options, rules) if resume is not None else _looked(asked, source_options, rules)


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
    from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRequest

    journal = Journal()
    entry = journal.get(number) if number is not None else undo_fix.last(journal.entries())
    waiting = options.seconds(wait, "--wait")
    asked = FixRequest(finding=entry.subject, yes=yes, waiting=waiting, json=json, page=writer(no_color=no_color))
    if not entry.place.server:
        return undo_fix.undone_files(asked, entry, journal)
    namespaces, labels = entry.place.namespaces, entry.place.labels
    return undo_fix.undone(
        asked, entry, DiagnosisRequest(source_options.on_cluster(namespaces, labels).source(), namespaces, labels)
    )


def _looked(asked: FixRequest, source_options: SourceOptions, rules: list[Path] | None) -> int:
    """What needs a diagnosis: the list, or one of its findings."""
    from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRequest

    look = DiagnosisRequest(source_options.source(), source_options.chosen, source_options.labels, tuple(rules or ()))
    with ProgressBar() as progress:
        seen = look.open(progress, to_compare=asked.apply and look.source.cluster is not None)
    interrupted = ended(seen.case)
    if interrupted:
        return interrupted
    return fixed(asked, seen) if asked.finding else listed(asked, seen)


def _resumed(asked: FixRequest, source_options: SourceOptions, rules: list[Path] | None) -> int:
    """What goes on where it stopped, with the pods that it began with."""
    from meshdoctor.fixes.apply.journal import Journal
    from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRequest

    entry = Journal().get(asked.resume or 0)
    namespaces, labels = entry.place.namespaces, entry.place.labels
    source = source_options.on_cluster(namespaces, labels).source()
    return resumed(asked, entry, DiagnosisRequest(source, namespaces, labels, tuple(rules or ())))

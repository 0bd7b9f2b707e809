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
        metavar="[FINDING]",
        help="Its fingerprint (or the start of it), rule or host:port, as `meshdoctor fix` lists them.",
        show_default=False,
    ),
]
Choose = Annotated[str, typer.Option("--choose", metavar="ID", help="Not the first fix but this one.")]
Apply = Annotated[
    bool, typer.Option("--apply", help="Apply it: to the cluster, to the files of -f, or (a capture) as new files.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before applying or undoing; for scripts.")]
Export = Annotated[
    Path | None,
    typer.Option("--export", metavar="DIR", help="Write manifests and a kustomize overlay; print the kubectl lines."),
]
History = Annotated[bool, typer.Option("--history", help="List the fixes that were applied from here.")]
Resume = Annotated[int | None, typer.Option("--resume", metavar="ID", help="Go on with a fix that was interrupted.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Refuse --apply and --resume.")]
Wait = Annotated[str, typer.Option("--wait", metavar="TIME", help="How long sidecars are waited for.")]
Number = Annotated[
    int | None, typer.Argument(metavar="[ID]", help="Of `meshdoctor fix --history`; by default the last one.")
]

WAIT = "30s"


def fix(
    finding: FindingName = None,
    *,
    choose: Choose = "",
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
    """Fix a finding: list, preview, apply and verify."""
    cluster = typed(("--context", source_options.context), ("--kubeconfig", source_options.kubeconfig))
    files = typed(("--from", source_options.from_), ("-f", source_options.filenames))
    asked = FixRequest(
        finding=finding or "",
        choose=choose,
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


fix.__doc__ = """Fix a finding: list, preview, apply and verify.

\b
  meshdoctor fix                              what can be fixed
  meshdoctor fix db.example.com:3306          what its first fix would change
  meshdoctor fix 3f2a8c01 --choose use-tls    the same for another of its fixes
  meshdoctor fix 3f2a8c01 --apply             asks, applies it and verifies it
  meshdoctor fix 3f2a8c01 --apply --yes --json                     in a script
  meshdoctor fix 3f2a8c01 --export fixes/     manifests, overlay, kubectl lines
  meshdoctor fix 3f2a8c01 --from capture/ -f manifests/ --apply   in the files
  meshdoctor fix --history
  meshdoctor undo

\b
Exit codes: 0 verified, written, waiting for you, or listed without an error;
1 an error is there to fix, or a fix is not verified; 2 wrong usage;
3 no verdict was possible; 4 nothing was applied: refused, in conflict, not
readable; 130 interrupted, or answered with no.
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
    """Take a fix back: the last one, or the one of this number.

    \b
      meshdoctor undo                             the last one
      meshdoctor undo 3 --yes                     of `meshdoctor fix --history`

    \b
    Exit codes: 0 it is taken back, 1 it is, and not everything is as it was
    before, 2 wrong usage, 3 it is, and could not be judged, 4 not taken back:
    refused, in conflict, not readable; 130 interrupted, or answered with no.
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

"""`meshdoctor fix` and `meshdoctor undo`: preview a mend, apply it, prove it, take it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meshdoctor.cli import options, undoing
from meshdoctor.cli.asked import Asked, refuse_contradictions, typed
from meshdoctor.cli.looking import Looking
from meshdoctor.cli.mending import listed, listed_history, mended, resumed
from meshdoctor.cli.progress import Progress, ended
from meshdoctor.cli.streams import paper

FindingName = Annotated[
    str | None,
    typer.Argument(
        metavar="[FINDING]",
        help="Its fingerprint (or the start of it), rule or host:port, as `meshdoctor fix` lists them.",
        show_default=False,
    ),
]
Choose = Annotated[str, typer.Option("--choose", metavar="ID", help="Not the first mend but this one.")]
Apply = Annotated[
    bool, typer.Option("--apply", help="Apply it: to the cluster, to the files of -f, or (a capture) as new files.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before applying or undoing; for scripts.")]
Export = Annotated[
    Path | None,
    typer.Option("--export", metavar="DIR", help="Write manifests and a kustomize overlay; print the kubectl lines."),
]
History = Annotated[bool, typer.Option("--history", help="List the mends that were applied from here.")]
Resume = Annotated[int | None, typer.Option("--resume", metavar="ID", help="Go on with a mend that was interrupted.")]
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
    looking: Looking,
    rules: options.RuleDirs = None,
    json: options.Json = False,
    no_color: options.NoColor = False,
) -> int:
    """Mend a finding: list, preview, apply and prove."""
    cluster = typed(("--context", looking.context), ("--kubeconfig", looking.kubeconfig))
    files = typed(("--from", looking.from_), ("-f", looking.filenames))
    asked = Asked(
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
        page=paper(no_color=no_color),
        source=files + cluster + typed(("-n", looking.namespaces), ("-l", looking.selector), ("--rules", rules)),
        cluster=cluster,
    )
    refuse_contradictions(asked)
    if history:
        return listed_history(asked)
    return _resumed(asked, looking, rules) if resume is not None else _looked(asked, looking, rules)


fix.__doc__ = """Mend a finding: list, preview, apply and prove.

\b
  meshdoctor fix                              what can be mended
  meshdoctor fix db.example.com:3306          what its first mend would change
  meshdoctor fix 3f2a8c01 --choose use-tls    the same for another of its mends
  meshdoctor fix 3f2a8c01 --apply             asks, applies it and proves it
  meshdoctor fix 3f2a8c01 --apply --yes --json                     in a script
  meshdoctor fix 3f2a8c01 --export mends/     manifests, overlay, kubectl lines
  meshdoctor fix 3f2a8c01 --from capture/ -f manifests/ --apply   in the files
  meshdoctor fix --history
  meshdoctor undo

\b
Exit codes: 0 proved, written, waiting for you, or listed without an error;
1 an error is there to mend, or a mend is not proved; 2 wrong usage;
3 no verdict was possible; 4 nothing was applied: refused, in conflict, not
readable; 130 interrupted, or answered with no.
"""


def undo(
    number: Number = None,
    *,
    yes: Yes = False,
    wait: Wait = WAIT,
    looking: Looking,
    json: options.Json = False,
    no_color: options.NoColor = False,
) -> int:
    """Take a mend back: the last one, or the one of this number.

    \b
      meshdoctor undo                             the last one
      meshdoctor undo 3 --yes                     of `meshdoctor fix --history`

    \b
    Exit codes: 0 it is taken back, 1 it is, and not everything is as it was
    before, 2 wrong usage, 3 it is, and could not be judged, 4 not taken back:
    refused, in conflict, not readable; 130 interrupted, or answered with no.
    """
    from meshdoctor.mending.journal import Journal
    from meshdoctor.mending.look import Look

    journal = Journal()
    entry = journal.get(number) if number is not None else undoing.last(journal.entries())
    waiting = options.seconds(wait, "--wait")
    asked = Asked(finding=entry.subject, yes=yes, waiting=waiting, json=json, page=paper(no_color=no_color))
    if not entry.place.server:
        return undoing.undone_files(asked, entry, journal)
    namespaces, labels = entry.place.namespaces, entry.place.labels
    return undoing.undone(asked, entry, Look(looking.on_cluster(namespaces, labels).source(), namespaces, labels))


def _looked(asked: Asked, looking: Looking, rules: list[Path] | None) -> int:
    """What needs a diagnosis: the list, or one of its findings."""
    from meshdoctor.mending.look import Look

    look = Look(looking.source(), looking.chosen, looking.labels, tuple(rules or ()))
    with Progress() as progress:
        seen = look.open(progress, to_compare=asked.apply and look.source.cluster is not None)
    interrupted = ended(seen.case)
    if interrupted:
        return interrupted
    return mended(asked, seen) if asked.finding else listed(asked, seen)


def _resumed(asked: Asked, looking: Looking, rules: list[Path] | None) -> int:
    """What goes on where it stopped, with the pods that it began with."""
    from meshdoctor.mending.journal import Journal
    from meshdoctor.mending.look import Look

    entry = Journal().get(asked.resume or 0)
    namespaces, labels = entry.place.namespaces, entry.place.labels
    source = looking.on_cluster(namespaces, labels).source()
    return resumed(asked, entry, Look(source, namespaces, labels, tuple(rules or ())))

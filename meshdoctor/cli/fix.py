"""`meshdoctor fix` and `meshdoctor undo`: preview a mend, apply it, prove it, take it back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from meshdoctor.cli import options
from meshdoctor.cli.live import Live
from meshdoctor.cli.mending import Asked, listed, listed_history, mended, resumed, undone, undone_files
from meshdoctor.cli.progress import Progress, ended
from meshdoctor.cli.streams import paper
from meshdoctor.errors import UsageError
from meshdoctor.model.resolver import Resolver

FindingName = Annotated[
    str | None,
    typer.Argument(
        metavar="[FINDING]",
        help="Its fingerprint (or the start of it), rule or host:port, as `meshdoctor fix` lists them.",
        show_default=False,
    ),
]
Choose = Annotated[str, typer.Option("--choose", metavar="ID", help="Not the first mend but this one.")]
Apply = Annotated[bool, typer.Option("--apply", help="Apply it: to the cluster, or to the files of -f.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before applying or undoing; for scripts.")]
Export = Annotated[
    Path | None,
    typer.Option("--export", metavar="DIR", help="Write manifests and a kustomize overlay; print the kubectl lines."),
]
History = Annotated[bool, typer.Option("--history", help="List the mends that were applied from here.")]
Resume = Annotated[int | None, typer.Option("--resume", metavar="ID", help="Go on with a mend that was interrupted.")]
ReadOnly = Annotated[bool, typer.Option("--read-only", help="Never write to a cluster or a file.")]
Wait = Annotated[str, typer.Option("--wait", metavar="TIME", help="How long proxies are waited for.")]
Number = Annotated[
    int | None, typer.Argument(metavar="[ID]", help="Of `meshdoctor fix --history`; by default the last one.")
]

WAIT = "30s"


def fix(
    finding: FindingName = None,
    from_: options.From = None,
    filenames: options.Filenames = None,
    choose: Choose = "",
    apply: Apply = False,
    yes: Yes = False,
    export: Export = None,
    history: History = False,
    resume: Resume = None,
    read_only: ReadOnly = False,
    wait: Wait = WAIT,
    namespaces: options.Namespaces = None,
    all_namespaces: options.AllNamespaces = False,
    selector: options.Selector = None,
    context: options.Context = None,
    kubeconfig: options.Kubeconfig = None,
    istio_namespace: options.IstioNamespace = options.ISTIO_NAMESPACE,
    logs: options.Logs = options.LOGS,
    dns: options.Dns = Resolver.AUTO,
    timeout: options.Timeout = options.TIMEOUT,
    at_once: options.AtOnce = options.AT_ONCE,
    rules: options.RuleDirs = None,
    json: options.Json = False,
    no_color: options.NoColor = False,
) -> int:
    """Mend a finding: list, preview, apply and prove.

    \b
      meshdoctor fix                              what can be mended
      meshdoctor fix db.example.com:3306          what the first mend would change, and whom it touches
      meshdoctor fix 3f2a --choose use-tls --apply
      meshdoctor fix 3f2a --apply --yes --json    in a script
      meshdoctor fix 3f2a --export mends/         YAML, kustomize overlay, kubectl lines
      meshdoctor fix --history
      meshdoctor undo 3

    \b
    Exit codes: 0 proved (or nothing at error to list), 1 there is an error to
    mend, or the mend is not proved or made something worse, 2 wrong usage,
    3 no verdict was possible, 4 not applied: refused, in conflict or not
    readable, 130 interrupted.
    """
    asked = Asked(
        finding=finding or "",
        choose=choose,
        apply=apply,
        yes=yes,
        export=export,
        resume=resume,
        waiting=options.seconds(wait, "--wait"),
        json=json,
        page=paper(no_color=no_color),
    )
    if history:
        return listed_history(asked)
    _refuse_contradictions(asked, read_only=read_only)
    chosen = options.chosen_namespaces(namespaces, all_namespaces)
    live = Live(context, kubeconfig, chosen, selector, istio_namespace, logs, dns, timeout, at_once)

    from meshdoctor.mending.look import Look

    look = Look(live.source(from_, filenames), chosen, selector or "", tuple(rules or ()))
    if asked.resume is not None:
        return resumed(asked, look)
    with Progress() as progress:
        seen = look.open(progress)
    interrupted = ended(seen.case)
    if interrupted:
        return interrupted
    return mended(asked, seen) if asked.finding else listed(asked, seen)


def undo(
    number: Number = None,
    yes: Yes = False,
    wait: Wait = WAIT,
    context: options.Context = None,
    kubeconfig: options.Kubeconfig = None,
    istio_namespace: options.IstioNamespace = options.ISTIO_NAMESPACE,
    dns: options.Dns = Resolver.AUTO,
    timeout: options.Timeout = options.TIMEOUT,
    at_once: options.AtOnce = options.AT_ONCE,
    json: options.Json = False,
    no_color: options.NoColor = False,
) -> int:
    """Take a mend back: the last one, or the one of this number.

    \b
      meshdoctor undo
      meshdoctor undo 3 --yes

    \b
    Exit codes: 0 everything is as it was, 1 something is not, 2 wrong usage,
    4 not undone: refused, in conflict or not readable, 130 interrupted.
    """
    from meshdoctor.cli.mending import last
    from meshdoctor.mending.journal import Journal

    journal = Journal()
    entry = journal.get(number) if number is not None else last(journal.entries())
    waiting = options.seconds(wait, "--wait")
    asked = Asked(finding=entry.subject, yes=yes, waiting=waiting, json=json, page=paper(no_color=no_color))
    if not entry.place.server:
        return undone_files(asked, entry, journal)
    namespaces, labels = entry.place.namespaces, entry.place.labels
    live = Live(context, kubeconfig, namespaces, labels, istio_namespace, "0", dns, timeout, at_once)

    from meshdoctor.mending.look import Look

    return undone(asked, entry, Look(live.source(None, None), namespaces, labels))


def _refuse_contradictions(asked: Asked, *, read_only: bool) -> None:
    if read_only and (asked.apply or asked.resume is not None):
        raise UsageError("--read-only keeps --apply and --resume from writing: leave one out")
    if asked.apply and asked.export is not None:
        raise UsageError("--apply writes to where the objects are, --export to a folder of its own: leave one out")
    if not asked.finding and asked.resume is None and (asked.apply or asked.export or asked.choose):
        raise UsageError("name the finding to mend: `meshdoctor fix` lists them")

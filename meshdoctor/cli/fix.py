"""`meshdoctor fix` and `meshdoctor undo`: preview a mend, apply it, prove it, take it back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshdoctor.cli import options
from meshdoctor.cli.exits import ExitCode
from meshdoctor.cli.live import Live
from meshdoctor.cli.mending import Steps, confirmed, refuse_unconfirmed
from meshdoctor.cli.progress import Progress, ended
from meshdoctor.cli.streams import paper, put, say
from meshdoctor.errors import UsageError
from meshdoctor.model.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshdoctor.mending.cluster import Mender
    from meshdoctor.mending.look import Look, Seen
    from meshdoctor.mending.objects import Prepared
    from meshdoctor.mending.plan import Plan
    from meshdoctor.model.mend import Entry, Result
    from meshdoctor.report.paper import Paper

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
    page = paper(no_color=no_color)
    if history:
        return _history(page, json=json)
    chosen = options.chosen_namespaces(namespaces, all_namespaces)
    live = Live(context, kubeconfig, chosen, selector, istio_namespace, logs, dns, timeout, at_once)

    from meshdoctor.mending.look import Look

    look = Look(live.source(from_, filenames), chosen, selector or "", tuple(rules or ()))
    waiting = options.seconds(wait, "--wait")
    if resume is not None:
        return _resume(look, resume, page, waiting, yes=yes, json=json, read_only=read_only)
    if finding is None and (apply or export or choose):
        raise UsageError("name the finding to mend: `meshdoctor fix` lists them")
    with Progress() as progress:
        seen = look.open(progress)
    interrupted = ended(seen.case)
    if interrupted:
        return interrupted
    if finding is None:
        return _list(seen, page, json=json)

    from meshdoctor.mending.plan import choose as chosen_fix
    from meshdoctor.mending.plan import find, plan

    one = find(seen.diagnosis.findings, finding)
    planned = plan(seen, one, chosen_fix(one, choose))
    if export is not None:
        return _export(planned, export)
    if not apply:
        _show(planned, page, json=json)
        return ExitCode.FOUND if one.severity == "error" else ExitCode.CLEAN
    if read_only:
        raise UsageError("--read-only and --apply contradict one another: leave one out")
    return _apply(seen, planned, page, waiting, yes=yes, json=json)


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
    from meshdoctor.mending.journal import Journal
    from meshdoctor.mending.look import Look

    journal = Journal()
    entry = journal.get(number) if number is not None else _last(journal.entries())
    page = paper(no_color=no_color)
    live = Live(
        context, kubeconfig, entry.place.namespaces, entry.place.labels, istio_namespace, "0", dns, timeout, at_once
    )
    look = Look(live.source(None, None), entry.place.namespaces, entry.place.labels)
    with Steps(quiet=json) as steps:
        mender = _mender(look, steps, options.seconds(wait, "--wait"))
        prepared = mender.undo_plan(entry)
        _show_changes(f"undo of mend {entry.id}: {entry.title}", prepared, page)
        if not yes and not confirmed("take it back?"):
            return ExitCode.USAGE
        made = mender.undo(entry, prepared, look)
    return _told_undo(made, page, json=json)


def _list(seen: Seen, page: Paper, *, json: bool) -> int:
    from meshdoctor.fixes.changes import is_automatic

    findings = seen.diagnosis.findings
    if json:
        from meshdoctor.report import fix_json

        put(fix_json.listed(seen.diagnosis))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.listed(findings, [any(map(is_automatic, f.fixes)) for f in findings], page))
    return ExitCode.FOUND if any(f.severity == "error" for f in findings) else ExitCode.CLEAN


def _show(planned: Plan, page: Paper, *, json: bool, applied: Sequence[Prepared] = ()) -> None:
    from meshdoctor.fixes.differences import unified

    diffs = [(change, unified(change)) for change in planned.changes]
    if json:
        from meshdoctor.report import fix_json

        put(fix_json.preview(planned.finding, planned.fix, diffs, planned.touched))
        return
    from meshdoctor.report import fix_text

    text = fix_text.preview(planned.finding, planned.fix, diffs, planned.touched, page)
    (sys.stderr.write if applied else put)(text)


def _apply(seen: Seen, planned: Plan, page: Paper, waiting: int, *, yes: bool, json: bool) -> int:
    if not planned.changes:
        raise UsageError(f"mend {planned.fix.id} is done by hand: {planned.fix.steps or 'nothing would change'}")
    if not yes:
        refuse_unconfirmed("--apply")
    if seen.look.source.cluster is None:
        raise UsageError("a capture is not changed: give the manifests with -f, or write the mend out with --export")
    with Steps(quiet=json) as steps:
        mender = _mender(seen.look, steps, waiting)
        prepared = mender.try_out(planned.changes)
        if not yes:
            steps.pause()
            _show(planned, page, json=False, applied=prepared)
            _say_beside(prepared)
            if not confirmed(f"apply {planned.fix.id}?"):
                return ExitCode.USAGE
        else:
            _say_beside(prepared)
        made = mender.apply(seen, planned, prepared)
    code = _told(made, page, json=json)
    if made.proof is not None and made.proof.is_worse and not yes and confirmed("something got worse. Undo now?"):
        with Steps(quiet=json) as steps:
            mender = _mender(seen.look, steps, waiting)
            made = mender.undo(made.entry, mender.undo_plan(made.entry), seen.look)
        return _told_undo(made, page, json=json) or ExitCode.FOUND
    return code


def _resume(look: Look, number: int, page: Paper, waiting: int, *, yes: bool, json: bool, read_only: bool) -> int:
    from meshdoctor.mending.journal import Journal

    if read_only:
        raise UsageError("--read-only and --resume contradict one another: leave one out")
    entry = Journal().get(number)
    if not yes:
        refuse_unconfirmed("--resume")
        if not confirmed(f"go on with mend {entry.id}, {entry.title}?"):
            return ExitCode.USAGE
    with Steps(quiet=json) as steps:
        made = _mender(look, steps, waiting).resume(entry, look)
    return _told(made, page, json=json)


def _export(planned: Plan, folder: Path) -> int:
    raise UsageError("not yet")


def _history(page: Paper, *, json: bool) -> int:
    from meshdoctor.mending.journal import Journal

    entries = Journal().entries()
    if json:
        from meshdoctor.report import fix_json

        put(fix_json.history(entries))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.history(entries, page))
    return ExitCode.CLEAN


def _mender(look: Look, steps: Steps, waiting: int) -> Mender:
    from meshdoctor.mending.cluster import Mender
    from meshdoctor.mending.journal import Journal

    assert look.source.cluster is not None
    return Mender(look.source.cluster, Journal(), steps.tell, waiting)


def _told(made: Result, page: Paper, *, json: bool) -> int:
    if json:
        from meshdoctor.report import fix_json

        put(fix_json.result(made))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.result(made, page))
    return ExitCode.CLEAN if made.proof is not None and made.proof.holds else ExitCode.FOUND


def _told_undo(made: Result, page: Paper, *, json: bool) -> int:
    if json:
        from meshdoctor.report import fix_json

        put(fix_json.result(made))
    else:
        from meshdoctor.report import fix_text

        put(fix_text.undone(made, page))
    proof = made.proof
    return ExitCode.CLEAN if proof is None or not (proof.worse or proof.new) else ExitCode.FOUND


def _show_changes(title: str, prepared: Sequence[Prepared], page: Paper) -> None:
    from meshdoctor.fixes.differences import unified

    text = "\n".join([title, *(unified(one.change) for one in prepared if one.way != "nothing")])
    sys.stderr.write(f"{text}\n")


def _say_beside(prepared: Sequence[Prepared]) -> None:
    for one in prepared:
        if one.beside:
            say(
                f"{one.change.key} was written by {', '.join(one.beside)}: applying the old file again takes the mend "
                "back, so change that file too (--export)"
            )


def _last(entries: Sequence[Entry]) -> Entry:
    left = [entry for entry in entries if entry.state not in ("undone", "failed")]
    if not left:
        raise UsageError("no mend was applied from here that is not undone: `meshdoctor fix --history` lists them")
    return left[-1]

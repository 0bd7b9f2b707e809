"""The command line of `fix` and `undo`, together, and what it may not ask for at once."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from meshdoctor.errors import UsageError
from meshdoctor.report.text_writer import TextWriter

if TYPE_CHECKING:
    from meshdoctor.cli.steps import StepPrinter
    from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
    from meshdoctor.fixes.verify.diagnosis_runs import DiagnosisRequest


class FixRequest(Struct, frozen=True, kw_only=True):
    """What is to be done, the source aside."""

    finding: str = ""
    choose: str = ""
    apply: bool = False
    yes: bool = False
    export: Path | None = None
    history: bool = False
    resume: int | None = None
    read_only: bool = False
    waiting: int = 30
    """Seconds that proxies are waited for."""
    json: bool = False
    page: TextWriter = TextWriter()
    source: str = ""
    """The options that name the source, as they were typed: for the next command, ` --from capture/`."""
    cluster: str = ""
    """The same of the cluster alone: ` --context prod`."""


def typed(*options: tuple[str, str | Path | Sequence[str | Path] | None]) -> str:
    """The options that were given, as a shell takes them, each with a space before it."""
    words: list[str] = []
    for name, value in options:
        given = [value] if isinstance(value, str | Path) else value or ()
        words += [word for one in given for word in (name, str(one))]
    return f" {shlex.join(words)}" if words else ""


def refuse_contradictions(asked: FixRequest) -> None:
    """Raise `UsageError` for options that do not go together."""
    if asked.read_only and (asked.apply or asked.resume is not None):
        raise UsageError("--read-only refuses --apply and --resume: leave one out")
    if asked.apply and asked.export is not None:
        raise UsageError("--apply and --export exclude each other: leave one out")
    others = [("--apply", asked.apply), ("--export", asked.export is not None), ("--fix", bool(asked.choose))]
    given = [name for name, is_given in others if is_given]
    alone = "--history" if asked.history else "--resume" if asked.resume is not None else ""
    if alone and (asked.finding or given):
        raise UsageError(f"{alone} stands alone: leave {', '.join(given) or asked.finding} out")
    if asked.history and asked.resume is not None:
        raise UsageError("--history and --resume exclude each other: leave one out")
    if given and not asked.finding and not alone:
        raise UsageError(f"{given[0]} needs a finding: `meshdoctor fix` lists them")


def applier_of(asked: FixRequest, look: DiagnosisRequest, steps: StepPrinter) -> ClusterApplier:
    """Who writes to the cluster. Raises `UsageError` where files were given in its place."""
    from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
    from meshdoctor.fixes.apply.journal import Journal

    if look.source.cluster is None:
        raise UsageError("the fix was applied to a cluster: leave --from and -f out, and give --context")
    return ClusterApplier(look.source.cluster, Journal(), steps.tell, asked.waiting)

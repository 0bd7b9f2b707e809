"""The pipeline, as every front end calls it.

open_case     source → Case       collect the documents; the mesh is read from them when it is first needed
diagnose      Case → Diagnosis    apply the rules to every proxy
hosts         Case → HostTable    trace every external host from every sidecar
trace         Case → Trace        follow one connection of one pod
save_capture  source → file       collect, redact, write

`DiagnosisRun` makes a diagnosis and a host table in one pass over the dumps. It is drained here and, both at once, in
`diagnosis.recorded`; `diagnosis.session` watches one while it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from meshdoctor.bundled import SnapshotInfo, snapshots
from meshdoctor.diagnosis.case_reader import SavedCapture, open_case, save_capture
from meshdoctor.diagnosis.diagnosis_run import DiagnosisRun
from meshdoctor.diagnosis.scope import choose_rules, load_catalogue, sheet_of
from meshdoctor.diagnosis.tracing import open_tracer, trace_from
from meshdoctor.facts.case import Case
from meshdoctor.facts.line_numbers import with_lines
from meshdoctor.model.finding import Diagnosis
from meshdoctor.model.host_table import HostTable
from meshdoctor.model.trace import ClientOptions, Trace
from meshdoctor.sources.source import Source

__all__ = [
    "Case",
    "SavedCapture",
    "SnapshotInfo",
    "Source",
    "diagnose",
    "hosts",
    "load_catalogue",
    "open_case",
    "save_capture",
    "snapshots",
    "trace",
]


def diagnose(
    case: Case,
    *,
    rules: Sequence[str] = (),
    skip: Sequence[str] = (),
    rule_dirs: Sequence[Path] = (),
    namespaces: Sequence[str] = (),
    labels: str = "",
) -> Diagnosis:
    """Run the rules. `rules` and `skip` are ids; `namespaces` and `labels` (a selector) limit the pods.

    Raises `NothingToJudge` where the capture names neither a proxy nor a pod, `UsageError` for an unknown rule.
    """
    chosen = choose_rules(load_catalogue(rule_dirs), rules, skip)
    run = DiagnosisRun(case, sheet_of(case, namespaces, labels), chosen, with_hosts=False)
    run.drain()
    return run.diagnosis()


def hosts(case: Case, namespaces: Sequence[str] = (), labels: str = "") -> HostTable:
    """The external hosts: those registered and the dependencies, with the verdict for each pod."""
    run = DiagnosisRun(case, sheet_of(case, namespaces, labels), rules=())
    run.drain()
    return run.hosts()


def trace(
    case: Case,
    pod: str,
    host: str,
    port: int,
    *,
    namespaces: Sequence[str] | None = None,
    **client: Unpack[ClientOptions],
) -> Trace:
    """The path of one connection through the pod's sidecar; without `ip`, to each known address of the host.

    Raises `UsageError` where no pod or several fit, naming the nearest.
    """
    tracer = open_tracer(case, pod, namespaces)
    return with_lines(trace_from(tracer, host, port, **client), case.capture)

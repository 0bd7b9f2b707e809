"""Pods down, hosts across, one sign a verdict: what each pod's connections come to, at a glance."""

from __future__ import annotations

from copy import copy
from typing import Literal

from msgspec import Struct

from meshdoctor.diagnosis.events import Pair
from meshdoctor.model.verdict import Verdict
from meshdoctor.text.icons import icon
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.icons import letter
from meshdoctor.tui.state.mesh_state import MeshState
from meshdoctor.tui.state.rows import PodRow
from meshdoctor.tui.state.view_state import ITS_OWN, ViewState

STRAYED = frozenset({Verdict.MISROUTED, Verdict.LEAKED, Verdict.BYPASSED, Verdict.BROKEN})
"""Verdicts that are a fault even of a host that nobody asks for, where somebody registers it."""
ALL_BAD = frozenset(Verdict) - {Verdict.DELIVERED}


Shown = Verdict | Literal["pending", ""]
"""What a cell shows."""


class Axes(Struct, frozen=True):
    """What is down and what is across, in the order of their parts."""

    pods: list[str]
    hosts: list[Pair]
    all_pods: int = 0
    """Pods that could be down, filtered out or not."""
    all_hosts: int = 0


def matrix_axes(view_state: ViewState, *, show_all: bool = False) -> Axes:
    """Pods with a sidecar and hosts with a port: of the namespaces looked at, as filtered.

    What was chosen does not narrow them: the matrix is there to see all of it. Where only problems are asked for,
    rows and columns without one go.
    """
    mesh_state = view_state.mesh_state
    whole = copy(view_state)
    whole.choices, whole.problems_only = (), False
    # Rows that have gone are still in sight in the parts: here they would be empty.
    pods = [key for key in whole.keys("pods") if key in mesh_state.pods and _has_sidecar(mesh_state.pods[key])]
    hosts = [pair for pair in whole.keys("hosts") if pair in mesh_state.hosts and pair[1] is not None]
    if view_state.problems_only:
        pods, hosts = _with_problems(mesh_state, pods, hosts, show_all)
    every_pod = sum(map(_has_sidecar, mesh_state.pods.values()))
    return Axes(pods, hosts, every_pod, sum(pair[1] is not None for pair in mesh_state.hosts))


def _has_sidecar(row: PodRow) -> bool:
    return row.state in ("pending", "unread") or bool(row.verdicts)


def _with_problems(
    mesh_state: MeshState, pods: list[str], hosts: list[Pair], show_all: bool
) -> tuple[list[str], list[Pair]]:
    inside = set(hosts)
    bad_pods: set[str] = set()
    bad_hosts: set[Pair] = set()
    for key in pods:
        row = mesh_state.pods[key]
        # Most verdicts are of hosts that the pod has nothing to do with: only the others are asked about.
        likely = [pair for pair, found in row.verdicts.items() if found[0] in (ALL_BAD if show_all else STRAYED)]
        bad = {pair for pair in (*row.wants, *likely) if pair in inside and is_problem(mesh_state, row, pair, show_all)}
        if bad:
            bad_pods.add(key)
            bad_hosts |= bad
    return [key for key in pods if key in bad_pods], [pair for pair in hosts if pair in bad_hosts]


def is_problem(mesh_state: MeshState, row: PodRow, pair: Pair, show_all: bool = False) -> bool:
    """Whether the cell shows something else than a connection that is delivered or not asked for."""
    return verdict_shown(mesh_state, row, pair, show_all) not in ("", "pending", Verdict.DELIVERED)


def verdict_shown(mesh_state: MeshState, row: PodRow, pair: Pair, show_all: bool = False) -> Shown:
    """The verdict of a cell; `pending` until it is there; empty where the pod neither wants the host nor has it.

    A pod has a host whose own cluster it reaches, or one that somebody registers and that goes astray.
    """
    verdict = row.verdicts.get(pair)
    wants = pair in row.wants
    if row.state == "unread":
        return Verdict.UNKNOWN if wants and pair[1] is not None else ""
    if verdict is None:
        return "pending" if wants and row.state == "pending" else ""
    if wants or show_all or verdict[0] in ITS_OWN:
        return verdict[0]
    line = mesh_state.hosts.get(pair)
    return verdict[0] if verdict[0] in STRAYED and line is not None and line.registered_by else ""


def matrix_cell(
    mesh_state: MeshState, pod: str, pair: Pair, *, show_all: bool = False, ascii_only: bool = False
) -> Cell:
    """The sign of one pod and host; a dot where the pod neither wants the host nor has it registered."""
    row = mesh_state.pods.get(pod)
    shown = verdict_shown(mesh_state, row, pair, show_all) if row is not None else ""
    if not shown:
        return Cell(icon("none", ascii_only=ascii_only), "faint")
    if shown == "pending":
        return Cell(icon("pending", ascii_only=ascii_only), "faint")
    return Cell(letter(shown, ascii_only=ascii_only), shown.icon)


def legend(*, ascii_only: bool = False) -> list[tuple[Cell, str]]:
    """Every sign with its meaning."""
    known = [(Cell(letter(v, ascii_only=ascii_only), v.icon), v) for v in sorted(Verdict, key=lambda v: -v.rank)]
    return [*known, (Cell(icon("none", ascii_only=ascii_only), "faint"), "neither wanted nor registered")]

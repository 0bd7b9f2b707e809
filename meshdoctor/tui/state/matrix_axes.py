"""The matrix of pods and hosts, an icon or letter for the verdict of each connection."""

from __future__ import annotations

from copy import copy
from typing import Literal

from msgspec import Struct

from meshdoctor.diagnosis.events import Pair
from meshdoctor.model.verdict import Verdict
from meshdoctor.text.icons import icon
from meshdoctor.tui.state.cells import Cell
from meshdoctor.tui.state.mesh_state import MeshState
from meshdoctor.tui.state.rows import PodRow
from meshdoctor.tui.state.tones import letter
from meshdoctor.tui.state.view_state import ITS_OWN, ViewState

STRAYED = frozenset({Verdict.MISROUTED, Verdict.LEAKED, Verdict.BYPASSED, Verdict.BROKEN})
"""Verdicts that are a problem even where no pod uses the host, if it is registered."""
ALL_BAD = frozenset(Verdict) - {Verdict.DELIVERED}


Shown = Verdict | Literal["pending", ""]
"""What a cell shows."""


class Axes(Struct, frozen=True):
    """The rows and columns, in the order of their panels."""

    pods: list[str]
    hosts: list[Pair]
    all_pods: int = 0
    """Pods with a row when nothing is filtered."""
    all_hosts: int = 0


def matrix_axes(view_state: ViewState, *, show_all: bool = False) -> Axes:
    """Pods with a sidecar and hosts with a port, by namespace and filter; chosen rows do not narrow them.

    With `problems_only`, rows and columns without a problem are left out.
    """
    mesh_state = view_state.mesh_state
    whole = copy(view_state)
    whole.choices, whole.problems_only = (), False
    # Rows that are gone are still shown in the panels: here they would be empty.
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
        # Most verdicts are of hosts that the pod does not use: only the others are checked.
        likely = [pair for pair, found in row.verdicts.items() if found[0] in (ALL_BAD if show_all else STRAYED)]
        bad = {
            pair
            for pair in (*row.dependencies, *likely)
            if pair in inside and is_problem(mesh_state, row, pair, show_all)
        }
        if bad:
            bad_pods.add(key)
            bad_hosts |= bad
    return [key for key in pods if key in bad_pods], [pair for pair in hosts if pair in bad_hosts]


def is_problem(mesh_state: MeshState, row: PodRow, pair: Pair, show_all: bool = False) -> bool:
    """Whether the cell shows a connection that is used and not delivered."""
    return verdict_shown(mesh_state, row, pair, show_all) not in ("", "pending", Verdict.DELIVERED)


def verdict_shown(mesh_state: MeshState, row: PodRow, pair: Pair, show_all: bool = False) -> Shown:
    """The verdict of a cell; `pending` until it is known; empty where the pod neither uses the host nor has it.

    A pod has a host that it reaches by its own cluster, or one that is registered and goes wrong.
    """
    verdict = row.verdicts.get(pair)
    is_used = pair in row.dependencies
    if row.state == "unread":
        return Verdict.UNKNOWN if is_used and pair[1] is not None else ""
    if verdict is None:
        return "pending" if is_used and row.state == "pending" else ""
    if is_used or show_all or verdict[0] in ITS_OWN:
        return verdict[0]
    line = mesh_state.hosts.get(pair)
    return verdict[0] if verdict[0] in STRAYED and line is not None and line.registered_by else ""


def matrix_cell(
    mesh_state: MeshState, pod: str, pair: Pair, *, show_all: bool = False, ascii_only: bool = False
) -> Cell:
    """The icon or letter of one pod and host; a dot where the pod neither uses the host nor has it registered."""
    row = mesh_state.pods.get(pod)
    shown = verdict_shown(mesh_state, row, pair, show_all) if row is not None else ""
    if not shown:
        return Cell(icon("none", ascii_only=ascii_only), "faint")
    if shown == "pending":
        return Cell(icon("pending", ascii_only=ascii_only), "faint")
    return Cell(letter(shown, ascii_only=ascii_only), shown.icon)


def legend(*, ascii_only: bool = False) -> list[tuple[Cell, str]]:
    """Every icon and letter with its meaning."""
    known = [(Cell(letter(v, ascii_only=ascii_only), v.icon), v) for v in sorted(Verdict, key=lambda v: -v.rank)]
    return [*known, (Cell(icon("none", ascii_only=ascii_only), "faint"), "not used")]

"""What a part is called just now, and what stands in it where no row is in sight."""

from __future__ import annotations

from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import printable, printable_lines
from meshdoctor.tui.state.mesh_state import MeshState
from meshdoctor.tui.state.view_state import SORTS, Part, RowSelection, ViewState

NAMES: dict[Part, str] = {"pods": "Pods", "hosts": "External hosts", "findings": "Findings"}


def title(view_state: ViewState, part: Part, shown: int, *, ascii_only: bool = False) -> str:
    """Its name, how many of how many rows are in sight, and what keeps the others out of it."""
    total = view_state.total(part)
    parts = [f"{NAMES[part]} {shown}" if shown == total else f"{NAMES[part]} {shown}/{total}"]
    if view_state.marks[part]:
        parts.append(f"{len(view_state.marks[part])} marked")
    parts += [f"of {_chosen(view_state, choice)}" for choice in view_state.narrowing(part)]
    typed = view_state.filters[part].typed
    if typed:
        parts.append(f"/{printable(typed)}")
    if view_state.problems_only:
        parts.append("problems only")
    if view_state.sort(part) is not SORTS[part][0]:
        parts.append(view_state.sort(part).name)
    return (" - " if ascii_only else " · ").join(parts)


def _chosen(view_state: ViewState, choice: RowSelection) -> str:
    """A choice by its name, or how many are marked."""
    if len(choice.marked) > 1:
        return f"{len(choice.marked)} marked {choice.part}"
    if choice.part == "pods":
        row = view_state.mesh_state.pods.get(choice.key)
        return printable(row.name if row else choice.key)
    if choice.part == "hosts":
        return printable(host_port(*choice.key))
    line = view_state.mesh_state.finding(choice.key)
    return printable(line.finding.rule) if line else "a finding that is gone"


def hint(view_state: ViewState, part: Part) -> str:
    """What to do about a part without rows."""
    mesh_state = view_state.mesh_state
    if mesh_state.failed is not None and not view_state.total(part):
        demo = "d opens a bundled mesh to look at, R tries again."
        return f"{printable_lines(mesh_state.failed.because)}\n\n{demo}" if part == "pods" else ""
    if view_state.filters[part]:
        return f"Nothing here fits /{printable(view_state.filters[part].typed)}. esc clears the filter."
    if view_state.narrowing(part):
        return f"{_nothing(part)} of {_chosen(view_state, view_state.narrowing(part)[-1])}. esc shows all again."
    if view_state.problems_only and view_state.total(part):
        return "No problems here. ctrl+z shows the rest."
    if view_state.namespaces and view_state.total(part):
        return f"{_nothing(part)} in {', '.join(sorted(view_state.namespaces))}. n chooses other namespaces."
    if mesh_state.is_looking:
        return "Reading ..."
    return _empty(mesh_state, part)


def _empty(mesh_state: MeshState, part: Part) -> str:
    """A part of which there is nothing at all."""
    if part == "findings":
        return "No findings. What could not be checked is counted behind ? in the first line."
    if part == "pods":
        return "No pods."
    if not mesh_state.are_hosts_known:
        return "No external hosts are known: not all was read that could name one."
    return "No external hosts: no object registers one and no pod uses one."


def missing(mesh_state: MeshState) -> str:
    """That the look could not read sidecars again which an earlier one has read; empty where there are none."""
    unseen = {pod for line in mesh_state.changes.unseen("findings").values() for pod in line.finding.pods}
    rows = [row for row in mesh_state.pods.values() if row.state == "unread" and row.key in unseen]
    if not rows:
        return ""
    sidecars = "a sidecar" if len(rows) == 1 else f"{len(rows)} sidecars"
    return f"{sidecars} could not be read again: {printable(rows[0].because)}. What they showed is marked ?."


def _nothing(part: Part) -> str:
    return {"pods": "No pods", "hosts": "No hosts", "findings": "No findings"}[part]

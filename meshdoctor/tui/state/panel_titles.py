"""The title of a panel, and the sentence it shows without rows."""

from __future__ import annotations

from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.text.printable import lines_of, printable
from meshdoctor.tui.state.mesh_state import MeshState
from meshdoctor.tui.state.view_state import SORTS, Panel, RowSelection, ViewState

NAMES: dict[Panel, str] = {"pods": "Pods", "hosts": "External hosts", "findings": "Findings"}


def title(view_state: ViewState, panel: Panel, shown: int, *, ascii_only: bool = False) -> str:
    """Its name, how many of how many rows it shows, and what hides the others."""
    total = view_state.total(panel)
    parts = [f"{NAMES[panel]} {shown}" if shown == total else f"{NAMES[panel]} {shown}/{total}"]
    if view_state.marks[panel]:
        parts.append(f"{len(view_state.marks[panel])} marked")
    parts += [f"of {_chosen(view_state, choice)}" for choice in view_state.narrowing(panel)]
    typed = view_state.filters[panel].typed
    if typed:
        parts.append(f"/{printable(typed)}")
    if view_state.problems_only:
        parts.append("problems only")
    if view_state.sort(panel) is not SORTS[panel][0]:
        parts.append(view_state.sort(panel).name)
    return (" - " if ascii_only else " · ").join(parts)


def _chosen(view_state: ViewState, choice: RowSelection) -> str:
    """The name of a chosen row, or how many are marked."""
    if len(choice.marked) > 1:
        return f"{len(choice.marked)} marked {choice.panel}"
    if choice.panel == "pods":
        row = view_state.mesh_state.pods.get(choice.key)
        return printable(row.name if row else choice.key)
    if choice.panel == "hosts":
        return printable(host_port(*choice.key))
    line = view_state.mesh_state.finding(choice.key)
    return printable(line.finding.rule) if line else "a finding that is gone"


def hint(view_state: ViewState, panel: Panel) -> str:
    """Why a panel has no rows, and the key to press."""
    mesh_state = view_state.mesh_state
    if mesh_state.failed is not None and not view_state.total(panel):
        lines = (*lines_of(mesh_state.failed.because), "", "d opens a bundled snapshot, R tries again.")
        return "\n".join(lines) if panel == "pods" else ""
    if view_state.filters[panel]:
        return f"Nothing matches /{printable(view_state.filters[panel].typed)}. esc clears the filter."
    if view_state.narrowing(panel):
        return f"No {panel} for {_chosen(view_state, view_state.narrowing(panel)[-1])}. esc shows all."
    if view_state.problems_only and view_state.total(panel):
        return "No problems. ctrl+z shows all rows."
    if view_state.namespaces and view_state.total(panel):
        return f"No {panel} in {', '.join(sorted(view_state.namespaces))}. 0 shows all."
    if mesh_state.is_refreshing:
        return "Reading ..."
    return _empty(mesh_state, panel)


def _empty(mesh_state: MeshState, panel: Panel) -> str:
    """Why a panel has nothing to show."""
    if panel == "findings":
        return "No findings. The first line counts what could not be checked (?)."
    if panel == "pods":
        return "No pods."
    if not mesh_state.are_hosts_known:
        return "No external hosts are known: not all resources that name hosts could be read."
    return "No external hosts: none is registered, and no pod is configured to call one."


def missing(mesh_state: MeshState) -> str:
    """A warning that the refresh could not read sidecars that were read before; empty where there are none."""
    unseen = {pod for line in mesh_state.changes.unseen("findings").values() for pod in line.finding.pods}
    rows = [row for row in mesh_state.pods.values() if row.state == "unread" and row.key in unseen]
    if not rows:
        return ""
    sidecars = "A sidecar" if len(rows) == 1 else f"{len(rows)} sidecars"
    return f"{sidecars} could not be read again: {printable(rows[0].because)}. Their earlier findings are marked ?."

"""A row as cells of text with a tone each; made only for rows on the screen."""

from __future__ import annotations

from typing import Any, NamedTuple

from meshdoctor.model.verdict import Verdict
from meshdoctor.text.icons import icon
from meshdoctor.text.printable import printable
from meshdoctor.tui.state.rows import FindingLine, HostLine, PodRow
from meshdoctor.tui.state.tones import Tone, tone
from meshdoctor.tui.state.view_state import Panel, ViewState


class Cell(NamedTuple):
    """A piece of text that is harmless to a terminal."""

    text: str
    tone: Tone = "plain"


class TableColumn(NamedTuple):
    """A column of a panel. Columns share what is left of the width by `grows`; the last ones go where it is short."""

    title: str
    width: int
    """Columns it needs at least."""
    grows: int = 0
    keeps: int = 0
    """The lower, the later it goes where there is no room."""
    ends_matter: bool = False
    """What is too long is cut in its middle: names that differ do so at an end."""


COLUMNS: dict[Panel, tuple[TableColumn, ...]] = {
    "pods": (
        TableColumn("", 2),
        TableColumn("NAMESPACE", 12, 1, 1),
        TableColumn("POD", 32, 5, 0, ends_matter=True),
        TableColumn("SIDECAR", 7, 0, 4),
        TableColumn("EGRESS", 13, 0, 3),
        TableColumn("FINDINGS", 8, 0, 2),
    ),
    "hosts": (
        TableColumn("", 2),
        TableColumn("HOST", 18, 3),
        TableColumn("PORT", 5),
        TableColumn("PROTOCOL", 8, 0, 2),
        TableColumn("REGISTERED BY", 13, 2, 3),
        TableColumn("USED BY", 7, 0, 4),
        TableColumn("VERDICT", 15, 0, 1),
    ),
    "findings": (
        TableColumn("", 2),
        TableColumn("RULE", 25, 1, 1),
        TableColumn("TARGET", 22, 1, 2, ends_matter=True),
        TableColumn("PODS", 4, 0, 4),
        TableColumn("PROBLEM", 24, 4),
    ),
}
NARROW: dict[Panel, tuple[TableColumn, ...]] = {
    "pods": (COLUMNS["pods"][0], TableColumn("NAMESPACE/POD", 30, 1, 0, ends_matter=True), *COLUMNS["pods"][3:])
}
"""For where there is no room for all of them."""


def cells(
    view_state: ViewState, panel: Panel, key: Any, *, is_narrow: bool = False, ascii_only: bool = False
) -> tuple[Cell, ...]:
    """The cells of one row, one a column, of `NARROW` where there is little room; none of a row that went."""
    row = getattr(view_state.mesh_state, panel).get(key) or view_state.mesh_state.changes.lost(panel).get(key)
    if row is None:
        return ()
    if panel == "pods":
        made = pod_cells(row, is_narrow=is_narrow, ascii_only=ascii_only)
    elif panel == "hosts":
        made = host_cells(row, view_state.chosen_pod(), ascii_only=ascii_only)
    else:
        made = finding_cells(row, ascii_only=ascii_only)
    kind = "marked" if key in view_state.marks[panel] else row.change
    before = icon(kind, ascii_only=ascii_only) if kind else " "
    if row.change in ("gone", "unseen"):
        made = tuple(Cell(cell.text, "faint") for cell in made)
    return (Cell(before + made[0].text, made[0].tone), *made[1:])


def pod_cells(row: PodRow, *, is_narrow: bool = False, ascii_only: bool = False) -> tuple[Cell, ...]:
    """Sign, namespace, pod, sidecar, egress, findings. A pod that is not judged says why in place of the rest.

    `is_narrow`: namespace and pod are one cell.
    """
    first = Cell(icon(row.worst, ascii_only=ascii_only), tone(row.worst))
    name = Cell(printable(row.key if is_narrow else row.name), "faint" if row.state == "none" else "plain")
    named = (name,) if is_narrow else (Cell(printable(row.namespace), "faint"), name)
    if row.is_without_verdicts:
        return first, *named, Cell(printable(row.because), row.reason_tone)
    egress = {"ALLOW_ANY": Cell("ALLOW_ANY", "warning"), "?": Cell("?", "unknown")}.get(row.egress, Cell(row.egress))
    return first, *named, Cell(printable(row.version) or "-"), egress, _found(row, ascii_only)


def _found(row: PodRow, ascii_only: bool) -> Cell:
    if row.state == "pending":
        return Cell(icon("pending", ascii_only=ascii_only), "faint")
    counts = (("error", row.errors), ("warning", row.warnings), ("info", row.infos))
    text = " ".join(f"{icon(kind, ascii_only=ascii_only)}{count}" for kind, count in counts if count)
    return Cell(text, tone(row.worst))


def host_cells(row: HostLine, pod: PodRow | None = None, *, ascii_only: bool = False) -> tuple[Cell, ...]:
    """Sign, host, port, protocol, registered by, used by, verdict: of `pod` where one is given, else the worst."""
    nobody = "-" if row.is_registered_known else "?"
    entries = ", ".join(printable(name.removeprefix("ServiceEntry ")) for name in row.registered_by) or nobody
    return (
        Cell(icon(row.worst, ascii_only=ascii_only), tone(row.worst)),
        Cell(printable(row.host)),
        Cell("-" if row.port is None else str(row.port)),
        Cell(printable(row.protocol) or "-", "plain" if row.protocol else "faint"),
        Cell(entries, "plain" if row.registered_by else "faint"),
        Cell(str(len(row.used_by)) if row.used_by else "-", "plain" if row.used_by else "faint"),
        _verdict(row, pod, ascii_only),
    )


def _verdict(row: HostLine, pod: PodRow | None, ascii_only: bool) -> Cell:
    if pod is not None and row.pair in pod.verdicts:
        verdict = pod.verdicts[row.pair][0]
        return Cell(verdict, verdict.icon)
    if not row.verdict:
        waiting = "unknown" if row.is_over else "pending"
        return Cell("-" if row.port is None else icon(waiting, ascii_only=ascii_only), "faint")
    pods, total = row.counted[row.verdict], sum(row.counted.values())
    text = row.verdict if pods == total else f"{row.verdict} {pods}/{total}"
    # What nobody wants breaks nobody.
    return Cell(text, row.verdict.icon if row.used_by or row.verdict is Verdict.DELIVERED else "faint")


def finding_cells(row: FindingLine, *, ascii_only: bool = False) -> tuple[Cell, ...]:
    """Icon, rule, target, pods, title."""
    found = row.finding
    return (
        Cell(icon(found.severity, ascii_only=ascii_only), tone(found.severity)),
        Cell(printable(found.rule), tone(found.severity)),
        Cell(printable(row.subject)),
        Cell(str(len(found.pods)) if found.pods else "-", "faint"),
        Cell(printable(" ".join(found.title.split())), "faint" if found.caused_by else "plain"),
    )

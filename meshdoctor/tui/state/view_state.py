"""Which rows each panel shows, in what order. Chosen rows narrow the other panels, filters and orders only their own.

Choices stack up. A panel is narrowed by what was chosen in other panels before its own choice, so that the rows around
the cursor stay where they are. Choosing again in a panel clears what was chosen after it; `widen` clears the newest.

Marked rows are their panel's choice: they leave what any of them leaves, and moving the cursor does not change that.
Marks are cleared by `widen`, or one by one; a row that is gone loses its mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from meshdoctor.diagnosis.events import Pair
from meshdoctor.model.verdict import Verdict
from meshdoctor.tui.state.mesh_state import MeshState
from meshdoctor.tui.state.row_filter import Filter
from meshdoctor.tui.state.rows import FindingLine, HostLine, PodRow, rank

Panel = Literal["pods", "hosts", "findings"]
PANELS: tuple[Panel, ...] = ("pods", "hosts", "findings")

ITS_OWN = frozenset({Verdict.DELIVERED, Verdict.BROKEN})
"""Verdicts that a host gets only where the pod's sidecar has configuration for it."""


class RowSelection(NamedTuple):
    """A row that narrows the other panels, or several that are marked."""

    panel: Panel
    key: Any
    """The row; of several, the one marked last."""
    marked: frozenset[Any] = frozenset()

    @property
    def keys(self) -> frozenset[Any]:
        """The selected rows."""
        return self.marked or frozenset((self.key,))


class Sort(NamedTuple):
    """An order of rows."""

    name: str
    """For the panel's title."""
    key: Callable[[Any], Any]


SORTS: dict[Panel, tuple[Sort, ...]] = {
    "pods": (
        Sort("problems first", lambda row: (rank(row), -row.errors, -row.warnings, row.key)),
        Sort("by name", lambda row: row.key),
        Sort("by sidecar version", lambda row: (row.version, row.key)),
        Sort("by egress", lambda row: (row.egress, row.key)),
    ),
    "hosts": (
        Sort("problems first", lambda row: (rank(row), not row.used_by, row.host, row.port or 0)),
        Sort("by name", lambda row: (row.host, row.port or 0)),
        Sort("by port", lambda row: (row.port or 0, row.host)),
        Sort("by number of pods", lambda row: (-len(row.used_by), row.host, row.port or 0)),
    ),
    "findings": (
        Sort("problems first", lambda row: (rank(row), row.finding.host is None, row.subject, row.finding.rule)),
        Sort("by host", lambda row: (row.subject, rank(row), row.finding.rule)),
        Sort("by rule", lambda row: (row.finding.rule, row.subject)),
        Sort("by number of pods", lambda row: (-len(row.finding.pods), rank(row), row.subject)),
    ),
}


class ViewState:
    """Choices, filters, marks and orders of the session."""

    def __init__(self, mesh_state: MeshState) -> None:
        self.mesh_state = mesh_state
        self.choices: tuple[RowSelection, ...] = ()
        self.filters: dict[Panel, Filter] = dict.fromkeys(PANELS, Filter())
        self.namespaces: frozenset[str] = frozenset()
        """Namespaces to show; empty: all."""
        self.problems_only = False
        self.marks: dict[Panel, dict[Any, None]] = {panel: {} for panel in PANELS}
        """Marked rows in the order in which they were marked."""
        self._sorts: dict[Panel, int] = dict.fromkeys(PANELS, 0)

    def choose(self, panel: Panel, key: Any) -> None:
        """Chooses a row and clears what was chosen after this panel's last choice, except marked rows.

        Where rows of the panel are marked, they stay chosen.
        """
        if not self.marks[panel]:
            self._put(RowSelection(panel, key))

    def _put(self, new: RowSelection) -> None:
        panels = [choice.panel for choice in self.choices]
        at = panels.index(new.panel) if new.panel in panels else len(panels)
        self.choices = (*self.choices[:at], new, *(choice for choice in self.choices[at + 1 :] if choice.marked))

    def widen(self) -> bool:
        """Clears the newest choice and its marks; False where there is none."""
        if not self.choices:
            return False
        self.marks[self.choices[-1].panel].clear()
        self.choices = self.choices[:-1]
        return True

    def narrowing(self, panel: Panel) -> tuple[RowSelection, ...]:
        """The choices that narrow a panel."""
        panels = [choice.panel for choice in self.choices]
        return self.choices[: panels.index(panel)] if panel in panels else self.choices

    def sort(self, panel: Panel) -> Sort:
        """The order of a panel."""
        return SORTS[panel][self._sorts[panel]]

    def sort_next(self, panel: Panel) -> Sort:
        """Changes to the next order of a panel."""
        self._sorts[panel] = (self._sorts[panel] + 1) % len(SORTS[panel])
        return self.sort(panel)

    def mark(self, panel: Panel, key: Any) -> bool:
        """Marks and chooses a row, or clears its mark; returns whether it is marked now."""
        marks = self.marks[panel]
        if key in marks:
            del marks[key]
        else:
            marks[key] = None
        self._put(_of_marks(panel, marks) if marks else RowSelection(panel, key))
        return key in marks

    def drop_gone(self) -> None:
        """Clears the marks of rows that are gone."""
        for panel, marks in self.marks.items():
            gone = [key for key in marks if key not in getattr(self.mesh_state, panel)]
            if not gone:
                continue
            self.marks[panel] = marks = {key: None for key in marks if key not in gone}
            changed = (
                _of_marks(panel, marks) if choice.panel == panel and marks else choice for choice in self.choices
            )
            self.choices = tuple(choice for choice in changed if choice.panel != panel or marks)

    def forget(self) -> None:
        """Clears every choice and mark, for another source."""
        self.choices, self.namespaces = (), frozenset()
        self.marks = {panel: {} for panel in PANELS}

    def keys(self, panel: Panel) -> list[Any]:
        """Keys of the rows that are shown, in order."""
        rows = self.mesh_state.rows(panel)
        if self.namespaces:
            rows = [row for row in rows if not self.namespaces.isdisjoint(_namespaces(row))]
        for choice in self.narrowing(panel):
            rows = self._left_by(choice, panel, rows)
        if self.problems_only:
            rows = [row for row in rows if row.worst in ("error", "warning", "unknown")]
        rows = sorted(self._matching(panel, rows), key=self.sort(panel).key)
        return [row.pair if panel == "hosts" else row.key for row in rows]

    def total(self, panel: Panel) -> int:
        """How many rows a panel has, shown or not, with those that are gone but still displayed."""
        return len(self.mesh_state.rows(panel))

    def chosen_pod(self) -> PodRow | None:
        """The one pod that narrows the hosts, whose verdicts they show."""
        for choice in self.narrowing("hosts"):
            if choice.panel == "pods" and len(choice.keys) == 1:
                return self.mesh_state.pods.get(choice.key)
        return None

    def _left_by(self, choice: RowSelection, panel: Panel, rows: list[Any]) -> list[Any]:
        """The rows of a panel that a choice in another one leaves."""
        if panel == "pods":
            keys = self._pods_of(choice)
            return [row for row in rows if row.key in keys]
        if panel == "hosts":
            pairs = self._hosts_of(choice)
            return [row for row in rows if row.pair in pairs]
        return [row for row in rows if _is_about(row, choice.panel, choice.keys)]

    def _matching(self, panel: Panel, rows: list[Any]) -> list[Any]:
        """The rows that match the filter of their panel; labels are those of a row's pods."""
        row_filter = self.filters[panel]
        if not row_filter:
            return rows
        if panel == "pods":
            return [row for row in rows if row_filter.matches_pod(row)]
        if not row_filter.labels:
            return [row for row in rows if row_filter.matches(row.text)]
        pods = {row.key for row in self.mesh_state.pods.values() if row_filter.matches_pod(row)}
        return [row for row in rows if not pods.isdisjoint(row.used_by if panel == "hosts" else row.finding.pods)]

    def _pods_of(self, choice: RowSelection) -> set[str]:
        """The pods a choice leaves: those that use a host or have a finding about it, else all checked for it."""
        if choice.panel == "findings":
            lines = (self.mesh_state.finding(key) for key in choice.keys)
            return {pod for line in lines if line for pod in line.finding.pods}
        hosts = {pair: self.mesh_state.hosts.get(pair) for pair in choice.keys}
        found = {pair: set(host.used_by) if host else set() for pair, host in hosts.items()}
        for line in self.mesh_state.findings.values():
            if line.pair in found:
                found[line.pair].update(line.finding.pods)
        bare = [pair for pair, pods in found.items() if not pods]
        judged = (
            {row.key for row in self.mesh_state.pods.values() if any(pair in row.verdicts for pair in bare)}
            if bare
            else set()
        )
        return judged.union(*found.values())

    def _hosts_of(self, choice: RowSelection) -> set[Pair]:
        """The hosts a choice leaves: of a pod, those it uses or its sidecar has configuration for."""
        hosts, keys = {host.pair for host in self.mesh_state.rows("hosts")}, choice.keys
        if choice.panel == "findings":
            left: set[Pair] = set()
            for line in filter(None, (self.mesh_state.finding(key) for key in keys)):
                if line.finding.host is not None:
                    left |= {p for p in hosts if p == line.pair} or {p for p in hosts if p[0] == line.finding.host}
            return left
        lines = [line for line in self.mesh_state.findings.values() if not keys.isdisjoint(line.finding.pods)]
        found = {line.pair for line in lines if line.pair is not None} & hosts
        for row in filter(None, (self.mesh_state.pods.get(key) for key in keys)):
            if len(found) == len(hosts):  # a thousand pods may be marked, each with every host
                break
            found |= row.dependencies & hosts
            found.update(pair for pair, verdict in row.verdicts.items() if verdict[0] in ITS_OWN and pair in hosts)
        return found


def _of_marks(panel: Panel, marks: Iterable[Any]) -> RowSelection:
    keys = tuple(marks)
    return RowSelection(panel, keys[-1], frozenset(keys))


def _namespaces(row: PodRow | HostLine | FindingLine) -> Iterator[str]:
    """The namespaces of a row: of its pods, and of the objects that it names."""
    if isinstance(row, PodRow):
        yield row.namespace
    elif isinstance(row, HostLine):
        yield from (name.rpartition(" ")[2].split("/", 1)[0] for name in row.registered_by)
        yield from (pod.split("/", 1)[0] for pod in row.used_by)
    else:
        yield from (pod.split("/", 1)[0] for pod in row.finding.pods)
        yield from (one.namespace for one in row.finding.resources)


def _is_about(row: FindingLine, panel: Panel, keys: frozenset[Any]) -> bool:
    """Whether a finding is about one of these pods or hosts."""
    if panel == "pods":
        return not keys.isdisjoint(row.finding.pods)
    found = row.finding
    if not found.host or (found.host, found.port) in keys:
        return bool(found.host)
    return any(host == found.host and (port is None or not found.port) for host, port in keys)

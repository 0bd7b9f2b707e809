"""Which rows are in sight and in what order: chosen rows narrow the other parts, filters and sorting each its own.

Choices stack up. A part is narrowed by what was chosen in other parts before its own choice, so that the rows around
the cursor stay where they are; choosing again in a part takes back what was chosen after it, and `widen` the newest.

Marked rows stand for their part's choice: they leave what any of them leaves, and moving the cursor does not change
that. Marks are taken back with `widen` alone, or one by one; a row that has gone loses its mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from meshdoctor.diagnosis.events import Pair
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.tui.state.mesh_state import MeshState
from meshdoctor.tui.state.row_filter import Filter
from meshdoctor.tui.state.rows import FindingLine, HostLine, PodRow

Part = Literal["pods", "hosts", "findings"]
PARTS: tuple[Part, ...] = ("pods", "hosts", "findings")

ITS_OWN = frozenset({Verdict.DELIVERED, Verdict.BROKEN})
"""Verdicts that only a host gets which the pod's sidecar has configuration for."""


class RowSelection(NamedTuple):
    """A row that narrows the other parts, or several that are marked."""

    part: Part
    key: Any
    """The row; of several the one marked last."""
    marked: frozenset[Any] = frozenset()

    @property
    def keys(self) -> frozenset[Any]:
        """The rows that it stands for."""
        return self.marked or frozenset((self.key,))


class Sort(NamedTuple):
    """An order of rows."""

    name: str
    """For the part's title."""
    key: Callable[[Any], Any]


SORTS: dict[Part, tuple[Sort, ...]] = {
    "pods": (
        Sort("problems first", lambda row: (row.rank, -row.errors, -row.warnings, row.key)),
        Sort("by name", lambda row: row.key),
        Sort("by sidecar version", lambda row: (row.version, row.key)),
        Sort("by egress", lambda row: (row.egress, row.key)),
    ),
    "hosts": (
        Sort("problems first", lambda row: (row.rank, not row.used_by, row.host, row.port or 0)),
        Sort("by name", lambda row: (row.host, row.port or 0)),
        Sort("by port", lambda row: (row.port or 0, row.host)),
        Sort("by pods that want it", lambda row: (-len(row.used_by), row.host, row.port or 0)),
    ),
    "findings": (
        Sort("problems first", lambda row: (row.rank, row.finding.host is None, row.subject, row.finding.rule)),
        Sort("by host", lambda row: (row.subject, row.rank, row.finding.rule)),
        Sort("by rule", lambda row: (row.finding.rule, row.subject)),
        Sort("by pods touched", lambda row: (-len(row.finding.pods), row.rank, row.subject)),
    ),
}


class ViewState:
    """The session's way to look at a board."""

    def __init__(self, mesh_state: MeshState) -> None:
        self.mesh_state = mesh_state
        self.choices: tuple[RowSelection, ...] = ()
        self.filters: dict[Part, Filter] = dict.fromkeys(PARTS, Filter())
        self.namespaces: frozenset[str] = frozenset()
        """Those looked at; none: all."""
        self.problems_only = False
        self.marks: dict[Part, dict[Any, None]] = {part: {} for part in PARTS}
        """Marked rows in the order in which they were marked."""
        self._sorts: dict[Part, int] = dict.fromkeys(PARTS, 0)

    def choose(self, part: Part, key: Any) -> None:
        """Chooses a row; whatever was chosen after this part's last choice is taken back, but for what is marked.

        Where rows of the part are marked, they stay what is chosen.
        """
        if not self.marks[part]:
            self._put(RowSelection(part, key))

    def _put(self, new: RowSelection) -> None:
        parts = [choice.part for choice in self.choices]
        at = parts.index(new.part) if new.part in parts else len(parts)
        self.choices = (*self.choices[:at], new, *(choice for choice in self.choices[at + 1 :] if choice.marked))

    def widen(self) -> bool:
        """Takes the newest choice back, its marks with it; False where there is none."""
        if not self.choices:
            return False
        self.marks[self.choices[-1].part].clear()
        self.choices = self.choices[:-1]
        return True

    def narrowing(self, part: Part) -> tuple[RowSelection, ...]:
        """The choices that narrow a part."""
        parts = [choice.part for choice in self.choices]
        return self.choices[: parts.index(part)] if part in parts else self.choices

    def sort(self, part: Part) -> Sort:
        """The order of a part."""
        return SORTS[part][self._sorts[part]]

    def sort_next(self, part: Part) -> Sort:
        """Takes the next order of a part."""
        self._sorts[part] = (self._sorts[part] + 1) % len(SORTS[part])
        return self.sort(part)

    def mark(self, part: Part, key: Any) -> bool:
        """Marks a row, or takes its mark away; whether it is marked now. What is marked is chosen."""
        marks = self.marks[part]
        if key in marks:
            del marks[key]
        else:
            marks[key] = None
        self._put(_of_marks(part, marks) if marks else RowSelection(part, key))
        return key in marks

    def drop_gone(self) -> None:
        """Takes the marks off rows that are not there any more."""
        for part, marks in self.marks.items():
            gone = [key for key in marks if key not in getattr(self.mesh_state, part)]
            if not gone:
                continue
            self.marks[part] = marks = {key: None for key in marks if key not in gone}
            changed = (_of_marks(part, marks) if choice.part == part and marks else choice for choice in self.choices)
            self.choices = tuple(choice for choice in changed if choice.part != part or marks)

    def forget(self) -> None:
        """Takes every choice and mark back: something else is looked at."""
        self.choices, self.namespaces = (), frozenset()
        self.marks = {part: {} for part in PARTS}

    def keys(self, part: Part) -> list[Any]:
        """Keys of the rows in sight, in order."""
        rows: Iterable[Any] = {"pods": self._pods, "hosts": self._hosts, "findings": self._findings}[part]()
        return [row.pair if isinstance(row, HostLine) else row.key for row in sorted(rows, key=self.sort(part).key)]

    def total(self, part: Part) -> int:
        """Rows of a part, in sight or not; those that have gone are told for a while."""
        return len(self.mesh_state.rows(part))

    def pod_in_sight(self) -> PodRow | None:
        """The one pod that narrows the hosts: their verdicts are told for it."""
        for choice in self.narrowing("hosts"):
            if choice.part == "pods" and len(choice.keys) == 1:
                return self.mesh_state.pods.get(choice.key)
        return None

    def _pods(self) -> Iterable[PodRow]:
        rows: Iterable[PodRow] = self.mesh_state.rows("pods")
        if self.namespaces:
            rows = [row for row in rows if row.namespace in self.namespaces]
        for choice in self.narrowing("pods"):
            keys = self._pods_of(choice)
            rows = [row for row in rows if row.key in keys]
        if self.problems_only:
            rows = [row for row in rows if row.worst in ("error", "warning", "unknown")]
        wanted = self.filters["pods"]
        return [row for row in rows if wanted.takes_pod(row)] if wanted else rows

    def _hosts(self) -> Iterable[HostLine]:
        rows: Iterable[HostLine] = self.mesh_state.rows("hosts")
        if self.namespaces:
            rows = [row for row in rows if self._is_host_of_namespaces(row)]
        for choice in self.narrowing("hosts"):
            pairs = self._hosts_of(choice)
            rows = [row for row in rows if row.pair in pairs]
        if self.problems_only:
            rows = [row for row in rows if row.worst in ("error", "warning", "unknown")]
        wanted = self.filters["hosts"]
        if wanted.labels:
            pods = self._labelled(wanted)
            return [row for row in rows if not pods.isdisjoint(row.used_by)]
        return [row for row in rows if wanted.takes(row.text)] if wanted else rows

    def _findings(self) -> Iterable[FindingLine]:
        rows: Iterable[FindingLine] = self.mesh_state.rows("findings")
        if self.namespaces:
            rows = [row for row in rows if self._is_finding_of_namespaces(row)]
        for choice in self.narrowing("findings"):
            rows = [row for row in rows if _is_about(row, choice.part, choice.keys)]
        if self.problems_only:
            rows = [row for row in rows if row.finding.severity is not Severity.INFO]
        wanted = self.filters["findings"]
        if wanted.labels:
            pods = self._labelled(wanted)
            return [row for row in rows if not pods.isdisjoint(row.finding.pods)]
        return [row for row in rows if wanted.takes(row.text)] if wanted else rows

    def _labelled(self, wanted: Filter) -> set[str]:
        return {row.key for row in self.mesh_state.pods.values() if wanted.takes_pod(row)}

    def _is_host_of_namespaces(self, row: HostLine) -> bool:
        named = (name.rpartition(" ")[2].split("/", 1)[0] for name in row.registered_by)
        wanting = (pod.split("/", 1)[0] for pod in row.used_by)
        return any(name in self.namespaces for name in (*named, *wanting))

    def _is_finding_of_namespaces(self, row: FindingLine) -> bool:
        named = (pod.split("/", 1)[0] for pod in row.finding.pods)
        objects = (one.namespace for one in row.finding.resources)
        return any(name in self.namespaces for name in (*named, *objects))

    def _pods_of(self, choice: RowSelection) -> set[str]:
        """The pods a choice leaves: those that want a host or have a finding about it, else all judged for it."""
        if choice.part == "findings":
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
        """The hosts a choice leaves: of a pod those it wants or its sidecar has configuration for."""
        hosts, keys = {host.pair for host in self.mesh_state.rows("hosts")}, choice.keys
        if choice.part == "findings":
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
            found |= row.wants & hosts
            found.update(pair for pair, verdict in row.verdicts.items() if verdict[0] in ITS_OWN and pair in hosts)
        return found


def _of_marks(part: Part, marks: Iterable[Any]) -> RowSelection:
    keys = tuple(marks)
    return RowSelection(part, keys[-1], frozenset(keys))


def _is_about(row: FindingLine, part: Part, keys: frozenset[Any]) -> bool:
    """Whether a finding is about one of these pods or hosts."""
    if part == "pods":
        return not keys.isdisjoint(row.finding.pods)
    found = row.finding
    if not found.host or (found.host, found.port) in keys:
        return bool(found.host)
    return any(host == found.host and (port is None or not found.port) for host, port in keys)

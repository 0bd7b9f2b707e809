"""Which rows are in sight and in what order: chosen rows narrow the other parts, filters and sorting each its own.

Choices stack up. A part is narrowed by what was chosen in other parts before its own choice, so that the rows around
the cursor stay where they are; choosing again in a part takes back what was chosen after it, and `widen` the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from meshdoctor.sitting.events import Pair
from meshdoctor.tui.board.board import Board
from meshdoctor.tui.board.filtering import Filter
from meshdoctor.tui.board.rows import FindingLine, HostLine, PodRow

Part = Literal["pods", "hosts", "findings"]
PARTS: tuple[Part, ...] = ("pods", "hosts", "findings")

ITS_OWN = frozenset({"delivered", "broken"})
"""Verdicts that only a host gets which the pod's sidecar has configuration for."""


class Choice(NamedTuple):
    """A row that narrows the other parts."""

    part: Part
    key: Any


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
        Sort("problems first", lambda row: (row.rank, not row.wanted_by, row.host, row.port or 0)),
        Sort("by name", lambda row: (row.host, row.port or 0)),
        Sort("by port", lambda row: (row.port or 0, row.host)),
        Sort("by pods that want it", lambda row: (-len(row.wanted_by), row.host, row.port or 0)),
    ),
    "findings": (
        Sort("problems first", lambda row: (row.rank, row.finding.host is None, row.subject, row.finding.rule)),
        Sort("by host", lambda row: (row.subject, row.rank, row.finding.rule)),
        Sort("by rule", lambda row: (row.finding.rule, row.subject)),
        Sort("by pods touched", lambda row: (-len(row.finding.pods), row.rank, row.subject)),
    ),
}


class Sight:
    """The session's way to look at a board."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.choices: tuple[Choice, ...] = ()
        self.filters: dict[Part, Filter] = dict.fromkeys(PARTS, Filter())
        self.namespaces: frozenset[str] = frozenset()
        """Those looked at; none: all."""
        self.problems_only = False
        self.marks: dict[Part, set[Any]] = {part: set() for part in PARTS}
        self._sorts: dict[Part, int] = dict.fromkeys(PARTS, 0)

    def choose(self, part: Part, key: Any) -> None:
        """Chooses a row; whatever was chosen after this part's last choice is taken back."""
        kept = [choice.part for choice in self.choices]
        older = self.choices[: kept.index(part)] if part in kept else self.choices
        self.choices = (*older, Choice(part, key))

    def widen(self) -> bool:
        """Takes the newest choice back; False where there is none."""
        if not self.choices:
            return False
        self.choices = self.choices[:-1]
        return True

    def narrowing(self, part: Part) -> tuple[Choice, ...]:
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
        """Marks a row, or takes its mark away; whether it is marked now."""
        self.marks[part] ^= {key}
        return key in self.marks[part]

    def keys(self, part: Part) -> list[Any]:
        """Keys of the rows in sight, in order."""
        rows: Iterable[Any] = {"pods": self._pods, "hosts": self._hosts, "findings": self._findings}[part]()
        return [row.pair if isinstance(row, HostLine) else row.key for row in sorted(rows, key=self.sort(part).key)]

    def total(self, part: Part) -> int:
        """Rows of a part, in sight or not; those that have gone are told for a while."""
        return len(self.board.rows(part))

    def pod_in_sight(self) -> PodRow | None:
        """The pod that narrows the hosts: their verdicts are told for it."""
        for choice in self.narrowing("hosts"):
            if choice.part == "pods":
                return self.board.pods.get(choice.key)
        return None

    def _pods(self) -> Iterable[PodRow]:
        rows: Iterable[PodRow] = self.board.rows("pods")
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
        rows: Iterable[HostLine] = self.board.rows("hosts")
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
            return [row for row in rows if not pods.isdisjoint(row.wanted_by)]
        return [row for row in rows if wanted.takes(row.text)] if wanted else rows

    def _findings(self) -> Iterable[FindingLine]:
        rows: Iterable[FindingLine] = self.board.rows("findings")
        if self.namespaces:
            rows = [row for row in rows if self._is_finding_of_namespaces(row)]
        for choice in self.narrowing("findings"):
            rows = [row for row in rows if self._is_about(row, choice)]
        if self.problems_only:
            rows = [row for row in rows if row.finding.severity != "info"]
        wanted = self.filters["findings"]
        if wanted.labels:
            pods = self._labelled(wanted)
            return [row for row in rows if not pods.isdisjoint(row.finding.pods)]
        return [row for row in rows if wanted.takes(row.text)] if wanted else rows

    def _labelled(self, wanted: Filter) -> set[str]:
        return {row.key for row in self.board.pods.values() if wanted.takes_pod(row)}

    def _is_host_of_namespaces(self, row: HostLine) -> bool:
        named = (name.rpartition(" ")[2].split("/", 1)[0] for name in row.registered_by)
        wanting = (pod.split("/", 1)[0] for pod in row.wanted_by)
        return any(name in self.namespaces for name in (*named, *wanting))

    def _is_finding_of_namespaces(self, row: FindingLine) -> bool:
        named = (pod.split("/", 1)[0] for pod in row.finding.pods)
        objects = (one.namespace for one in row.finding.resources)
        return any(name in self.namespaces for name in (*named, *objects))

    def _pods_of(self, choice: Choice) -> set[str]:
        """The pods a choice leaves: those that want a host or have a finding about it, else all judged for it."""
        if choice.part == "findings":
            line = self.board.finding(choice.key)
            return set(line.finding.pods) if line else set()
        pair: Pair = choice.key
        host = self.board.hosts.get(pair)
        found = set(host.wanted_by) if host else set()
        for line in self.board.findings.values():
            if line.pair == pair:
                found.update(line.finding.pods)
        return found or {row.key for row in self.board.pods.values() if pair in row.verdicts}

    def _hosts_of(self, choice: Choice) -> set[Pair]:
        """The hosts a choice leaves: of a pod those it wants or its sidecar has configuration for."""
        if choice.part == "findings":
            line = self.board.finding(choice.key)
            if line is None or line.finding.host is None:
                return set()
            hosts = [host.pair for host in self.board.rows("hosts")]
            return {p for p in hosts if p == line.pair} or {p for p in hosts if p[0] == line.finding.host}
        row = self.board.pods.get(choice.key)
        if row is None:
            return set()
        own = {pair for pair, verdict in row.verdicts.items() if verdict[0] in ITS_OWN}
        lines = self.board.findings.values()
        told = {line.pair for line in lines if line.pair is not None and row.key in line.finding.pods}
        return own | told | row.wants

    def _is_about(self, row: FindingLine, choice: Choice) -> bool:
        if choice.part == "pods":
            return choice.key in row.finding.pods
        host, port = choice.key
        return row.finding.host == host and (port is None or not row.finding.port or row.finding.port == port)

"""The state of the mesh as the session knows it. Each event updates it and reports what it changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from meshdoctor.diagnosis.events import (
    DiagnosisFailed,
    DiagnosisFinished,
    Event,
    FindingsUpdated,
    ListedPod,
    Pair,
    PodChecked,
    PodsListed,
    PodUnread,
    Progress,
)
from meshdoctor.model.finding import Diagnosis, Finding
from meshdoctor.model.host_table import NOT_CONFIGURED, HostRow
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.semantics.istio.data_plane import PROXIES
from meshdoctor.tui.state.row_changes import Changes
from meshdoctor.tui.state.rows import KINDS, POLICIES, FindingLine, HostLine, PodRow

ENTRY_OBJECTS, POD_OBJECTS = "resources/serviceentries.yaml", "resources/pods.yaml"
"""Documents without which it is unknown whether a host, or a pod, is gone."""


class StateChange(Struct):
    """What events changed: keys of rows, and whether the header did."""

    pods: set[str] = field(default_factory=set)
    hosts: set[Pair] = field(default_factory=set)
    findings: bool = False
    head: bool = False
    is_end: bool = False
    """The refresh has ended."""


class MeshState:
    """Pods by key, hosts by pair, findings by fingerprint, and the progress of the refresh."""

    def __init__(self) -> None:
        self.pods: dict[str, PodRow] = {}
        self.hosts: dict[Pair, HostLine] = {}
        self.findings: dict[str, FindingLine] = {}
        self.location = ""
        self.source_kind = ""
        self.progress = Progress(0, 0, "starting")
        self.failed: DiagnosisFailed | None = None
        self._unlisted: set[Pair] = set()
        """Hosts that every sidecar was checked for, and that no pod has or uses."""
        self.are_hosts_known = True
        """Everything that can name a host was read."""
        self.diagnosis: Diagnosis | None = None
        """The newest complete result."""
        self.read_at = ""
        """When the newest complete result arrived, as hours and minutes."""
        self.is_refreshing = True
        """A refresh is running."""
        self._blind: frozenset[str] = frozenset()
        """What the newest complete result says nothing about, as `_blind` names it."""
        self.changes = Changes()
        """What is new and what is gone."""

    def apply(self, events: Iterable[Event]) -> StateChange:
        """Applies events in their order."""
        changed = StateChange()
        for event in events:
            self._apply(event, changed)
        return changed

    def _apply(self, event: Event, changed: StateChange) -> None:
        match event:
            case PodsListed():
                self._list(event, changed)
            case PodChecked():
                self._judge(event, changed)
            case PodUnread():
                self._unask(event, changed)
            case FindingsUpdated():
                # Those of the last complete result stay until the next one.
                known = {key: line.finding for key, line in self.findings.items()} if self.diagnosis else {}
                self._find((known | {one.fingerprint: one for one in event.findings}).values(), changed)
            case Progress():
                self.progress = event
                changed.head = self.is_refreshing = True
            case DiagnosisFinished():
                self._finish(event, changed)
            case DiagnosisFailed():
                self._fail(event, changed)

    def rows(self, panel: str) -> list[Any]:
        """The rows of a panel: its own, and for a while those that are gone."""
        own = self._panels[panel]
        return [*own.values(), *(row for key, row in self.changes.lost(panel).items() if key not in own)]

    @property
    def _panels(self) -> dict[str, Mapping[Any, Any]]:
        return {"pods": self.pods, "hosts": self.hosts, "findings": self.findings}

    def finding(self, fingerprint: str) -> FindingLine | None:
        """A finding that is shown, even if it is gone or could not be checked again."""
        return self.findings.get(fingerprint) or self.changes.lost("findings").get(fingerprint)

    def count(self, severity: Severity) -> int:
        """Findings of this severity."""
        return sum(line.finding.severity == severity for line in self.findings.values())

    @property
    def unread(self) -> int:
        """Pods whose proxy could not be read."""
        return sum(row.state == "unread" for row in self.pods.values())

    @property
    def namespaces(self) -> list[str]:
        """The namespaces of the pods."""
        return sorted({row.namespace for row in self.pods.values()})

    def _list(self, event: PodsListed, changed: StateChange) -> None:
        """A refresh begins: what is known stays until it is replaced, and pods that are gone are removed."""
        self.location, self.source_kind = event.location, event.source_kind
        self.failed = None
        known, self.pods = self.pods, {}
        for pod in event.pods:
            row = self.pods[pod.key] = _pod_row(pod, known.get(pod.key))
            row.change = self.changes.of("pods", pod.key)
        changed.pods.update(known, self.pods)
        changed.hosts.update(self.hosts)
        self.hosts = {}
        self._list_hosts((row for row in event.hosts if (row.host, row.port) not in self._unlisted), changed)
        for row in self.pods.values():
            self._count(row, row.verdicts, 1, changed)
        self._grade(changed)
        changed.head = True

    def _list_hosts(self, rows: Iterable[HostRow], changed: StateChange) -> None:
        dependencies: dict[str, set[Pair]] = {}
        for row in rows:
            pair = (row.host, row.port)
            line = self._host(pair)
            line.protocol, line.registered_by = row.protocol, row.registered_by
            line.used_by = tuple(dict.fromkeys(dependency.pod for dependency in row.used_by))
            for pod_key in line.used_by:
                dependencies.setdefault(pod_key, set()).add(pair)
            line.index_text()
            changed.hosts.add(pair)
        for key, pod in self.pods.items():
            pod.dependencies = frozenset(dependencies.get(key, ()))
            pod.index_text()

    def _host(self, pair: Pair) -> HostLine:
        if pair not in self.hosts:
            self.hosts[pair] = HostLine(pair, change=self.changes.of("hosts", pair))
        return self.hosts[pair]

    def _judge(self, event: PodChecked, changed: StateChange) -> None:
        row = self.pods.get(event.pod)
        if row is None:
            # A dump on its own names its pod only here.
            namespace, _, name = event.pod.rpartition("/")
            row = self.pods[event.pod] = PodRow(event.pod, namespace, name, "", {}, "sidecar", "pending")
        before = row.verdicts
        self._count(row, before, -1, changed)
        row.kind, row.because, row.is_final = event.kind, event.because, event.is_final
        row.state = "not judged" if event.kind in PROXIES else "judged"
        row.version, row.egress, row.verdicts = event.version, POLICIES.get(event.policy, ""), event.verdicts
        self._count(row, row.verdicts, 1, changed)
        self._forget_hosts(before)
        row.index_text()
        changed.pods.add(row.key)

    def _unask(self, event: PodUnread, changed: StateChange) -> None:
        row = self.pods.get(event.pod)
        if row is None:
            return
        self._count(row, row.verdicts, -1, changed)
        before, row.verdicts = row.verdicts, {}
        row.state, row.because = "unread", event.because
        self._forget_hosts(before)
        row.version = row.egress = ""
        row.index_text()
        changed.pods.add(row.key)
        changed.head = True

    def _count(self, row: PodRow, pairs: Iterable[Pair], by: int, changed: StateChange) -> None:
        for pair in pairs:
            line = self.hosts.get(pair) if pair in self._unlisted else self._host(pair)
            if line is None:
                continue
            verdict, reason, _ = row.verdicts[pair]
            _add(line.counts, verdict, by)
            if pair in row.dependencies:
                _add(line.used_counts, verdict, by)
            if reason not in NOT_CONFIGURED:
                _add(line.known_counts, verdict, by)
        changed.hosts.update(pairs)

    def _forget_hosts(self, pairs: Iterable[Pair]) -> None:
        """Removes hosts that are no longer registered, used or checked."""
        for pair in pairs:
            line = self.hosts.get(pair)
            if line is not None and not (line.counts or line.registered_by or line.used_by):
                del self.hosts[pair]

    def _find(self, findings: Iterable[Finding], changed: StateChange) -> None:
        self.findings = {}
        for one in findings:
            line = FindingLine(one, self.changes.of("findings", one.fingerprint))
            line.index_text()
            self.findings[one.fingerprint] = line
        changed.findings = changed.head = True
        self._grade(changed)

    def _fail(self, event: DiagnosisFailed, changed: StateChange) -> None:
        """What is known stays; pods that were not reached are unread."""
        self.failed = event
        self.is_refreshing = False
        for row in [row for row in self.pods.values() if row.state == "pending"]:
            self._unask(PodUnread(row.key, event.because), changed)
        changed.head = changed.is_end = True

    def _grade(self, changed: StateChange) -> None:
        """Counts findings of pods and hosts; rows whose counts stay are not redrawn."""
        pods: dict[str, list[int]] = {}
        hosts: dict[Pair, Severity] = {}
        for line in self.findings.values():
            severity = line.finding.severity
            for pod in line.finding.pods:
                pods.setdefault(pod, [0, 0, 0])[severity.rank] += 1
            if line.pair is not None and severity.rank <= hosts.get(line.pair, severity).rank:
                hosts[line.pair] = severity
        for key, row in self.pods.items():
            counts = pods.get(key, [0, 0, 0])
            if counts != [row.errors, row.warnings, row.infos]:
                row.errors, row.warnings, row.infos = counts
                row.index_text()
                changed.pods.add(key)
        for pair, host in self.hosts.items():
            if host.severity is not hosts.get(pair):
                host.severity = hosts.get(pair)
                host.index_text()
                changed.hosts.add(pair)

    def _finish(self, event: DiagnosisFinished, changed: StateChange) -> None:
        listed = {(row.host, row.port) for row in event.hosts.hosts}
        changed.hosts.update(self.hosts)
        self.hosts = {pair: line for pair, line in self.hosts.items() if pair in listed}
        self._unlisted = {pair for row in self.pods.values() for pair in row.verdicts} - listed
        self._list_hosts(event.hosts.hosts, changed)
        for line in self.hosts.values():
            line.is_registered_known = event.hosts.are_entries_read
            line.is_over = True
        self._recount(changed)
        self._find(event.diagnosis.findings, changed)
        named = {pod for gap in event.diagnosis.not_evaluated for pod in gap.pods or self.pods}
        for row in self.pods.values():
            if row.is_blind is not (row.key in named):
                row.is_blind = row.key in named
                row.index_text()
                changed.pods.add(row.key)
        unread = {row.key for row in self.pods.values() if row.state == "unread"}
        before, self._blind = self._blind, _blind(event, self.pods)
        self.changes.take(self._panels, unread | self._blind, lambda *row: {*_shown_by(*row)} - before)
        changed.hosts.update(self.changes.lost("hosts"))
        changed.pods.update(self.changes.lost("pods"))
        self.read_at = f"{datetime.now():%H:%M}"
        self.diagnosis = event.diagnosis
        self.are_hosts_known = not event.hosts.missing
        self.failed = None
        self.is_refreshing = False
        changed.head = changed.is_end = True

    def _recount(self, changed: StateChange) -> None:
        """Counts verdicts again, as it is now known which pods use a host."""
        for line in self.hosts.values():
            line.counts, line.used_counts, line.known_counts = {}, {}, {}
        for row in self.pods.values():
            self._count(row, row.verdicts, 1, changed)
        for line in self.hosts.values():
            line.index_text()


def _blind(event: DiagnosisFinished, pods: Mapping[str, PodRow]) -> frozenset[str]:
    """What a result says nothing about: documents, rules, and rules for some pods, as `_shown_by` names them."""
    found = set(event.hosts.missing)
    for gap in event.diagnosis.not_evaluated:
        # Without its gateway a rule can check no pod.
        rows = (pods.get(pod) for pod in gap.pods)
        if not gap.pods or any(row is None or row.kind in PROXIES for row in rows):
            found.add(gap.rule)
        found.update(f"{gap.rule} {pod}" for pod in gap.pods)
    return frozenset(found)


def _shown_by(panel: str, row: Any, pods: Mapping[str, PodRow]) -> Iterator[str]:
    """What a row is known from: pods, for findings also the rule, and the objects that name hosts and pods."""
    if panel == "findings":
        found: Finding = row.finding
        yield from (*found.pods, found.rule, *(f"{found.rule} {pod}" for pod in found.pods))
        return
    yield POD_OBJECTS
    if panel == "hosts":
        yield ENTRY_OBJECTS
        yield from (key for key, pod in pods.items() if row.pair in pod.verdicts)


def _add(counts: dict[Verdict, int], verdict: Verdict, by: int) -> None:
    found = counts.get(verdict, 0) + by
    if found:
        counts[verdict] = found
    else:
        counts.pop(verdict, None)


def _pod_row(pod: ListedPod, known: PodRow | None) -> PodRow:
    namespace, _, name = pod.key.rpartition("/")
    row = PodRow(pod.key, namespace, name, pod.workload, pod.labels, pod.kind, "pending")
    if not pod.is_coming:
        row.state = "unread" if pod.kind in ("sidecar", "gateway", "waypoint") else "none"
        row.because = pod.because or KINDS.get(pod.kind, "")
    elif known is not None:
        row.state, row.because = (known.state, known.because) if pod.is_kept else ("pending", "")
        row.version, row.egress, row.verdicts = known.version, known.egress, known.verdicts
    return row

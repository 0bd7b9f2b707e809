"""The rows of the three parts. They are changed by the board alone, as events come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from meshdoctor.diagnosis.events import Pair
from meshdoctor.model.finding import Finding
from meshdoctor.model.host_table import TracedVerdict
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.tui.state.icons import RANK

PodState = Literal["pending", "judged", "unread", "none"]
"""`none`: it has no sidecar, so that nothing of it is judged."""

POLICIES = {"REGISTRY_ONLY": "closed", "ALLOW_ANY": "open", "unknown": "?"}
KINDS = {
    "ambient": "ambient: its node's ztunnel takes its traffic",
    "ztunnel": "ztunnel, Istio's own",
    "none": "no sidecar",
    "finished": "has ended",
}


class PodRow(Struct):
    """One pod."""

    key: str
    """`namespace/name`."""
    namespace: str
    name: str
    workload: str
    labels: Mapping[str, str]
    kind: str
    state: PodState
    because: str = ""
    """Why it is unread, or what it is instead of a sidecar."""
    version: str = ""
    egress: str = ""
    """`closed`, `open`, `?`; empty where it is not known yet or has no meaning."""
    is_final: bool = False
    verdicts: Mapping[Pair, TracedVerdict] = {}
    wants: frozenset[Pair] = frozenset()
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    change: str = ""
    """`new` or `gone` since the look before, `unseen` where only pods showed it that were not read again."""
    text: str = ""
    """What a filter is held against, lower case."""

    @property
    def worst(self) -> str:
        """Its state in one word: a severity, `fine`, `unknown`, `pending` or `none`."""
        if self.errors or self.warnings:
            return "error" if self.errors else "warning"
        if self.state == "judged":
            return "info" if self.infos else "fine"
        return {"pending": "pending", "unread": "unknown", "none": "info" if self.infos else "none"}[self.state]

    @property
    def rank(self) -> int:
        """Its place among the others, the worst first."""
        return RANK[self.worst]

    def note(self) -> None:
        """Writes down what a filter is held against."""
        parts = (self.namespace, self.name, self.workload, self.version, self.egress, self.because, self.worst)
        self.text = " ".join((self.key, *parts)).lower()


class HostLine(Struct):
    """One external host:port."""

    pair: Pair
    protocol: str = ""
    registered_by: tuple[str, ...] = ()
    """`ServiceEntry namespace/name`."""
    is_registered_known: bool = False
    """All was read that could register it, so that nobody means nobody."""
    used_by: tuple[str, ...] = ()
    """Pods."""
    counts: dict[Verdict, int] = field(default_factory=dict)
    """Pods by verdict."""
    wanted_counts: dict[Verdict, int] = field(default_factory=dict)
    """The same of the pods that want it."""
    known_counts: dict[Verdict, int] = field(default_factory=dict)
    """The same of the pods whose sidecar knows it: elsewhere that it is blocked says no more than that."""
    severity: Severity | None = None
    """The worst of the findings about it."""
    is_over: bool = False
    """The look that found it is over: no verdict will come any more."""
    change: str = ""
    text: str = ""

    @property
    def host(self) -> str:
        """The host."""
        return self.pair[0]

    @property
    def port(self) -> int | None:
        """The port; None for a bare name."""
        return self.pair[1]

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict of those that count; None while there is none."""
        return min(self.counted, key=lambda verdict: verdict.rank, default=None)

    @property
    def counted(self) -> Mapping[Verdict, int]:
        """The verdicts that count: of the pods that want it, else of those that know it, else of all."""
        return self.wanted_counts or self.known_counts or self.counts

    @property
    def worst(self) -> str:
        """Its state in one word, as a pod's."""
        if self.severity:
            return self.severity
        if self.port is None:
            return "none"
        if not self.verdict:
            return "unknown" if self.is_over else "pending"
        return "none" if self.verdict.severity else self.verdict.icon

    @property
    def rank(self) -> int:
        """Its place among the others, the worst first."""
        return RANK[self.worst]

    def note(self) -> None:
        """Writes down what a filter is held against."""
        port = "" if self.port is None else f":{self.port}"
        parts = (*self.registered_by, *self.used_by[:20], self.protocol, self.verdict or "", self.worst)
        self.text = " ".join((self.host + port, *parts)).lower()


class FindingLine(Struct):
    """One finding."""

    finding: Finding
    change: str = ""
    text: str = ""

    @property
    def key(self) -> str:
        """Its fingerprint."""
        return self.finding.fingerprint

    @property
    def pair(self) -> Pair | None:
        """The host and port it is about; None where it is about none."""
        return (self.finding.host, self.finding.port) if self.finding.host else None

    @property
    def subject(self) -> str:
        """The host with its port, else the first object or pod."""
        return subject(self.finding)

    @property
    def rank(self) -> int:
        """Its place among the others, the worst first."""
        return RANK[self.finding.severity]

    def note(self) -> None:
        """Writes down what a filter is held against."""
        found = self.finding
        parts = (found.severity, found.rule, self.subject, found.message, *found.pods[:20])
        self.text = " ".join(parts).lower()

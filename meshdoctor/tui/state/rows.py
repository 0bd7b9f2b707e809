"""The rows of the three panels. Only `MeshState` changes them, as events arrive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from meshdoctor.diagnosis.events import Pair
from meshdoctor.model.finding import Finding
from meshdoctor.model.host_table import TracedVerdict
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.tui.state.tones import RANK

PodState = Literal["pending", "judged", "not judged", "unread", "none"]
"""`judged`: its sidecar was checked; `none`: it has no sidecar to check."""

POLICIES = {"REGISTRY_ONLY": "REGISTRY_ONLY", "ALLOW_ANY": "ALLOW_ANY", "unknown": "?"}
KINDS = {
    "ambient": "ambient: traffic goes through the node's ztunnel",
    "ztunnel": "ztunnel",
    "none": "no sidecar",
    "finished": "completed",
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
    """Why it could not be read, is not judged, or is judged by a part of its dump."""
    version: str = ""
    egress: str = ""
    """The outbound policy: `REGISTRY_ONLY`, `ALLOW_ANY` or `?`; empty while it is not known."""
    is_final: bool = False
    verdicts: Mapping[Pair, TracedVerdict] = {}
    dependencies: frozenset[Pair] = frozenset()
    errors: int = 0
    warnings: int = 0
    infos: int = 0
    is_blind: bool = False
    """A rule lacked evidence about it."""
    change: str = ""
    """`new` or `gone` since the last refresh; `unseen` where all pods that showed it could not be read again."""
    text: str = ""
    """What a filter searches, lower case."""

    @property
    def worst(self) -> str:
        """Its state in one word: a severity, `fine`, `unknown`, `pending` or `none`."""
        used = {self.verdicts[pair][0] for pair in self.dependencies if pair in self.verdicts}
        if self.errors or any(verdict.severity is Severity.ERROR for verdict in used):
            return "error"
        if self.warnings:
            return "warning"
        if self.state == "judged" and not self.because:
            if self.is_blind or Verdict.UNKNOWN in used:
                return "unknown"
            return "info" if self.infos else "fine"
        if self.state == "none":
            return "info" if self.infos else "none"
        return "pending" if self.state == "pending" else "unknown"

    @property
    def is_without_verdicts(self) -> bool:
        """It shows no verdicts; `because` says why."""
        return self.state in ("unread", "not judged", "none")

    @property
    def reason_tone(self) -> Literal["faint", "unknown"]:
        """The tone of `because`: a pod that needs no sidecar is no gap."""
        return "faint" if self.state == "none" else "unknown"

    def index_text(self) -> None:
        """Updates the text that a filter searches."""
        parts = (self.namespace, self.name, self.workload, self.version, self.egress, self.because, self.worst)
        self.text = " ".join((self.key, *parts)).lower()


class HostLine(Struct):
    """One external host:port."""

    pair: Pair
    protocol: str = ""
    registered_by: tuple[str, ...] = ()
    """`ServiceEntry namespace/name`."""
    is_registered_known: bool = False
    """Everything that could register it was read."""
    used_by: tuple[str, ...] = ()
    """Pods."""
    counts: dict[Verdict, int] = field(default_factory=dict)
    """Pods by verdict."""
    used_counts: dict[Verdict, int] = field(default_factory=dict)
    """The same, of the pods that use it."""
    known_counts: dict[Verdict, int] = field(default_factory=dict)
    """The same, of the pods whose sidecar knows it; for all others it is just not registered."""
    severity: Severity | None = None
    """The worst of the findings about it."""
    is_over: bool = False
    """The refresh is over: no more verdicts will come."""
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
        """The verdicts that count: of the pods that use it, else of those that know it, else of all."""
        return self.used_counts or self.known_counts or self.counts

    @property
    def worst(self) -> str:
        """Its state in one word, as a pod's."""
        used = min(self.used_counts, key=lambda verdict: verdict.rank, default=None)
        if used is not None and used.severity is Severity.ERROR:
            return used.icon
        if self.severity and (self.severity is not Severity.INFO or used is not Verdict.UNKNOWN):
            return self.severity
        if self.port is None:
            return "none"
        if not self.verdict:
            return "unknown" if self.is_over else "pending"
        return "none" if self.verdict.severity else self.verdict.icon

    def index_text(self) -> None:
        """Updates the text that a filter searches."""
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
    def worst(self) -> str:
        """Its severity."""
        return self.finding.severity

    def index_text(self) -> None:
        """Updates the text that a filter searches."""
        found = self.finding
        parts = (found.severity, found.rule, self.subject, found.title, found.message, *found.pods[:20])
        self.text = " ".join(parts).lower()


def rank(row: PodRow | HostLine | FindingLine) -> int:
    """The place of a row in its panel, the worst first."""
    return RANK[row.worst]

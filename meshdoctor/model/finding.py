"""What the rules say: findings, what could not be evaluated, and the diagnosis that holds both."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from meshdoctor.model.evidence import Evidence, Unread
from meshdoctor.model.verdict import Severity


class Confidence(StrEnum):
    """How sure a finding is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Disposition(StrEnum):
    """What a fix asks of whoever applies it."""

    SAFE = "safe"
    """It adds, and takes nothing from others."""
    REVIEW = "review"
    """It changes what others see."""
    MANUAL = "manual"
    """A person does it."""


class ResourceRole(Struct, frozen=True):
    """An object that plays a part in a finding: `active`, `shadowed`, `owner`, `hidden`, `cause` ..."""

    kind: str
    namespace: str
    name: str
    role: str = ""

    @property
    def place(self) -> str:
        """`namespace/name`; the name alone of what lives in no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"


class Fix(Struct, frozen=True):
    """A fix, as data. `manifests` are complete YAML documents, ready for `kubectl apply -f`."""

    id: str
    title: str
    disposition: Disposition
    tradeoff: str
    manifests: tuple[str, ...] = ()
    steps: str = ""
    """What a person does by hand: all of it for `manual`, else what is left to do after the manifests are applied."""
    deletes: tuple[ResourceRole, ...] = ()
    """Objects that are deleted once the manifests are applied."""


class Finding(Struct, frozen=True, kw_only=True):
    """One root cause: one per (rule, host lost, port), whatever the number of pods."""

    rule: str
    severity: Severity
    confidence: Confidence
    fingerprint: str
    title: str
    message: str
    why: str
    host: str | None
    port: int | None
    pods: tuple[str, ...]
    resources: tuple[ResourceRole, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    evidence_left_out: int = 0
    """Further pieces of evidence of the same kind, seen for other pods."""
    fixes: tuple[Fix, ...] = ()
    docs: str = ""
    suppressed: str | None = None
    caused_by: tuple[str, ...] = ()
    """Fingerprints of the findings that explain this one."""


class NotEvaluated(Struct, frozen=True):
    """A rule that lacked evidence for some pods: never read this as "ok"."""

    rule: str
    pods: tuple[str, ...]
    missing: tuple[str, ...]
    because: str


class Diagnosis(Struct, frozen=True):
    """The result of one run over one capture."""

    source_kind: str
    location: str
    captured_at: str | None
    istio_versions: tuple[str, ...]
    proxies: int
    pods: int
    external_hosts: int
    findings: tuple[Finding, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    rules_run: tuple[str, ...] = ()
    """Rules that had their evidence for at least one pod, or need none. Empty: no verdict was possible."""
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
    pod_kinds: dict[str, int] = {}
    """Pods by what takes their traffic, of `semantics.dataplane.KINDS`; they add up to `pods`."""

    def count(self, severity: Severity) -> int:
        """Findings of this severity."""
        return sum(f.severity is severity for f in self.findings)

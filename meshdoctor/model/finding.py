"""What the rules say: findings, what could not be evaluated, and the diagnosis that holds both."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from meshdoctor.model.evidence import Evidence, Unread
from meshdoctor.model.object_ref import ObjectRef
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


class Fix(Struct, frozen=True):
    """A fix, as data. `manifests` are complete YAML documents, ready for `kubectl apply -f`."""

    id: str
    title: str
    declared: Disposition
    """As the rule has it."""
    tradeoff: str
    manifests: tuple[str, ...] = ()
    steps: str = ""
    """What a person does by hand: all of it for `manual`, else what is left to do after the manifests are applied."""
    deletes: tuple[ObjectRef, ...] = ()
    """Objects that are deleted once the manifests are applied."""
    caution: str = ""
    """Why it is not safe in this mesh, a sentence; empty where nothing is known against it."""

    @property
    def disposition(self) -> Disposition:
        """As it is offered in this mesh. A fix that nothing can be applied of is manual."""
        if not (self.manifests or self.deletes):
            return Disposition.MANUAL
        return Disposition.REVIEW if self.declared is Disposition.SAFE and self.caution else self.declared

    @property
    def is_automatic(self) -> bool:
        """It can be applied as it is; else it is a recipe for a person."""
        return self.disposition is not Disposition.MANUAL

    @property
    def cost(self) -> str:
        """The trade-off, with what it does in this mesh."""
        return f"{self.tradeoff.rstrip()} {self.caution}".strip()


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
    resources: tuple[ObjectRef, ...] = ()
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

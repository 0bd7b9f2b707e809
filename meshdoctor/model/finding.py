"""Results of the rules: findings, rules that could not be evaluated, and the diagnosis with both."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from meshdoctor.model.evidence import Evidence, Unread
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.verdict import Severity


class Confidence(StrEnum):
    """How certain a finding is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Disposition(StrEnum):
    """How safely a fix can be applied."""

    SAFE = "safe"
    """It only adds configuration: no other connection changes."""
    REVIEW = "review"
    """It changes configuration that other pods use."""
    MANUAL = "manual"
    """It has to be done manually."""


class Fix(Struct, frozen=True):
    """A fix. `manifests` are complete YAML documents, ready for `kubectl apply -f`."""

    id: str
    title: str
    declared: Disposition
    """As declared by the rule."""
    tradeoff: str
    manifests: tuple[str, ...] = ()
    steps: str = ""
    """Manual steps: the whole fix for `manual`, else what remains after the manifests are applied."""
    deletes: tuple[ObjectRef, ...] = ()
    """Objects that are deleted once the manifests are applied."""
    caution: str = ""
    """Why it is not safe in this mesh, as a sentence; empty where it is safe."""

    @property
    def disposition(self) -> Disposition:
        """As it is offered in this mesh. A fix without manifests and deletions is manual."""
        if not (self.manifests or self.deletes):
            return Disposition.MANUAL
        return Disposition.REVIEW if self.declared is Disposition.SAFE and self.caution else self.declared

    @property
    def is_automatic(self) -> bool:
        """It can be applied; else it has only manual steps."""
        return self.disposition is not Disposition.MANUAL

    @property
    def cost(self) -> str:
        """Its cost, with its effect in this mesh."""
        return f"{self.tradeoff.rstrip()} {self.caution}".strip()


class Finding(Struct, frozen=True, kw_only=True):
    """One root cause: one finding per rule, affected host and port, for any number of pods."""

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
    protocol: str = ""
    """The protocol of the client that it is about, where it is not the one that a trace assumes."""
    resources: tuple[ObjectRef, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    evidence_left_out: int = 0
    """Number of further evidence of the same kind, for other pods."""
    fixes: tuple[Fix, ...] = ()
    docs: str = ""
    suppressed: str | None = None
    caused_by: tuple[str, ...] = ()
    """Fingerprints of the findings that explain this one."""


class NotEvaluated(Struct, frozen=True):
    """A rule that lacked evidence for some pods, or for all: it does not count as passed."""

    rule: str
    pods: tuple[str, ...]
    missing: tuple[str, ...]
    because: str
    is_partial: bool = False
    """It ran over what was read."""
    host: str = ""
    """Host that the pods depend on and whose verdict is unknown; empty where all that the rule is about is meant."""
    port: int = 0


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
    """Rules that had evidence for at least one pod, or need none. Empty: no verdict was possible."""
    unread: tuple[Unread, ...] = ()
    notes: tuple[str, ...] = ()
    pod_kinds: dict[str, int] = {}
    """Pods by what handles their traffic (`data_plane.KINDS`); they add up to `pods`."""

    @property
    def not_judged(self) -> int:
        """Pods whose connections no rule judges: they have no sidecar of Istio, and have not finished."""
        return sum(number for kind, number in self.pod_kinds.items() if kind not in ("sidecar", "finished"))

    def count(self, severity: Severity) -> int:
        """Findings of this severity."""
        return sum(f.severity is severity for f in self.findings)

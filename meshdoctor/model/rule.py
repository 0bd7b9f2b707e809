"""A rule file: the schema that rules/*.yaml are decoded with."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from meshdoctor.model.finding import Confidence, Disposition
from meshdoctor.model.verdict import Severity

CAUSES = (
    "config-rejected",
    "sidecar-bypassed",
    "service-entry-not-visible",
    "incomplete-address-list",
    "tcp-port-clash",
    "missing-service-entry",
    "port-hijacked",
    "route-to-unknown-cluster",
    "egress-gateway-broken",
    "mtls-to-external",
    "double-tls",
    "protocol-mismatch",
    "tls-origination-mismatch",
    "upstream-unresolved",
)
"""For one host:port and pod the first of these that fires is the cause; the others are explained by it."""

NEEDS = (
    "config_dump",
    "clusters",
    "pods",
    "serviceentries",
    "virtualservices",
    "destinationrules",
    "sidecars",
    "services",
    "namespaces",
    "dns",
)
"""Evidence that a rule can need: documents of a proxy, or a plural kind of resource."""


class Subject(Struct, frozen=True, forbid_unknown_fields=True):
    """What the finding is about. Templates; empty means none."""

    host: str = "{fact.host}"
    port: str = "{fact.port}"
    about: str = ""
    """What distinguishes findings beside host and port: `{fact.workload}`, or the object that decides where it differs
    between pods. Empty: for findings without a host, their resources."""
    protocol: str = ""
    """The protocol of the client that the finding is about, where it is not the one that a trace assumes."""


class Grade(Struct, frozen=True, forbid_unknown_fields=True):
    """A severity (and confidence) that replaces the rule's own where `when` holds. The first that holds is used."""

    when: str
    severity: Severity
    confidence: Confidence | None = None


class ManifestChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A manifest: a copy of one in the fact, with some fields set."""

    base: str
    """Path in the fact, `fact.entry.manifest`; of a list, each of its manifests is changed."""
    set: dict[str, Any] = {}
    """Dotted path in the manifest to a value; a string `{fact.x}` alone keeps the field's type."""


class FixTemplate(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fix of a rule; offered where `when` holds."""

    id: str
    title: str
    disposition: Disposition
    tradeoff: str
    when: str = "true"
    manifests: tuple[str | ManifestChange, ...] = ()
    steps: str = ""
    """Manual steps: the whole fix for `manual`, else what remains after the manifests are applied."""
    deletes: str = ""
    """Path in the fact, `fact.shadowed`: objects that are deleted once the manifests are applied."""


class RulePage(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rule's own page, for `rules explain`."""

    description: str
    diagnosis: str
    """How to confirm it manually."""
    remediation: str


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule. `id` equals the file's name."""

    id: str
    title: str
    severity: Severity
    confidence: Confidence
    since: str = "0.1.0"
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    """Evidence without which it runs and finds less."""
    select: str
    when: str
    grades: tuple[Grade, ...] = ()
    subject: Subject = Subject()
    backstop: bool = False
    """Makes a finding only where no other rule has one for the same host, port and pod."""
    message: str
    why: str
    explained_by: tuple[str, ...] = ()
    """Rules that, for the same host, port and pod, make this one a consequence."""
    fixes: tuple[FixTemplate, ...] = ()
    page: RulePage
    references: tuple[str, ...] = ()

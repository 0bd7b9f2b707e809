"""Builds a finding with its texts, evidence and fixes from all hits of one root cause."""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import Finding, Fix
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.rule import FixTemplate
from meshdoctor.model.verdict import Severity
from meshdoctor.rules.conditions import compile_condition
from meshdoctor.rules.fact_paths import parse_path, value_at
from meshdoctor.rules.fix_manifests import is_admitted, make_manifests
from meshdoctor.rules.hits import Hit, fingerprint, naming
from meshdoctor.rules.templates import fill, fill_line

EVIDENCE_SHOWN = 5
"""Pieces of evidence in a finding; the rest is counted."""


def finding_of(
    first: Hit,
    pods: Sequence[str],
    resources: Sequence[ObjectRef],
    evidence: Sequence[Evidence],
    pieces: int,
    causes: Sequence[str],
) -> Finding:
    """The finding with the texts of hit `first` and the first of the `pieces` of evidence, in order."""
    rule, fact = first.rule, first.fact
    with naming(rule):
        held = [fix for fix in rule.fixes if compile_condition(fix.when).holds(fact)]
        # a fix that a cluster would reject is not offered
        fixes = tuple(_fix(fix, fact) for fix in held if all(is_admitted(one, fact) for one in fix.manifests))
    return Finding(
        rule=rule.id,
        severity=Severity.INFO if first.caused_by else first.severity,
        confidence=first.confidence,
        fingerprint=fingerprint(first),
        title=rule.title,
        message=fill_line(rule.message, fact),
        why=fill_line(rule.why, fact),
        host=first.host or None,
        port=first.port or None,
        protocol=first.protocol,
        pods=tuple(pods),
        resources=tuple(resources),
        evidence=tuple(evidence[:EVIDENCE_SHOWN]),
        evidence_left_out=max(0, pieces - EVIDENCE_SHOWN),
        fixes=fixes,
        docs=f"meshdoctor rules explain {rule.id}",
        caused_by=tuple(causes),
    )


def _fix(fix: FixTemplate, fact: Fact) -> Fix:
    made = (manifest for template in fix.manifests for manifest in make_manifests(template, fact))
    found = value_at(fact, parse_path(fix.deletes.removeprefix("fact."))) if fix.deletes else ()
    deleted = found if isinstance(found, list | tuple) else [found]
    return Fix(
        id=fix.id,
        title=fill_line(fix.title, fact),
        declared=fix.disposition,
        tradeoff=fill_line(fix.tradeoff, fact),
        manifests=tuple(dict.fromkeys(made)),
        steps=fill(fix.steps, fact),
        deletes=tuple(ObjectRef(one.kind, one.namespace, one.name) for one in deleted if one and one.name),
    )


def order_of(finding: Finding) -> tuple[int, bool, str, int, str, str]:
    """The most severe first, then by host, port and rule."""
    rank = finding.severity.rank
    return (rank, bool(finding.caused_by), finding.host or "", finding.port or 0, finding.rule, finding.fingerprint)

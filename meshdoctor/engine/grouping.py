"""Hits into findings: one root cause is one finding, whatever the number of pods.

Hits with the same `hits.identity` make one finding. Where pods differ in severity (one proxy blocks what another lets
through) the finding has the worst of them and names all pods; its words, evidence and fixes come from a pod that has
the worst. Pods for which another finding explains it are reported apart, as information that names its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from meshdoctor.engine.conditions import compile_condition
from meshdoctor.engine.hits import Hit, fingerprint, identity, naming
from meshdoctor.engine.manifests import make_manifest
from meshdoctor.engine.message import fill
from meshdoctor.model.finding import SEVERITIES, Finding, Fix
from meshdoctor.model.rule import FixTemplate, Rule
from meshdoctor.model.sheet import Fact

EVIDENCE_SHOWN = 5
"""Pieces of evidence a finding carries; the rest is counted."""


def findings_of(hits: Sequence[Hit]) -> tuple[Finding, ...]:
    """One finding per root cause and, where part of it is explained, one more; the most severe first."""
    groups: dict[tuple[str, ...], list[Hit]] = {}
    for hit in hits:
        groups.setdefault(identity(hit), []).append(hit)
    found = [_finding(part) for group in groups.values() for part in _parts(group)]
    return tuple(sorted(found, key=_order))


def _parts(group: list[Hit]) -> Iterable[list[Hit]]:
    """The pods on their own account, then those that another finding explains. No pod is in both."""
    own = {hit.fact.pod for hit in group if not hit.caused_by}
    parts = [hit for hit in group if hit.fact.pod in own], [hit for hit in group if hit.fact.pod not in own]
    return [part for part in parts if part]


def _finding(hits: list[Hit]) -> Finding:
    hits = sorted(hits, key=lambda hit: (bool(hit.caused_by), hit.rank, hit.fact.pod))
    first = hits[0]
    rule, fact = first.rule, first.fact
    evidence = list(dict.fromkeys(piece for hit in hits for piece in hit.fact.evidence))
    causes = sorted({hit.caused_by for hit in hits if hit.caused_by}) if first.caused_by else ()
    return Finding(
        rule=rule.id,
        severity="info" if first.caused_by else first.severity,
        confidence=first.confidence,
        fingerprint=fingerprint(first),
        title=rule.title,
        message=fill(rule.message, fact),
        why=fill(rule.why, fact),
        host=first.host or None,
        port=first.port or None,
        pods=tuple(sorted({hit.fact.pod for hit in hits if hit.fact.pod})),
        resources=tuple(dict.fromkeys(item for hit in hits for item in hit.fact.resources)),
        evidence=tuple(evidence[:EVIDENCE_SHOWN]),
        evidence_left_out=max(0, len(evidence) - EVIDENCE_SHOWN),
        fixes=_fixes(rule, fact),
        docs=f"meshdoctor rules explain {rule.id}",
        caused_by=tuple(causes),
    )


def _fixes(rule: Rule, fact: Fact) -> tuple[Fix, ...]:
    with naming(rule):
        return tuple(_fix(fix, fact) for fix in rule.fixes if compile_condition(fix.when).holds(fact))


def _fix(fix: FixTemplate, fact: Fact) -> Fix:
    made = (make_manifest(manifest, fact) for manifest in fix.manifests)
    return Fix(
        id=fix.id,
        title=fill(fix.title, fact),
        disposition=fix.disposition,
        tradeoff=fill(fix.tradeoff, fact),
        manifests=tuple(dict.fromkeys(manifest for manifest in made if manifest is not None)),
        steps=fill(fix.steps, fact),
    )


def _order(finding: Finding) -> tuple[int, bool, str, int, str, str]:
    rank = SEVERITIES.index(finding.severity)
    return (rank, bool(finding.caused_by), finding.host or "", finding.port or 0, finding.rule, finding.fingerprint)

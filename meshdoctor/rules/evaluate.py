"""The loop: every rule over its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import Finding, NotEvaluated
from meshdoctor.model.pod_evidence import PodEvidence
from meshdoctor.model.rule import Rule
from meshdoctor.rules.causes import explained
from meshdoctor.rules.conditions import compile_condition
from meshdoctor.rules.hits import Hit, naming
from meshdoctor.rules.selectors import compile_selector
from meshdoctor.rules.tally import Tally
from meshdoctor.rules.templates import fill

Facts = Callable[[str], Sequence[Fact]]
"""A list of the sheet by its name. Called only for lists that a rule selects, once each."""
Gaps = Callable[[Rule], Sequence[NotEvaluated]]
"""The pods for which evidence that a rule needs was not read; no pods: for none of them."""
Missing = Mapping[str, Sequence[NotEvaluated]]
"""The same by rule, for those that lack any."""


def evaluate(rules: Sequence[Rule], facts: Facts, gaps: Gaps) -> tuple[tuple[Finding, ...], tuple[NotEvaluated, ...]]:
    """Findings of all rules, the most severe first, and what could not be evaluated.

    A rule is not evaluated for a pod whose evidence is missing, nor at all where a kind it needs was not read: missing
    objects would look like a fault.

    Raises:
        UsageError: a condition of a rule cannot be computed for a fact; names the rule and the expression.
    """
    missing = {rule.id: gaps(rule) for rule in rules}
    tally = Tally()
    for pod, hits in by_pod(hits_of(rules, facts, missing)).items():
        tally.add(explained(hits), PodEvidence(pod))
    return tally.findings(), tuple(gap for rule in rules for gap in missing[rule.id])


def hits_of(rules: Sequence[Rule], facts: Facts, missing: Missing) -> Iterator[Hit]:
    """Where each rule holds, in the order of the rules and of their facts. Raises `UsageError` as `evaluate` does."""
    sheet: dict[str, Sequence[Fact]] = {}
    for rule in rules:
        selector = compile_selector(rule.select)
        if selector.list_name not in sheet:
            sheet[selector.list_name] = facts(selector.list_name)
        lacking = [gap for gap in missing.get(rule.id, ()) if not gap.is_partial]
        if all(gap.pods for gap in lacking):
            blind = {pod for gap in lacking for pod in gap.pods}
            yield from _hits(
                rule, [fact for fact in selector.select(sheet[selector.list_name]) if fact.pod not in blind]
            )


def by_pod(hits: Iterator[Hit]) -> dict[str, list[Hit]]:
    """Hits of each pod, in their order."""
    found: dict[str, list[Hit]] = {}
    for hit in hits:
        found.setdefault(hit.fact.pod, []).append(hit)
    return found


def _hits(rule: Rule, facts: Sequence[Fact]) -> Iterator[Hit]:
    when = compile_condition(rule.when)
    with naming(rule):
        for fact in facts:
            if when.holds(fact):
                yield _hit(rule, fact)


def _hit(rule: Rule, fact: Fact) -> Hit:
    grade = next((grade for grade in rule.grades if compile_condition(grade.when).holds(fact)), None)
    port = fill(rule.subject.port, fact)
    return Hit(
        rule=rule,
        fact=fact,
        severity=grade.severity if grade else rule.severity,
        confidence=(grade and grade.confidence) or rule.confidence,
        host=fill(rule.subject.host, fact),
        port=int(port) if port.isdecimal() and len(port) <= 5 else 0,
        about=fill(rule.subject.about, fact),
        protocol=fill(rule.subject.protocol, fact),
    )

"""The loop: every rule over its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from meshdoctor.engine.causes import explain, without_idle_backstops
from meshdoctor.engine.conditions import compile_condition
from meshdoctor.engine.grouping import findings_of
from meshdoctor.engine.hits import Hit, naming
from meshdoctor.engine.message import fill
from meshdoctor.engine.selectors import compile_selector
from meshdoctor.model.finding import Finding, NotEvaluated
from meshdoctor.model.rule import Rule
from meshdoctor.model.sheet import Fact

Facts = Callable[[str], Sequence[Fact]]
"""A list of the sheet by its name. Asked only for lists that a rule selects, once each."""
Gaps = Callable[[Rule], Sequence[NotEvaluated]]
"""The pods for which evidence that a rule needs was not read; no pods: for none of them."""


def evaluate(rules: Sequence[Rule], facts: Facts, gaps: Gaps) -> tuple[tuple[Finding, ...], tuple[NotEvaluated, ...]]:
    """Findings of all rules, the most severe first, and what could not be evaluated.

    A rule says nothing about a pod whose evidence it lacks, and nothing at all where a kind it needs was not read: what
    is not there would look like a fault.

    Raises:
        UsageError: a condition of a rule cannot be computed for a fact; names the rule and the expression.
    """
    sheet: dict[str, Sequence[Fact]] = {}
    hits: list[Hit] = []
    missing: list[NotEvaluated] = []
    for rule in rules:
        selector = compile_selector(rule.select)
        if selector.list_name not in sheet:
            sheet[selector.list_name] = facts(selector.list_name)
        lacking = gaps(rule)
        missing += lacking
        if all(gap.pods for gap in lacking):
            blind = {pod for gap in lacking for pod in gap.pods}
            facts_seen = [fact for fact in selector.select(sheet[selector.list_name]) if fact.pod not in blind]
            hits += _hits(rule, facts_seen)
    return findings_of(explain(without_idle_backstops(hits))), tuple(missing)


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
    )

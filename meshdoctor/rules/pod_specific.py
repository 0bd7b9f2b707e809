"""Whether rules may give different results for two pods that differ only in name."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from meshdoctor.model.rule import Rule, Subject
from meshdoctor.rules.conditions import mentions
from meshdoctor.rules.selectors import compile_selector
from meshdoctor.rules.templates import parse_template

OF_ONE_POD = frozenset({"pod", "evidence"})
"""Fields of a fact that differ between replicas."""


def depends_on_pod(rules: Sequence[Rule], pod_lists: Collection[str]) -> bool:
    """Whether a rule reads a pod's name or documents, or combines facts about pods with facts about their proxies.

    Message and fixes do not count, nor do rules over `pod_lists`: those have separate facts for each pod.
    """
    # Facts about pods have no port: one that the rule sets makes it explain, or be explained by, proxy findings.
    return any(
        rule.subject.port not in ("", Subject().port)
        if compile_selector(rule.select).list_name in pod_lists
        else _looks_at_pod(rule)
        for rule in rules
    )


def _looks_at_pod(rule: Rule) -> bool:
    conditions = (rule.when, *(grade.when for grade in rule.grades))
    paths = [m.path for text in conditions for m in mentions(text) if m.root == "fact"]
    for text in (rule.subject.host, rule.subject.port, rule.subject.about):
        paths += [piece.path for piece in parse_template(text).pieces if not isinstance(piece, str)]
    chosen = compile_selector(rule.select).is_whole
    return not chosen or any(not path or path[0] in OF_ONE_POD for path in paths)

"""Whether a set of rules may answer differently for two pods of which everything but the name is equal."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from meshdoctor.model.rule import Rule, Subject
from meshdoctor.rules.conditions import mentions
from meshdoctor.rules.selectors import compile_selector
from meshdoctor.rules.templates import parse_template

OF_ONE_POD = frozenset({"pod", "evidence"})
"""Fields of a fact that differ between replicas."""


def tells_pods_apart(rules: Sequence[Rule], pod_lists: Collection[str]) -> bool:
    """Whether a rule looks at a pod's name or documents, or joins what is known of pods with what of their proxies.

    What a rule says once it fired does not count, nor what it asks of `pod_lists`: those have each pod's own facts.
    """
    lists = {rule.id: compile_selector(rule.select).list_name for rule in rules}
    return any(_own_port(rule) if lists[rule.id] in pod_lists else _looks_at_pod(rule) for rule in rules)


def _own_port(rule: Rule) -> bool:
    """Facts about pods have no port. A rule that gives one may explain, or be explained by, what its proxy does."""
    return rule.subject.port not in ("", Subject().port)


def _looks_at_pod(rule: Rule) -> bool:
    conditions = (rule.when, *(grade.when for grade in rule.grades))
    paths = [m.path for text in conditions for m in mentions(text) if m.root == "fact"]
    for text in (rule.subject.host, rule.subject.port, rule.subject.about):
        paths += [piece.path for piece in parse_template(text).pieces if not isinstance(piece, str)]
    chosen = compile_selector(rule.select).is_whole
    return not chosen or any(not path or path[0] in OF_ONE_POD for path in paths)

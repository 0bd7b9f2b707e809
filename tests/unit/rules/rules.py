"""Small rules for the tests of the engine."""

from __future__ import annotations

from typing import Any

import msgspec

from meshdoctor.model.fact import Fact
from meshdoctor.model.finding import Finding
from meshdoctor.model.rule import Rule
from meshdoctor.rules.evaluate import evaluate


def rule(rule_id: str, **given: Any) -> Rule:
    """A rule over claims that fires where the fact's `reason` names it."""
    plain = {
        "id": rule_id,
        "title": "A title",
        "severity": "error",
        "confidence": "certain",
        "select": "$.claims[*]",
        "when": f"fact.reason.contains('{rule_id}')",
        "message": f"{rule_id} for {{fact.pod}}.",
        "why": "Because.",
        "page": {"description": "A.", "diagnosis": "B.", "remediation": "C."},
    }
    return msgspec.convert(plain | given, Rule)


def run(rules: list[Rule], facts: list[Fact]) -> tuple[Finding, ...]:
    """Findings of these rules over these claims."""
    return evaluate(rules, lambda name: facts if name == "claims" else [], lambda rule: ())[0]

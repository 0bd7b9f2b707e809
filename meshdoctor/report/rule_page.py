"""One rule's page, for `meshdoctor rules explain ID`: plain text that explains the fault without a capture at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshdoctor.model.rule import FixTemplate, Rule
from meshdoctor.report.text_writer import wrap

_CAPTURE = re.compile(r"\{fact\.([^{}:]+)(?::\w+)?\}")


def render_page(rule: Rule, width: int = 80) -> str:
    """The page, wrapped at `width` columns, ending with a line break."""
    return "\n".join(_lines(rule, width)) + "\n"


def _lines(rule: Rule, width: int) -> Iterator[str]:
    yield from wrap(f"{rule.id}: {rule.title}", width)
    yield "=" * min(width, len(f"{rule.id}: {rule.title}"))
    yield ""
    yield from wrap(_severity(rule), width)
    if rule.needs:
        yield from wrap(f"Needs as evidence: {', '.join(rule.needs)}.", width)
    for heading, text in (
        ("What happens", rule.page.description),
        ("Why it matters", _placeholders(rule.why)),
        ("How to tell", rule.page.diagnosis),
        ("What fixes it", rule.page.remediation),
    ):
        yield from ("", heading, "-" * len(heading), *wrap(text, width))
    for fix in rule.fixes:
        yield from ("", *_fix(fix, width))
    if rule.references:
        yield from ("", "References", "-" * len("References"), *rule.references)


def _severity(rule: Rule) -> str:
    others = [grade.severity for grade in rule.grades if grade.severity != rule.severity]
    instead = f" ({' or '.join(dict.fromkeys(others))} in some circumstances)" if others else ""
    return f"Severity: {rule.severity}{instead}. Confidence: {rule.confidence}. Since {rule.since}."


def _fix(fix: FixTemplate, width: int) -> Iterator[str]:
    for number, line in enumerate(wrap(f"[{fix.disposition}] {_placeholders(fix.title)}", width - 2)):
        yield ("  " if number else "* ") + line
    deleted = f"Deletes {_placeholders('{' + fix.deletes + '}')} once the rest is applied." if fix.deletes else ""
    for text in (fix.tradeoff, deleted, fix.steps):
        yield from ("  " + line for line in wrap(_placeholders(text), width - 2) if line)


def _placeholders(template: str) -> str:
    """A template as one reads it without a fact: `{fact.winner.host}` is `<winner host>`."""
    named = _CAPTURE.sub(lambda match: "<" + re.sub(r"[\W_]+", " ", match[1]).strip() + ">", template)
    return named.replace("{{", "{").replace("}}", "}")

"""Rules: the list of them, and the page of one, which explains the fault without a capture at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from meshdoctor.model.rule import FixTemplate, Rule
from meshdoctor.model.verdict import Severity
from meshdoctor.text.phrases import count
from meshdoctor.view.blocks import GAP, SEVERITY_HEADINGS, Block, Headed, Marked, Paragraph, Rows, TableRow

_CAPTURE = re.compile(r"\{fact\.([^{}:]+)(?::\w+)?\}")


def listing(catalogue: Sequence[Rule]) -> Iterator[Block]:
    """The rules by severity, then id."""
    for severity in Severity:
        rules = sorted((rule for rule in catalogue if rule.severity is severity), key=lambda rule: rule.id)
        if rules:
            rows = tuple(TableRow(severity.value, (rule.id, rule.title)) for rule in rules)
            yield Headed(SEVERITY_HEADINGS[severity], (Rows(rows),))
    yield GAP
    yield Paragraph(f"{count(len(catalogue), 'rule')}. One rule's page: meshdoctor rules explain ID")


def page(rule: Rule) -> Iterator[Block]:
    """The page of a rule."""
    others = [grade.severity for grade in rule.grades if grade.severity != rule.severity]
    instead = f" ({' or '.join(dict.fromkeys(others))} in some circumstances)" if others else ""
    about = f"Severity: {rule.severity}{instead}. Confidence: {rule.confidence}. Since {rule.since}."
    head = [Paragraph(about)]
    if rule.needs:
        more = f" It finds more with {', '.join(rule.reads)}." if rule.reads else ""
        head.append(Paragraph(f"Needs as evidence: {', '.join(rule.needs)}.{more}"))
    yield Headed(f"{rule.id}: {rule.title}", tuple(head))
    yield Headed("Description", (Paragraph(rule.page.description),))
    yield Headed("Why it matters", (Paragraph(_placeholders(rule.why)),))
    yield Headed("Diagnosis", (Paragraph(rule.page.diagnosis),))
    fixes = [block for fix in rule.fixes for block in (GAP, _fix(fix))]
    yield Headed("Remediation", (Paragraph(rule.page.remediation), *fixes))
    if rule.references:
        yield Headed("References", tuple(map(Paragraph, rule.references)))


def _fix(fix: FixTemplate) -> Marked:
    deleted = f"Deletes {_placeholders('{' + fix.deletes + '}')} once the rest is applied." if fix.deletes else ""
    below = (Paragraph(_placeholders(text)) for text in (fix.tradeoff, deleted, fix.steps) if text)
    return Marked("step", f"[{fix.disposition}] {_placeholders(fix.title)}", tuple(below))


def _placeholders(template: str) -> str:
    """A template as one reads it without a fact: `{fact.active.host}` is `<active host>`."""
    named = _CAPTURE.sub(lambda match: "<" + re.sub(r"[\W_]+", " ", match[1]).strip() + ">", template)
    return named.replace("{{", "{").replace("}}", "}")

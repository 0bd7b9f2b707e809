"""Rules: the list of them, and the page of one, which explains the fault without a capture at hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from meshdoctor.model.fact import Fact
from meshdoctor.model.field_types import example_of
from meshdoctor.model.rule import FixTemplate, Rule
from meshdoctor.model.sheet import SHEET
from meshdoctor.model.verdict import Severity
from meshdoctor.text.phrases import count
from meshdoctor.text.printable import TextLines
from meshdoctor.view.blocks import GAP, SEVERITY_HEADINGS, Block, Headed, Marked, Paragraph, Rows, TableRow

_CAPTURE = re.compile(r"\{fact\.([^{}:]+)(?::\w+)?\}")
_NAME = re.compile(r"(?:\[\d+\]|\W)+")
_LIST = re.compile(r"\$\.(\w+)")


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
    kind = SHEET.get(_LIST.findall(rule.select)[0]) if _LIST.match(rule.select) else None

    def read(template: str) -> TextLines:
        return TextLines(without_fact(template, kind))

    yield Headed("Description", (Paragraph(TextLines(rule.page.description)),))
    yield Headed("Why it matters", (Paragraph(read(rule.why)),))
    yield Headed("Diagnosis", (Paragraph(TextLines(rule.page.diagnosis)),))
    fixes = [block for fix in rule.fixes for block in (GAP, _fix(fix, read))]
    yield Headed("Remediation", (Paragraph(TextLines(rule.page.remediation)), *fixes))
    if rule.references:
        yield Headed("References", tuple(map(Paragraph, rule.references)))


def _fix(fix: FixTemplate, read: Callable[[str], TextLines]) -> Marked:
    deleted = "Deletes objects once the rest is applied; the preview names them." if fix.deletes else ""
    below = (Paragraph(read(text)) for text in (fix.tradeoff, deleted, fix.steps) if text)
    return Marked("step", f"[{fix.disposition}] {read(fix.title)}", tuple(below))


def without_fact(template: str, kind: type[Fact] | None) -> str:
    """A template as one reads it without a fact: names in capitals, as in kubectl's help; `{fact.active.host}` is
    ACTIVE_HOST."""

    def shown(match: re.Match[str]) -> str:
        example = example_of(kind, match[1]) if kind is not None else None
        return _NAME.sub("_", match[1]).strip("_").upper() if example is None else example

    text = "\n".join(line.rstrip() for line in _CAPTURE.sub(shown, template.strip()).split("\n"))
    return text.strip().replace("{{", "{").replace("}}", "}")

"""`rules list` as text: one line a rule."""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.model.rule import Rule
from meshdoctor.model.verdict import Severity
from meshdoctor.report.text_writer import TextWriter, count, wrap
from meshdoctor.text.printable import printable


def render(catalogue: Sequence[Rule], writer: TextWriter) -> str:
    """The rules by severity, then id; a title too long for the line goes on below itself."""
    width = max((len(printable(rule.id)) for rule in catalogue), default=0)
    indent = width + 4
    lines = []
    for rule in sorted(catalogue, key=lambda rule: (rule.severity.rank, rule.id)):
        first, *rest = wrap(rule.title, writer.width - indent)
        lines.append(f"{writer.mark(rule.severity)} {printable(rule.id):<{width}}  {first}")
        lines += [" " * indent + line for line in rest]
    marks = ", ".join(f"{writer.mark(severity)} {severity}" for severity in Severity)
    lines += ["", f"{count(len(catalogue), 'rule')}: {marks}", "One rule's page: meshdoctor rules explain ID"]
    return "\n".join(lines) + "\n"

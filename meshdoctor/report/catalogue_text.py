"""`rules list` as text: one line a rule."""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.model.finding import SEVERITIES
from meshdoctor.model.rule import Rule
from meshdoctor.report.paper import Paper, count, wrap
from meshdoctor.semantics.text import printable


def render(catalogue: Sequence[Rule], paper: Paper) -> str:
    """The rules by severity, then id; a title too long for the line goes on below itself."""
    width = max((len(printable(rule.id)) for rule in catalogue), default=0)
    indent = width + 4
    lines = []
    for rule in sorted(catalogue, key=lambda rule: (SEVERITIES.index(rule.severity), rule.id)):
        first, *rest = wrap(rule.title, paper.width - indent)
        lines.append(f"{paper.mark(rule.severity)} {printable(rule.id):<{width}}  {first}")
        lines += [" " * indent + line for line in rest]
    marks = ", ".join(f"{paper.mark(severity)} {severity}" for severity in SEVERITIES)
    lines += ["", f"{count(len(catalogue), 'rule')}: {marks}", "One rule's page: meshdoctor rules explain ID"]
    return "\n".join(lines) + "\n"

from __future__ import annotations

from meshdoctor.report import text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.view.rule import page as rule_page
from tests.unit.rules.rules import rule

PAGE = """\
a-rule: A title
---------------
Severity: error (info in some circumstances). Confidence: certain. Since 0.1.0.
Needs as evidence: config_dump.

Description
-----------
A {brace} here.

Why it matters
--------------
HOST goes to ACTIVE_KIND.

Diagnosis
---------
first line
second line.

Remediation
-----------
C.

· [safe] Fix HOST
    It costs.

· [manual] By hand
    Time.
    Look at OWN_ADDRESSES.

References
----------
https://istio.io/a
"""


def test_a_page() -> None:
    fixes = [
        {"id": "a", "title": "Fix {fact.host}", "disposition": "safe", "tradeoff": "It costs."},
        {
            "id": "b",
            "title": "By hand",
            "disposition": "manual",
            "tradeoff": "Time.",
            "steps": "Look at {fact.own_addresses:json}.",
        },
    ]
    page = {"description": "A {brace} here.", "diagnosis": "first line\nsecond line.\n", "remediation": "C."}
    one = rule(
        "a-rule",
        needs=["config_dump"],
        grades=[{"when": "true", "severity": "info"}],
        why="{fact.host} goes to {fact.active.kind}.",
        fixes=fixes,
        page=page,
        references=["https://istio.io/a"],
    )
    assert text.render(rule_page(one), TextWriter()) == PAGE


def test_a_page_keeps_to_its_width() -> None:
    one = rule(
        "a-rule",
        why="word " * 60 + ".",
        page={"description": "word " * 60 + ".", "diagnosis": "A.", "remediation": "B."},
    )
    assert max(map(len, text.render(rule_page(one), TextWriter(width=50)).splitlines())) <= 50

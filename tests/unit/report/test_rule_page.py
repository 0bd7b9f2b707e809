from __future__ import annotations

from meshdoctor.report.rule_page import render_page
from tests.unit.rules.rules import rule

PAGE = """\
a-rule: A title
===============

Severity: error (info in some circumstances). Confidence: certain. Since 0.1.0.
Needs as evidence: config_dump.

What happens
------------
A {brace} here.

Why it matters
--------------
<host> goes to <winner kind>.

How to tell
-----------
first line
second line.

What fixes it
-------------
C.

* [safe] Fix <host>
  It costs.

* [manual] By hand
  Time.
  Look at <own addresses>.

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
        why="{fact.host} goes to {fact.winner.kind}.",
        fixes=fixes,
        page=page,
        references=["https://istio.io/a"],
    )
    assert render_page(one) == PAGE


def test_a_page_keeps_to_its_width() -> None:
    one = rule(
        "a-rule",
        why="word " * 60 + ".",
        page={"description": "word " * 60 + ".", "diagnosis": "A.", "remediation": "B."},
    )
    assert max(map(len, render_page(one, 50).splitlines())) <= 50

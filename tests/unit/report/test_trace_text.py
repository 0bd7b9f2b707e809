from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from meshdoctor.model.trace import Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.report import text
from meshdoctor.report.text_writer import TextWriter
from meshdoctor.view import trace
from tests.golden.results import MISROUTED, SEVERAL

PIPE = TextWriter()


def shown(found: Trace, writer: TextWriter = PIPE, rules: Iterable[str] = ()) -> str:
    return text.render(trace.report(found, rules=set(rules)), writer)


def lines(verdict: str) -> list[str]:
    return shown(replace(MISROUTED, verdict=Verdict(verdict)), TextWriter(symbols=False)).splitlines()


@pytest.mark.parametrize(
    ("verdict", "mark", "step"),
    [
        ("bypassed", "!", "redirection"),
        ("misrouted", "x", "cluster"),
        ("leaked", "x", "cluster"),
        ("passthrough", "!", "cluster"),
        ("blocked", "x", "endpoint"),
        ("broken", "x", "endpoint"),
        ("unknown", "?", "endpoint"),
        ("delivered", "+", "endpoint"),
    ],
)
def test_the_step_that_decided_is_marked(verdict: str, mark: str, step: str) -> None:
    output = lines(verdict)
    marked = [line for line in output if line.startswith("  ") and line[2:4] == f"{mark} "]
    assert [line.split()[1] for line in marked] == [step]
    assert any(line.startswith(f"{mark} {verdict}") for line in output)


def test_only_a_documented_reason_points_to_its_page() -> None:
    assert "rules explain" in shown(MISROUTED, rules={"tcp-port-clash"})
    assert "rules explain" not in shown(MISROUTED, rules={"other"})


def test_one_address_needs_no_table() -> None:
    assert "all addresses" in shown(SEVERAL)
    assert "all addresses" not in shown(replace(SEVERAL, addresses=SEVERAL.addresses[:1]))

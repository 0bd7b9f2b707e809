from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshdoctor.model.trace import VERDICTS, WORST_FIRST
from meshdoctor.report import trace_text
from meshdoctor.report.text_writer import TextWriter
from tests.golden.results import MISROUTED, SEVERAL


def lines(verdict: str) -> list[str]:
    return trace_text.render(replace(MISROUTED, verdict=verdict), TextWriter(symbols=False)).splitlines()


@pytest.mark.parametrize(
    ("verdict", "mark", "step"),
    [
        ("bypassed", "!", "capture"),
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


def test_every_verdict_has_a_mark_and_a_rank() -> None:
    assert set(trace_text.VERDICT_MARKS) == set(VERDICTS) == set(WORST_FIRST)


def test_only_a_documented_reason_points_to_its_page() -> None:
    assert "rules explain" in trace_text.render(MISROUTED, TextWriter(), rules={"tcp-port-clash"})
    assert "rules explain" not in trace_text.render(MISROUTED, TextWriter(), rules={"other"})


def test_one_address_needs_no_table() -> None:
    assert "all addresses" in trace_text.render(SEVERAL, TextWriter())
    assert "all addresses" not in trace_text.render(replace(SEVERAL, addresses=SEVERAL.addresses[:1]), TextWriter())

from __future__ import annotations

import pytest
from msgspec.structs import replace

from meshdoctor.model.verdict import Verdict
from meshdoctor.report import trace_text
from meshdoctor.report.text_writer import TextWriter
from tests.golden.results import MISROUTED, SEVERAL


def lines(verdict: Verdict) -> list[str]:
    return trace_text.render(replace(MISROUTED, verdict=verdict), TextWriter(symbols=False)).splitlines()


@pytest.mark.parametrize(
    ("verdict", "mark", "step"),
    [
        (Verdict.BYPASSED, "!", "capture"),
        (Verdict.MISROUTED, "x", "cluster"),
        (Verdict.LEAKED, "x", "cluster"),
        (Verdict.PASSTHROUGH, "!", "cluster"),
        (Verdict.BLOCKED, "x", "endpoint"),
        (Verdict.BROKEN, "x", "endpoint"),
        (Verdict.UNKNOWN, "?", "endpoint"),
        (Verdict.DELIVERED, "+", "endpoint"),
    ],
)
def test_the_step_that_decided_is_marked(verdict: Verdict, mark: str, step: str) -> None:
    output = lines(verdict)
    marked = [line for line in output if line.startswith("  ") and line[2:4] == f"{mark} "]
    assert [line.split()[1] for line in marked] == [step]
    assert any(line.startswith(f"{mark} {verdict}") for line in output)


def test_only_a_documented_reason_points_to_its_page() -> None:
    assert "rules explain" in trace_text.render(MISROUTED, TextWriter(), rules={"tcp-port-clash"})
    assert "rules explain" not in trace_text.render(MISROUTED, TextWriter(), rules={"other"})


def test_one_address_needs_no_table() -> None:
    assert "all addresses" in trace_text.render(SEVERAL, TextWriter())
    assert "all addresses" not in trace_text.render(replace(SEVERAL, addresses=SEVERAL.addresses[:1]), TextWriter())

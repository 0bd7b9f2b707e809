"""What the screens of a finding and a fix say, as lines of text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshdoctor.fixes.plan.fix_plan import FixPlan
from meshdoctor.model.finding import Confidence, Disposition, Finding, Fix
from meshdoctor.model.fix import (
    Acceptance,
    Change,
    ConnectionChange,
    FindingSummary,
    FixEvent,
    FixResult,
    FixTarget,
    Impact,
    JournalEntry,
    OwnershipChange,
    PredictedChange,
    Regression,
    Verification,
)
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.text.printable import TextLines
from meshdoctor.text.wrapping import columns
from meshdoctor.tui.state.draw import draw
from meshdoctor.tui.state.finding_text import fix_lines, title_cells
from meshdoctor.tui.state.fix_steps import StepList, allowed
from meshdoctor.tui.state.text_lines import paragraph, shown
from meshdoctor.view import finding as finding_view
from meshdoctor.view.blocks import DiffText
from meshdoctor.view.fix import effects, in_short
from meshdoctor.view.journal import details
from meshdoctor.view.trace import deciding_step, path
from meshdoctor.view.verification import result, undone
from tests.golden.results import MISROUTED, SEVERAL

FIX = Fix(
    "use-tls", "Declare both as TLS", Disposition.REVIEW, "Clients without SNI lose both.", ("kind: ServiceEntry\n",)
)
FINDING = Finding(
    rule="tcp-port-clash",
    severity=Severity.ERROR,
    confidence=Confidence.CERTAIN,
    fingerprint="abc",
    title="Another entry owns this port",
    message="It goes elsewhere.",
    why="A wrong certificate.",
    host="a.test",
    port=443,
    pods=tuple(f"shop/web-{n}" for n in range(12)),
    fixes=(FIX, Fix("by-hand", "Move it", Disposition.MANUAL, "Work.", steps="Move it.")),
)
CHANGE = Change(
    key=ObjectRef("ServiceEntry", "shop", "a", api_version="networking.istio.io/v1"), before={}, after={"spec": {}}
)
PLAN = FixPlan(finding=FINDING, fix=FIX, changes=(CHANGE,), impact=Impact(pods=FINDING.pods))
ENTRY = JournalEntry(
    id=7,
    state="verified",
    at="2026-11-21T14:03:07Z",
    place=FixTarget(server="https://api.test", context="prod"),
    fingerprint="abc",
    rule="tcp-port-clash",
    subject="a.test:443",
    fix="use-tls",
    title="Declare both as TLS",
)


def text(lines: Any) -> str:
    return shown(list(lines))


def flat(lines: Any) -> str:
    return " ".join(text(lines).split())


# TextLines


@given(st.text(max_size=200), st.integers(12, 90), st.integers(0, 5))
def test_no_line_is_wider_than_asked_for_and_none_steers_the_terminal(given: str, width: int, hang: int) -> None:
    from meshdoctor.tui.state.cells import Cell

    for line in paragraph(given, width, lead=(Cell("x" * hang),) if hang else ()):
        whole = "".join(cell.text for cell in line)
        assert columns(whole) <= max(width, 8 + hang)
        assert "\x1b" not in whole
        assert "\n" not in whole


def test_long_names_are_broken_where_people_expect_it_and_lose_nothing() -> None:
    name = "bookinfo/ratings-v2-mysql-6c8d9f7b5-x2x4q.very.long.example"
    pieces = text(paragraph(name, 24)).split("\n")
    assert "".join(pieces) == name
    assert all(piece.endswith(("-", ".", "/")) for piece in pieces[:-1])


def test_indented_lines_of_a_recipe_stay_lines() -> None:
    recipe = TextLines("Do:\n  kubectl a b\n  kubectl c")
    assert text(paragraph(recipe, 40)).split("\n") == ["Do:", "  kubectl a b", "  kubectl c"]


# The finding


def test_what_happens_names_causes_objects_and_no_more_pods_than_fit() -> None:
    cause = replace(FINDING, rule="config-rejected", fingerprint="c")
    said = flat(draw(finding_view.what(replace(FINDING, caused_by=("c",)), [cause], 8), 80))
    assert "caused by config-rejected a.test:443" in said
    assert "pods shop/web-0" in said
    assert "and 4 more" in said


def test_a_finding_that_is_gone_says_so() -> None:
    assert "gone since the last refresh" in "".join(c.text for c in title_cells(FINDING, "gone"))
    assert "✗" in "".join(c.text for c in title_cells(FINDING))
    assert "x" in title_cells(FINDING, ascii_only=True)[0].text


def test_each_line_of_the_fixes_knows_its_fix() -> None:
    lines, owners = fix_lines(FINDING, 1, 60, replace(ENTRY, state="planned"))
    assert len(lines) == len(owners)
    said = text(lines)
    assert "fix 7 of this finding was interrupted" in said
    assert "▸ 2 Move it" in said
    assert owners[-1] == 1
    assert "manual" in said


@pytest.mark.parametrize(
    ("verdict", "at", "sign"),
    [
        ("misrouted", "cluster", "✗"),
        ("bypassed", "redirection", "!"),
        ("blocked", "endpoint", "✗"),
        ("delivered", "endpoint", "✓"),
    ],
)
def test_the_step_that_decides_is_marked_by_a_sign(verdict: str, at: str, sign: str) -> None:
    lines = text(draw(path(replace(MISROUTED, verdict=Verdict(verdict))), 80)).split("\n")
    assert lines[0].startswith(f"{sign} {verdict}")
    assert [line.split()[1] for line in lines[1:] if line.startswith(f"{sign} ")] == [at]
    assert sum("goes wrong here" in line for line in lines) == (verdict != "delivered")


def test_the_brief_path_keeps_every_step_and_only_the_broken_ones_reason() -> None:
    said = text(draw(path(MISROUTED), 80, is_brief=True))
    assert [step.at for step in MISROUTED.steps[:-1] if step.at.split("_")[-1] not in said] == []
    assert "tcp_proxy names it" in said
    assert "the wildcard on port 443 matches" not in said
    assert len(said) < len(text(draw(path(MISROUTED), 80)))


def test_several_addresses_are_listed() -> None:
    assert all(row.ip in text(draw(path(SEVERAL), 60)) for row in SEVERAL.addresses)
    assert text(draw(path(SEVERAL), 60, ascii_only=True)).isascii()


# The fix


def test_a_diff_has_signs_and_colours_and_its_heads_neither() -> None:
    lines = draw([DiffText(TextLines("--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same\n"))], 80)
    assert [line[0].tone for line in lines] == ["faint", "faint", "faint", "error", "fine", "plain"]


@pytest.mark.parametrize(
    ("impact", "tail"),
    [
        (Impact(pods=("a",)), "1 sidecar, no other host changes"),
        (Impact(pods=("a", "b"), unknown=("nobody knows",)), "2 sidecars"),
        (Impact(connections=(PredictedChange("b.test", 1, ("p",), "x", "y", False, ""),)), "1 other host changes"),
        (Impact(connections=(PredictedChange("b.test", 1, ("p",), "x", "y", True, ""),)), "1 regression"),
    ],
)
def test_the_title_says_what_the_impact_is(impact: Impact, tail: str) -> None:
    assert in_short(FIX, PLAN.changes, impact, FINDING.host).endswith(tail)


def test_what_gets_worse_and_who_keeps_the_object_are_told() -> None:
    worse = PredictedChange("b.test", 443, ("shop/x",), "delivered", "blocked", True, "nothing matches")
    fault = Regression("missing-service-entry", "b.test", 443, ("shop/x",), "it falls through")
    impact = Impact(
        pods=("shop/x",),
        connections=(worse,),
        regressions=(fault,),
        managed=("it is managed by Flux",),
        unknown=("DNS",),
    )
    said = flat(draw(effects(FIX, impact), 100))
    assert "✗ it is managed by Flux: the fix is not applied to it" in said
    assert "✗ regression: missing-service-entry for b.test:443" in said
    assert "! b.test:443: delivered -> blocked for shop/x, because nothing matches" in said
    assert "? DNS" in said


def test_steps_end_one_another_and_say_how_long_the_pending_one_takes() -> None:
    now = [0.0]
    steps = StepList(lambda: now[0])
    steps.begin("asking")
    steps.absorb(FixEvent("tried", "accepted"))
    steps.absorb(FixEvent("written", "changed a", 1, 2))
    steps.absorb(FixEvent("waiting", "0 of 3 sidecars accepted it", 0, 3))
    now[0] = 4.2
    steps.absorb(FixEvent("waiting", "2 of 3 sidecars accepted it", 2, 3))
    assert text(steps.laid_out(60)).split("\n") == [
        "✓ accepted", "✓ changed a (1 of 2)", "… 2 of 3 sidecars accepted it, 4 s so far",
    ]  # fmt: skip
    steps.absorb(FixEvent("checking", "checking again"))
    assert text(steps.laid_out(60)).split("\n")[-2:] == ["? 2 of 3 sidecars accepted it", "… checking again"]
    steps.put("error", "the server said no")
    assert steps.pending is None
    assert text(steps.laid_out(60, ascii_only=True)).split("\n")[-1] == "x the server said no"


def test_what_is_allowed_is_said_once() -> None:
    assert allowed([CHANGE, CHANGE]) == "allowed: may patch serviceentries in shop"


def test_the_result_shows_each_verdict_before_and_after() -> None:
    turn = ConnectionChange("shop/web-1", "a.test:443", Verdict.MISROUTED, Verdict.DELIVERED)
    made = FixResult(
        entry=ENTRY,
        acceptance=Acceptance(accepted=("shop/web-1",)),
        verification=Verification(is_gone=True, improvements=(turn,)),
    )
    said = flat(draw(result(made), 80))
    assert "✓ a.test:443: misrouted -> delivered pod shop/web-1" in said
    assert "✓ fix 7 is applied and verified" in said


def test_what_does_not_hold_is_never_called_verified() -> None:
    judged = FindingSummary("double-tls", "b.test", 443, Severity.ERROR, "twice")
    verifications = [
        Verification(is_gone=False),
        Verification(is_gone=True, new_findings=(judged,)),
        Verification(
            is_gone=True, regressions=(ConnectionChange("p", "b.test:1", Verdict.DELIVERED, Verdict.BLOCKED),)
        ),
        Verification(is_gone=True, unread=("p",)),
    ]
    for verification in verifications:
        assert "is applied, not verified" in text(draw(result(FixResult(entry=ENTRY, verification=verification)), 80))
    assert "it was not judged" in text(draw(result(FixResult(entry=replace(ENTRY, note="it was not judged"))), 80))


def test_an_undo_says_whether_all_is_as_it_was() -> None:
    same = FixResult(entry=ENTRY, verification=Verification(is_gone=False))
    assert "every verdict is as before" in text(draw(undone(same), 80))
    other = FixResult(
        entry=ENTRY,
        verification=Verification(
            is_gone=False, regressions=(ConnectionChange("p", "b.test:1", Verdict.DELIVERED, Verdict.BLOCKED),)
        ),
    )
    assert "not everything is as before the fix" in text(draw(undone(other), 80))
    assert "was not checked again" in text(draw(undone(FixResult(entry=ENTRY)), 80))


def test_what_an_undo_cannot_give_back_is_said_before_and_after() -> None:
    lost = OwnershipChange("b.test", 9000, "ServiceEntry shop/b-more", "ServiceEntry shop/news", ("shop/web-1",))
    plan = replace(PLAN, impact=replace(PLAN.impact, not_restored=(lost,)))
    told = "b.test:9000 to ServiceEntry shop/news, not back to ServiceEntry shop/b-more (shop/web-1)"
    assert f"! an undo would give {told}" in flat(draw(effects(FIX, plan.impact), 80))
    assert f"an undo would give {told}" in flat(draw(details(replace(ENTRY, not_restored=(lost,))), 80))
    made = FixResult(entry=ENTRY, verification=Verification(is_gone=False), ownership_changes=(lost,))
    said = flat(draw(undone(made), 80))
    assert "not everything is as before the fix" in said
    assert "b.test:9000 went to ServiceEntry shop/news, not back to ServiceEntry shop/b-more" in said


def test_the_session_claims_no_more_than_it_looked_at() -> None:
    entry = replace(ENTRY, place=replace(ENTRY.place, namespaces=("shop",)))
    verification = Verification(is_gone=True, before_at="2026-11-18T14:03:07Z", after_at="2026-11-21T14:03:07Z")
    said = flat(
        draw(
            result(FixResult(entry=entry, acceptance=Acceptance(pending=("bank/till",)), verification=verification)), 80
        )
    )
    assert "? no regression in namespace shop; other pods were not checked" in said
    assert "not evaluated, as they were not seen to accept it: bank/till" in said
    assert "? compared with evidence of 2026-11-18T14:03:07Z, 3 d before" in said


@pytest.mark.parametrize("verdict", ["misrouted", "passthrough", "bypassed", "leaked", "unknown", "blocked"])
def test_without_colour_the_step_that_goes_wrong_is_no_dimmer_than_the_others(verdict: str) -> None:
    bold = {"error", "strong", "loud-warning", "loud-unknown"}
    trace = replace(MISROUTED, verdict=Verdict(verdict))
    assert deciding_step(trace) is not None
    (line,) = [line for line in draw(path(trace), 80)[1:] if line and line[0].text in ("✗ ", "? ", "! ")]
    assert {cell.tone for cell in line if cell.text.strip()} <= bold

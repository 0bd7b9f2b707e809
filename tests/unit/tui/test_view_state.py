"""What is in sight: choices narrow, filters and orders are each panel's own."""

from __future__ import annotations

import pytest

from meshdoctor.diagnosis.events import FindingsUpdated, PodUnread
from meshdoctor.model.verdict import Severity
from meshdoctor.tui.state.panel_titles import hint, title
from meshdoctor.tui.state.row_filter import LONGEST, read_filter
from meshdoctor.tui.state.view_state import PANELS, SORTS, Panel, RowSelection, ViewState
from tests.unit.tui.events import API, DB, DB_POD, JOB, WEB, finding, mesh_state

CLASH = finding("clash", Severity.ERROR, API, JOB)
MISSING = finding("missing", Severity.WARNING, DB, DB_POD)
OPEN = finding("open", Severity.INFO, None, JOB)


@pytest.fixture
def view_state() -> ViewState:
    made = mesh_state()
    made.apply([FindingsUpdated((CLASH, MISSING, OPEN))])
    return ViewState(made)


def test_everything_is_in_sight_the_worst_first(view_state: ViewState) -> None:
    assert view_state.keys("pods") == [JOB, DB_POD, WEB]
    assert view_state.keys("hosts") == [API, DB]
    assert view_state.keys("findings") == [CLASH.fingerprint, MISSING.fingerprint, OPEN.fingerprint]


def test_a_pod_narrows_to_its_hosts_and_findings(view_state: ViewState) -> None:
    view_state.choose("pods", JOB)
    assert view_state.keys("hosts") == [API], "what is blocked and not wanted is no host of the pod's"
    assert view_state.keys("findings") == [CLASH.fingerprint, OPEN.fingerprint]
    assert view_state.keys("pods") == [JOB, DB_POD, WEB], "the panel one moves in stays whole"


def test_a_host_narrows_to_the_pods_that_want_it_and_its_findings(view_state: ViewState) -> None:
    view_state.choose("hosts", API)
    assert sorted(view_state.keys("pods")) == sorted([WEB, JOB])
    assert view_state.keys("findings") == [CLASH.fingerprint]


def test_a_host_nobody_wants_narrows_to_the_pods_that_are_judged_for_it(view_state: ViewState) -> None:
    view_state.mesh_state.hosts[DB].used_by = ()
    view_state.mesh_state.apply([FindingsUpdated(())])
    view_state.choose("hosts", DB)
    assert len(view_state.keys("pods")) == 3


def test_a_finding_narrows_both(view_state: ViewState) -> None:
    view_state.choose("findings", MISSING.fingerprint)
    assert (view_state.keys("pods"), view_state.keys("hosts")) == ([DB_POD], [DB])
    view_state.choose("findings", OPEN.fingerprint)
    assert (view_state.keys("pods"), view_state.keys("hosts")) == ([JOB], [])


def test_choices_stack_and_are_taken_back_one_by_one(view_state: ViewState) -> None:
    view_state.choose("pods", JOB)
    view_state.choose("hosts", API)
    assert view_state.keys("findings") == [CLASH.fingerprint], "of both"
    assert view_state.keys("hosts") == [API]
    assert len(view_state.keys("pods")) == 3, "the older choice stays as it was"
    assert view_state.widen()
    assert view_state.keys("findings") == [CLASH.fingerprint, OPEN.fingerprint]
    assert view_state.widen()
    assert not view_state.widen()


def test_choosing_again_in_a_part_takes_later_choices_back(view_state: ViewState) -> None:
    view_state.choose("pods", JOB)
    view_state.choose("hosts", API)
    view_state.choose("pods", DB_POD)
    assert [choice.panel for choice in view_state.choices] == ["pods"]
    assert view_state.keys("hosts") == [DB]


def test_namespaces_limit_all_parts(view_state: ViewState) -> None:
    view_state.namespaces = frozenset({"bank"})
    assert [view_state.keys(panel) for panel in PANELS] == [[DB_POD], [DB], [MISSING.fingerprint]]


def test_problems_only_leaves_what_is_unread_in_sight(view_state: ViewState) -> None:
    view_state.mesh_state.apply([PodUnread(WEB, "gone")])
    view_state.problems_only = True
    assert set(view_state.keys("pods")) == {JOB, DB_POD, WEB}
    assert OPEN.fingerprint not in view_state.keys("findings")


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("", {WEB, JOB, DB_POD}),
        ("SHOP", {WEB, JOB}),
        ("!shop", {DB_POD}),
        ("-l app=web", {WEB}),
        ("-l app in (web, db)", {WEB, DB_POD}),
        ("-l app!=web", {JOB, DB_POD}),
        ("-l", {WEB, JOB, DB_POD}),
        ("-l =", {WEB, JOB, DB_POD}),
        ("allow_any", {JOB}),
        ("x" * 10**6, set()),
    ],
    ids=lambda given: given[:20] if isinstance(given, str) else "",
)
def test_a_filter_has_the_meaning_that_k9s_gives_it(view_state: ViewState, typed: str, left: set[str]) -> None:
    view_state.filters["pods"] = read_filter(typed)
    assert set(view_state.keys("pods")) == left
    assert len(view_state.filters["pods"].typed) <= LONGEST


def test_labels_filter_hosts_and_findings_by_their_pods(view_state: ViewState) -> None:
    for panel in PANELS[1:]:
        view_state.filters[panel] = read_filter("-l app=db")
    assert (view_state.keys("hosts"), view_state.keys("findings")) == ([DB], [MISSING.fingerprint])


def test_a_selector_that_is_none_says_so() -> None:
    assert "label selector" in read_filter("-l app in web").problem


@pytest.mark.parametrize("panel", PANELS)
def test_orders_follow_one_another_and_come_round(view_state: ViewState, panel: str) -> None:
    names = [view_state.sort_next(panel).name for _ in SORTS[panel]]  # type: ignore[index, arg-type]
    assert len(set(names)) == len(names)
    assert names[-1] == "problems first"


def test_an_order_puts_rows_in_its_own(view_state: ViewState) -> None:
    view_state.sort_next("pods")
    assert view_state.keys("pods") == sorted([WEB, JOB, DB_POD])


def test_titles_say_what_is_left_out_and_why(view_state: ViewState) -> None:
    assert title(view_state, "hosts", 2) == "External hosts 2"
    view_state.choose("pods", JOB)
    view_state.filters["hosts"] = read_filter("maps")
    view_state.problems_only = True
    view_state.sort_next("hosts")
    assert title(view_state, "hosts", 1) == "External hosts 1/2 · of job-1 · /maps · problems only · by name"


def test_an_empty_part_says_what_to_do(view_state: ViewState) -> None:
    view_state.mesh_state.is_refreshing = False
    view_state.filters["pods"] = read_filter("nowhere")
    assert hint(view_state, "pods") == "Nothing matches /nowhere. esc clears the filter."
    view_state.choose("findings", OPEN.fingerprint)
    assert hint(view_state, "hosts") == "No hosts for open. esc shows all."
    assert "ctrl+z" not in hint(view_state, "hosts")


def test_no_host_is_not_called_none_where_not_all_was_read(view_state: ViewState) -> None:
    view_state.mesh_state.hosts = {}
    view_state.mesh_state.is_refreshing = False
    assert hint(view_state, "hosts") == "No external hosts: none is registered, and no pod is configured to call one."
    view_state.mesh_state.are_hosts_known = False
    assert hint(view_state, "hosts") == "No external hosts are known: not all resources that name hosts could be read."


def test_marks_come_and_go(view_state: ViewState) -> None:
    assert view_state.mark("pods", WEB)
    assert set(view_state.marks["pods"]) == {WEB}
    assert not view_state.mark("pods", WEB)


def test_marked_rows_narrow_the_other_parts_by_their_union(view_state: ViewState) -> None:
    view_state.mark("pods", JOB)
    assert view_state.keys("hosts") == [API]
    assert title(view_state, "hosts", 1) == "External hosts 1/2 · of job-1"
    view_state.mark("pods", DB_POD)
    assert view_state.keys("hosts") == [API, DB]
    assert view_state.keys("findings") == [CLASH.fingerprint, MISSING.fingerprint, OPEN.fingerprint]
    assert view_state.keys("pods") == [JOB, DB_POD, WEB]
    assert title(view_state, "pods", 3) == "Pods 3 · 2 marked"
    assert title(view_state, "findings", 3) == "Findings 3 · of 2 marked pods"
    view_state.choose("pods", WEB)
    assert view_state.choices[0].keys == {JOB, DB_POD}, "the cursor may go elsewhere"
    view_state.mark("pods", JOB)
    assert view_state.keys("findings") == [MISSING.fingerprint]


@pytest.mark.parametrize("panel", PANELS)
def test_what_is_marked_in_a_part_is_what_each_of_it_leaves_alone(view_state: ViewState, panel: Panel) -> None:
    others = [other for other in PANELS if other != panel]
    alone: dict[str, set[object]] = {other: set() for other in others}
    for key in view_state.keys(panel):
        view_state.choose(panel, key)
        for other in others:
            alone[other] |= set(view_state.keys(other))
        view_state.widen()
    for key in view_state.keys(panel):
        view_state.mark(panel, key)
    assert {other: set(view_state.keys(other)) for other in others} == alone


def test_widening_takes_the_marks_of_the_newest_choice_along(view_state: ViewState) -> None:
    view_state.mark("pods", JOB)
    view_state.mark("hosts", API)
    assert view_state.widen()
    assert (list(view_state.marks["pods"]), list(view_state.marks["hosts"])) == ([JOB], [])
    assert view_state.widen()
    assert not view_state.marks["pods"]
    assert view_state.keys("hosts") == [API, DB]
    assert not view_state.widen()


def test_moving_in_an_older_part_keeps_what_is_marked_in_a_newer_one(view_state: ViewState) -> None:
    view_state.choose("pods", JOB)
    view_state.mark("hosts", API)
    view_state.choose("pods", WEB)
    assert [choice.panel for choice in view_state.choices] == ["pods", "hosts"]
    assert list(view_state.marks["hosts"]) == [API]
    assert view_state.chosen_pod() is view_state.mesh_state.pods[WEB]


def test_of_several_marked_pods_none_is_the_one_that_verdicts_are_told_for(view_state: ViewState) -> None:
    view_state.mark("pods", JOB)
    assert view_state.chosen_pod() is view_state.mesh_state.pods[JOB]
    view_state.mark("pods", WEB)
    assert view_state.chosen_pod() is None


def test_the_last_mark_taken_away_leaves_the_row_chosen(view_state: ViewState) -> None:
    view_state.mark("pods", JOB)
    view_state.mark("pods", JOB)
    assert view_state.choices == (RowSelection("pods", JOB),)
    assert title(view_state, "pods", 3) == "Pods 3"


def test_marks_of_rows_that_have_gone_are_dropped(view_state: ViewState) -> None:
    for key in (CLASH.fingerprint, MISSING.fingerprint):
        view_state.mark("findings", key)
    view_state.mesh_state.apply([FindingsUpdated((MISSING,))])
    view_state.drop_gone()
    assert list(view_state.marks["findings"]) == [MISSING.fingerprint]
    assert view_state.choices[0].keys == {MISSING.fingerprint}
    view_state.mesh_state.apply([FindingsUpdated(())])
    view_state.drop_gone()
    assert (view_state.marks["findings"], view_state.choices) == ({}, ())

"""What is in sight: choices narrow, filters and orders are each part's own."""

from __future__ import annotations

import pytest

from meshdoctor.sitting.events import Found, Unasked
from meshdoctor.tui.board.filtering import LONGEST, read_filter
from meshdoctor.tui.board.sight import PARTS, SORTS, Choice, Part, Sight
from meshdoctor.tui.board.titles import hint, title
from tests.unit.tui.events import API, DB, DB_POD, JOB, WEB, board, finding

CLASH = finding("clash", "error", API, JOB)
MISSING = finding("missing", "warning", DB, DB_POD)
OPEN = finding("open", "info", None, JOB)


@pytest.fixture
def sight() -> Sight:
    made = board()
    made.apply([Found((CLASH, MISSING, OPEN))])
    return Sight(made)


def test_everything_is_in_sight_the_worst_first(sight: Sight) -> None:
    assert sight.keys("pods") == [JOB, DB_POD, WEB]
    assert sight.keys("hosts") == [API, DB]
    assert sight.keys("findings") == [CLASH.fingerprint, MISSING.fingerprint, OPEN.fingerprint]


def test_a_pod_narrows_to_its_hosts_and_findings(sight: Sight) -> None:
    sight.choose("pods", JOB)
    assert sight.keys("hosts") == [API], "what is blocked and not wanted is no host of the pod's"
    assert sight.keys("findings") == [CLASH.fingerprint, OPEN.fingerprint]
    assert sight.keys("pods") == [JOB, DB_POD, WEB], "the part one moves in stays whole"


def test_a_host_narrows_to_the_pods_that_want_it_and_its_findings(sight: Sight) -> None:
    sight.choose("hosts", API)
    assert sorted(sight.keys("pods")) == sorted([WEB, JOB])
    assert sight.keys("findings") == [CLASH.fingerprint]


def test_a_host_nobody_wants_narrows_to_the_pods_that_are_judged_for_it(sight: Sight) -> None:
    sight.board.hosts[DB].wanted_by = ()
    sight.board.apply([Found(())])
    sight.choose("hosts", DB)
    assert len(sight.keys("pods")) == 3


def test_a_finding_narrows_both(sight: Sight) -> None:
    sight.choose("findings", MISSING.fingerprint)
    assert (sight.keys("pods"), sight.keys("hosts")) == ([DB_POD], [DB])
    sight.choose("findings", OPEN.fingerprint)
    assert (sight.keys("pods"), sight.keys("hosts")) == ([JOB], [])


def test_choices_stack_and_are_taken_back_one_by_one(sight: Sight) -> None:
    sight.choose("pods", JOB)
    sight.choose("hosts", API)
    assert sight.keys("findings") == [CLASH.fingerprint], "of both"
    assert sight.keys("hosts") == [API]
    assert len(sight.keys("pods")) == 3, "the older choice stays as it was"
    assert sight.widen()
    assert sight.keys("findings") == [CLASH.fingerprint, OPEN.fingerprint]
    assert sight.widen()
    assert not sight.widen()


def test_choosing_again_in_a_part_takes_later_choices_back(sight: Sight) -> None:
    sight.choose("pods", JOB)
    sight.choose("hosts", API)
    sight.choose("pods", DB_POD)
    assert [choice.part for choice in sight.choices] == ["pods"]
    assert sight.keys("hosts") == [DB]


def test_namespaces_limit_all_parts(sight: Sight) -> None:
    sight.namespaces = frozenset({"bank"})
    assert [sight.keys(part) for part in PARTS] == [[DB_POD], [DB], [MISSING.fingerprint]]


def test_problems_only_leaves_what_is_unread_in_sight(sight: Sight) -> None:
    sight.board.apply([Unasked(WEB, "gone")])
    sight.problems_only = True
    assert set(sight.keys("pods")) == {JOB, DB_POD, WEB}
    assert OPEN.fingerprint not in sight.keys("findings")


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
        ("open", {JOB}),
        ("x" * 10**6, set()),
    ],
    ids=lambda given: given[:20] if isinstance(given, str) else "",
)
def test_a_filter_has_the_meaning_that_k9s_gives_it(sight: Sight, typed: str, left: set[str]) -> None:
    sight.filters["pods"] = read_filter(typed)
    assert set(sight.keys("pods")) == left
    assert len(sight.filters["pods"].typed) <= LONGEST


def test_labels_filter_hosts_and_findings_by_their_pods(sight: Sight) -> None:
    for part in PARTS[1:]:
        sight.filters[part] = read_filter("-l app=db")
    assert (sight.keys("hosts"), sight.keys("findings")) == ([DB], [MISSING.fingerprint])


def test_a_selector_that_is_none_says_so() -> None:
    assert "label selector" in read_filter("-l app in web").problem


@pytest.mark.parametrize("part", PARTS)
def test_orders_follow_one_another_and_come_round(sight: Sight, part: str) -> None:
    names = [sight.sort_next(part).name for _ in SORTS[part]]  # type: ignore[index, arg-type]
    assert len(set(names)) == len(names)
    assert names[-1] == "problems first"


def test_an_order_puts_rows_in_its_own(sight: Sight) -> None:
    sight.sort_next("pods")
    assert sight.keys("pods") == sorted([WEB, JOB, DB_POD])


def test_titles_say_what_is_left_out_and_why(sight: Sight) -> None:
    assert title(sight, "hosts", 2) == "External hosts 2"
    sight.choose("pods", JOB)
    sight.filters["hosts"] = read_filter("maps")
    sight.problems_only = True
    sight.sort_next("hosts")
    assert title(sight, "hosts", 1) == "External hosts 1/2 · of job-1 · /maps · problems only · by name"


def test_an_empty_part_says_what_to_do(sight: Sight) -> None:
    sight.board.is_looking = False
    sight.filters["pods"] = read_filter("nowhere")
    assert hint(sight, "pods") == "Nothing here fits /nowhere. esc takes the filter back."
    sight.choose("findings", OPEN.fingerprint)
    assert hint(sight, "hosts") == "No hosts of open. esc shows all again."
    assert "ctrl+z" not in hint(sight, "hosts")


def test_no_host_is_not_called_none_where_not_all_was_read(sight: Sight) -> None:
    sight.board.hosts = {}
    sight.board.is_looking = False
    assert hint(sight, "hosts") == "No external hosts: nothing registers or wants one."
    sight.board.are_hosts_known = False
    assert hint(sight, "hosts") == "No external hosts are known: not all was read that could name one."


def test_marks_come_and_go(sight: Sight) -> None:
    assert sight.mark("pods", WEB)
    assert set(sight.marks["pods"]) == {WEB}
    assert not sight.mark("pods", WEB)


def test_marked_rows_narrow_the_other_parts_by_their_union(sight: Sight) -> None:
    sight.mark("pods", JOB)
    assert sight.keys("hosts") == [API]
    assert title(sight, "hosts", 1) == "External hosts 1/2 · of job-1"
    sight.mark("pods", DB_POD)
    assert sight.keys("hosts") == [API, DB]
    assert sight.keys("findings") == [CLASH.fingerprint, MISSING.fingerprint, OPEN.fingerprint]
    assert sight.keys("pods") == [JOB, DB_POD, WEB]
    assert title(sight, "pods", 3) == "Pods 3 · 2 marked"
    assert title(sight, "findings", 3) == "Findings 3 · of 2 marked pods"
    sight.choose("pods", WEB)
    assert sight.choices[0].keys == {JOB, DB_POD}, "the cursor may go elsewhere"
    sight.mark("pods", JOB)
    assert sight.keys("findings") == [MISSING.fingerprint]


@pytest.mark.parametrize("part", PARTS)
def test_what_is_marked_in_a_part_is_what_each_of_it_leaves_alone(sight: Sight, part: Part) -> None:
    others = [other for other in PARTS if other != part]
    alone: dict[str, set[object]] = {other: set() for other in others}
    for key in sight.keys(part):
        sight.choose(part, key)
        for other in others:
            alone[other] |= set(sight.keys(other))
        sight.widen()
    for key in sight.keys(part):
        sight.mark(part, key)
    assert {other: set(sight.keys(other)) for other in others} == alone


def test_widening_takes_the_marks_of_the_newest_choice_along(sight: Sight) -> None:
    sight.mark("pods", JOB)
    sight.mark("hosts", API)
    assert sight.widen()
    assert (list(sight.marks["pods"]), list(sight.marks["hosts"])) == ([JOB], [])
    assert sight.widen()
    assert not sight.marks["pods"]
    assert sight.keys("hosts") == [API, DB]
    assert not sight.widen()


def test_moving_in_an_older_part_keeps_what_is_marked_in_a_newer_one(sight: Sight) -> None:
    sight.choose("pods", JOB)
    sight.mark("hosts", API)
    sight.choose("pods", WEB)
    assert [choice.part for choice in sight.choices] == ["pods", "hosts"]
    assert list(sight.marks["hosts"]) == [API]
    assert sight.pod_in_sight() is sight.board.pods[WEB]


def test_of_several_marked_pods_none_is_the_one_that_verdicts_are_told_for(sight: Sight) -> None:
    sight.mark("pods", JOB)
    assert sight.pod_in_sight() is sight.board.pods[JOB]
    sight.mark("pods", WEB)
    assert sight.pod_in_sight() is None


def test_the_last_mark_taken_away_leaves_the_row_chosen(sight: Sight) -> None:
    sight.mark("pods", JOB)
    sight.mark("pods", JOB)
    assert sight.choices == (Choice("pods", JOB),)
    assert title(sight, "pods", 3) == "Pods 3"


def test_marks_of_rows_that_have_gone_are_dropped(sight: Sight) -> None:
    for key in (CLASH.fingerprint, MISSING.fingerprint):
        sight.mark("findings", key)
    sight.board.apply([Found((MISSING,))])
    sight.drop_gone()
    assert list(sight.marks["findings"]) == [MISSING.fingerprint]
    assert sight.choices[0].keys == {MISSING.fingerprint}
    sight.board.apply([Found(())])
    sight.drop_gone()
    assert (sight.marks["findings"], sight.choices) == ({}, ())

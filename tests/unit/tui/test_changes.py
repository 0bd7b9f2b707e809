from __future__ import annotations

from meshdoctor.tui.state.refresh_timer import RefreshTimer
from meshdoctor.tui.state.row_changes import KEPT, Changes
from meshdoctor.tui.state.view_state import ViewState
from tests.unit.tui.events import DB_POD, JOB, WEB, listed, mesh_state, pod


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Row:
    def __init__(self) -> None:
        self.change = ""


def rows(*names: str) -> dict[str, Row]:
    return {name: Row() for name in names}


def test_the_first_result_changes_nothing() -> None:
    changes = Changes(Clock())
    first = rows("a", "b")
    assert changes.of("pods", "a") == ""
    changes.take({"pods": first})
    assert [row.change for row in first.values()] == ["", ""]
    assert changes.count() == (0, 0)


def test_new_and_gone_rows_are_told_for_a_while() -> None:
    clock = Clock()
    changes = Changes(clock)
    changes.take({"pods": rows("a", "b")})
    assert changes.of("pods", "c") == "new", "before the look is over"
    second = rows("b", "c")
    changes.take({"pods": second})
    assert {name: row.change for name, row in second.items()} == {"b": "", "c": "new"}
    assert set(changes.gone("pods")) == {"a"}
    assert changes.gone("pods")["a"].change == "gone"
    assert changes.count() == (1, 1)
    clock.now += KEPT - 1
    third = rows("b", "c")
    changes.take({"pods": third})
    assert third["c"].change == "new", "other looks do not end it"
    assert not changes.forget()
    clock.now += 2
    assert changes.forget()
    assert third["c"].change == ""
    assert changes.count() == (0, 0)
    assert changes.gone("pods") == {}


def test_what_comes_back_is_not_gone_any_more() -> None:
    changes = Changes(Clock())
    for names in (("a",), (), ("a",)):
        found = rows(*names)
        changes.take({"hosts": found})
    assert changes.gone("hosts") == {}
    assert found["a"].change == "new"


def test_rows_that_have_gone_stay_in_sight_and_are_no_part_of_the_counts() -> None:
    made = mesh_state()
    view_state = ViewState(made)
    made.changes.take({"pods": made.pods})
    made.apply([listed([pod(WEB), pod("shop/new-1")])])
    made.changes.take({"pods": made.pods})
    assert set(view_state.keys("pods")) == {WEB, JOB, DB_POD, "shop/new-1"}
    assert view_state.total("pods") == 4
    assert set(made.pods) == {WEB, "shop/new-1"}


def test_a_rhythm_rests_after_each_look_and_never_piles_up() -> None:
    clock = Clock()
    refresh_timer = RefreshTimer(15, clock)
    assert not refresh_timer.is_due(is_busy=False)
    clock.now += 14
    assert not refresh_timer.is_due(is_busy=False)
    clock.now += 1
    assert refresh_timer.is_due(is_busy=False)
    assert not refresh_timer.is_due(is_busy=False)
    for _ in range(5):
        clock.now += 10
        assert not refresh_timer.is_due(is_busy=True), "a look takes longer than the rest"
    clock.now += 10
    assert not refresh_timer.is_due(is_busy=False), "the rest begins when the look is over"
    clock.now += 5
    assert refresh_timer.is_due(is_busy=False)

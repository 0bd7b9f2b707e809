from __future__ import annotations

from meshdoctor.diagnosis.events import PodUnread
from meshdoctor.model.verdict import Verdict
from meshdoctor.tui.state.matrix_axes import is_problem, legend, matrix_axes, matrix_cell, verdict_shown
from meshdoctor.tui.state.row_filter import read_filter
from meshdoctor.tui.state.view_state import ViewState
from tests.unit.tui.events import API, DB, DB_POD, JOB, WEB, host, judged, listed, mesh_state, pod


def test_a_choice_does_not_narrow_it_but_filters_and_namespaces_do() -> None:
    view_state = ViewState(mesh_state())
    view_state.choose("pods", WEB)
    view_state.choose("hosts", API)
    assert len(matrix_axes(view_state).pods) == 3
    view_state.filters["pods"] = read_filter("job")
    axes = matrix_axes(view_state)
    assert (axes.pods, axes.all_pods) == ([JOB], 3)
    view_state.filters["pods"] = read_filter("")
    view_state.filters["hosts"] = read_filter("db.pay")
    assert matrix_axes(view_state).hosts == [DB]
    view_state.filters["hosts"] = read_filter("")
    view_state.namespaces = frozenset({"bank"})
    assert matrix_axes(view_state).pods == [DB_POD]
    assert view_state.choices, "the main screen's choices stay"


def test_problems_only_leaves_rows_and_columns_with_a_problem() -> None:
    made = mesh_state()
    view_state = ViewState(made)
    view_state.problems_only = True
    axes = matrix_axes(view_state)
    assert set(axes.pods) == {JOB, DB_POD}
    assert set(axes.hosts) == {API, DB}
    for pods, hosts in ((axes.pods, axes.hosts),):
        assert all(any(is_problem(made, made.pods[key], pair) for pair in hosts) for key in pods)
        assert all(any(is_problem(made, made.pods[key], pair) for key in pods) for pair in hosts)


def test_what_nobody_wants_is_shown_where_somebody_registers_it_and_it_goes_astray() -> None:
    made = mesh_state()
    made.apply(
        [
            listed([pod(WEB), pod(JOB)], [host(API, by=["ServiceEntry shop/maps"]), host(DB)]),
            judged(WEB, {API: Verdict.MISROUTED, DB: Verdict.MISROUTED}),
            judged(JOB, {API: Verdict.BLOCKED, DB: Verdict.DELIVERED}),
        ]
    )
    assert verdict_shown(made, made.pods[WEB], API) == "misrouted"
    assert verdict_shown(made, made.pods[WEB], DB) == "", "anything on that port is misrouted"
    assert verdict_shown(made, made.pods[JOB], API) == "", "the entry is another namespace's"
    assert verdict_shown(made, made.pods[JOB], DB) == "delivered"
    assert verdict_shown(made, made.pods[JOB], API, show_all=True) == "blocked"


def test_what_was_not_read_is_never_fine() -> None:
    made = mesh_state()
    made.apply([PodUnread(WEB, "port-forward forbidden")])
    assert matrix_cell(made, WEB, API).text == "?"
    assert is_problem(made, made.pods[WEB], API)
    made.apply([listed([pod("shop/late-1")], [host(API, "shop/late-1")])])
    assert matrix_cell(made, "shop/late-1", API).text == "…"
    assert matrix_cell(made, "shop/late-1", API, ascii_only=True).text.isascii()


def test_the_legend_explains_every_sign() -> None:
    for ascii_only in (False, True):
        known = legend(ascii_only=ascii_only)
        assert {meaning for _, meaning in known} >= set(Verdict)
        assert len({cell.text for cell, _ in known}) == len(known)
        assert not ascii_only or all(cell.text.isascii() for cell, _ in known)


def test_what_has_gone_is_no_part_of_it() -> None:
    made = mesh_state()
    made.changes.take({"pods": made.pods, "hosts": made.hosts})
    made.apply([listed([pod(WEB)], [host(API, WEB)]), judged(WEB, {API: Verdict.DELIVERED})])
    made.changes.take({"pods": made.pods, "hosts": made.hosts})
    view_state = ViewState(made)
    assert len(view_state.keys("pods")) == 3
    axes = matrix_axes(view_state)
    assert (axes.pods, axes.hosts) == ([WEB], [API])

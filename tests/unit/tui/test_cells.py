"""Rows as text: signs that need no colour, and nothing that a terminal would take for a command."""

from __future__ import annotations

import pytest

from meshdoctor.diagnosis.events import FindingsUpdated, PodUnread
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.text.icons import icon
from meshdoctor.tui.state.cells import COLUMNS, NARROW, cells
from meshdoctor.tui.state.matrix_axes import matrix_axes, matrix_cell
from meshdoctor.tui.state.tones import SEVERITY_ORDER, letter
from meshdoctor.tui.state.view_state import PANELS, ViewState
from meshdoctor.tui.widgets.column_widths import clipped, widths
from tests.unit.tui.events import API, DB, DB_POD, JOB, WEB, finding, host, judged, listed, mesh_state, pod


def texts(view_state: ViewState, panel: str, key: object, *, ascii_only: bool = False) -> list[str]:
    return [cell.text for cell in cells(view_state, panel, key, ascii_only=ascii_only)]  # type: ignore[arg-type]


def test_a_row_of_each_part() -> None:
    made = mesh_state()
    made.apply([FindingsUpdated((finding("clash", Severity.ERROR, API, JOB),))])
    view_state = ViewState(made)
    assert texts(view_state, "pods", JOB) == [" ✗", "shop", "job-1", "1.30.0", "ALLOW_ANY", "✗1"]
    assert texts(view_state, "hosts", API) == [" ✗", "api.maps.test", "443", "TLS", "shop/maps", "2", "misrouted 1/2"]
    assert texts(view_state, "hosts", DB) == [" ✗", "db.pay.test", "3306", "-", "?", "1", "blocked"]
    made.hosts[DB].is_registered_known = True
    assert texts(view_state, "hosts", DB) == [" ✗", "db.pay.test", "3306", "-", "-", "1", "blocked"]
    key = next(iter(made.findings))
    assert texts(view_state, "findings", key) == [" ✗", "clash", "api.maps.test:443", "1", "Title of clash"]


def test_a_chosen_pod_gives_hosts_its_own_verdict() -> None:
    view_state = ViewState(mesh_state())
    view_state.choose("pods", WEB)
    assert texts(view_state, "hosts", API)[-1] == "delivered"


def test_a_pod_that_is_not_judged_says_why_in_place_of_the_rest() -> None:
    made = mesh_state()
    made.apply([PodUnread(WEB, "port-forward forbidden")])
    assert texts(ViewState(made), "pods", WEB) == [" ?", "shop", "web-1", "port-forward forbidden"]


def test_marked_and_new_rows_have_a_sign_of_their_own() -> None:
    made = mesh_state()
    made.changes.take({"pods": made.pods})
    made.apply([listed([pod(WEB), pod("shop/new-1")])])
    view_state = ViewState(made)
    view_state.mark("pods", WEB)
    assert texts(view_state, "pods", WEB)[0][0] == icon("marked")
    assert texts(view_state, "pods", "shop/new-1")[0][0] == icon("new")


def test_hostile_names_are_written_out() -> None:
    made = mesh_state()
    made.apply([listed([pod("shop/\x1b[2Jx-1")], [host(("\x1b]0;evil.test", 443), by=["ServiceEntry a/\x07"])])])
    made.apply([FindingsUpdated((finding("clash", Severity.ERROR, ("\x1bhost", 443), title="a\x1b[31mb\nc"),))])
    view_state = ViewState(made)
    for panel in PANELS:
        for key in view_state.keys(panel):
            assert all(text.isprintable() for text in texts(view_state, panel, key))


def test_every_row_has_a_cell_a_column_and_ascii_is_ascii() -> None:
    made = mesh_state()
    made.apply(
        [FindingsUpdated((finding("clash", Severity.ERROR, API, JOB), finding("open", Severity.INFO, None, JOB)))]
    )
    view_state = ViewState(made)
    for panel in PANELS:
        for key in view_state.keys(panel):
            row = texts(view_state, panel, key, ascii_only=True)
            assert len(row) == len(COLUMNS[panel])
            assert all(text.isascii() for text in row)


def test_signs_differ_without_colour() -> None:
    for ascii_only in (False, True):
        assert len({icon(state, ascii_only=ascii_only) for state in SEVERITY_ORDER}) == len(SEVERITY_ORDER)
        letters = [letter(verdict, ascii_only=ascii_only) for verdict in Verdict]
        assert len({shown.lower() for shown in letters}) == len(letters)


def test_the_matrix_has_a_sign_where_a_pod_wants_a_host() -> None:
    made = mesh_state()
    view_state = ViewState(made)
    axes = matrix_axes(view_state)
    assert (set(axes.pods), set(axes.hosts)) == ({WEB, JOB, DB_POD}, {API, DB})
    assert [matrix_cell(made, key, API).text for key in (WEB, JOB, DB_POD)] == ["✓", "M", "·"]
    assert matrix_cell(made, DB_POD, API, show_all=True).text == "B"
    assert matrix_cell(made, "shop/gone", API).text == "·"


def test_a_bare_name_is_no_part_of_the_matrix_and_a_pod_without_verdicts_is() -> None:
    made = mesh_state()
    made.apply([listed([pod(WEB), pod(JOB)], [host(API, WEB), host(("maps.test", None), WEB)])])
    made.apply([judged(WEB, {API: Verdict.DELIVERED}), PodUnread(JOB, "gone")])
    axes = matrix_axes(ViewState(made))
    assert (axes.pods, axes.hosts) == ([JOB, WEB], [API])
    assert matrix_cell(made, JOB, API).text == "·"


@pytest.mark.parametrize("width", range(1, 200, 7))
@pytest.mark.parametrize("panel", PANELS)
def test_columns_fit_into_any_width(panel: str, width: int) -> None:
    columns = COLUMNS[panel]  # type: ignore[index]
    found = widths(columns, width)
    assert found
    assert all(size >= 1 for size in found.values())
    least = [at for at, column in enumerate(columns) if not column.keeps]
    assert set(least) <= set(found)
    if width >= sum(columns[at].width for at in least) + len(least):
        assert sum(found.values()) + len(found) - 1 <= width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 5, "abc  "),
        ("abcdefgh", 6, "abcd.."),
        ("abcdef", 3, "abc"),
        ("日本語日本語", 8, "日本語.."),
        ("é✗", 4, "é✗  "),
    ],
)
def test_text_is_cut_to_columns(text: str, width: int, shown: str) -> None:
    assert clipped(text, width) == shown


def test_the_thumb_covers_its_share_and_reaches_both_ends() -> None:
    from meshdoctor.tui.widgets.table import thumb

    assert thumb(100, 20, 0) == range(0, 4)
    assert thumb(100, 20, 80) == range(16, 20)
    assert thumb(21, 20, 1) == range(1, 20)
    assert thumb(100_000, 20, 50_000) == range(9, 10)


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("shop/web-v1-6c8d9f7b5-x2x4q", 27, "shop/web-v1-6c8d9f7b5-x2x4q"),
        ("shop/web-v1-6c8d9f7b5-x2x4q", 20, "shop/web-v1-..-x2x4q"),
        ("shop/web", 10, "shop/web  "),
        ("店舗/ウェブ-6c8d9f7b5-x2x4q", 20, "店舗/ウェブ-..-x2x4q"),
    ],
)
def test_names_that_are_cut_keep_both_ends(text: str, width: int, shown: str) -> None:
    assert clipped(text, width, ends_matter=True) == shown


def test_where_there_is_little_room_namespace_and_pod_are_one_cell() -> None:
    made = mesh_state()
    made.apply([PodUnread(WEB, "port-forward forbidden")])
    narrow = {key: [c.text for c in cells(ViewState(made), "pods", key, is_narrow=True)] for key in (JOB, WEB)}
    assert narrow[JOB][1:4] == ["shop/job-1", "1.30.0", "ALLOW_ANY"]
    assert narrow[WEB][1:] == ["shop/web-1", "port-forward forbidden"]
    assert len(NARROW["pods"]) == len(narrow[JOB])

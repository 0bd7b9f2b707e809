"""The matrix, driven by keys."""

from __future__ import annotations

import pytest

from meshdoctor.tui.screens.main_screen import MainScreen
from meshdoctor.tui.screens.matrix_screen import MatrixScreen
from meshdoctor.tui.screens.trace_screen import TraceScreen
from meshdoctor.tui.user_settings import Settings
from tests.tui.conftest import Drive, Driven
from tests.tui.crowd import crowd


def matrix_of(app: Driven) -> MatrixScreen:
    screen = app.app.screen
    assert isinstance(screen, MatrixScreen)
    return screen


async def opened(app: Driven) -> MatrixScreen:
    await app.press("4")
    return matrix_of(app)


def test_enter_on_a_cell_opens_its_trace(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        screen = await opened(app)
        await app.press("j", "l")
        here = screen.grid.cell
        assert here is not None
        assert here[0] in app.text()
        await app.press("enter")
        trace = app.app.screen
        assert isinstance(trace, TraceScreen)
        assert trace.trace is not None
        assert (trace.trace.pod, trace.trace.destination.host) == (here[0], here[1][0])
        verdict = app.app.session.mesh_state.pods[here[0]].verdicts[here[1]][0]
        assert trace.trace.verdict == verdict
        await app.press("escape", "escape")
        assert isinstance(app.app.screen, MainScreen)

    drive(script)


def test_digits_lead_back_to_the_parts(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        for digit, panel in (("1", "pods"), ("2", "hosts"), ("3", "findings")):
            await opened(app)
            await app.press(digit)
            assert isinstance(app.app.screen, MainScreen)
            assert app.front() == panel

    drive(script)


def test_filters_problems_and_all_hosts(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        screen = await opened(app)
        pods, hosts = list(screen.grid.rows), list(screen.grid.columns)
        await app.press("slash", *pods[0].split("/")[0], "enter")
        assert [key for key in pods if pods[0].split("/")[0] in key] == screen.grid.rows
        await app.press("c", *hosts[0][0][:4], "enter")
        assert all(hosts[0][0][:4] in host for host, _ in screen.grid.columns)
        await app.press("escape")
        assert (screen.grid.rows, screen.grid.columns) == (pods, hosts)
        await app.press("ctrl+z")
        assert "problems only" in app.text()
        await app.press("ctrl+z", "a")
        assert "all hosts" in app.text()
        await app.press("slash", *"nothing-like-it")
        assert "Nothing matches" in app.text()
        await app.press("escape")
        assert screen.grid.rows == pods

    drive(script)


@pytest.mark.parametrize("size", [(160, 50), (80, 24), (30, 10), (20, 5)])
def test_a_thousand_pods_and_three_hundred_hosts_scroll_with_their_heads(drive: Drive, size: tuple[int, int]) -> None:
    async def script(app: Driven) -> None:
        mesh_state = app.app.session.mesh_state
        mesh_state.apply(crowd(1000, 300))
        screen = await opened(app)
        grid = screen.grid
        assert (len(grid.rows), len(grid.columns)) == (1000, 300)
        made: list[object] = []
        make = grid._make
        grid._make = lambda pod, pair: made.append(pod) or make(pod, pair)  # type: ignore[func-returns-value]
        await app.press("G", "end")
        assert (grid.cursor, grid.column) == (999, 299)
        await app.settled()
        made.clear()
        grid.refresh()
        await app.settled()
        assert 0 < len(made) <= 2 * size[0] * size[1], "only what is on the screen is made"
        if size[1] > 20:
            assert grid.rows[-1][:10] in app.text()
            assert ":" in app.text()
        await app.press("g", "home", "pagedown", "L", "H", "pageup", "j", "l", "k", "h")
        assert (grid.cursor, grid.column) == (0, 0)

    drive(script, size=size)


def test_it_works_without_other_signs_than_ascii(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        screen = await opened(app)
        await app.press("j")
        shown = {screen._cell(pod, pair).text for pod in screen.grid.rows for pair in screen.grid.columns}
        assert all(text.isascii() for text in shown)
        assert "?" in app.text()

    drive(script, settings=Settings(ascii_only=True))


def test_a_click_moves_and_a_second_one_opens(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        screen = await opened(app)
        grid = screen.grid
        row = grid.head + 1
        await app.pilot.click(grid, offset=(grid._side + grid._wide, row))
        assert (grid.cursor, grid.column) == (1, 1)
        await app.pilot.click(grid, offset=(grid._side + grid._wide, row), times=2)
        await app.settled()
        assert isinstance(app.app.screen, TraceScreen)

    drive(script)

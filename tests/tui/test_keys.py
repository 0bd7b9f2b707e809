"""Keys that hands know from k9s, lazygit and harlequin: what each does, on which screen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from textual.widgets import Input

from meshdoctor.tui.screens.fix_screen import FixScreen
from meshdoctor.tui.state.rows import HostLine
from tests.tui.conftest import Drive, Driven

CLASH = "tcp-port-clash"
UNKNOWN = ("unregistered.test", 443)


def front(app: Driven) -> str:
    """The screen in front."""
    return type(app.app.screen).__name__


@pytest.mark.parametrize(
    ("keys", "opened", "beneath"),
    [
        (("3", "enter"), "FindingScreen", "MainScreen"),
        (("3", "enter", "a"), "FixScreen", "FindingScreen"),
        (("3", "enter", "y"), "RawScreen", "FindingScreen"),
        (("1", "d"), "PodScreen", "MainScreen"),
        (("1", "d", "y"), "DocumentScreen", "PodScreen"),
        (("2", "d"), "HostScreen", "MainScreen"),
        (("3", "j", "t"), "TraceScreen", "MainScreen"),
        (("4",), "MatrixScreen", "MainScreen"),
        (("n",), "ChoiceScreen", "MainScreen"),
        (("question_mark",), "HelpScreen", "MainScreen"),
    ],
)
def test_q_goes_back_as_escape_does(drive: Drive, keys: tuple[str, ...], opened: str, beneath: str) -> None:
    async def script(app: Driven) -> None:
        for leaves in ("escape", "q"):
            await app.press(*keys)
            assert front(app) == opened
            await app.press(leaves)
            assert front(app) == beneath
            while front(app) != "MainScreen":
                await app.press("escape")
        assert app.app.is_running

    drive(script, snapshot=CLASH)


def test_q_is_a_letter_where_something_is_typed(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("slash", "q")
        assert app.app.main.query_one(Input).value == "q"
        await app.press("escape", "3", "j", "t", "i", "q")
        assert front(app) == "TraceScreen"
        assert app.app.screen.form.to.endswith("q")  # type: ignore[attr-defined]
        await app.press("escape", "q")
        assert front(app) == "MainScreen"

    drive(script)


@pytest.mark.parametrize(("key", "code"), [("ctrl+q", 0), ("ctrl+c", 130)])
def test_ctrl_q_and_ctrl_c_leave_from_anywhere(drive: Drive, key: str, code: int) -> None:
    async def script(app: Driven) -> None:
        await app.press("3", "enter", "a", key)
        assert app.app.return_value == code

    drive(script)


def test_quit_is_a_command_on_every_screen(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        for keys in ((), ("3", "enter"), ("a",), ("escape", "escape", "4")):
            await app.press(*keys)
            found = {command.title: command for command in app.app.get_system_commands(app.app.screen)}
            assert "quit" in found
            assert len(found) == len(list(app.app.get_system_commands(app.app.screen))), "each is named once"
        await found["quit"].callback()
        assert app.app.return_value == 0

    drive(script)


def test_a_command_and_a_click_on_the_last_line_do_what_the_key_does(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        found = {command.title: command for command in app.app.get_system_commands(app.app.screen)}
        await found["matrix"].callback()
        await app.settled()
        assert front(app) == "MatrixScreen"
        line = app.text().splitlines()[-1]
        await app.pilot.click("#keys", offset=(line.index("esc back"), 0))
        await app.settled()
        assert front(app) == "MainScreen"
        await app.pilot.click("#keys", offset=(app.text().splitlines()[-1].index("enter open"), 0))
        await app.settled()
        assert app.front() == "hosts"

    drive(script)


def on(app: Driven, panel: str, key: Any) -> None:
    """Puts the cursor of a panel on a row."""
    table = app.app.main.query_one(f"#{panel}").table  # type: ignore[attr-defined]
    table.move_to(table.keys.index(key))


def told(app: Driven) -> str:
    """What was said at the edge of the screen."""
    return " ".join(one.message for one in app.app._notifications)


def test_a_on_a_finding_opens_its_first_fix_above_the_finding(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("3", "a")
        screen = app.app.screen
        assert isinstance(screen, FixScreen)
        assert screen.worker.run.finding is not None
        assert screen.worker.run.finding.fingerprint == app.keys("findings")[0]
        assert screen.worker.run.fix is not None
        assert screen.worker.run.fix.is_automatic
        await app.press("escape")
        assert front(app) == "FindingScreen"
        await app.press("escape")
        assert front(app) == "MainScreen"

    drive(script, snapshot=CLASH)


def test_a_where_nothing_can_be_applied_opens_the_finding_and_says_so(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        mesh_state = app.app.session.mesh_state
        line = mesh_state.findings[app.keys("findings")[0]]
        line.finding = structs.replace(line.finding, fixes=tuple(f for f in line.finding.fixes if not f.is_automatic))
        await app.press("3", "a")
        assert front(app) == "FindingScreen"
        assert "manual steps" in told(app)
        await app.press("escape")
        line.finding = structs.replace(line.finding, fixes=())
        await app.press("a")
        assert "No fix is known" in told(app)

    drive(script, snapshot=CLASH)


def test_a_on_a_pod_or_host_opens_its_one_finding_or_goes_to_the_several(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        mesh_state = app.app.session.mesh_state
        several = next(key for key, row in mesh_state.pods.items() if row.errors + row.warnings + row.infos > 1)
        on(app, "pods", several)
        await app.press("1", "a")
        assert (front(app), app.front()) == ("MainScreen", "findings")
        assert app.keys("findings") == app.app.session.view_state.keys("findings")
        assert " of " in app.title("findings")
        await app.press("escape", "2")
        counts = {pair: sum(one.pair == pair for one in mesh_state.findings.values()) for pair in mesh_state.hosts}
        on(app, "hosts", next(pair for pair, count in counts.items() if count == 1))
        await app.press("a")
        assert front(app) == "FixScreen"
        await app.press("q", "q")
        assert front(app) == "MainScreen"
        mesh_state.hosts[UNKNOWN] = HostLine(UNKNOWN)
        await app.press("escape")
        on(app, "hosts", UNKNOWN)
        await app.press("a")
        assert front(app) == "MainScreen"
        assert "nothing to fix" in told(app)

    drive(script, snapshot=CLASH)


def test_y_shows_what_was_read_of_a_row(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        for panel, shown in (
            ("1", "kind: Pod"),
            ("2", "kind: ServiceEntry"),
            ("3", "the finding, as in check --json"),
        ):
            await app.press(panel, "y")
            assert front(app) in ("DocumentScreen", "RawScreen")
            await app.shows(shown)
            await app.press("q")
            assert front(app) == "MainScreen"
        app.app.session.mesh_state.hosts[UNKNOWN] = HostLine(UNKNOWN)
        app.app.main.show_all()
        on(app, "hosts", UNKNOWN)
        await app.press("2", "y")
        assert "No object registers" in told(app)

    drive(script)


def test_e_writes_the_finding_under_the_cursor_or_all_that_are_marked(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def script(app: Driven) -> None:
        await app.press("3", "j", "e")
        await app.until(lambda: app.app.clipboard, "it is copied")
        first = app.app.clipboard
        (path,) = tmp_path.glob("*.md")
        assert path.read_text(encoding="utf-8") == first
        assert "## The path of the connection" in first
        await app.press("enter", "e")
        await app.until(lambda: len(list(tmp_path.glob("*.md"))) == 2, "the finding's screen writes one too")
        same = [re.sub(r"\d\d:\d\d:\d\d", "", one) for one in (first, app.app.clipboard)]
        assert same[0] == same[1]
        await app.press("q", "space", "space", "1", "e")
        await app.until(lambda: app.app.clipboard.count("## What happens") == 2, "both are copied")
        (both,) = tmp_path.glob("meshdoctor-2-findings-*.md")
        assert both.read_text(encoding="utf-8") == app.app.clipboard
        assert str(both) in told(app)

    drive(script)


def test_a_key_does_not_wait_for_the_time_limit_of_the_one_before(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshdoctor.tui.key_queue.PATIENCE", 1000)

    async def script(app: Driven) -> None:
        await app.press("3", "j", "k", "1", "j", "tab")
        assert app.app.key_queue.is_idle
        assert app.front() == "hosts"

    drive(script)


def test_h_and_l_go_from_panel_to_panel(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        for key, panel in (("l", "hosts"), ("right", "findings"), ("h", "hosts"), ("left", "pods")):
            await app.press(key)
            assert app.front() == panel

    drive(script)


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, " enter open  a fix  t trace  / filter  d details  n namespace  : command  ? help"),
        (40, " enter open  a fix  t trace  ? help"),
        (20, " enter open  ? help"),
    ],
)
def test_the_last_line_has_first_what_matters_most(drive: Drive, width: int, line: str) -> None:
    async def script(app: Driven) -> None:
        assert app.text().splitlines()[-1].rstrip() == line

    drive(script, size=(width, 24))


def test_the_last_line_of_every_screen_tells_only_keys_that_do_what_it_says(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        for keys in (
            ("3", "enter"),
            ("tab", "tab"),
            ("q", "t"),
            ("i",),
            ("escape", "p"),
            ("q", "4"),
            ("q", "1", "d"),
            ("y",),
        ):
            await app.press(*keys)
            last = app.text().splitlines()[-1]
            is_typing = isinstance(app.app.focused, Input)
            assert (": command" in last) is not is_typing, "a colon is a letter there"
            assert "esc back" in last
        await app.press("slash")
        assert "esc clear search" in app.text().splitlines()[-1]

    drive(script, size=(80, 24))

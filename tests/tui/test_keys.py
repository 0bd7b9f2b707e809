"""Keys that hands know from k9s, lazygit and harlequin: what each does, on which screen."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from tests.tui.conftest import Drive, Driven

CLASH = "tcp-port-clash"


def front(app: Driven) -> str:
    """The screen in front."""
    return type(app.app.screen).__name__


@pytest.mark.parametrize(
    ("keys", "opened", "beneath"),
    [
        (("3", "enter"), "FindingScreen", "MainScreen"),
        (("3", "enter", "a"), "MendScreen", "FindingScreen"),
        (("3", "enter", "y"), "RawScreen", "FindingScreen"),
        (("1", "d"), "PodScreen", "MainScreen"),
        (("1", "d", "y"), "DocumentScreen", "PodScreen"),
        (("2", "d"), "HostScreen", "MainScreen"),
        (("3", "j", "t"), "TraceScreen", "MainScreen"),
        (("4",), "MatrixScreen", "MainScreen"),
        (("n",), "NamespaceScreen", "MainScreen"),
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

"""What goes wrong is a calm line: no traceback, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from meshdoctor.diagnosis.events import DiagnosisFailed
from meshdoctor.doctor import Source
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.tui.bindings import MAIN_KEYS
from meshdoctor.tui.state.row_filter import LONGEST
from meshdoctor.tui.user_settings import Settings
from tests.tui.conftest import Drive, Driven


def told(app: Driven) -> list[str]:
    return [notification.message for notification in app.app._notifications]


def test_a_source_that_cannot_be_read_is_one_sentence_with_the_demo_a_key_away(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        assert "no-such-capture" in app.text()
        assert "d demo" in app.text()
        await app.press("d")
        await app.looked()
        assert app.app.session.mesh_state.location.startswith("demo:")
        assert app.keys("findings")
        assert "d demo" not in app.text()

    drive(script, source=lambda: Source(path=Path("no-such-capture")), size=(100, 30))


def test_a_name_in_a_notification_neither_begins_a_line_nor_steers_the_terminal(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        app.app.notify("no pod web\nFORGED\x1b[2J", markup=False)
        await app.looked()
        assert told(app)[-1] == "no pod web\\x0aFORGED\\x1b[2J"

    drive(script)


@pytest.mark.parametrize("problem", [UsageError("no such context"), Unreadable("no kubeconfig")])
def test_a_source_that_cannot_even_be_made_is_one_sentence(drive: Drive, problem: Exception) -> None:
    def source() -> Source:
        raise problem

    async def script(app: Driven) -> None:
        assert str(problem) in app.text()

    drive(script, source=source)


def test_a_cluster_that_goes_away_leaves_what_was_known(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        app.app.session._feed.put(DiagnosisFailed("the cluster does not answer any more.", is_away=True))
        await app.settled()
        assert told(app) == ["the cluster does not answer any more. R tries again."]
        assert len(app.keys("pods")) == 2
        assert "not read" in app.text()
        await app.press("d")
        assert app.app.session.opening.place == "tcp-port-clash-scoped", "the demo does not take its place"

    drive(script)


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (40, 8), (300, 100), (79, 24)])
def test_any_size_can_be_lived_with(drive: Drive, size: tuple[int, int]) -> None:
    async def script(app: Driven) -> None:
        await app.press("down")
        await app.pilot.resize_terminal(*size)
        await app.settled()
        for key in (
            "tab",
            "down",
            "slash",
            "x",
            "escape",
            "question_mark",
            "escape",
            "n",
            "escape",
            "3",
            "enter",
            "escape",
        ):
            await app.press(key)
        await app.pilot.resize_terminal(160, 50)
        await app.shows("Findings")

    drive(script)


def test_a_paste_of_a_megabyte_into_the_filter_is_cut(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("slash")
        line = app.app.main.query_one(Input)
        line.post_message(events.Paste("x" * 1_000_000 + "\nsecond line"))
        await app.settled()
        assert len(line.value) == LONGEST
        await app.press("enter")
        assert app.keys("pods") == []

    drive(script)


def test_a_paste_of_several_lines_takes_the_first(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("slash")
        line = app.app.main.query_one(Input)
        line.post_message(events.Paste("  shop\nand more\n"))
        await app.settled()
        assert line.value == "shop"

    drive(script)


def test_a_selector_that_is_none_is_said_and_shows_everything(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("slash", *"-l ", "=", "enter")
        assert len(app.keys("pods")) == 2
        assert "is not a label selector" in told(app)[0]

    drive(script)


def test_an_empty_mesh_of_findings_says_so(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("ctrl+z")
        assert "No problems. ctrl+z shows all rows." in app.text() or app.keys("findings")

    drive(script, snapshot="healthy")


def test_keys_of_the_users_file_take_effect_and_unknown_ones_are_named(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        assert told(app) == ["no key binding has the id row.dwn: the help (?) lists them"]
        await app.press("x")
        assert app.choices() == ()
        await app.press("ctrl+n")
        assert len(app.choices()) == 1
        await app.press("f5")
        await app.looked()

    drive(script, settings=Settings(keys={"row.down": "ctrl+n", "refresh.all": "f5", "row.dwn": "x"}))


def test_a_theme_is_taken_and_kept(drive: Drive) -> None:
    from meshdoctor.tui.user_settings import kept_theme

    async def script(app: Driven) -> None:
        assert app.app.theme == "light"
        app.app.theme = "nord"
        await app.settled()
        assert kept_theme() == "nord"

    drive(script, settings=Settings(theme="light"))


def test_a_theme_that_is_not_there_is_left_out_and_named(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        assert app.app.theme == "dark"
        assert told(app) == ["no theme no-such-theme: the command palette (:) lists them"]

    drive(script, settings=Settings(theme="no-such-theme"))


def test_ascii_only_is_ascii(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        for keys in (("down",), ("w",), ("3", "enter"), ("a",), ("s",)):
            await app.press(*keys)
            assert app.text().isascii(), (keys, {character for character in app.text() if not character.isascii()})
        assert "Save the fix to this folder" in app.text()

    drive(script, settings=Settings(ascii_only=True))


def test_every_binding_has_an_id_of_its_own_and_says_what_it_does() -> None:
    from meshdoctor.tui import bindings

    found = [one for name, value in vars(bindings).items() if name.endswith("_KEYS") for one in value]
    assert len(found) > len(MAIN_KEYS)
    assert all(one.id and one.tooltip and one.description for one in found)
    by_id = {one.id: one.key for one in found}
    assert [one.key for one in found] == [by_id[one.id] for one in found], "one id, one key, wherever it is"


def test_markup_in_a_filter_is_text(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("slash", "left_square_bracket", "slash", "b", "right_square_bracket", "enter")
        assert "/[/b]" in app.text()

    drive(script)


def test_a_terminal_of_sixteen_colours_keeps_its_own(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")

    async def script(app: Driven) -> None:
        assert app.app.theme == "terminal"

    drive(script)


def test_without_colour_none_is_written_and_the_cursor_still_shows(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(app: Driven) -> None:
        await app.press("down", "tab", "down")
        drawn = [segment for line in app.lines() for segment in line if segment.style]
        assert {str(s.style.color and s.style.color.name) for s in drawn if s.style} <= {"default", "None"}
        assert {str(s.style.bgcolor and s.style.bgcolor.name) for s in drawn if s.style} <= {"default", "None"}
        assert any(s.style.reverse and app.keys("hosts")[0][0] in s.text for s in drawn if s.style)
        assert any(s.style.reverse and "External hosts" in s.text for s in drawn if s.style), "the panel in use"

    drive(script, settings=Settings(theme="light"))

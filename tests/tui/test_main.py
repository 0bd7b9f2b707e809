"""The main screen: what each key does, asserted on what is in sight."""

from __future__ import annotations

import pytest
from msgspec import structs
from textual.events import Key
from textual.fuzzy import Matcher
from textual.widgets import Input, OptionList

from meshdoctor.tui.screens.choice_screen import ChoiceScreen
from meshdoctor.tui.screens.finding_screen import FindingScreen
from meshdoctor.tui.screens.help_screen import HelpScreen
from meshdoctor.tui.screens.main_screen import MainScreen
from meshdoctor.tui.state.view_state import RowSelection
from tests.tui.conftest import Drive, Driven


def test_it_opens_on_all_there_is(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        assert [len(app.keys(panel)) for panel in ("pods", "hosts", "findings")] == [2, 2, 2]
        assert app.title("pods") == "Pods 2"
        assert app.choices() == (), "nothing is chosen before the user moves"
        assert "2 of 2 sidecars" in app.text()

    drive(script)


def test_moving_in_a_part_narrows_the_others_and_escape_widens_again(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        first, second = app.keys("pods")
        await app.press("down")
        assert app.choices() == (RowSelection("pods", first),), "the first step chooses the row the cursor is on"
        await app.press("j")
        assert app.choices() == (RowSelection("pods", second),)
        assert (len(app.keys("hosts")), len(app.keys("findings"))) == (1, 1)
        assert " of " in app.title("hosts")
        await app.press("tab", "down")
        assert [choice.panel for choice in app.choices()] == ["pods", "hosts"]
        await app.press("escape")
        assert [choice.panel for choice in app.choices()] == ["pods"]
        await app.press("escape")
        assert app.choices() == ()
        assert len(app.keys("hosts")) == 2

    drive(script)


def test_all_keys_of_a_table_move_its_cursor(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        table = app.app.main.query_one("#pods").table  # type: ignore[attr-defined]
        for key, place in [
            ("G", 1),
            ("g", 0),
            ("end", 1),
            ("home", 0),
            ("pagedown", 1),
            ("pageup", 0),
            ("j", 1),
            ("k", 0),
        ]:
            await app.press(key)
            assert table.cursor == place, key
        for key, place in [("ctrl+f", 1), ("ctrl+b", 0), ("down", 1), ("up", 0), ("up", 0)]:
            await app.press(key)
            assert table.cursor == place, key

    drive(script)


def test_digits_and_tab_go_to_the_parts(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        main = app.app.main
        for key, panel in [("2", "hosts"), ("3", "findings"), ("1", "pods"), ("tab", "hosts"), ("shift+tab", "pods")]:
            await app.press(key)
            assert app.front() == panel
            assert main.query_one(f"#{panel}").has_class("-front")
            assert app.app.focused is main.query_one(f"#{panel}").table  # type: ignore[attr-defined]

    drive(script)


def test_a_filter_is_typed_kept_and_taken_back(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("slash", *"shop")
        assert len(app.keys("pods")) == 1
        await app.press("enter")
        assert not app.app.main.query(Input)
        assert app.title("pods") == "Pods 1/2 · /shop"
        assert app.app.focused is app.app.main.query_one("#pods").table  # type: ignore[attr-defined]
        await app.press("escape")
        assert len(app.keys("pods")) == 2
        await app.press("slash", *"!shop", "escape")
        assert len(app.keys("pods")) == 2
        await app.press("slash", *"zzz", "enter")
        assert "Nothing matches /zzz. esc clears the filter." in app.text()

    drive(script)


def test_each_part_has_a_filter_of_its_own(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("2", "slash", *"github", "enter")
        assert (len(app.keys("pods")), len(app.keys("hosts"))) == (2, 1)
        await app.press("slash")
        assert app.app.main.query_one(Input).value == "github"

    drive(script)


def test_a_namespace_is_chosen_from_a_list(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("n")
        assert isinstance(app.app.screen, ChoiceScreen)
        assert app.app.screen.query_one(OptionList).option_count == 3
        await app.press("down", "down", "enter")
        assert app.app.session.view_state.namespaces == {"shop"}
        assert len(app.keys("pods")) == 1
        assert "/ shop" in app.text()
        await app.press("n", "escape")
        assert app.app.session.view_state.namespaces == {"shop"}
        await app.press("escape")
        assert len(app.keys("pods")) == 2
        await app.press("n", "down", "enter")
        assert len(app.keys("pods")) == 1
        await app.press("0")
        assert len(app.keys("pods")) == 2

    drive(script)


def test_orders_marks_and_problems_only(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        view_state = app.app.session.view_state
        await app.press("s")
        assert app.title("pods").endswith("by name")
        await app.press("space")
        first, second = app.keys("pods")
        assert list(view_state.marks["pods"]) == [first]
        assert app.title("pods").startswith("Pods 2 · 1 marked")
        assert len(app.keys("hosts")) == 1
        await app.press("space")
        assert list(view_state.marks["pods"]) == [first, second], "each mark goes on to the next row"
        assert app.title("hosts") == "External hosts 2 · of 2 marked pods"
        assert len(app.keys("hosts")) == 2
        await app.press("escape")
        assert not view_state.marks["pods"]
        assert "marked" not in app.title("pods") + app.title("hosts")
        await app.press("ctrl+z")
        assert view_state.problems_only
        assert app.title("findings").endswith("problems only")
        await app.press("ctrl+z")
        assert not view_state.problems_only

    drive(script)


def test_enter_follows_a_row_and_opens_a_finding(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("enter")
        assert app.front() == "hosts"
        await app.press("enter")
        assert app.front() == "findings"
        await app.press("enter")
        screen = app.app.screen
        assert isinstance(screen, FindingScreen)
        assert screen.finding.fingerprint == app.keys("findings")[0]
        assert screen.finding.rule in app.text()
        assert "Description" in app.text()
        await app.press("escape")
        assert isinstance(app.app.screen, MainScreen)

    drive(script)


def test_help_has_every_key_of_the_screen_in_front(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("question_mark")
        assert isinstance(app.app.screen, HelpScreen)
        text = app.text()
        for name in ("filter", "namespace", "sort", "problems", "open", "refresh.all", "quit"):
            assert name in text
        await app.press("question_mark", "escape")
        assert isinstance(app.app.screen, MainScreen)

    drive(script)


def test_the_palette_finds_what_has_a_key(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        names = [command.title for command in app.app.get_system_commands(app.app.screen)]
        assert {"filter", "sort", "namespace", "refresh all", "help"} <= set(names)
        assert len(names) == len(set(names))
        for key in ("colon", "ctrl+p"):
            await app.press(key)
            assert type(app.app.screen).__name__ == "CommandPalette"
            await app.press("escape")

    drive(script)


def test_refresh_looks_again_and_keeps_what_is_chosen(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("down")
        chosen, before = app.choices(), app.app.session.mesh_state.diagnosis
        for key in ("R", "r"):
            await app.press(key)
            last = before
            await app.until(lambda last=last: app.app.session.mesh_state.diagnosis is not last, "another look")  # type: ignore[misc]
            await app.looked()
            assert app.choices() == chosen
            before = app.app.session.mesh_state.diagnosis

    drive(script)


def test_refresh_asks_all_marked_pods(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        asked: list[object] = []

        def refresh(pods: object = None, *, only_changed: bool = False) -> bool:
            asked.append(pods)
            return True

        app.app.session.refresh = refresh  # type: ignore[method-assign]
        first, second = app.keys("pods")
        await app.press("r", "space", "space", "r", "R")
        assert asked == [[first], [first, second], None]

    drive(script)


def test_q_leaves(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("q")
        assert app.app.return_value == 0

    drive(script)


def test_the_mouse_chooses_and_opens(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.pilot.click("#findings Table", offset=(10, 2))
        assert app.choices() == (RowSelection("findings", app.keys("findings")[1]),)
        await app.pilot.click("#findings Table", offset=(10, 1), times=2)
        await app.settled()
        assert isinstance(app.app.screen, FindingScreen)

    drive(script)


def test_at_80_columns_one_part_shows_at_a_time(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        shown = [view.panel for view in app.app.main._panels.values() if view.display]
        assert shown == ["pods"]
        assert "[1 Pods 2]  2 External hosts 2   3 Findings 2" in app.text()
        await app.pilot.click("#tabs", offset=(15, 0))
        assert app.front() == "hosts"

    drive(script, size=(80, 24))


def test_escape_takes_back_another_parts_filter_in_the_end(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("slash", *"shop", "enter", "enter")
        assert app.front() == "hosts"
        await app.press("escape")
        assert app.choices() == ()
        assert len(app.keys("pods")) == 1
        await app.press("escape")
        assert len(app.keys("pods")) == 2

    drive(script)


def test_help_closes_with_the_keys_that_one_tries(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        for key in ("q", "question_mark", "escape"):
            await app.press("question_mark")
            assert isinstance(app.app.screen, HelpScreen)
            await app.press(key)
            assert isinstance(app.app.screen, MainScreen)

    drive(script)


def test_keys_that_come_in_a_bunch_are_for_what_the_ones_before_opened(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        for key, character in (("3", "3"), ("slash", "/"), *((c, c) for c in "github"), ("enter", None)):
            app.app.post_message(Key(key, character))
        for _ in range(200):
            await app.pilot.pause(0.01)
            if app.title("findings") == "Findings 1/2 · /github" and not app.app.main.query(Input):
                break
        assert app.title("findings") == "Findings 1/2 · /github"
        assert not app.app.main.query(Input)

    drive(script)


def test_the_palette_finds_namespaces_by_the_name_k9s_has_for_them(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        names = [command.title for command in app.app.get_system_commands(app.app.screen)]
        assert "Screenshot" not in names
        fitting = [name for name in names if Matcher("ns").match(name)]
        assert max(fitting, key=Matcher("ns").match) == "namespace"

    drive(script)


@pytest.mark.parametrize("size", [(80, 24), (90, 24), (100, 30), (104, 30), (120, 40), (160, 50)])
def test_two_pods_of_one_name_and_two_replicas_can_be_told_apart(drive: Drive, size: tuple[int, int]) -> None:
    async def script(app: Driven) -> None:
        mesh_state = app.app.session.mesh_state
        unread, web = sorted(mesh_state.pods.values(), key=lambda row: row.namespace)
        names = [(web.namespace, f"{web.name[:-5]}p9q8r"), ("shop-staging", web.name)]
        for namespace, name in names:
            mesh_state.pods[f"{namespace}/{name}"] = structs.replace(
                web, key=f"{namespace}/{name}", namespace=namespace, name=name
            )
        unread.state, unread.because = "unread", "port-forward forbidden"
        app.app.main.show_all()
        await app.settled()
        left = [line[: size[0] * 6 // 13 if size[0] >= 100 else size[0]] for line in app.text().splitlines()]
        rows = [line for line in left if (web.name[-5:] in line and "shop" in line) or "p9q8r" in line]
        assert len(rows) == len(set(rows)) == 3
        assert sum("shop-staging" in line for line in rows) == 1
        (reason,) = [line for line in left if f"{unread.namespace}/" in line or f" {unread.namespace} " in line]
        assert "port-" in reason, "why it is not read has room at any width"

    drive(script, size=size)

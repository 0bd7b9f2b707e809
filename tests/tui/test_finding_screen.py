"""The finding's screen, key by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdoctor.doctor import Source, diagnose, open_case
from meshdoctor.tui.messages import TraceRequested
from tests.tui.sessions import opened_finding, press, run, screen, the, words
from tests.tui.waiting import settled, until

CLASH = "tcp-port-clash"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESHDOCTOR_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_says_what_happens_whose_it_is_and_where_the_connection_goes_wrong() -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            front = screen(pilot)
            await until(pilot, lambda: front.trace)
            text = words(front.what)
            assert "has no filter chain" in text
            assert "active ServiceEntry bookinfo/hwcloud shadowed ServiceEntry bookinfo/github" in text
            way = words(front.path)
            assert "✗ cluster outbound|443||www.huaweicloud.com" in way
            assert way.count("✗") == 2
            assert way.startswith("✗ misrouted [tcp-port-clash]")
            assert "app github.com:443" in way

    run(story())


def test_digits_and_arrows_choose_a_fix_and_others_do_nothing() -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            fixes = screen(pilot).fixes
            assert [line for line in words(fixes).split() if line == "▸"] == ["▸"]
            seen = []
            for key in ("2", "9", "down", "down", "down", "k", "1", "up"):
                await press(pilot, key)
                seen.append(fixes.cursor)
            assert seen == [1, 1, 2, 3, 3, 2, 0, 0]
            await press(pilot, "3")
            assert "▸ 3 Move one entry" in words(fixes)

    run(story())


def test_a_click_chooses_a_fix_and_a_second_one_opens_it() -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            fixes = screen(pilot).fixes
            line = fixes._owners.index(1)
            await pilot.click("#fixes", offset=(8, line + 1))
            assert fixes.cursor == 1
            await pilot.click("#fixes", offset=(8, line + 1), times=2)
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
            assert screen(pilot).worker.run.fix.id == "set-addresses"

    run(story())


def test_the_deciding_line_is_marked_and_what_is_far_from_it_is_folded() -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            rows = screen(pilot).evidence.rows
            marked = [row.text.strip() for row in rows.folding.rows if row.is_marked]
            assert marked == ['"cluster": "outbound|443||www.huaweicloud.com",', "name: github"]
            shown = [rows.folding.rows[at].text.strip() for at in rows.folding.visible()]
            assert '"address": {' in shown
            assert '"socket_address": {' not in shown

    run(story())


def test_the_evidence_folds_and_is_searched() -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            rows = screen(pilot).evidence.rows
            rows.focus()
            before = len(rows.folding.visible())
            await press(pilot, "z")
            assert not rows.folding.folded
            assert len(rows.folding.visible()) > before
            await press(pilot, "home", "down", "down", "enter")
            assert rows.folding.rows[rows.cursor].text == "{"
            assert len(rows.folding.visible()) < len(rows.folding.rows)
            await press(pilot, "slash", *"huawei", "enter")
            assert "huaweicloud" in rows.folding.rows[rows.cursor].text
            assert "/huawei 1/" in rows.border_title
            first = rows.cursor
            await press(pilot, "n")
            assert rows.cursor > first
            await press(pilot, "N")
            assert rows.cursor == first
            await press(pilot, "slash", "escape")
            assert rows.folding.hits == []
            await press(pilot, "slash", *"no such thing", "enter")
            assert "not found" in rows.border_title

    run(story())


def test_a_paste_of_a_megabyte_into_the_search_is_a_search() -> None:
    async def story() -> None:
        from textual.events import Paste

        async with opened_finding(CLASH) as pilot:
            rows = screen(pilot).evidence.rows
            rows.focus()
            await press(pilot, "slash")
            pilot.app.focused.post_message(Paste("x" * 1_000_000))  # type: ignore[union-attr]
            await settled(pilot)
            assert rows.folding.searched == "x" * 200

    run(story())


def test_raw_shows_the_finding_as_the_report_has_it_and_its_objects() -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            await press(pilot, "y")
            front = screen(pilot)
            rows = front.document.rows
            await until(pilot, lambda: any(row.text.startswith("shadowed: ") for row in rows.folding.rows))
            texts = [row.text for row in rows.folding.rows]
            assert '  "rule": "tcp-port-clash",' in texts
            assert "  - www.huaweicloud.com" in texts
            await press(pilot, "c")
            assert "# shadowed: ServiceEntry bookinfo/github" in pilot.app.clipboard
            await press(pilot, "escape")
            assert screen(pilot).__class__.__name__ == "FindingScreen"

    run(story())


def test_export_writes_a_file_whose_name_it_shows_and_copies_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            await until(pilot, lambda: screen(pilot).trace)
            await press(pilot, "e")
            await until(pilot, lambda: pilot.app.clipboard)
            (path,) = tmp_path.glob("*.md")
            assert path.read_text() == pilot.app.clipboard
            assert "# github.com:443: Port owned by another TCP ServiceEntry" in pilot.app.clipboard
            assert "**goes wrong here:** cluster `outbound|443||www.huaweicloud.com`" in pilot.app.clipboard
            (told,) = pilot.app._notifications
            assert str(path) in told.message

    run(story())


def test_where_no_file_can_be_written_it_is_copied_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setattr(Path, "cwd", lambda: gone)

    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            await press(pilot, "e")
            await until(pilot, lambda: pilot.app.clipboard)
            (told,) = pilot.app._notifications
            assert "cannot be written" in told.message
            assert "Copied" in told.message

    run(story())


def test_t_asks_for_the_connection_of_the_pod_that_is_shown() -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            asked: list[TraceRequested] = []
            front = screen(pilot)
            post = front.post_message
            front.post_message = lambda message: (
                asked.append(message) if isinstance(message, TraceRequested) else post(message)
            )
            await press(pilot, "t")
            (wanted,) = asked
            assert (wanted.pod, wanted.host, wanted.port) == (front.pod, "github.com", 443)

    run(story())


def test_another_pod_can_be_chosen() -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            from msgspec import structs

            front = screen(pilot)
            front.finding = structs.replace(front.finding, pods=(front.pod, "bookinfo/other"))
            front.refresh_bindings()
            await press(pilot, "p", "down", "enter")
            await until(pilot, lambda: front.pod == "bookinfo/other" and front.trace is None)
            assert "no pod bookinfo/other" in words(front.path)

    run(story())


def test_at_80x24_two_pages_hold_all_parts() -> None:
    async def story() -> None:
        async with opened_finding(CLASH, size=(80, 24)) as pilot:
            front = screen(pilot)
            assert [part.display for part in (front.what, front.fixes, front.path, front.evidence)] == [
                True, True, False, False,
            ]  # fmt: skip
            await press(pilot, "tab")
            assert [part.display for part in (front.what, front.fixes, front.path, front.evidence)] == [
                False, False, True, True,
            ]  # fmt: skip
            assert "✗ cluster" in words(front.path)
            await press(pilot, "shift+tab")
            assert front.focused is front.fixes

    run(story())


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (300, 100)])
def test_any_size_is_drawn(size: tuple[int, int]) -> None:
    async def story() -> None:
        async with opened_finding(CLASH, size=(120, 40)) as pilot:
            await pilot.resize_terminal(*size)
            await press(pilot, "tab", "tab", "tab", "tab", "a")
            await until(pilot, lambda: screen(pilot).worker.run.plan)
            await pilot.resize_terminal(120, 40)
            assert pilot.app.is_running

    run(story())


def test_a_finding_without_a_connection_says_so_and_greys_the_key() -> None:
    case = open_case(Source(snapshot="mysql-blocked"))
    rule = next(f.rule for f in diagnose(case).findings if not f.host)

    async def story() -> None:
        async with opened_finding(rule, "mysql-blocked") as pilot:
            front = screen(pilot)
            assert "not about a single connection" in words(front.path)
            assert front.check_action("trace", ()) is None

    run(story())


@pytest.mark.parametrize("name", ["mysql-blocked", "double-tls", "egress-gateway", "service-hijack", "https-none"])
def test_every_finding_of_a_mesh_opens(name: str) -> None:
    async def story() -> None:
        case = open_case(Source(snapshot=name))
        for rule in {found.rule for found in diagnose(case).findings}:
            async with opened_finding(rule, name) as pilot:
                front = screen(pilot)
                assert front.what.lines
                unread = [row.text for row in front.evidence.rows.folding.rows if "could not be cut" in row.text]
                assert unread == []
                await press(pilot, "escape")
                assert screen(pilot) is the(pilot).main

    run(story())

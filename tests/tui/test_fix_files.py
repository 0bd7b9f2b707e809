"""A fix where there is no cluster: new files beside a capture, or the user's own; and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from meshdoctor.doctor import Source
from meshdoctor.model.fix import Impact, PredictedChange
from tests.tui.sessions import ended, files_below, on_fix, opened_finding, press, run, screen, words
from tests.tui.waiting import until

CLASH = "tcp-port-clash"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESHDOCTOR_STATE", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def test_on_a_capture_it_is_saved_into_a_folder_that_is_typed_and_u_takes_it_back(state: Path) -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            assert "There is no cluster to change" in words(front.steps)
            await press(pilot, "A")
            await press(pilot, *["backspace"] * 20, *"mine", "enter")
            await ended(pilot)
            made = files_below(state)
            assert [name.split("/")[0] for name in made] == ["mine", "mine"]
            assert "✓ created mine/" in words(front.steps)
            await press(pilot, "U")
            await ended(pilot)
            assert files_below(state) == []
            assert "fix 1 is undone" in words(front.steps)

    run(story())


def test_a_folder_that_holds_one_already_is_left_alone_and_named(state: Path) -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            for _ in range(2):
                await press(pilot, "s", "enter")
                await ended(pilot)
                front.worker.run.entry = None
            assert "already exists" in words(front.steps)

    run(story())


def test_escape_saves_nothing(state: Path) -> None:
    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            await on_fix(pilot)
            await press(pilot, "s", "escape")
            assert screen(pilot).worker.run.entry is None
            assert files_below(state) == []

    run(story())


@pytest.mark.parametrize("key", ["A", "s"])
def test_what_gets_worse_is_asked_about_before_a_folder(state: Path, key: str) -> None:
    worse = PredictedChange("pay.test", 443, ("shop/web-1",), "delivered", "blocked", is_worse=True, because="")

    async def story() -> None:
        async with opened_finding(CLASH) as pilot:
            await on_fix(pilot)
            run_ = screen(pilot).worker.run
            run_.plan = replace(run_.plan, impact=Impact(connections=(worse,)))
            await press(pilot, key, "n")
            assert type(screen(pilot)).__name__ == "FixScreen"
            await press(pilot, key, "y")
            assert type(screen(pilot)).__name__ == "FolderScreen"
            await press(pilot, "enter")
            await ended(pilot)
            assert len(files_below(state)) == 2

    run(story())


def test_with_manifests_a_changes_them_and_u_brings_them_back(state: Path, root: Path) -> None:
    snapshot = next((root / "snapshots" / CLASH).rglob("serviceentries.yaml"))
    mine = state / "entries.yaml"
    mine.write_bytes(snapshot.read_bytes())
    before = mine.read_bytes()
    source = Source(path=snapshot.parents[1], manifests=(mine,))

    async def story() -> None:
        async with opened_finding(CLASH, source=source) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            assert str(mine.name) in words(front.diff)
            await press(pilot, "A")
            await ended(pilot)
            assert b"protocol: TLS" in mine.read_bytes()
            await press(pilot, "escape")
            await press(pilot, "u")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
            await ended(pilot)
            await press(pilot, "U")
            await ended(pilot)
            assert mine.read_bytes() == before

    run(story())

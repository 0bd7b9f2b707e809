"""No key that is held down writes anything, and what gets worse is asked about by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.model.fix import Impact, JournalEntry, PredictedChange, Regression
from tests.tui.sessions import Script, ended, faking, on_fix, opened, opened_finding, press, run, screen, words
from tests.tui.waiting import until

CLASH = "tcp-port-clash"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHDOCTOR_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def journal() -> list[JournalEntry]:
    return Journal().entries()


HELD = 30
"""How often a key comes that is held for a second."""


@pytest.mark.parametrize("key", ["a", "enter", "u", "y", "n"])
def test_a_key_that_is_held_down_writes_nothing(key: str) -> None:
    async def story() -> None:
        script = Script()
        async with opened(CLASH, fake=faking(script)) as pilot:
            await press(pilot, "3")
            for _ in range(2):  # the second time the preview is there
                await press(pilot, *[key] * HELD)
                if type(screen(pilot)).__name__ == "FixScreen":
                    await ended(pilot)
            assert (type(screen(pilot)).__name__ == "FixScreen") is (key in ("a", "enter"))
            assert script.did == []
            assert journal() == []

    run(story())


def test_u_that_is_held_down_undoes_nothing() -> None:
    async def story() -> None:
        script = Script()
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            await press(pilot, "A")
            await ended(pilot)
            await press(pilot, *["u"] * HELD)
            await press(pilot, "escape", "escape")
            for _ in range(2):
                await press(pilot, *["u"] * HELD)
                await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
                await ended(pilot)
            assert script.did == ["apply"]
            assert [entry.state for entry in journal()] == ["verified"]

    run(story())


WORSE = Impact(
    pods=("shop/web-1",),
    connections=(
        PredictedChange("pay.test", 443, ("shop/web-1",), "delivered", "blocked", is_worse=True, because="no entry"),
        PredictedChange("github.com", 443, ("shop/web-1",), "misrouted", "delivered", is_worse=False, because=""),
    ),
    regressions=(Regression("tcp-hosts-ignored", "db.test", 3306, ("shop/web-2",), "it lists no address"),),
)


def get_worse(front: Any) -> None:
    """The preview in front predicts that something gets worse."""
    front.worker.run.plan = replace(front.worker.run.plan, impact=WORSE)


def test_what_gets_worse_is_asked_about_by_name_and_only_y_applies() -> None:
    async def story() -> None:
        script = Script()
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            get_worse(front)
            for key in ("enter", "escape", "n", "q"):
                await press(pilot, "A")
                asked = screen(pilot)
                await until(pilot, lambda asked=asked: asked.about.lines)  # type: ignore[misc]
                assert "something worse" in asked._question
                said = words(asked.about)
                assert "pay.test:443: delivered -> blocked for shop/web-1, because no entry" in said
                assert "regression: tcp-hosts-ignored for db.test:3306" in said
                assert "shop/web-2" in said
                assert "github.com" not in said
                await press(pilot, *["A", "a", "u", "U", "s"] * HELD)
                assert screen(pilot) is asked, "the key that was pressed is no answer"
                await press(pilot, key)
                assert screen(pilot) is front
                assert (script.did, journal()) == ([], [])
            await press(pilot, "A", "y")
            await ended(pilot)
            assert script.did == ["apply"]

    run(story())


@pytest.mark.parametrize("size", [(160, 50), (80, 24), (40, 12)])
def test_the_question_shows_its_list_and_its_keys(size: tuple[int, int]) -> None:
    async def story() -> None:
        async with opened_finding(CLASH, size=size, fake=faking(Script())) as pilot:
            await on_fix(pilot)
            get_worse(screen(pilot))
            await press(pilot, "A")
            asked = screen(pilot)
            await until(pilot, lambda: asked.about.lines and asked.about.size.height)
            region = asked.query_one("#keys").region
            assert region.height == 1
            assert asked.region.contains_region(region)
            assert asked.about.size.height >= min(3, len(asked.about.lines))

    run(story())

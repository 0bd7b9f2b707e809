"""The session on a real mesh, by its keys: open, find, fix, verify, undo; and the real connection turns each time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from meshdoctor.doctor import Source
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.session_state import SessionOpening
from tests.lab.accounts import account_from
from tests.lab.lab import Lab
from tests.lab.scenario import Scenario, read_scenario
from tests.lab.test_fixes import verdicts
from tests.lab.test_live_permissions import printed
from tests.lab.test_scenarios import SCENARIOS
from tests.tui.sessions import ended, press, screen, words
from tests.tui.waiting import until

DATABASE = "db.orders.test:3306"


@pytest.fixture
def story(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """Story 1: nobody registered the database."""
    monkeypatch.setenv("MESHDOCTOR_STATE", str(tmp_path / "state"))
    scenario = read_scenario(next(path for path in SCENARIOS if path.stem == "mysql-missing-entry"))
    lab.load(scenario)
    return scenario


def session(kubeconfig: Path) -> MeshdoctorApp:
    return MeshdoctorApp(SessionOpening(lambda: Source(cluster=ClusterSource(kubeconfig=kubeconfig)), "the lab"))


async def to_the_fix(pilot: Pilot[int], app: MeshdoctorApp) -> None:
    """From the first paint to the fix of the database, by keys alone."""
    await until(pilot, lambda: app.session.mesh_state.diagnosis)
    await press(pilot, "3", "slash", *"db.orders", "enter", "enter")
    await until(pilot, lambda: screen(pilot).__class__.__name__ == "FindingScreen")
    assert screen(pilot).finding.rule == "missing-service-entry"
    await until(pilot, lambda: screen(pilot).trace)
    await press(pilot, "a")
    await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
    await ended(pilot)


@pytest.mark.lab
def test_story_1_is_lived_through_with_a_few_keys(lab: Lab, story: Scenario) -> None:
    assert verdicts(lab, story.probes)[DATABASE] == "blocked"

    async def lived() -> None:
        app = session(lab.kubeconfig)
        async with app.run_test(size=(160, 50)) as pilot:
            await to_the_fix(pilot, app)
            front = screen(pilot)
            assert "the server accepts the change (dry run)" in words(front.steps)
            await press(pilot, "A")
            await ended(pilot)
            assert f"✓ {DATABASE}: blocked -> delivered" in words(front.steps)
            assert "✓ fix 1 is applied and verified" in words(front.steps)
            assert (await asyncio.to_thread(verdicts, lab, story.probes))[DATABASE] == "delivered"
            await press(pilot, "escape")
            await until(pilot, lambda: "gone since the last refresh" in str(screen(pilot).query_one("#title").content))
            await press(pilot, "u")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
            await ended(pilot)
            await press(pilot, "U")
            await ended(pilot)
            assert "fix 1 is undone: every verdict is as before the fix" in words(screen(pilot).steps)

    asyncio.run(lived())
    assert verdicts(lab, story.probes)[DATABASE] == "blocked"
    assert [entry.state for entry in Journal().entries()] == ["undone"]


@pytest.mark.lab
def test_without_the_right_the_key_is_greyed_and_the_steps_say_why(lab: Lab, story: Scenario) -> None:
    reader = account_from(lab.control, printed(exec_=True)).kubeconfig

    async def lived() -> None:
        app = session(reader)
        async with app.run_test(size=(120, 40)) as pilot:
            await to_the_fix(pilot, app)
            front = screen(pilot)
            assert "may not create serviceentries" in words(front.steps)
            assert front.check_action("apply", ()) is None
            await press(pilot, "A")

    asyncio.run(lived())
    assert Journal().entries() == []

"""The session while the API server goes away: what is known stays, what is not known says so, and it comes back."""

from __future__ import annotations

import asyncio
import threading

import pytest

from meshdoctor.kube import server_health
from meshdoctor.sources.live import sidecar_reader
from tests.cluster.apiserver import FakeApi, status
from tests.cluster.conftest import MakeSource
from tests.cluster.envoy import Manner
from tests.cluster.live_sessions import drop, drop_pods, look_again, mesh_state, opened, over, pods, to_finding, told
from tests.cluster.meshes import RATINGS, copy_pod, pages_of
from tests.tui.sessions import ended, press, screen, words
from tests.tui.sessions import run as run_story
from tests.tui.waiting import text, until

NAME = RATINGS.split("/")[1]


@pytest.fixture(autouse=True)
def soon_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is away is given up after moments."""
    monkeypatch.setattr(server_health, "PATIENCE", 0.3)


def test_gone_before_the_first_look_is_one_sentence_and_r_tries_again(api: FakeApi, source: MakeSource) -> None:
    api.faults.append(drop)

    async def story() -> None:
        async with opened(source()) as pilot:
            assert "closes the connection without an answer" in " ".join(mesh_state(pilot).failed.because.split())  # type: ignore[union-attr]
            assert "does not answer" in text(pilot)
            assert "R tries again" in text(pilot)
            api.faults.clear()
            await look_again(pilot, "r")
            assert pods(pilot) == {NAME: "judged"}
            assert "does not answer" not in text(pilot)

    run_story(story())


def test_gone_between_two_looks_leaves_everything_and_says_since_when(api: FakeApi, source: MakeSource) -> None:
    async def story() -> None:
        async with opened(source()) as pilot:
            known = list(mesh_state(pilot).findings)
            api.faults.append(drop)
            await look_again(pilot)
            assert list(mesh_state(pilot).findings) == known
            assert pods(pilot) == {NAME: "judged"}
            assert f"not read again since {mesh_state(pilot).read_at}" in text(pilot).splitlines()[0]
            (said,) = told(pilot)
            assert said.endswith("R tries again.")
            await to_finding(pilot)
            await press(pilot, "a")
            await ended(pilot)
            assert "could not be read completely: press R on the main screen to refresh" in words(screen(pilot).steps)
            assert screen(pilot).check_action("apply", ()) is None
            await press(pilot, "escape", "escape")
            api.faults.clear()
            await look_again(pilot)
            assert "not read" not in text(pilot).splitlines()[0]
            assert mesh_state(pilot).changes.count() == (0, 0)

    run_story(story())


def test_gone_in_the_middle_the_rest_turns_unknown_and_nothing_is_called_gone(api: FakeApi, source: MakeSource) -> None:
    copy_pod(api, "other")

    async def story() -> None:
        async with opened(source()) as pilot:
            known = set(mesh_state(pilot).findings)
            await to_finding(pilot)
            api.faults.append(drop_pods)
            front = screen(pilot)
            screen(pilot).app.session.refresh()
            await over(pilot)
            assert "its evidence could not be read again" in str(front.query_one("#title").content)
            assert "✓" not in str(front.query_one("#title").content)
            assert front.trace is not None, "what was open stays"
            await press(pilot, "a")
            await ended(pilot)
            assert "could not be read in the last refresh" in words(screen(pilot).steps)
            assert screen(pilot).check_action("apply", ()) is None
            await press(pilot, "escape", "escape")
            assert pods(pilot) == {NAME: "unread", "other": "unread"}
            assert set(mesh_state(pilot).changes.unseen("findings")) == known
            assert mesh_state(pilot).changes.count() == (0, 0)
            assert any("2 sidecars could not be read again" in one for one in told(pilot))
            shown = text(pilot).split("Findings")[1]
            assert "?✗ tcp-port-clash" in shown
            api.faults.clear()
            await look_again(pilot)
            assert set(mesh_state(pilot).findings) == known
            assert mesh_state(pilot).changes.count() == (0, 0)
            assert mesh_state(pilot).changes.lost("findings") == {}

    run_story(story())


def test_what_was_unseen_and_is_really_gone_is_gone_once_its_pod_is_read(api: FakeApi, source: MakeSource) -> None:
    async def story() -> None:
        async with opened(source()) as pilot:
            known = set(mesh_state(pilot).findings)
            api.faults.append(drop_pods)
            await look_again(pilot)
            await look_again(pilot)
            assert set(mesh_state(pilot).changes.unseen("findings")) == known, "however often it cannot be read"
            api.faults.clear()
            api.objects["serviceentries"] = []
            api.envoys[RATINGS].pages = pages_of("mysql-blocked")
            await look_again(pilot)
            assert pods(pilot) == {NAME: "judged"}, (mesh_state(pilot).failed, mesh_state(pilot).pods[RATINGS].because)
            assert known <= set(mesh_state(pilot).changes.gone("findings"))
            assert mesh_state(pilot).changes.unseen("findings") == {}

    run_story(story())


def test_watching_it_comes_back_by_itself(api: FakeApi, source: MakeSource, monkeypatch: pytest.MonkeyPatch) -> None:
    from meshdoctor.tui import auto_refresh

    monkeypatch.setattr(auto_refresh, "EVERY", 0.05)
    monkeypatch.setattr(auto_refresh, "_TICK", 0.02)

    async def story() -> None:
        async with opened(source()) as pilot:
            await press(pilot, "w")
            api.faults.append(drop)
            await until(pilot, lambda: "not read again since" in text(pilot).splitlines()[0], "it says that it is away")
            assert [one for one in told(pilot) if "does not answer" in one] == [], "a flaky line is no flood of words"
            api.faults.clear()
            await until(pilot, lambda: "1 of 1 sidecars" in text(pilot).splitlines()[0], "it is back")
            await press(pilot, "w")

    run_story(story())


def test_a_sidecar_that_hangs_holds_up_nobody_and_q_leaves_at_once(api: FakeApi, source: MakeSource) -> None:
    copy_pod(api, "still_failing", Manner.SILENT)

    async def story() -> None:
        async with opened(source(pod_seconds=600.0), looked=False) as pilot:
            await until(pilot, lambda: pods(pilot).get(NAME) == "judged", "the other one is judged")
            assert pods(pilot)["still_failing"] == "pending"
            assert mesh_state(pilot).findings
            await press(pilot, "3", "enter")
            await until(pilot, lambda: screen(pilot).trace is not None, "its way can be looked at meanwhile")
            await press(pilot, "ctrl+q")
            assert pilot.app._exit

    run_story(story())
    assert [one for one in threading.enumerate() if one.name == "meshdoctor fetch"], "nobody has waited for its thread"


def test_q_leaves_while_the_server_keeps_the_first_question(api: FakeApi, source: MakeSource) -> None:
    api.faults.append(api.never)

    async def story() -> None:
        async with opened(source(), looked=False) as pilot:
            await until(pilot, lambda: api.asked, "it has been asked")
            await press(pilot, "ctrl+q")
            assert pilot.app._exit

    run_story(story())
    assert [one for one in threading.enumerate() if one.name == "meshdoctor session"]


@pytest.mark.parametrize("where", ["pods", "pods/portforward"])
def test_a_token_that_expires_says_so(api: FakeApi, source: MakeSource, where: str) -> None:
    async def story() -> None:
        async with opened(source()) as pilot:
            known = set(mesh_state(pilot).findings)
            api.faults.append(lambda asked: status(401, "Unauthorized") if asked.resource == where else None)
            await look_again(pilot)
            assert any("they expired or were revoked. Log in again" in one for one in told(pilot))
            assert {key for key in known if mesh_state(pilot).finding(key)} == known
            assert mesh_state(pilot).changes.count() == (0, 0)
            api.faults.clear()
            await look_again(pilot)
            assert pods(pilot) == {NAME: "judged"}

    run_story(story())


def test_a_server_given_up_is_not_waited_for_by_each_sidecar(
    api: FakeApi, source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_health, "PATIENCE", 0.2)
    monkeypatch.setattr(sidecar_reader, "_PAUSES", (0.05,))
    for number in range(40):
        copy_pod(api, f"p{number}")
    api.faults.append(drop_pods)

    async def story() -> None:
        async with opened(source(pod_seconds=600.0, concurrency=2)) as pilot:
            assert set(pods(pilot).values()) == {"unread"}
            asked = {one.name for one in api.asked if one.resource.startswith("pods/")}
            assert len(asked) < 20, "the others are told what the first ones found"
            await asyncio.sleep(0)

    run_story(story())

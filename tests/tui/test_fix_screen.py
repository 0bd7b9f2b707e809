"""A fix from the finding's screen to its undo: on a cluster that a stand-in plays, and on files for real."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from meshdoctor.errors import MeshdoctorError, NotApplied, Unreadable
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.apply.object_writes import ManagedElsewhere, Stale
from meshdoctor.kube.writes import Conflict
from meshdoctor.model.fix import JournalEntry
from tests.tui.sessions import (
    Script,
    ended,
    faking,
    files_below,
    on_fix,
    opened,
    opened_finding,
    press,
    run,
    screen,
    the,
    words,
)
from tests.tui.waiting import until

CLASH = "tcp-port-clash"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESHDOCTOR_STATE", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def journal() -> list[JournalEntry]:
    return Journal().entries()


def test_a_shows_the_diff_and_whom_it_touches_and_changes_nothing() -> None:
    async def story() -> None:
        script = Script()
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            lines = {"".join(cell.text for cell in line): line for line in front.diff.lines}
            assert lines["-    protocol: TCP"][0].tone == "error"
            assert lines["+    protocol: TLS"][0].tone == "fine"
            assert "github.com:443: misrouted to www.huaweicloud.com -> delivered" in words(front.impact)
            assert "the server accepts it (dry run)" in words(front.steps)
            assert "Nothing is changed yet" in words(front.steps)
            assert script.did == []
            assert journal() == []

    run(story())


def test_capital_a_applies_and_the_steps_come_one_by_one_and_capital_u_undoes() -> None:
    async def story() -> None:
        gates = {"waiting": threading.Event(), "checking": threading.Event()}
        script = Script(gates=gates)
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            await press(pilot, "A")
            await until(pilot, lambda: "… 1 of 3 sidecars accepted it" in words(front.steps))
            said = words(front.steps)
            assert "✓ allowed: may patch serviceentries in bookinfo" in said
            assert "✓ fix 1 is in the journal" in said
            assert "✓ changed ServiceEntry bookinfo/hwcloud (2 of 2)" in said
            assert "✓ applied" in said
            assert front.check_action("apply", ()) is None
            gates["waiting"].set()
            await until(pilot, lambda: "… checking again" in words(front.steps))
            assert "✓ 3 of 3 sidecars accepted it" in words(front.steps)
            gates["checking"].set()
            await ended(pilot)
            said = words(front.steps)
            assert "✓ github.com:443: misrouted -> delivered" in said
            assert "✓ fix 1 is applied and verified" in said
            assert "…" not in said
            await press(pilot, "U")
            await ended(pilot)
            assert "✓ fix 1 is undone: every verdict is as before the fix" in words(front.steps)
            assert script.did == ["apply", "undo"]
            assert [entry.state for entry in journal()] == ["undone"]
            assert front.check_action("undo", ()) is None

    run(story())


def test_the_board_looks_again_once_a_fix_has_ended() -> None:
    async def story() -> None:
        async with opened_finding(CLASH, fake=faking(Script())) as pilot:
            before = the(pilot).session.mesh_state.diagnosis
            await on_fix(pilot)
            await press(pilot, "A")
            await ended(pilot)
            await until(pilot, lambda: the(pilot).session.mesh_state.diagnosis is not before)

    run(story())


@pytest.mark.parametrize(
    "problem",
    [
        NotApplied("may not patch serviceentries in bookinfo"),
        ManagedElsewhere("ServiceEntry bookinfo/github is managed by Argo CD (label), which would undo the change"),
        Stale("ServiceEntry bookinfo/github was changed since it was read (by kubectl)"),
        Conflict("ServiceEntry bookinfo/github: another field manager applies .spec.ports"),
        Unreadable("https://api.test does not answer"),
    ],
    ids=["forbidden", "kept", "stale", "conflict", "gone"],
)
def test_what_the_cluster_refuses_is_a_line_and_greys_the_key(problem: MeshdoctorError) -> None:
    async def story() -> None:
        script = Script(refuses=problem)
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            assert f"✗ {problem}" in words(front.steps)
            assert front.check_action("apply", ()) is None
            assert front.check_action("save", ()) is True
            assert front.diff.lines
            await press(pilot, "A", "U")
            assert script.did == []

    run(story())


def test_a_fault_of_our_own_is_a_line_as_well() -> None:
    async def story() -> None:
        script = Script(refuses=ZeroDivisionError("by zero"))  # type: ignore[arg-type]
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            assert "✗ a bug in meshdoctor: ZeroDivisionError: by zero" in words(screen(pilot).steps)

    run(story())


def test_what_is_refused_only_once_it_is_written_leaves_nothing_and_can_be_tried_again() -> None:
    async def story() -> None:
        script = Script(breaks=Unreadable("admission webhook says no"))
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            await press(pilot, "A")
            await ended(pilot)
            said = words(front.steps)
            assert "✗ admission webhook says no" in said
            assert "Fix 1 was not applied: nothing was changed" in said
            script.breaks = None
            await press(pilot, "A")
            await ended(pilot)
            assert "✓ fix 2 is applied and verified" in words(front.steps)
            assert [entry.state for entry in journal()] == ["failed", "verified"]

    run(story())


def test_what_stops_half_way_is_offered_to_be_gone_on_with() -> None:
    async def story() -> None:
        script = Script(breaks=Unreadable("the API server has gone"), leaves="applied")
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            await press(pilot, "A")
            await ended(pilot)
            assert "may be applied in part: U undoes it, A resumes it" in words(front.steps)
            script.breaks = None
            await press(pilot, "A")
            await ended(pilot)
            assert "✓ fix 1 is applied and verified" in words(front.steps)
            assert script.did == ["apply", "resume"]

    run(story())


@pytest.mark.parametrize(("answer", "did"), [("y", ["apply", "undo"]), ("n", ["apply"])])
def test_where_something_got_worse_the_undo_is_offered_at_once(answer: str, did: list[str]) -> None:
    async def story() -> None:
        script = Script(is_worse=True)
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            await press(pilot, "A")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "AskScreen")
            await press(pilot, answer)
            await until(pilot, lambda: screen(pilot) is front)
            await ended(pilot)
            assert script.did == did
            if answer == "n":
                assert "regression: other.test:443: delivered -> blocked" in words(front.steps)

    run(story())


def test_a_proxy_that_lags_is_named_and_nothing_is_called_verified() -> None:
    async def story() -> None:
        async with opened_finding(CLASH, fake=faking(Script(pending=True))) as pilot:
            await on_fix(pilot)
            await press(pilot, "A")
            await ended(pilot)
            said = words(screen(pilot).steps)
            assert "? 2 of 3 sidecars accepted it" in said
            assert "? pending: no new configuration was seen in shop/slow" in said

    run(story())


def test_leaving_in_the_middle_asks_and_the_fix_goes_on() -> None:
    async def story() -> None:
        gate = threading.Event()
        script = Script(gates={"waiting": gate})
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            finding = screen(pilot)
            await on_fix(pilot)
            front = screen(pilot)
            await press(pilot, "A")
            await until(pilot, lambda: journal())
            await press(pilot, "escape", "n")
            assert screen(pilot) is front
            await press(pilot, "escape", "y")
            await until(pilot, lambda: screen(pilot) is finding)
            await press(pilot, "u")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
            assert screen(pilot).worker is front.worker
            await press(pilot, "escape", "y")
            gate.set()
            await until(pilot, lambda: any("Fix finished" in n.title for n in pilot.app._notifications))
            assert [entry.state for entry in journal()] == ["verified"]

    run(story())


def test_going_back_and_quitting_in_the_middle_ask_first() -> None:
    async def story() -> None:
        gate = threading.Event()
        async with opened_finding(CLASH, fake=faking(Script(gates={"waiting": gate}))) as pilot:
            await on_fix(pilot)
            await press(pilot, "A")
            await until(pilot, lambda: journal())
            for leaves in ("q", "escape"):
                await press(pilot, leaves)
                assert "The fix continues in the background" in screen(pilot)._question
                await press(pilot, "q")
                assert type(screen(pilot)).__name__ == "FixScreen", "q is no, as escape is"
            await press(pilot, "ctrl+q")
            assert "A fix is being applied" in screen(pilot)._question
            await press(pilot, "n")
            assert pilot.app.is_running
            await press(pilot, "ctrl+q", "y")
            assert pilot.app.return_code == 0
            gate.set()

    run(story())


def test_read_only_greys_apply_and_says_why_and_saves_all_the_same(state: Path) -> None:
    async def story() -> None:
        script = Script()
        async with opened_finding(CLASH, fake=faking(script), read_only=True) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            assert "read-only" in words(front.steps)
            assert front.check_action("apply", ()) is None
            await press(pilot, "A", "s", "enter")
            await ended(pilot)
            assert script.did == []
            assert "meshdoctor-fixes/kustomization.yaml" in files_below(state)
            assert "to apply it: kubectl" in words(front.steps)

    run(story())


def test_a_fix_by_hand_says_what_to_do_and_greys_the_keys() -> None:
    async def story() -> None:
        async with opened_finding(CLASH, fake=faking(Script())) as pilot:
            await on_fix(pilot, "3")
            front = screen(pilot)
            assert "set exportTo" in words(front.diff)
            assert [front.check_action(key, ()) for key in ("apply", "save", "undo")] == [None, None, None]
            assert "is manual: nothing is written" in words(front.steps)

    run(story())


def test_undo_later_from_the_finding_and_from_the_main_screen() -> None:
    async def story() -> None:
        script = Script()
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            finding = screen(pilot)
            await on_fix(pilot)
            await press(pilot, "A")
            await ended(pilot)
            await press(pilot, "escape")
            await until(pilot, lambda: finding.fixes.entry)
            assert "fix 1 of this finding is applied and verified" in words(finding.fixes)
            await press(pilot, "u")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
            await ended(pilot)
            lines = ["".join(cell.text for cell in line) for line in screen(pilot).diff.lines]
            assert "+    protocol: TCP" in lines
            assert "U undoes it" in words(screen(pilot).steps)
            await press(pilot, "escape", "escape", "u")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
            await ended(pilot)
            await press(pilot, "U")
            await ended(pilot)
            assert script.did == ["apply", "undo"]
            await press(pilot, "escape", "u")
            await until(pilot, lambda: any("no fix" in n.message for n in pilot.app._notifications))

    run(story())


def test_an_interrupted_fix_is_offered_when_the_session_opens() -> None:
    async def story() -> None:
        script = Script(breaks=Unreadable("gone"), leaves="planned")
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            await press(pilot, "A")
            await ended(pilot)
        script.breaks = None
        async with opened(CLASH, fake=faking(script)) as pilot:
            await until(pilot, lambda: any("was interrupted" in n.message for n in pilot.app._notifications))
            await press(pilot, "u")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
            await ended(pilot)
            assert "A resumes and verifies it" in words(screen(pilot).steps)
            await press(pilot, "A")
            await ended(pilot)
            assert script.did == ["apply", "resume"]
            assert [entry.state for entry in journal()] == ["verified"]

    run(story())


def test_a_fix_that_waits_for_a_person_is_offered_to_be_verified() -> None:
    async def story() -> None:
        script = Script(left="restart the pods")
        async with opened_finding(CLASH, fake=faking(script)) as pilot:
            await on_fix(pilot)
            await press(pilot, "A")
            await ended(pilot)
            assert "manual steps restart the pods" in words(screen(pilot).steps)

    run(story())


def test_the_postmortem_tells_what_was_done() -> None:
    async def story() -> None:
        async with opened_finding(CLASH, fake=faking(Script())) as pilot:
            await on_fix(pilot)
            await press(pilot, "A")
            await ended(pilot)
            await press(pilot, "escape", "e")
            await until(pilot, lambda: pilot.app.clipboard)
            text = pilot.app.clipboard
            assert "## What was done" in text
            assert "State: verified." in text
            assert "misrouted before, delivered after" in text
            assert "+    protocol: TLS" in text

    run(story())


@pytest.mark.parametrize("size", [(80, 24), (20, 5)])
def test_where_there_is_little_room_the_steps_come_to_the_front(size: tuple[int, int]) -> None:
    async def story() -> None:
        async with opened_finding(CLASH, size=size, fake=faking(Script())) as pilot:
            await on_fix(pilot)
            front = screen(pilot)
            assert (front.diff.display, front.query_one("#beside").display) == (True, False)
            await press(pilot, "A")
            await ended(pilot)
            assert (front.diff.display, front.query_one("#beside").display) == (False, True)
            assert "fix 1 is applied and verified" in words(front.steps)

    run(story())

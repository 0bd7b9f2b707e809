"""Fixes of the session on a cluster that refuses, changes meanwhile, or goes away: nothing is lost, and it is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import structs
from textual.pilot import Pilot

from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
from meshdoctor.fixes.fix_context import FixContext
from meshdoctor.kube import writes as writing
from meshdoctor.model.fix import FixListener
from meshdoctor.model.resolver import Resolver
from tests.cluster.apiserver import Answer, Asked, FakeApi
from tests.cluster.conftest import MakeSource
from tests.cluster.live_sessions import drop, look_again, opened
from tests.cluster.store import find, put
from tests.cluster.test_fix import ENTRY, blocked, clash, entry_of, managed, once, state, states
from tests.conftest import Cli
from tests.tui.sessions import ended, files_below, press, run, screen, the, words
from tests.tui.waiting import until

__all__ = ["blocked", "clash", "state"]

pytestmark = pytest.mark.usefixtures("kubeconfig", "impatient")

UNDO = ("undo", "1", "--yes", "--dns", "local", "--wait", "1s")


class Wait:
    """How long proxies are waited for, in seconds."""

    seconds = 30.0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies are waited for as long as `Wait` says."""
    monkeypatch.setattr(Wait, "seconds", 30.0)

    real = FixContext.applier

    def patient(context: FixContext, tell: FixListener) -> ClusterApplier:
        return real(structs.replace(context, seconds=Wait.seconds), tell)

    monkeypatch.setattr(FixContext, "applier", patient)


@asynccontextmanager
async def on_the_fix(source: MakeSource, rule: str) -> AsyncIterator[Pilot[int]]:
    """The session with the first fix of the first finding of a rule worked out."""
    async with opened(source(resolver=Resolver.LOCAL)) as pilot:
        app = the(pilot)
        (found, *_) = [one for one in app.session.mesh_state.findings.values() if one.finding.rule == rule]
        app.main.open_finding(found.key)
        await until(pilot, lambda: screen(pilot).__class__.__name__ == "FindingScreen")
        await press(pilot, "a")
        await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
        await ended(pilot)
        yield pilot


async def do(pilot: Pilot[int], key: str) -> str:
    """Presses a key of the fix's screen, waits for the end, and gives what the steps say."""
    await press(pilot, key)
    await ended(pilot)
    return words(screen(pilot).steps)


def can(pilot: Pilot[int], what: str) -> bool:
    """Whether a key of the fix's screen does something."""
    found: bool | None = screen(pilot).check_action(what, ())
    return bool(found)


MISSING = "missing-service-entry"
CLASH = "tcp-port-clash"


def test_it_is_applied_verified_and_taken_back(blocked: FakeApi, source: MakeSource) -> None:
    async def story() -> None:
        async with on_the_fix(source, MISSING) as pilot:
            assert "fix 1 is applied and verified" in await do(pilot, "A")
            assert find(blocked, *ENTRY) is not None
            assert "is undone" in await do(pilot, "U")
            assert find(blocked, *ENTRY) is None

    run(story())
    assert states() == ["undone"]


def test_without_the_right_the_key_is_grey_and_the_steps_say_why(blocked: FakeApi, source: MakeSource) -> None:
    blocked.forbidden = lambda asked: asked.verb in ("create", "patch") and asked.resource == "serviceentries"

    async def story() -> None:
        async with on_the_fix(source, MISSING) as pilot:
            assert "this account may not create serviceentries" in words(screen(pilot).steps)
            assert not can(pilot, "apply")
            assert can(pilot, "save"), "it can be handed on as files"

    run(story())
    assert states() == []


def test_a_field_that_another_manager_holds_is_not_taken(clash: FakeApi, source: MakeSource) -> None:
    managed(entry_of(clash, "github"), "argocd-controller", "Apply", "ports")

    async def story() -> None:
        async with on_the_fix(source, CLASH) as pilot:
            assert "argocd-controller" in words(screen(pilot).steps)
            assert not can(pilot, "apply")

    run(story())
    assert states() == []


def test_an_object_that_somebody_wrote_between_preview_and_apply(clash: FakeApi, source: MakeSource) -> None:
    async def story() -> None:
        async with on_the_fix(source, CLASH) as pilot:
            assert can(pilot, "apply")
            changed = entry_of(clash, "github")
            put(clash, "serviceentries", changed, {**changed, "spec": {**changed["spec"], "hosts": ["other.test"]}})
            said = await do(pilot, "A")
            assert "changed since it was read" in said, said
            assert entry_of(clash, "github")["spec"]["hosts"] == ["other.test"]

    run(story())
    assert states() in ([], ["failed"])


def test_a_server_away_while_it_is_worked_out_is_a_line_and_it_can_be_tried_again(
    blocked: FakeApi, source: MakeSource
) -> None:
    def away(asked: Asked) -> Answer | None:
        return drop(asked) if asked.verb == "create" or asked.query.get("dryRun") else None

    blocked.faults.append(away)

    async def story() -> None:
        async with on_the_fix(source, MISSING) as pilot:
            said = words(screen(pilot).steps)
            assert "does not answer" in said
            assert "To try again, press esc and open the fix again" in said
            assert not can(pilot, "apply")
            blocked.faults.clear()
            await press(pilot, "escape", "a")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
            await ended(pilot)
            assert "verified" in await do(pilot, "A")

    run(story())
    assert states() == ["verified"]


def test_a_server_that_goes_away_at_the_write_is_written_down_and_taken_back_later(
    blocked: FakeApi, source: MakeSource, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[bool] = []
    patience = writing.SECONDS

    def away(asked: Asked) -> Answer | None:
        if asked.is_write:
            gone.append(True)
            monkeypatch.setattr(writing, "SECONDS", 1.0)
        return drop(asked) if gone else None

    async def story() -> None:
        async with on_the_fix(source, MISSING) as pilot:
            blocked.faults.append(away)
            said = await do(pilot, "A")
            assert "does not answer" in said
            assert "Fix 1 may be applied in part: U undoes it, A resumes it" in said
            assert states() == ["applied"]
            blocked.faults.clear()
            monkeypatch.setattr(writing, "SECONDS", patience)
            assert "verified" in await do(pilot, "A")

    run(story())
    assert states() == ["verified"]
    assert cli(*UNDO).code == 0
    assert find(blocked, *ENTRY) is None


def test_a_server_that_goes_away_after_the_write_verifies_nothing_and_u_works_later(
    blocked: FakeApi, source: MakeSource
) -> None:
    push = blocked.on_write

    def write() -> None:
        push()
        blocked.faults.append(drop)

    async def story() -> None:
        async with on_the_fix(source, MISSING) as pilot:
            blocked.on_write = write
            Wait.seconds = 0.5
            said = await do(pilot, "A")
            assert "is applied, not verified" in said
            Wait.seconds = 30.0
            assert "could not be checked again" in said
            assert states() == ["unverified"]
            blocked.faults.clear()
            blocked.on_write = push
            assert "is undone" in await do(pilot, "U")
            assert find(blocked, *ENTRY) is None
            await press(pilot, "escape", "escape")
            await look_again(pilot)

    run(story())
    assert states() == ["undone"]


def test_a_server_away_at_the_undo_leaves_the_fix_to_be_taken_back(blocked: FakeApi, source: MakeSource) -> None:
    async def story() -> None:
        async with on_the_fix(source, MISSING) as pilot:
            await do(pilot, "A")
            blocked.faults.append(drop)
            assert "does not answer" in await do(pilot, "U")
            assert can(pilot, "undo")
            blocked.faults.clear()
            assert "is undone" in await do(pilot, "U")

    run(story())
    assert states() == ["undone"]


def test_a_write_that_fails_once_is_no_doubt_left(clash: FakeApi, source: MakeSource) -> None:
    """The second of two writes gets no answer: the first one is taken back."""
    before = [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")]

    async def story() -> None:
        async with on_the_fix(source, CLASH) as pilot:
            seen: list[Asked] = []

            def second(asked: Asked) -> bool:
                seen.extend([asked] * asked.is_write)
                return len(seen) == 2

            clash.faults.append(once((0, b""), second))
            said = await do(pilot, "A")
            assert "nothing was changed" in said, said

    run(story())
    assert [entry_of(clash, name)["spec"] for name in ("github", "hwcloud")] == before
    assert states() == ["failed"]


def test_s_is_in_the_journal_and_u_takes_it_back_and_a_still_applies(
    blocked: FakeApi, source: MakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    async def story() -> None:
        async with on_the_fix(source, MISSING) as pilot:
            await press(pilot, "s", "enter")
            await ended(pilot)
            assert "fix 1 is in the journal: U undoes it" in words(screen(pilot).steps)
            assert "meshdoctor-fixes/kustomization.yaml" in files_below(work)
            assert states() == ["written"]
            assert can(pilot, "apply")
            assert "fix 1 is undone" in await do(pilot, "U")
            assert files_below(work) == []
            assert states() == ["undone"]
            await press(pilot, "s", "enter")
            await ended(pilot)
            assert "fix 3 is applied and verified" in await do(pilot, "A")
            assert "is undone" in await do(pilot, "U")
            assert states() == ["undone", "written", "undone"]
            await press(pilot, "escape", "escape", "u")
            await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
            await ended(pilot)
            assert "Fix 2" in str(screen(pilot).query_one("#title").content), "from the main screen as well"
            await do(pilot, "U")

    run(story())
    assert files_below(work) == []
    assert states() == ["undone", "undone", "undone"]

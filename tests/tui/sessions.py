"""A session on a bundled snapshot, and a stand-in for who writes to a cluster, with gates to stop it at."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct, structs
from textual.pilot import Pilot

from meshdoctor.doctor import Source
from meshdoctor.errors import MeshdoctorError
from meshdoctor.fixes.apply.cluster_applier import ClusterApplier
from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.fixes.apply.object_writes import PreparedChange, inverse
from meshdoctor.fixes.fix_context import FixContext
from meshdoctor.fixes.fix_evidence import FixEvidence
from meshdoctor.fixes.plan.fix_plan import FixPlan
from meshdoctor.kube.writes import WriteTarget, target_of
from meshdoctor.model.fix import (
    Acceptance,
    Change,
    ConnectionChange,
    FindingSummary,
    FixEvent,
    FixListener,
    FixResult,
    FixTarget,
    JournalEntry,
    Verification,
    WrittenChange,
)
from meshdoctor.model.verdict import Severity, Verdict
from meshdoctor.semantics.istio.subjects import subject
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.text.times import now
from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.session_fixes import SessionFixes
from meshdoctor.tui.session_state import SessionOpening
from meshdoctor.tui.user_settings import Settings
from tests.tui.waiting import PATIENCE, settled, until

MakeFake = Callable[[Journal, str, FixListener], ClusterApplier]


def run(story: Coroutine[Any, Any, None]) -> None:
    """Runs an asynchronous test."""
    asyncio.run(story)


@asynccontextmanager
async def opened(
    snapshot: str = "tcp-port-clash",
    size: tuple[int, int] = (160, 50),
    *,
    source: Source | None = None,
    fake: MakeFake | None = None,
    read_only: bool = False,
    settings: Settings | None = None,
) -> AsyncIterator[Pilot[int]]:
    """The session with its look over. With `fake` it believes to look at a cluster, which `fake` writes to."""
    looked_at = source or Source(snapshot=snapshot)
    app = MeshdoctorApp(SessionOpening(lambda: looked_at, "here", is_read_only=read_only), settings or Settings())
    if fake is not None:
        app.session.__dict__["fixes"] = OnCluster(app.session, fake)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.session.mesh_state.diagnosis)
        yield pilot


@asynccontextmanager
async def opened_finding(rule: str, *args: Any, **kwargs: Any) -> AsyncIterator[Pilot[int]]:
    """The same with the first finding of a rule opened."""
    async with opened(*args, **kwargs) as pilot:
        app = the(pilot)
        found = next(f for f in app.session.mesh_state.diagnosis.findings if f.rule == rule)  # type: ignore[union-attr]
        app.main.open_finding(found.fingerprint)
        await until(pilot, lambda: screen(pilot).__class__.__name__ == "FindingScreen")
        front = screen(pilot)
        await until(pilot, lambda: front.evidence.rows.folding.rows or not found.evidence)
        yield pilot


def the(pilot: Pilot[int]) -> MeshdoctorApp:
    """The app."""
    assert isinstance(pilot.app, MeshdoctorApp)
    return pilot.app


def screen(pilot: Pilot[int]) -> Any:
    """The screen in front."""
    return pilot.app.screen


def words(view: Any) -> str:
    """What a part of a screen says, its lines joined by blanks."""
    return " ".join(" ".join("".join(cell.text for cell in line).split()) for line in view.lines)


class OnCluster(SessionFixes):
    """Believes that there is a cluster."""

    def __init__(self, session: Any, fake: MakeFake) -> None:
        super().__init__(session)
        self._fake = fake

    @property
    def context(self) -> FixContext:
        here, location = super().context, self._session.mesh_state.location
        fields = {name: getattr(here, name) for name in here.__struct_fields__}
        fields["source"] = Source(cluster=ClusterSource(context=location))
        return FakeCluster(**fields, fake=self._fake)


class FakeCluster(FixContext, frozen=True, kw_only=True):
    """A cluster that a stand-in writes to."""

    fake: MakeFake

    def applier(self, tell: FixListener) -> ClusterApplier:
        return self.fake(self.journal, self.location, tell)


class Script(Struct):
    """What becomes of a fix. A step named in `gates` waits for its gate."""

    refuses: MeshdoctorError | None = None
    """The rights and the dry run."""
    breaks: MeshdoctorError | None = None
    """Once it is journaled."""
    leaves: str = "failed"
    """The entry's state then."""
    is_worse: bool = False
    pending: bool = False
    left: str = ""
    """What a person has to do."""
    gates: dict[str, threading.Event] = {}
    did: list[str] = []


class FakeApplier(ClusterApplier):
    """Keeps the journal as the real one does, and changes nothing."""

    def __init__(self, script: Script, journal: Journal, location: str, tell: FixListener) -> None:
        self.script = script
        self._journal = journal
        self._context = location
        self._tell = tell

    def _step(self, event: FixEvent) -> None:
        self._tell(event)
        gate = self.script.gates.get(event.step)
        if gate is not None:
            assert gate.wait(PATIENCE)

    def try_out(self, changes: Sequence[Change]) -> list[PreparedChange]:
        if self.script.refuses is not None:
            raise self.script.refuses
        self._tell(FixEvent("tried", "the server accepts it (dry run)"))
        return [PreparedChange(change=change, target=_target(change), way="apply") for change in changes]

    def apply(self, evidence: FixEvidence, plan: FixPlan, prepared: Sequence[PreparedChange]) -> FixResult:
        self.script.did.append("apply")
        found = plan.finding
        entry = self._journal.add(
            lambda number: JournalEntry(
                id=number,
                state="planned",
                at=now(),
                place=FixTarget(server="https://api.test", context=self._context),
                fingerprint=found.fingerprint,
                rule=found.rule,
                subject=subject(found),
                fix=plan.fix.id,
                title=plan.fix.title,
                pods=found.pods,
                written=tuple(WrittenChange(change=one.change) for one in prepared),
                before=evidence.baseline(),
                manual_steps=self.script.left,
            )
        )
        self._step(FixEvent("journaled", f"fix {entry.id} is in the journal", number=entry.id))
        if self.script.breaks is not None:
            self._journal.update(entry, state=self.script.leaves, note=str(self.script.breaks))
            raise self.script.breaks
        return self._finish(entry)

    def _finish(self, entry: JournalEntry) -> FixResult:
        for number, one in enumerate(entry.written, 1):
            self._step(FixEvent("written", f"changed {one.change.key}", number, len(entry.written)))
        entry = self._journal.update(entry, state="applied")
        self._step(FixEvent("applied", "applied"))
        self._step(FixEvent("waiting", "1 of 3 sidecars accepted it", 1, 3))
        done = 2 if self.script.pending else 3
        self._step(FixEvent("waiting", f"{done} of 3 sidecars accepted it", done, 3))
        self._step(FixEvent("checking", "checking again"))
        self._step(FixEvent("checked", "the finding is gone"))
        verification = _verification(entry, is_worse=self.script.is_worse)
        state = "unverified" if self.script.is_worse or self.script.pending else "verified"
        waited = Acceptance(accepted=entry.pods, pending=("shop/slow",) if self.script.pending else ())
        entry = self._journal.update(entry, state=state, note="the finding is gone")
        return FixResult(entry=entry, acceptance=waited, verification=verification)

    def resume(self, entry: JournalEntry) -> FixResult:
        self.script.did.append("resume")
        return self._finish(structs.replace(entry, manual_steps=""))

    def undo_plan(self, entry: JournalEntry) -> list[PreparedChange]:
        if self.script.refuses is not None:
            raise self.script.refuses
        changes = [inverse(one.change) for one in entry.written]
        return [PreparedChange(change=change, target=_target(change), way="edit") for change in changes]

    def undo(self, entry: JournalEntry, prepared: Sequence[PreparedChange]) -> FixResult:
        self.script.did.append("undo")
        self._step(FixEvent("applied", "it is as it was"))
        entry = self._journal.update(entry, state="undone")
        return FixResult(
            entry=entry, acceptance=Acceptance(accepted=entry.pods), verification=Verification(is_gone=False)
        )


def _verification(entry: JournalEntry, *, is_worse: bool) -> Verification:
    better = tuple(ConnectionChange(pod, entry.subject, Verdict.MISROUTED, Verdict.DELIVERED) for pod in entry.pods)
    if not is_worse:
        return Verification(is_gone=True, improvements=better)
    worse = ConnectionChange(entry.pods[0], "other.test:443", Verdict.DELIVERED, Verdict.BLOCKED)
    new = FindingSummary("missing-service-entry", "other.test", 443, Severity.ERROR, "nothing registers it")
    return Verification(is_gone=True, improvements=better, regressions=(worse,), new_findings=(new,))


def _target(change: Change) -> WriteTarget:
    key = change.key
    return target_of(key.api_version, key.kind, key.namespace, key.name)


def faking(script: Script) -> MakeFake:
    """Makes appliers that follow a script."""
    return lambda journal, location, tell: FakeApplier(script, journal, location, tell)


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Presses keys one after the other, each taken in before the next."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def ended(pilot: Pilot[int]) -> None:
    """Waits until the fix of the screen in front is at rest, and is shown so."""
    front = screen(pilot)
    await until(pilot, lambda: not front.worker.is_busy)


async def on_fix(pilot: Pilot[int], *keys: str) -> None:
    """Opens a fix of the finding in front, and waits until it is worked out."""
    await press(pilot, *keys, "a")
    await until(pilot, lambda: screen(pilot).__class__.__name__ == "FixScreen")
    await ended(pilot)


def files_below(folder: Path) -> list[str]:
    """Names of the files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

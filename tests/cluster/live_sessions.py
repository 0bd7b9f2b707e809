"""A session on the fake API server, by its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from textual.pilot import Pilot

from meshdoctor.doctor import Source
from meshdoctor.sources.live.cluster_source import ClusterSource
from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.session_state import SessionOpening
from meshdoctor.tui.state.mesh_state import MeshState
from tests.cluster.apiserver import Answer, Asked, FakeApi
from tests.tui.sessions import press, screen, the
from tests.tui.waiting import until

_SAID: WeakKeyDictionary[MeshdoctorApp, list[str]] = WeakKeyDictionary()
"""What apps notify: a terminal shows it for some seconds only."""


@asynccontextmanager
async def opened(source: ClusterSource, *, looked: bool = True) -> AsyncIterator[Pilot[int]]:
    """The session on a cluster; with its first look over, however that ended, unless it is not `looked`."""
    app = MeshdoctorApp(SessionOpening(lambda: Source(cluster=source), "lab"))
    said, notify = _SAID.setdefault(app, []), app.notify

    def heard(message: str, **how: Any) -> None:
        said.append(message)
        notify(message, **how)

    app.notify = heard  # type: ignore[method-assign]
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        if looked:
            await over(pilot)
        yield pilot


async def over(pilot: Pilot[int]) -> None:
    """Waits until no look is under way, and what it told is shown."""
    app = the(pilot)

    def is_over() -> bool:
        diagnosis_session = app.session.diagnosis_session
        is_busy = diagnosis_session is not None and diagnosis_session.is_busy
        return not is_busy and not app.session.has_news and not app.session.mesh_state.is_refreshing

    await until(pilot, is_over, "the look is over")


async def look_again(pilot: Pilot[int], key: str = "R") -> None:
    """Has it look again, and waits for the end."""
    await press(pilot, key)
    await over(pilot)


async def to_finding(pilot: Pilot[int]) -> None:
    """Opens the first finding, with its way."""
    await press(pilot, "3", "enter")
    await until(pilot, lambda: screen(pilot).__class__.__name__ == "FindingScreen")
    await until(pilot, lambda: screen(pilot).trace is not None, "the way is there")


def mesh_state(pilot: Pilot[int]) -> MeshState:
    """What the session knows."""
    return the(pilot).session.mesh_state


def pods(pilot: Pilot[int]) -> dict[str, str]:
    """State by pod name."""
    return {row.name: row.state for row in mesh_state(pilot).pods.values()}


def told(pilot: Pilot[int]) -> list[str]:
    """What was notified."""
    return _SAID[the(pilot)]


def drop(asked: Asked) -> Answer:
    """A fault: the server hangs up."""
    return 0, b""


def drop_pods(asked: Asked) -> Answer | None:
    """A fault: objects are listed, and sidecars cannot be reached."""
    return (0, b"") if asked.resource.startswith("pods/") else None


def without(api: FakeApi, pod: str) -> None:
    """Deletes a pod."""
    namespace, _, name = pod.partition("/")
    api.objects["pods"] = [one for one in api.objects["pods"] if one["metadata"]["name"] != name]
    api.envoys.pop(f"{namespace}/{name}", None)

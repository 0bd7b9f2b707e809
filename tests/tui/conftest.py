"""The app without a terminal: opened on something, driven by keys, looked at by its messages and view models."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rich.segment import Segment
from textual.pilot import Pilot

from meshdoctor.doctor import Source
from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.session_state import SessionOpening
from meshdoctor.tui.state.view_state import RowSelection
from meshdoctor.tui.user_settings import Settings
from tests.tui import waiting

SNAPSHOT = "tcp-port-clash-scoped"
"""Two pods in two namespaces, two hosts."""

Script = Callable[["Driven"], Awaitable[None]]
Drive = Callable[..., None]


class Driven:
    """An app that runs. `seen` holds every message that its screens got."""

    def __init__(self, app: MeshdoctorApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        """Presses keys and waits for what they do."""
        await self.pilot.press(*keys)
        await self.settled()

    async def settled(self) -> None:
        """Waits until nothing is under way."""
        await waiting.settled(self.pilot)

    async def looked(self) -> None:
        """Waits for the end of the look under way."""
        await self.until(lambda: not self.app.session.mesh_state.is_refreshing, "the look has ended")

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Waits until something holds; `what` says what, for when it never does."""
        await waiting.until(self.pilot, holds, what)

    async def shows(self, text: str) -> None:
        """Waits until a text is on the screen."""
        await self.until(lambda: text in self.text(), f"{text!r} is on the screen")

    def keys(self, panel: str) -> list[Any]:
        """Keys of the rows of a panel, as its table has them."""
        keys: list[Any] = self.app.main.query_one(f"#{panel}").table.keys  # type: ignore[attr-defined]
        return keys

    def choices(self) -> tuple[RowSelection, ...]:
        """What is chosen."""
        return self.app.session.view_state.choices

    def front(self) -> str:
        """The panel in use."""
        return self.app.main.front

    def title(self, panel: str) -> str:
        """A panel's title."""
        title: str = self.app.main.query_one(f"#{panel}").title_text  # type: ignore[attr-defined]
        return title

    def lines(self) -> list[list[Segment]]:
        """What the terminal is sent for the screen, line by line."""
        screen = self.app.screen
        lines = screen._compositor.render_strips(self.app.size)
        for filter_ in self.app._filters:
            if filter_.enabled:
                lines = [line.apply_filter(filter_, screen.background_colors[1]) for line in lines]
        return [list(line) for line in lines]

    def text(self) -> str:
        """What is on the screen, without colour."""
        return waiting.text(self.pilot)


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drive:
    """Opens the app on a snapshot, or on `source`, waits for the first look, and runs a script on it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    # After each key the pilot sleeps so long, again and again, until the process is idle.
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.004)

    def run(
        script: Script,
        *,
        snapshot: str = SNAPSHOT,
        source: Callable[[], Source] | None = None,
        size: tuple[int, int] = (160, 50),
        settings: Settings | None = None,
        **opening: Any,
    ) -> None:
        async def main() -> None:
            made = SessionOpening(source or (lambda: Source(snapshot=snapshot)), snapshot, **opening)
            app = MeshdoctorApp(made, settings)
            async with app.run_test(size=size, notifications=True) as pilot:
                driven = Driven(app, pilot)
                await driven.looked()
                await script(driven)

        asyncio.run(main())

    return run

"""The scenes: on what the session opens, in which looks, and the keys that lead to the picture."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import chdir, contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

from msgspec import Struct
from textual.pilot import Pilot

from meshdoctor.doctor import Source
from meshdoctor.tui.app import MeshdoctorApp
from meshdoctor.tui.session_state import SessionOpening
from meshdoctor.tui.user_settings import Settings
from tests.pictures.mesh import put_together
from tests.tui.sessions import OnCluster, Script, ended, faking, on_fix, press, screen
from tests.tui.waiting import settled, until

HERE = Path(__file__).parent
DRAWN_BY = {"textual": "8.2.8", "rich": "15.0.0"}
"""Other versions draw other lines; pyproject.toml pins these for the tests."""
CLOCK = datetime(2026, 11, 21, 14, 2)
_FONT = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""Loaded from elsewhere by the SVG that Rich writes; any monospaced font will do."""

Play = Callable[[Pilot[int]], Awaitable[None]]


class Scene(Struct, frozen=True):
    """One picture. `mesh` is the snapshots together, else `snapshot` or nothing that can be read."""

    play: Play
    columns: int = 120
    lines: int = 36
    snapshot: str = ""
    mesh: bool = False
    theme: str = "dark"
    ascii_only: bool = False
    no_colour: bool = False
    cluster: bool = False
    """A stand-in plays the cluster that a fix is applied to."""
    read_only: bool = False


def keys(*pressed: str) -> Play:
    """Presses keys and waits for what threads were asked."""

    async def play(pilot: Pilot[int]) -> None:
        await press(pilot, *pressed)
        await settled(pilot)

    return play


async def _finding(pilot: Pilot[int]) -> None:
    await press(pilot, "3", "enter")
    await until(pilot, lambda: screen(pilot).__class__.__name__ == "FindingScreen")
    front = screen(pilot)
    await until(pilot, lambda: front.evidence.rows.folding.rows)
    await settled(pilot)


async def _fix(pilot: Pilot[int]) -> None:
    await _finding(pilot)
    await on_fix(pilot)


async def _applied(pilot: Pilot[int]) -> None:
    await _fix(pilot)
    await press(pilot, "A")
    await ended(pilot)
    await settled(pilot)


async def _resized(pilot: Pilot[int]) -> None:
    await pilot.resize_terminal(20, 5)
    await settled(pilot)


CLASH = "tcp-port-clash"
SCENES = {
    "main": Scene(keys(), mesh=True),
    "main-narrowed": Scene(keys("j", "j", "tab", "j"), mesh=True, columns=160, lines=50),
    "main-80x24": Scene(keys("3", "j"), mesh=True, columns=80, lines=24),
    "main-20x5": Scene(_resized, mesh=True),
    "light": Scene(keys("2", "j", "j"), mesh=True, theme="light"),
    "blue-orange": Scene(keys("2", "j", "j"), mesh=True, theme="blue-orange"),
    "no-colour": Scene(keys("2", "j", "j"), mesh=True, no_colour=True),
    "ascii": Scene(_finding, snapshot=CLASH, ascii_only=True, no_colour=True),
    "filter": Scene(keys("slash", *"stock", "enter"), mesh=True, columns=100, lines=28),
    "finding": Scene(_finding, snapshot=CLASH),
    "finding-80x24": Scene(_finding, snapshot=CLASH, columns=80, lines=24),
    "fix": Scene(_fix, snapshot=CLASH, cluster=True),
    "fix-applied": Scene(_applied, snapshot=CLASH, cluster=True),
    "trace": Scene(keys("3", "j", "t"), snapshot=CLASH),
    "matrix": Scene(keys("4", "j", "l"), mesh=True),
    "details": Scene(keys("2", "j", "d"), snapshot=CLASH),
    "help": Scene(keys("question_mark"), mesh=True),
    "healthy": Scene(keys(), snapshot="healthy", columns=100, lines=28, read_only=True),
    "empty": Scene(keys(), columns=100, lines=28),
}


async def drawn(scene: Scene) -> str:
    """The scene as SVG. Must run within `stage`."""
    source = Source(path=Path("no-such-capture"))
    if scene.mesh:
        source = Source(path=put_together(Path("prod-eu")))
    elif scene.snapshot:
        source = Source(snapshot=scene.snapshot)
    place = "prod-eu" if scene.mesh else scene.snapshot or "no-such-capture"
    opening = SessionOpening(lambda: source, place, is_read_only=scene.read_only)
    app = MeshdoctorApp(opening, Settings(scene.theme, scene.ascii_only))
    if scene.cluster:
        app.session.__dict__["fixes"] = OnCluster(app.session, faking(Script()))
    async with app.run_test(size=(scene.columns, scene.lines)) as pilot:
        await until(pilot, lambda: not app.session.mesh_state.is_refreshing)
        await settled(pilot)
        await scene.play(pilot)
        await settled(pilot)
        return _FONT.sub("", app.export_screenshot(title="meshdoctor"))


@contextmanager
def stage(scene: Scene) -> Iterator[None]:
    """An empty folder to be in, a journal and settings of its own, and a clock that stands still."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        places = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "MESHDOCTOR_STATE")
        wanted = {"TERM": "xterm-256color", **{name: f"{folder}/{name}" for name in places}}
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TEXTUAL_DRIVER")}
        if scene.no_colour:
            wanted["NO_COLOR"] = "1"
        with (
            patch.dict(os.environ, {**kept, **wanted}, clear=True),
            patch("meshdoctor.tui.widgets.header.datetime", _Clock),
        ):
            yield


class _Clock(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return CLOCK


def path(name: str) -> Path:
    """Where a scene's picture is kept."""
    return HERE / f"{name}.svg"


def drawn_elsewhere() -> str:
    """Which installed versions draw otherwise; empty where none does."""
    installed = {name: version(name) for name in DRAWN_BY}
    return ", ".join(f"{name} {installed[name]}" for name in DRAWN_BY if installed[name] != DRAWN_BY[name])

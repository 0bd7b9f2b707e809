"""Watch mode on a capture whose files change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from meshdoctor.bundled import snapshots_dir
from meshdoctor.doctor import Source
from meshdoctor.tui import auto_refresh
from meshdoctor.tui.state import refresh_timer
from tests.tui.conftest import Drive, Driven


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(auto_refresh, "FILES_EVERY", 0.0)
    monkeypatch.setattr(auto_refresh, "_TICK", 0.02)
    return Path(shutil.copytree(snapshots_dir() / "tcp-port-clash", tmp_path / "capture"))


def test_w_looks_again_when_files_change_and_marks_what_came_and_went(drive: Drive, capture: Path) -> None:
    async def script(app: Driven) -> None:
        before = set(app.keys("findings"))
        await app.press("3", "j", "w")
        chosen = app.choices()
        assert "watch" in app.text().splitlines()[0]
        entries = capture / "resources" / "serviceentries.yaml"
        entries.write_text("apiVersion: v1\nkind: List\nitems: []\n", encoding="utf-8")
        await app.shows("gone")
        mesh_state = app.app.session.mesh_state
        gone = mesh_state.changes.gone("findings")
        unseen = mesh_state.changes.unseen("findings")
        assert {*gone, *unseen} == before - set(mesh_state.findings)
        assert gone
        assert set(gone) <= set(app.keys("findings")), "they stay in sight for a while"
        assert app.choices() == chosen
        await app.press("w")
        assert "watch  " not in app.text().splitlines()[0]
        looked = mesh_state.diagnosis
        shutil.copy(snapshots_dir() / "tcp-port-clash" / "resources" / "serviceentries.yaml", entries)
        await app.pilot.pause(0.3)
        assert mesh_state.diagnosis is looked, "the session has ended"

    drive(script, source=lambda: Source(path=capture))


def test_what_changed_before_w_is_looked_at_as_well(drive: Drive, capture: Path) -> None:
    async def script(app: Driven) -> None:
        entries = capture / "resources" / "serviceentries.yaml"
        entries.write_text("apiVersion: v1\nkind: List\nitems: []\n", encoding="utf-8")
        await app.press("w")
        await app.shows("gone")

    drive(script, source=lambda: Source(path=capture))


def test_a_bundled_mesh_says_that_it_does_not_change(drive: Drive) -> None:
    async def script(app: Driven) -> None:
        await app.press("w")
        assert "does not change" in app.text()
        assert not app.app.session.is_watching

    drive(script)


def test_looks_do_not_pile_up(drive: Drive, capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh_timer, "EVERY", 0.0)

    async def script(app: Driven) -> None:
        asked: list[bool] = []
        diagnosis_session = app.app.session.diagnosis_session
        assert diagnosis_session is not None

        def refresh(*, only_changed: bool) -> bool:
            asked.append(diagnosis_session.is_busy)
            return True

        monkeypatch.setattr(app.app.session, "refresh", refresh)
        monkeypatch.setattr(type(app.app.watching), "_is_live", True)
        await app.press("w")
        app.app.watching._refresh_timer = refresh_timer.RefreshTimer(0.0)
        monkeypatch.setattr(type(diagnosis_session), "is_busy", True)
        for _ in range(5):
            app.app.watching.tick()
        assert asked == []
        monkeypatch.setattr(type(diagnosis_session), "is_busy", False)
        app.app.watching.tick()
        assert asked == [False]

    drive(script, source=lambda: Source(path=capture))

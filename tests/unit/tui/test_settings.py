"""The user's file: what can be taken is, the rest is named, and nothing of it stops the session."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshdoctor.tui.user_settings import Settings, keep_theme, kept_theme, read_settings, settings_file


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def written(text: str) -> Settings:
    path = settings_file()
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return read_settings()


def test_without_a_file_everything_is_as_it_comes() -> None:
    assert read_settings() == Settings()


def test_a_file_is_taken() -> None:
    found = written('theme = "textual-light"\nascii = true\n[keys]\n"row.down" = "down,ctrl+n"\n')
    assert found == Settings("textual-light", True, {"row.down": "down,ctrl+n"})


@pytest.mark.parametrize("text", ["theme = ", "\x00", "[keys]\nquit = 3\n", "keys = 3\n"])
def test_what_cannot_be_taken_is_named(text: str) -> None:
    found = written(text)
    assert found.keys == {}
    assert str(settings_file()) in found.problems[0]


def test_a_theme_that_was_chosen_goes_before_the_files() -> None:
    keep_theme("nord")
    assert kept_theme() == "nord"
    assert written('theme = "textual-light"').theme == "nord"


def test_where_nothing_can_be_kept_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    keep_theme("nord")
    assert kept_theme() == ""

"""The user's settings: keys, theme and ASCII output, from a file; and the theme chosen in the session.

The file is `config.toml` in the folder for settings of this platform (`~/.config/meshdoctor` on Linux):

    theme = "textual-light"
    ascii = false
    [keys]
    "row.down" = "down,j,ctrl+n"

A theme chosen in the session is kept in a file of its own and overrides this one's.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from platformdirs import user_config_path, user_state_path

from meshdoctor.atomic_files import replace_file

FILE, THEME = "config.toml", "theme"


class Settings(Struct, frozen=True):
    """The user's settings. `problems` names what could not be read."""

    theme: str = ""
    ascii_only: bool = False
    keys: Mapping[str, str] = {}
    """Keys by the binding's id."""
    problems: tuple[str, ...] = ()


def is_colourless() -> bool:
    """Whether NO_COLOR is set (no-color.org); as in Textual, an empty value counts too."""
    return "NO_COLOR" in os.environ


def settings_file() -> Path:
    """The path of the user's file."""
    return user_config_path("meshdoctor") / FILE


def read_settings(path: Path | None = None) -> Settings:
    """The user's settings. Without a file there are none; what cannot be read is named and left out."""
    path = path or settings_file()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings(theme=kept_theme())
    except (OSError, ValueError) as problem:
        return Settings(theme=kept_theme(), problems=(f"{path} could not be read: {problem}",))
    problems: list[str] = []
    keys = _keys(data.get("keys", {}), path, problems)
    theme = kept_theme() or data.get("theme", "")
    return Settings(str(theme), bool(data.get("ascii")), keys, tuple(problems))


def _keys(found: Any, path: Path, problems: list[str]) -> dict[str, str]:
    if not isinstance(found, dict):
        problems.append(f"{path}: [keys] must be a table of ids and keys")
        return {}
    for key, value in found.items():
        if not isinstance(value, str):
            problems.append(f'{path}: keys.{key} must be a string such as "down,j"')
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _state() -> Path:
    return user_state_path("meshdoctor") / THEME


def kept_theme() -> str:
    """The theme chosen last in the session; empty where none was."""
    try:
        return _state().read_text(encoding="utf-8").strip()[:80]
    except (OSError, ValueError):
        return ""


def keep_theme(name: str) -> None:
    """Keeps a theme for the next session, where it can be written."""
    path = _state()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, f"{name}\n".encode())
    except OSError:
        return

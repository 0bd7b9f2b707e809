"""Finds the bundled rules and snapshots, inside an installed package or beside it in a checkout, and the guides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from meshdoctor.errors import Unreadable

_PACKAGE = Path(__file__).resolve().parent
_INDEX_LINE = re.compile(r"## (?P<group>.+)|- \[(?P<topic>[a-z-]+)\]\((?P=topic)\.md\): (?P<about>.+)")


class Guide(NamedTuple):
    """One guide of `meshdoctor docs`."""

    topic: str
    group: str
    about: str
    """What it is about, in one line."""


def rules_dir() -> Path:
    """The folder of the built-in rule files. Raises `Unreadable` where it is missing."""
    return _find("rules")


def snapshots_dir() -> Path:
    """The folder of the bundled snapshots, one folder each. Raises `Unreadable` where it is missing."""
    return _find("snapshots")


def snapshot_names() -> list[str]:
    """Names of the bundled snapshots, sorted: every folder that has a `snapshot.yaml`."""
    return sorted(found.parent.name for found in snapshots_dir().glob("*/snapshot.yaml"))


def guides() -> list[Guide]:
    """The guides, in the order of their index. Raises `Unreadable` where it is missing."""
    found: list[Guide] = []
    group = ""
    for line in _read_guide("README").splitlines():
        match = _INDEX_LINE.fullmatch(line)
        if match is None:
            continue
        group = match["group"] or group
        if match["topic"]:
            found.append(Guide(match["topic"], group, match["about"]))
    return found


def guide_text(topic: str) -> str:
    """The Markdown of one of `guides`. Raises `Unreadable` where it is missing."""
    return _read_guide(topic)


def _read_guide(name: str) -> str:
    path = _PACKAGE / "docs" / f"{name}.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise Unreadable(
            f"the guide {path} is missing: the installation is incomplete. Install meshdoctor again."
        ) from None


def _find(name: str) -> Path:
    # Only the build makes `_bundled`, see pyproject.toml.
    folders = (_PACKAGE / "_bundled" / name, _PACKAGE.parent / name)
    for folder in folders:
        if folder.is_dir():
            return folder
    raise Unreadable(
        f"the bundled {name} are neither in {folders[0]} nor in {folders[1]}: the installation is incomplete. "
        "Install meshdoctor again."
    )

"""Finds the bundled rules and snapshots, inside an installed package or beside it in a checkout, and the guides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct

from meshdoctor.errors import Unreadable

_PACKAGE = Path(__file__).resolve().parent
_INDEX_LINE = re.compile(r"## (?P<group>.+)|- \[(?P<topic>[a-z-]+)\]\((?P=topic)\.md\): (?P<about>.+)")


class Guide(NamedTuple):
    """One guide of `meshdoctor docs`."""

    topic: str
    group: str
    about: str
    """What it is about, in one line."""


class SnapshotInfo(Struct, frozen=True):
    """A bundled snapshot: what it shows and what check must find in it."""

    name: str
    title: str
    story: str
    istio_version: str
    expected: dict[str, list[Any]]
    """`errors` and `also`: [rule, host or None] each; `never`: rule ids."""


def rules_dir() -> Path:
    """The folder of the built-in rule files. Raises `Unreadable` where it is missing."""
    return _find("rules")


def snapshots_dir() -> Path:
    """The folder of the bundled snapshots, one folder each. Raises `Unreadable` where it is missing."""
    return _find("snapshots")


def snapshot_names() -> list[str]:
    """Names of the bundled snapshots, sorted: every folder that has a `snapshot.yaml`."""
    return sorted(found.parent.name for found in snapshots_dir().glob("*/snapshot.yaml"))


def snapshots() -> list[SnapshotInfo]:
    """The bundled snapshots, in the order in which they tell the stories."""
    from meshdoctor import yamlio

    cards: dict[str, dict[str, Any]] = {}
    for name in snapshot_names():
        path = snapshots_dir() / name / "snapshot.yaml"
        cards[name] = yamlio.load_documents(path.read_bytes(), str(path))[0]
    ordered = sorted(cards.items(), key=lambda item: (item[1]["order"], item[0]))
    return [SnapshotInfo(n, c["title"], c["story"], c["istio_version"], c["expected"]) for n, c in ordered]


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

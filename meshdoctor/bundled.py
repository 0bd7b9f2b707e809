"""Where the bundled rules and snapshots are: inside an installed package, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

from meshdoctor.errors import Unreadable

_PACKAGE = Path(__file__).resolve().parent


def rules_dir() -> Path:
    """The folder of the built-in rule files. Raises `Unreadable` where the installation has lost it."""
    return _find("rules")


def snapshots_dir() -> Path:
    """The folder of the bundled snapshots, one folder each. Raises `Unreadable` where the installation has lost it."""
    return _find("snapshots")


def snapshot_names() -> list[str]:
    """The bundled snapshots' names, sorted: every folder there that has a `snapshot.yaml`."""
    return sorted(found.parent.name for found in snapshots_dir().glob("*/snapshot.yaml"))


def _find(name: str) -> Path:
    # A checkout has no `_bundled`: the build puts it there, see pyproject.toml.
    places = (_PACKAGE / "_bundled" / name, _PACKAGE.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise Unreadable(
        f"the bundled {name} are neither in {places[0]} nor in {places[1]}: the installation is incomplete. "
        "Install meshdoctor again."
    )

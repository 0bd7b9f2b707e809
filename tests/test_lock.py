"""requirements/ pins, with hashes, what pyproject.toml asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BUILD: list[str] = PROJECT["build-system"]["requires"]
RUN: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: list[str] = [text for extra in PROJECT["project"]["optional-dependencies"].values() for text in extra]
ASKED = {
    "build": BUILD,
    "run": RUN,
    "dev": [*BUILD, *RUN, *EXTRAS],
    "supply": PROJECT["dependency-groups"]["supply"],
}
PYTHONS = [f"3.{minor}" for minor in range(11, 15)]
PLATFORMS = ["linux", "darwin"]


def pins(name: str) -> list[Requirement]:
    """What one file pins: each an exact version with a hash or more."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            pin, *hashes = re.split(r"\s+--hash=", line)
            assert hashes, f"{name}.txt: {line}"
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes), f"{name}.txt: {pin}"
            assert re.search(r"==[\w.]+", pin), f"{name}.txt: {pin}"
            found.append(Requirement(pin))
    return found


def version(pin: Requirement) -> str:
    (exact,) = pin.specifier
    assert exact.operator == "=="
    return exact.version


def installed(name: str, here: dict[str, str]) -> dict[str, str]:
    """The versions that pip takes from one file, on one Python and platform."""
    taken = [pin for pin in pins(name) if pin.marker is None or pin.marker.evaluate(here)]
    versions = {str(canonicalize_name(pin.name)): version(pin) for pin in taken}
    assert len(versions) == len(taken)
    return versions


def missed(asked: list[str], pinned: dict[str, str], here: dict[str, str]) -> list[str]:
    """What is asked for here, and not pinned within its range."""
    wanted = [one for one in map(Requirement, asked) if one.marker is None or one.marker.evaluate(here)]
    found = [(one, pinned.get(canonicalize_name(one.name))) for one in wanted]
    return [f"{one}: {pin}" for one, pin in found if pin is None or not one.specifier.contains(pin, prereleases=True)]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ASKED)
def test_every_dependency_is_pinned_within_its_range(name: str, python: str, platform: str) -> None:
    here = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "os_name": "posix",
    }
    assert missed(ASKED[name], installed(name, here), here) == [], "pyproject.toml was changed: make lock"


@pytest.mark.parametrize("pinned", [{}, {"a-b": "1.9"}, {"a-b": "3"}, {"other": "2.1"}])
def test_a_dependency_that_is_not_pinned_within_its_range_is_seen(pinned: dict[str, str]) -> None:
    asked, linux = ["A.b>=2,<3; sys_platform == 'linux'"], {"sys_platform": "linux"}
    assert missed(asked, pinned, linux)
    assert missed(["a-b"], {}, linux)
    assert not missed(asked, {"a-b": "2.1"}, linux)
    assert not missed(asked, pinned, {"sys_platform": "darwin"})


@pytest.mark.parametrize("name", ["build", "run"])
def test_what_runs_is_what_was_tested(name: str) -> None:
    assert {(pin.name, version(pin)) for pin in pins(name)} <= {(pin.name, version(pin)) for pin in pins("dev")}

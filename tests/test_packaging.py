"""The wheel holds what the program needs, and works away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

import meshdoctor

pytestmark = pytest.mark.slow

SIZE_BUDGET = 3 * 1024 * 1024


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel as a release builds it, from the files that are here now."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(root)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site directory with the wheel's content."""
    folder = tmp_path_factory.mktemp("site")
    wheel.extractall(folder)
    return folder


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`meshdoctor` from the wheel, in a folder that has nothing to do with the checkout."""
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); from meshdoctor.cli.entry_points import main; main()"
    command = [sys.executable, "-I", "-c", code, *arguments]
    return subprocess.run(command, cwd=installed, capture_output=True, text=True, check=False)


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    return wheel.read(f"meshdoctor-{meshdoctor.__version__}.dist-info/{name}").decode()


@pytest.mark.parametrize("bundled", ["rules", "snapshots"])
def test_rules_and_snapshots_are_all_inside(wheel: zipfile.ZipFile, root: Path, bundled: str) -> None:
    here = {path.relative_to(root).as_posix() for path in (root / bundled).rglob("*") if path.is_file()}
    prefix = "meshdoctor/_bundled/"
    there = {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix + bundled + "/")}
    assert here
    assert there == here


def test_the_package_is_inside_and_nothing_else(wheel: zipfile.ZipFile, root: Path) -> None:
    here = {
        path.relative_to(root).as_posix()
        for path in (root / "meshdoctor").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    there = {name for name in wheel.namelist() if not name.startswith("meshdoctor/_bundled/")}
    assert here <= there
    assert {name.split("/")[0] for name in there - here} == {f"meshdoctor-{meshdoctor.__version__}.dist-info"}
    assert "meshdoctor/py.typed" in there


def test_the_size_is_within_the_budget(wheel: zipfile.ZipFile) -> None:
    assert sum(entry.compress_size for entry in wheel.infolist()) <= SIZE_BUDGET


def test_metadata(wheel: zipfile.ZipFile) -> None:
    said = Parser().parsestr(metadata(wheel, "METADATA"))
    assert said["Name"] == "meshdoctor"
    assert said["Version"] == meshdoctor.__version__
    assert said["License-Expression"] == "Apache-2.0"
    assert said["Requires-Python"] == ">=3.11"
    assert "Apache License" in metadata(wheel, "licenses/LICENSE")
    scripts = metadata(wheel, "entry_points.txt").splitlines()
    assert "meshdoctor = meshdoctor.cli.entry_points:main" in scripts
    assert "kubectl-meshdoctor = meshdoctor.cli.entry_points:kubectl_main" in scripts


def test_the_wheel_works_away_from_the_checkout(installed: Path) -> None:
    shown = run(installed, "--version")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert meshdoctor.__version__ in shown.stdout


def test_the_bundled_rules_load_from_the_wheel(installed: Path) -> None:
    listed = run(installed, "rules", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "tcp-port-clash" in listed.stdout


def test_the_guides_are_read_from_the_wheel(installed: Path) -> None:
    shown = run(installed, "docs", "database")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("# Reach a database")

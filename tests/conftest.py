"""What every test gets: no network, no home, no kubeconfig, and a terminal of 80 columns."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest
from hypothesis import settings

# A slow machine is not a failing test.
settings.register_profile("meshdoctor", deadline=None)
settings.load_profile("meshdoctor")

ROOT = Path(__file__).resolve().parent.parent
NETWORK = ("live", "lab")
"""Markers of tests that talk to what they started themselves."""

LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("meshdoctor")
    group.addoption("--lab", action="store_true", help="run the tests marked lab; fail where the lab cannot run")
    group.addoption("--meshes", type=int, default=10, help="how many random meshes the differential test makes")
    group.addoption("--first-seed", type=int, default=1, help="seed of the first of them")


class Finished(NamedTuple):
    """What one command line did."""

    code: int
    out: str
    err: str


Cli = Callable[..., Finished]


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line as the console script does, in this process."""
    from meshdoctor.cli.main import run

    def call(*arguments: str) -> Finished:
        code = run(arguments)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Finished(int(code), out, err)

    return call


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of the lab out unless they are asked for: one line says so, not one for each of them."""
    if config.getoption("--lab"):
        return
    left_out = [item for item in items if item.get_closest_marker("lab")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
    config.stash[LEFT_OUT] = len(left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    is_spread = config.pluginmanager.hasplugin("dsession")  # the processes of xdist count, not this one
    if not config.getoption("--lab") and (is_spread or config.stash.get(LEFT_OUT, 0)):
        terminalreporter.write_line(
            "SKIPPED tests marked lab: they need a real Istio, `make lab-test` builds and runs it"
        )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home directory."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def isolated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Keeps the developer's machine out of the test: its network, configuration and terminal."""
    for name in ("NO_COLOR", "FORCE_COLOR", "KUBECONFIG", "MESHDOCTOR_STATE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(home), "COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    if not any(request.node.get_closest_marker(name) for name in NETWORK):
        for name in ("connect", "connect_ex", "sendto"):
            monkeypatch.setattr(socket.socket, name, _refuse)
        monkeypatch.setattr(socket, "getaddrinfo", _refuse)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared material beside the checkout: real captures, old dumps. Skips the test where it is missing."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the shared captures beside the checkout")
    return folder


def _refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a test reached for the network")

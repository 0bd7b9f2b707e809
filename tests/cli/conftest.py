from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

import meshdoctor
from meshdoctor.cli.main import run
from tests.cli.fake import FakeDoctor


class Finished(NamedTuple):
    """What one command line did."""

    code: int
    out: str
    err: str


Cli = Callable[..., Finished]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own reaches a test."""
    for name in ("NO_COLOR", "COLUMNS", "TERM", "MESHDOCTOR_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> FakeDoctor:
    fake = FakeDoctor()
    monkeypatch.setitem(sys.modules, "meshdoctor.doctor", fake)
    monkeypatch.setattr(meshdoctor, "doctor", fake, raising=False)
    return fake


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line as the console script does, in this process."""

    def call(*arguments: str) -> Finished:
        code = run(arguments)
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Finished(int(code), out, err)

    return call

from __future__ import annotations

import sys

import pytest

import meshdoctor
from tests.cli.fake import FakeDoctor


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's own reaches a test, and what a command sets (`--debug`) ends with it."""
    for name in ("NO_COLOR", "COLUMNS", "TERM", "MESHDOCTOR_DEBUG"):
        monkeypatch.setenv(name, "")  # monkeypatch undoes only what it has changed, also where nothing was set
        monkeypatch.delenv(name)


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> FakeDoctor:
    fake = FakeDoctor()
    monkeypatch.setitem(sys.modules, "meshdoctor.doctor", fake)
    monkeypatch.setattr(meshdoctor, "doctor", fake, raising=False)
    return fake

"""The lab as fixtures. One control plane serves the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import parts
from tests.lab.lab import Lab, running


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The running lab, with whatever mesh the test before left in it: `lab.load` first.

    Without `--lab` every test that asks for it skips; with `--lab` a lab that cannot run is an error.
    """
    if not request.config.getoption("--lab"):
        pytest.skip("the real Istio lab: `make lab-test` builds it and runs these tests")
    if because := parts.why_not():
        pytest.fail(because, pytrace=False)
    with running(parts.parts()) as made:
        yield made


@pytest.fixture
def empty_lab(lab: Lab) -> Lab:
    """The lab without any mesh in it."""
    lab.clear()
    lab.control.configure({}, {})
    return lab

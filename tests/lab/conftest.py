"""The lab as fixtures. One control plane serves the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import parts
from tests.lab.lab import Lab, running


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The running lab, with whatever mesh the test before left in it: `lab.load` first.

    Without `--lab` the tests that ask for it are not run; with `--lab` a lab that cannot run ends the session.
    """
    assert request.config.getoption("--lab"), "mark tests that use the lab with pytest.mark.lab"
    if because := parts.why_not():
        pytest.exit(because, returncode=1)
    with running(parts.parts()) as made:
        yield made


@pytest.fixture
def empty_lab(lab: Lab) -> Lab:
    """The lab without any mesh in it."""
    lab.clear()
    lab.control.configure({}, {})
    return lab

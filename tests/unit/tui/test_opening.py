"""A source that cannot even be made is told, whatever went wrong."""

from __future__ import annotations

import threading

import pytest

from meshdoctor.doctor import Source
from meshdoctor.errors import UsageError
from meshdoctor.tui.app_session import TuiSession
from meshdoctor.tui.session_state import SessionOpening


@pytest.mark.parametrize("problem", [UsageError("no such context"), PermissionError(13, "Permission denied")])
def test_what_goes_wrong_while_it_opens_ends_the_look(problem: Exception) -> None:
    def source() -> Source:
        raise problem

    woken = threading.Event()
    session = TuiSession(SessionOpening(source, "here"), woken.set)
    session.begin()
    assert woken.wait(10), "somebody is told"
    changed = session.take()
    assert changed.is_end
    assert session.mesh_state.failed is not None
    assert str(problem) in session.mesh_state.failed.because
    assert not session.mesh_state.is_refreshing

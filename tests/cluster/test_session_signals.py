"""A session that is ended by its terminal while it changes a cluster: the journal can be read, and undo works."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meshdoctor.fixes.apply.journal import Journal
from meshdoctor.tui.screens.ask_screen import QUIT
from tests.cluster import store
from tests.cluster.apiserver import Answer, Asked, FakeApi, Ran
from tests.cluster.store import find
from tests.cluster.test_fix import ENTRY, blocked, state, states
from tests.conftest import Cli
from tests.tui.terminal import Terminal, terminal
from tests.tui.test_terminal import LEFT

__all__ = ["blocked", "state"]

UNDO = ("undo", "1", "--yes", "--dns", "off", "--wait", "1s")


@pytest.fixture(autouse=True)
def named(blocked: FakeApi) -> None:
    """Pods know the addresses of hosts outside."""
    blocked.run = lambda pod, command: Ran(b"203.0.113.10 STREAM\n")


@contextmanager
def session(kubeconfig: Path, folder: Path) -> Iterator[Terminal]:
    """`meshdoctor` on the cluster, in a terminal."""
    command = [
        sys.executable,
        "-m",
        "meshdoctor",
        "--kubeconfig",
        str(kubeconfig),
        "--dns",
        "auto",
        "--logs-since",
        "0",
    ]
    own = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "XDG_CONFIG_HOME": str(folder / "config")}
    root = str(Path(__file__).parents[2])
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with terminal(command, 160, 50, {**kept, "PYTHONPATH": root, **own}, folder) as shown:
        shown.until("1 of 1 sidecars", "missing-service-entry")
        shown.press("3", "enter")
        shown.until("Fixes", "Evidence", "Path of a connection")
        shown.press("a")
        shown.until("A applies it. Nothing is changed yet.")
        yield shown


def end(shown: Terminal, how: int | str) -> int:
    """Ends it, by a signal or by keys."""
    if isinstance(how, int):
        shown.signal(how)
    else:
        shown.press(how)
        shown.until(QUIT[:40])
        shown.press("y")
    return shown.ended()


HOW = [(int(signal.SIGHUP), 129), (int(signal.SIGTERM), 143), ("\x03", 130)]


@pytest.mark.parametrize(("how", "code"), HOW)
def test_while_the_write_is_under_way(
    blocked: FakeApi, kubeconfig: Path, tmp_path: Path, cli: Cli, how: int | str, code: int
) -> None:
    """The server has written it, and its answer never comes."""

    def written_and_silent(asked: Asked) -> Answer | None:
        if not asked.is_write or blocked.closing.is_set():
            return None
        store.written(blocked, asked)
        return blocked.never(asked)

    blocked.faults.append(written_and_silent)
    with session(kubeconfig, tmp_path) as shown:
        shown.press("A")
        shown.until("fix 1 is in the journal")
        while find(blocked, *ENTRY) is None:
            assert not shown.has_ended()
            shown.read(0.05)
        assert end(shown, how) == code
        assert LEFT in shown.written
        assert b"Traceback" not in shown.written
    blocked.faults.clear()
    (entry,) = Journal().entries()
    assert entry.state == "planned"
    assert cli(*UNDO).code == 0
    assert (find(blocked, *ENTRY), states()) == (None, ["undone"])


@pytest.mark.parametrize(("how", "code"), HOW)
def test_while_sidecars_are_waited_for(
    blocked: FakeApi, kubeconfig: Path, tmp_path: Path, cli: Cli, how: int | str, code: int
) -> None:
    push, blocked.on_write = blocked.on_write, lambda: None
    with session(kubeconfig, tmp_path) as shown:
        shown.press("A")
        shown.until("0 of 1 sidecars accepted it")
        assert end(shown, how) == code
        assert b"Traceback" not in shown.written
    assert states() == ["applied"]
    assert find(blocked, *ENTRY) is not None
    blocked.on_write = push
    assert cli(*UNDO).code == 0
    assert (find(blocked, *ENTRY), states()) == (None, ["undone"])

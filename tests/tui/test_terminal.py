"""The whole program in a terminal: story 1 from its symptom to its undo, and what goes wrong around it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meshdoctor.bundled import snapshots_dir
from tests.tui.terminal import Terminal, terminal

ROOT = Path(__file__).resolve().parents[2]
FIX = "meshdoctor-fixes/serviceentry-bookinfo-db-payments-example-3306.yaml"
ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"
"""To a screen of its own, and back to the terminal's (xterm, "Private Modes")."""
SHOWN, HIDDEN = b"\x1b[?25h", b"\x1b[?25l"
"""The cursor."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a capture."""
    shutil.copytree(snapshots_dir() / "mysql-blocked", tmp_path / "capture")
    return tmp_path


@contextmanager
def session(folder: Path, *arguments: str, columns: int = 120, lines: int = 36, **more: str) -> Iterator[Terminal]:
    """The program on the capture, or with other arguments, with a state and a home of its own."""
    keep = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "TERM": "xterm-256color"}
    state = {name: str(folder / "home") for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "MESHDOCTOR_STATE")}
    command = [sys.executable, "-m", "meshdoctor", *(arguments or ("--from", "capture"))]
    with terminal(command, columns, lines, {**keep, **state, **more}, folder) as shown:
        yield shown


def left_well(shown: Terminal, code: int) -> None:
    """It has ended so, the terminal is as it was, and nothing was said of a fault."""
    assert shown.ended() == code, shown.written[-2000:]
    end = shown.written[shown.written.rindex(LEFT) :]
    assert shown.written.rindex(SHOWN) > shown.written.rindex(HIDDEN)
    assert b"Traceback" not in shown.written
    assert b"bug in meshdoctor" not in end


def test_story_1_open_find_fix_look_undo_quit(folder: Path) -> None:
    with session(folder) as shown:
        shown.until("missing-service-entry", "db.payments.example", "1 of 1 sidecars")
        shown.press("3", "enter")
        shown.until("Register db.payments.example:3306", "BlackHoleCluster", "Evidence")
        shown.press("a")
        shown.until("Changes", "blocked -> delivered", "A or s writes the fix")
        shown.press("A")
        shown.until("Save the fix to this folder")
        shown.press("enter")
        shown.until("✓ created", "U undoes it")
        assert "db.payments.example" in (folder / FIX).read_text(encoding="utf-8")
        shown.press("U")
        shown.until("is undone")
        assert not (folder / FIX).exists()
        shown.press("q")
        shown.until("a fix", gone=["Changes"])
        shown.press("qq")
        left_well(shown, 0)


def test_keys_that_come_at_once_are_taken_in_their_order(folder: Path) -> None:
    with session(folder) as shown:
        shown.until("1 of 1 sidecars")
        shown.press("3/plain\r")
        shown.until("Findings 1/2 · /plain", "plaintext-credentials", gone=["missing-service-entry"])
        shown.press("q")
        left_well(shown, 0)


def test_a_small_terminal_and_back_and_a_megabyte_into_the_filter(folder: Path) -> None:
    with session(folder) as shown:
        shown.until("1 of 1 sidecars")
        shown.resize(20, 5)
        shown.until("enter open  ? help", gone=["meshdoctor"])
        shown.resize(120, 36)
        shown.until("External hosts 1", "Findings 2")
        shown.press("/")
        shown.until("-l app=web labels")
        shown.paste("x" * 1_000_000)
        shown.until("Pods 0/1 · /xxxx")
        shown.press("escape")
        shown.until("Pods 1", gone=["/xxxx"])
        shown.press("q")
        left_well(shown, 0)


def test_a_terminal_that_is_small_for_an_instant_gets_all_of_it_again(folder: Path) -> None:
    with session(folder) as shown:
        shown.until("1 of 1 sidecars")
        while shown.read(0.5):
            continue
        columns, lines = shown.screen.columns, shown.screen.lines
        before = shown.text
        for _ in range(2):
            shown.resize(60, 15)
            shown.resize(columns, lines)
            assert shown.text != before, "what was outside has gone"
            shown.until(*before.splitlines())
        shown.press("q")
        left_well(shown, 0)


def test_the_filters_line_comes_and_goes_without_the_rest_being_sent(folder: Path) -> None:
    with session(folder) as shown:
        shown.until("1 of 1 sidecars", "missing-service-entry")
        while shown.read(0.5):
            continue
        before = len(shown.written)
        shown.press("/")
        shown.until("-l app=web labels")
        while shown.read(0.5):
            continue
        sent = shown.written[before:].decode()
        assert not [
            name for name in ("Pods", "External", "Findings", "missing-service-entry", "read-write") if name in sent
        ]
        shown.press("\x1b")
        shown.until("? help")
        while shown.read(0.5):
            continue
        assert "missing-service-entry" not in shown.written[before:].decode(), "other panels have nothing to do with it"
        shown.press("q")
        left_well(shown, 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_it_starts_leaves_the_terminal_as_it_was(folder: Path, number: int, code: int) -> None:
    for milliseconds in range(0, 1000, 100):
        with session(folder) as shown:
            until = time.monotonic() + milliseconds / 1000
            while not handles(shown, signal.SIGTERM) or time.monotonic() < until:
                shown.read(0.01)
            shown.signal(number)
            assert shown.ended() == code, milliseconds
            assert b"Traceback" not in shown.written
            assert shown.written.count(ENTERED) == shown.written.count(LEFT), milliseconds


def handles(shown: Terminal, number: int) -> bool:
    """Whether the process has a handler for a signal (proc(5): SigCgt); for SIGTERM Python itself has none."""
    status = Path(f"/proc/{shown.pid}/status").read_text(encoding="ascii")
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(folder: Path, number: int, code: int) -> None:
    with session(folder) as shown:
        shown.until("1 of 1 sidecars")
        shown.signal(number)
        left_well(shown, code)


def test_ctrl_c_leaves(folder: Path) -> None:
    with session(folder) as shown:
        shown.until("1 of 1 sidecars")
        shown.press("\x03")
        left_well(shown, 130)


def test_a_capture_that_goes_away_leaves_what_was_known(folder: Path) -> None:
    with session(folder) as shown:
        shown.until("1 of 1 sidecars")
        shutil.rmtree(folder / "capture")
        shown.press("R")
        shown.until("not read", "does not exist", "missing-service-entry")
        shown.press("q")
        left_well(shown, 0)


def test_nothing_to_read_is_a_sentence_and_the_demo_is_a_key_away(folder: Path) -> None:
    with session(folder, "--from", "nowhere") as shown:
        shown.until("nowhere does not exist", "d demo")
        shown.press("d")
        shown.until("demo:", "read-only", gone=["does not exist"])
        shown.press("q")
        left_well(shown, 0)


def test_no_escape_of_a_hostile_capture_reaches_the_terminal(folder: Path) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\x1b[31mevil\u202e"
    pods = folder / "capture" / "resources" / "pods.yaml"
    text = pods.read_text(encoding="utf-8").replace("db.payments.example", json.dumps("a" + hostile + ".test")[1:-1])
    text = text.replace("app: ratings", "app: " + json.dumps(hostile))
    pods.write_text(text, encoding="utf-8")
    with session(folder) as shown:
        shown.until("1 of 1 sidecars")
        for keys in (["1", "d"], ["escape", "2", "d"], ["escape", "3", "enter"], ["y"], ["escape", "t"]):
            shown.press(*keys)
            shown.settle(0.5)
        assert b"owned\x07" not in shown.written
        assert b"\x1b[31mevil" not in shown.written
        assert "\u202e".encode() not in shown.written


def test_a_locale_without_utf_8_is_written_in_ascii(folder: Path) -> None:
    with session(folder, LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0") as shown:
        assert shown.until("1 of 1 sidecars", "x missing-service-entry").isascii()
        shown.press("3", "enter")
        assert shown.until("Evidence", "BlackHoleCluster").isascii()
        shown.press("qq")
        left_well(shown, 0)


def test_an_unknown_theme_is_said_in_a_line(folder: Path) -> None:
    with session(folder, "--from", "capture", "--theme", "lihgt") as shown:
        assert shown.ended() == 2
        assert b"no theme lihgt. Did you mean light" in shown.written

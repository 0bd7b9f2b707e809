"""Ctrl-C and SIGTERM from the first instant on: 130 and 143, and never a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGINNING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background has it ignored
from meshdoctor.cli import entry_points
exit_on_signals = entry_points.exit_on_signals
def reported():
    exit_on_signals()
    os.write(2, b"<here>")
entry_points.exit_on_signals = reported
"""
START = BEGINNING + "sys.argv[0] = 'meshdoctor'\nentry_points.main()\n"
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def ran(code: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "command", [("check", "--json", "--from", "demo:tcp-port-clash"), ("rules", "list"), ("--help",)]
)
@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_at_any_moment_of_the_start(number: signal.Signals, command: tuple[str, ...]) -> None:
    """From the first line of the console script on; what Python itself does before is not ours."""
    for milliseconds in range(0, 320, 20):
        with subprocess.Popen(
            [sys.executable, "-c", START, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr is not None
            assert process.stderr.read(6) == b"<here>"
            time.sleep(milliseconds / 1000)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        # 0 and 1: it had ended; minus the signal, which is the same code for a shell: Python itself was ending.
        assert process.returncode in (CODES[number], 0, 1, -number), (milliseconds, errors)
        assert errors.replace(b"<here>", b"") == b"", milliseconds


DURING = """
import meshdoctor.cli.main as command
def put(text):
    signal.raise_signal(NUMBER)
command.put = put
sys.argv = ["meshdoctor", "--version"]
entry_points.main()
"""


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_within_a_command(number: signal.Signals) -> None:
    done = ran(BEGINNING + DURING.replace("NUMBER", str(int(number))))
    assert (done.returncode, done.stdout, done.stderr) == (CODES[number], b"", b"<here><here>")


UNRAISABLE = """
import meshdoctor.cli.main as command
class Fragile:
    def __del__(self):
        signal.raise_signal(NUMBER)
def put(text):
    Fragile()
    raise SystemExit("the signal was lost")
command.put = put
sys.argv = ["meshdoctor", "--version"]
entry_points.main()
"""


@pytest.mark.parametrize("number", CODES, ids=lambda number: number.name)
def test_where_python_cannot_raise(number: signal.Signals) -> None:
    done = ran(BEGINNING + UNRAISABLE.replace("NUMBER", str(int(number))))
    assert (done.returncode, done.stderr) == (CODES[number], b"<here>")


TWICE = """
import meshdoctor.cli.main as command
def struck(*_):
    signal.raise_signal(signal.SIGINT)
command.put = struck
command.report_failure = struck
command.app = lambda **_: struck()
sys.argv = ["meshdoctor", "--version"]
entry_points.main()
"""


def test_twice() -> None:
    done = ran(BEGINNING + TWICE)
    assert (done.returncode, done.stderr) == (130, b"<here><here>")


def test_what_is_ignored_stays_ignored() -> None:
    """As nohup wants it, and a shell for what runs in the background."""
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code += BEGINNING.replace("signal.signal(", "(lambda *_: None)(") + "import meshdoctor.cli.main as command\n"
    code += "put = command.put\ndef struck(text):\n    signal.raise_signal(signal.SIGINT)\n    put(text)\n"
    code += "command.put = struck\nsys.argv = ['meshdoctor', '--version']\nentry_points.main()\n"
    done = ran(code)
    assert (done.returncode, done.stdout[:11], done.stderr) == (0, b"meshdoctor ", b"<here><here>")


def test_before_the_handlers_next_to_nothing_is_imported() -> None:
    code = "import sys; before = set(sys.modules); from meshdoctor.cli import entry_points; "
    code += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    ours = {name for name in done.stdout.split() if name.startswith("meshdoctor")}
    assert ours == {"meshdoctor", "meshdoctor.cli", "meshdoctor.cli.entry_points", "meshdoctor.cli.process_signals"}
    assert "typing" not in done.stdout.split()

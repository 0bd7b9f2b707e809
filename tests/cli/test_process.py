"""What only a process of its own shows: imports, pipes, terminals, encodings, completion."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("textual", "kubernetes", "rich", "yaml", "jsonpath_ng", "cel", "zstandard")


def python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "PYTHONUTF8")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )


RUN = "import sys; from meshdoctor.cli.main import run; code = run(sys.argv[1:]); "
LOADED = f"print(*(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr); sys.exit(code)"


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("check", "--help"), ()])
def test_the_command_line_alone_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    done = python(RUN + "print(*sys.modules); " + LOADED, *arguments)
    assert done.stderr.splitlines()[-1] == b""
    assert b"meshdoctor.doctor" not in done.stdout.split()


@pytest.mark.parametrize("options", [("--json",), ()])
def test_a_stdout_that_was_closed_is_no_fault_of_meshdoctors(options: tuple[str, ...]) -> None:
    done = python(
        "import os, sys; os.close(1); sys.stdout = None; " + RUN + "sys.exit(code)", "rules", "list", *options
    )
    assert (done.returncode, done.stderr) == (4, b"meshdoctor: cannot write the result: stdout is closed\n")


def test_a_report_loads_neither_rich_nor_yaml() -> None:
    code = (
        "import sys; code = 0; from meshdoctor.report import json_v1, text; "
        "from meshdoctor.view import check, hosts, rule, trace; "
    )
    done = python(code + LOADED)
    assert (done.returncode, done.stderr) == (0, b"\n")


@pytest.mark.parametrize("options", [("--json",), ()])
def test_check_on_a_snapshot_loads_no_front_end_and_no_client(options: tuple[str, ...]) -> None:
    pytest.importorskip("meshdoctor.doctor")
    from meshdoctor import doctor

    name = doctor.snapshots()[0].name
    done = python(RUN + LOADED, "check", "--from", f"demo:{name}", *options)
    assert done.returncode in (0, 1), done.stderr
    assert not {b"textual", b"kubernetes", b"rich"} & set(done.stderr.splitlines()[-1].split())


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = "from meshdoctor.cli.streams import put; put(b'x' * 10_000_000); put('more')"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_an_error() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "meshdoctor", "--version"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 4
    assert b"cannot write the result" in done.stderr
    assert b"Traceback" not in done.stderr


WRITER = "import sys; from meshdoctor.cli.streams import writer; p = writer(no_color='--no-color' in sys.argv); "


@pytest.mark.parametrize(("encoding", "symbols"), [("utf-8", b"True"), ("ascii", b"False"), ("latin-1", b"False")])
def test_a_pipe_is_80_columns_without_colour(encoding: str, symbols: bytes) -> None:
    done = python(WRITER + "print(p.width, p.colour, p.symbols)", PYTHONIOENCODING=encoding, COLUMNS="133")
    assert done.stdout.split() == [b"80", b"False", symbols]


def test_what_an_encoding_cannot_hold_is_written_out() -> None:
    done = python("from meshdoctor.cli.streams import put; put('caf\\u00e9 \\u65e5\\n')", PYTHONIOENCODING="ascii")
    assert done.stdout == b"caf\\xe9 \\u65e5\n"


@pytest.mark.parametrize(
    ("environment", "arguments", "colour"),
    [
        ({"TERM": "xterm"}, (), "True"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, (), "False"),
        ({"TERM": "xterm", "NO_COLOR": ""}, (), "True"),
        ({"TERM": "dumb"}, (), "False"),
        ({"TERM": "xterm"}, ("--no-color",), "False"),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    environment: dict[str, str], arguments: tuple[str, ...], colour: str
) -> None:
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "TERM")}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER + "print(p.colour, p.width)", *arguments],
        cwd=ROOT,
        stdout=theirs,
        env={**clean, **environment, "COLUMNS": "100"},
    ) as process:
        assert process.wait(30) == 0
    os.close(theirs)
    with os.fdopen(ours, "rb") as terminal:
        assert terminal.readline().decode().split() == [colour, "100"]


def test_shell_completion_knows_commands_and_options() -> None:
    asked = {"_MESHDOCTOR_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    assert python(RUN, COMP_WORDS="meshdoctor ch", **asked).stdout.split() == [b"check"]
    asked["COMP_CWORD"] = "2"
    assert b"--fail-on" in python(RUN, COMP_WORDS="meshdoctor check --fa", **asked).stdout.split()


def test_an_interrupt_ends_in_130_without_a_word() -> None:
    # Whoever runs the tests in the background of a script has SIGINT ignored.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "import sys, meshdoctor.cli.main as m; "
    code += "m.put = lambda _: signal.raise_signal(signal.SIGINT); import meshdoctor.cli.entry_points as start; "
    code += "sys.argv = ['meshdoctor', '--version']; start.main()"
    done = python(code)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")

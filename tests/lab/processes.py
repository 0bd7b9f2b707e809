"""Processes of one lab: each is started with its owner's mark, ended with the lab, and found again if the owner died.

Waiting is always for a condition; `LIMIT` bounds a lab that hangs and measures nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

LIMIT = 90.0
OWNER = "MESHDOCTOR_LAB_OWNER"
T = TypeVar("T")


class LabError(RuntimeError):
    """The lab does not do what was asked: says what, and the end of the log that may tell why."""


class Ended(LabError):
    """A program that should run has ended: waiting is of no use."""


def run(*command: str | Path, check: bool = True, stdin: str | None = None) -> str:
    """Output of a short command. Raises `LabError` with its complaint."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=LIMIT)
    if check and done.returncode:
        raise LabError(f"{' '.join(words)[:300]}: {done.stderr.strip()[-500:] or done.stdout.strip()[-500:]}")
    return done.stdout


def wait_for(what: str, look: Callable[[], T | None], limit: float = LIMIT, every: float = 0.03) -> T:
    """The first true answer of `look`. Errors but `Ended` count as not yet; `LabError` names the last one."""
    deadline, last = time.monotonic() + limit, ""
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except Ended:
            raise
        except Exception as error:
            last = f": {error}"
        time.sleep(every)
    raise LabError(f"waited {limit:g} s for {what}{last}")


class Processes:
    """The running programs of one lab, by name."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self,
        name: str,
        *command: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pipe: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own. Its output goes to its log, with `pipe` to the caller."""
        environment = {**(os.environ if env is None else env), OWNER: owner_mark(os.getpid())}
        with (self.logs / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else log,
                stderr=subprocess.STDOUT if pipe else log,
                env=environment,
                cwd=cwd or self.logs,
                start_new_session=True,
            )
        self._running[name] = process
        return process

    def log(self, name: str, size: int = 1500) -> str:
        """The end of a program's log."""
        path = self.logs / f"{name}.log"
        return path.read_text(errors="replace")[-size:] if path.is_file() else ""

    def ready(self, name: str, look: Callable[[], T | None]) -> T:
        """Wait until a program does what `look` asks; `LabError` with its log if it ends or takes too long."""
        process = self._running[name]

        def alive() -> T | None:
            if process.poll() is not None:
                raise Ended(f"{name} ended with {process.returncode}")
            return look()

        try:
            return wait_for(name, alive)
        except LabError as error:
            raise LabError(f"{error}\n{self.log(name)}") from None

    def stop(self, *names: str, by: signal.Signals = signal.SIGTERM) -> None:
        """End programs together; what does not end in ten seconds is killed."""
        ending = [self._running.pop(name) for name in names if name in self._running]
        for process in ending:
            _signal(process, signal.SIGCONT)
            _signal(process, by)
        deadline = time.monotonic() + 10
        for process in ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal(process, signal.SIGKILL)
            process.wait()

    def names(self) -> list[str]:
        """What runs, the last started first."""
        return list(reversed(self._running))

    def pid(self, name: str) -> int:
        """Process id of a program."""
        return self._running[name].pid


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def owner_mark(pid: int) -> str:
    """A process and when it started: ids are given again, this pair is not."""
    return f"{pid}-{Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[19]}"


def is_alive(mark: str) -> bool:
    """The owner of this mark still runs."""
    try:
        return owner_mark(int(mark.split("-")[0])) == mark
    except (OSError, ValueError):
        return False


def children(pid: int) -> Iterator[int]:
    """Descendants of a process, the nearest first."""
    waiting: Sequence[int] = [pid]
    while waiting:
        found: list[int] = []
        for one in waiting:
            # Each thread has its own list of children (proc(5)).
            for thread in Path(f"/proc/{one}/task").glob("*"):
                with contextlib.suppress(OSError):
                    found += [int(child) for child in (thread / "children").read_text().split()]
        yield from found
        waiting = found


def sweep() -> None:
    """Kill what a lab left behind whose owner died without ending it. Only processes with a lab's mark are touched."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        marks = [v.decode().partition("=")[2] for v in environment if v.startswith(f"{OWNER}=".encode())]
        if marks and not is_alive(marks[0]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(folder.name), signal.SIGKILL)

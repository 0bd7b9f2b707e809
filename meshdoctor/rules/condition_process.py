"""Evaluates expensive conditions in a process of their own, which a limit of CPU time and of memory ends.

cel ignores Ctrl-C and has no limit of its own. A fact in, an answer out, each as a line of JSON. Run as a module, this
is that process: `python -P -m meshdoctor.rules.condition_process`.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from meshdoctor.rules.cel_programs import BadCondition, NotComputed, evaluate

MEMORY = 1024**3
"""Bytes of address space. The interpreter with cel takes a tenth of it."""


class Question(Struct, frozen=True):
    """An expression, the fields of the fact it is about, and the CPU time it may take."""

    text: str
    fact: dict[str, Any]
    seconds: float


class Answer(Struct, frozen=True, kw_only=True):
    """The result of an expression, and the CPU time it took."""

    value: bool | None = None
    other: str = ""
    """The result where it is neither true nor false."""
    problem: str = ""
    """Why there is no result."""
    seconds: float


class Exhausted(Exception):
    """The process was ended by a limit: `CPU time`, or `memory`."""


class ConditionProcess:
    """The process, started when it is first asked, and again after it was ended. Safe for several threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def ask(self, question: Question) -> Answer:
        """Evaluates an expression. Raises `Exhausted` where that takes more than its time or the memory."""
        line = msgspec.json.encode(question) + b"\n"
        with self._lock:
            try:
                answered = self._exchange(line)
            except BaseException:  # Ctrl-C: the answer of this question must not be taken for that of the next
                self.close()
                raise
            if answered:
                return msgspec.json.decode(answered, type=Answer)
            raise Exhausted("CPU time" if self.close() == -signal.SIGPROF else "memory")

    def _exchange(self, line: bytes) -> bytes:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except BrokenPipeError:
            return b""
        return process.stdout.readline()

    def _running(self) -> subprocess.Popen[bytes]:
        # A fork would share the pipes with its parent.
        if self._process is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            atexit.register(self.close)
        return self._process

    def close(self) -> int:
        """Ends the process and gives its exit code."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return 0
        atexit.unregister(self.close)
        with suppress(OSError):
            process.kill()
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()
        return code


PROCESS = ConditionProcess()


def main() -> None:
    """Answers questions of stdin on stdout until stdin ends."""
    _limit()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(_answered(msgspec.json.decode(line, type=Question))) + b"\n")
        sys.stdout.buffer.flush()


def _limit() -> None:
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # a lower limit of the user stays; macOS has no RLIMIT_AS
            resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def _answered(question: Question) -> Answer:
    before = time.process_time()
    # The default action of SIGPROF ends the process, also within cel.
    signal.setitimer(signal.ITIMER_PROF, question.seconds)
    try:
        value, problem = evaluate(question.text, question.fact), ""
    except (BadCondition, NotComputed) as error:
        value, problem = None, str(error)
    signal.setitimer(signal.ITIMER_PROF, 0)
    took = time.process_time() - before
    if problem or isinstance(value, bool):
        return Answer(value=value, problem=problem, seconds=took)
    return Answer(other=repr(value)[:200], seconds=took)


if __name__ == "__main__":
    main()

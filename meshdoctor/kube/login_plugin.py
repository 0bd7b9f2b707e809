"""Bounds what a login may take: a kubeconfig's exec plugin, its auth-provider's command, the refresh of a token.

The Kubernetes client waits for them without a limit and offers none, so what it starts processes with is replaced.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from meshdoctor.errors import Unreadable
from meshdoctor.kube.deadline import Cancelled
from meshdoctor.text.printable import printable

Result = TypeVar("Result")

_POLL = 0.2
_TO_END = 0.5
"""Seconds that a plugin has to end by itself after SIGTERM."""
_EXEC_INFO = "KUBERNETES_EXEC_INFO"


class LoginFailed(Unreadable):
    """The credentials could not be had."""


class LoginRun(Generic[Result]):
    """Something that logs in, run in a thread for at most `seconds`, and every plugin that it starts.

    A plugin may ask at the terminal where this is made in the main thread; later nobody would see the question. Any
    other has a process group of its own, so that what it started ends with it.
    """

    _here = threading.local()

    def __init__(self, work: Callable[[], Result], seconds: float) -> None:
        self.warnings: list[str] = []
        """What the client logged: when a plugin fails, it logs that and goes on without (its kube_config.py)."""
        self._work = work
        self._seconds = seconds
        self._terminal = _terminal() if threading.current_thread() is threading.main_thread() else None
        """Settings of the terminal at which a plugin may ask."""
        self._plugins: list[tuple[str, subprocess.Popen[Any]]] = []
        self._is_over = False
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._result: Result | None = None
        self._problem: BaseException | None = None

    def result(self, is_stopped: Callable[[], bool] = lambda: False) -> Result:
        """What `work` returns. Raises what it raises, `LoginFailed` after `seconds`, `Cancelled` where it is stopped.

        Whichever way it ends, and with the program too, no plugin outlives it.
        """
        _replace_subprocess()
        thread = threading.Thread(target=self._run, daemon=True, name="meshdoctor login")
        atexit.register(self.end)
        try:
            with _logged(self.warnings):
                thread.start()
                self._wait(is_stopped)
        finally:
            self.end()
            atexit.unregister(self.end)
        if self._problem is not None:
            raise self._problem
        return self._result  # type: ignore[return-value] # it is done without a problem

    def _run(self) -> None:
        self._here.run = self
        try:
            self._result = self._work()
        except BaseException as problem:
            self._problem = problem
        self._done.set()

    def _wait(self, is_stopped: Callable[[], bool]) -> None:
        end = time.monotonic() + self._seconds
        while not self._done.wait(min(_POLL, max(0.0, end - time.monotonic()))):
            if not is_stopped() and time.monotonic() < end:
                continue
            self.end()
            self._done.wait(_TO_END)  # what the client logs of it is not for the user
            if is_stopped():
                raise Cancelled("interrupted before it was read")
            raise LoginFailed(self._too_slow())

    def _too_slow(self) -> str:
        names = [name for name, _ in self._plugins]
        what = f"the login plugin {names[-1]}" if names else "the login"
        return (
            f"{what} took longer than {self._seconds:.3g} s and was stopped. Log in with kubectl first, or give it "
            "longer with --timeout"
        )

    def start(self, arguments: Sequence[str], options: dict[str, Any]) -> subprocess.Popen[Any]:
        """Starts a plugin, as `subprocess.Popen` does."""
        if self._terminal is None:
            options |= {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "start_new_session": True}
            if _EXEC_INFO in (options.get("env") or {}):
                info = json.loads(options["env"][_EXEC_INFO])
                info["spec"]["interactive"] = False
                options["env"][_EXEC_INFO] = json.dumps(info)
        with self._lock:
            if self._is_over:
                raise LoginFailed("the login was stopped")
            process = subprocess.Popen(list(arguments), **options)
            self._plugins.append((printable(Path(arguments[0]).name), process))
        return process

    def end(self) -> None:
        """Ends the plugins that still run."""
        with self._lock:
            self._is_over = True
            running = [process for _, process in self._plugins if process.returncode is None]
        for process in running:
            # One that may ask shares this program's process group, because the terminal's answers go to that.
            family = [-process.pid] if self._terminal is None else _family(process.pid)
            _signal(family, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_TO_END)
            _signal(family, signal.SIGKILL)
        if running and self._terminal is not None:
            # A plugin that asks for a password switches the echo off.
            with suppress(termios.error, OSError):
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._terminal)


class _Subprocess:
    """What the client needs of the module `subprocess`."""

    PIPE = subprocess.PIPE

    @staticmethod
    def Popen(arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        run: LoginRun[Any] = LoginRun._here.run
        return run.start(arguments, options)


def _replace_subprocess() -> None:
    from kubernetes.config import exec_provider, kube_config

    exec_provider.subprocess = kube_config.subprocess = _Subprocess


@contextmanager
def _logged(messages: list[str]) -> Iterator[None]:
    """Collects what the client logs, and keeps it from stderr, also what comes too late."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name == "root":
                messages.append(record.getMessage())

    collector, logger = Collector(logging.WARNING), logging.getLogger()
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.addHandler(collector)
    try:
        yield
    finally:
        logger.removeHandler(collector)


def _family(pid: int) -> list[int]:
    """A process and what it started, where the system says that (Linux, proc(5))."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:
        children = []
    return [pid, *(one for child in children for one in _family(int(child)))]


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    """Sends a signal to processes, and to process groups by their negative number (kill(2))."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _terminal() -> list[Any] | None:
    """Settings of the terminal that standard input is, None where it is none."""
    try:
        return termios.tcgetattr(sys.stdin) if sys.stdin is not None and sys.stdin.isatty() else None
    except (ValueError, OSError, termios.error):
        return None

"""A terminal for a program: a pty whose output is counted, and read as a screen (by pyte) where that is asked for."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyte

PATIENCE = 30.0
"""Seconds for what must come; nothing is measured by it."""
KEYS = {"enter": "\r", "escape": "\x1b", "tab": "\t", "down": "\x1b[B", "pagedown": "\x1b[6~", "backspace": "\x7f"}


class Terminal:
    """A running program and what it wrote."""

    def __init__(self, pid: int, fd: int, columns: int, lines: int) -> None:
        self.pid = pid
        self._fd = fd
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        """All that it wrote."""
        self.code: int | None = None
        """Its exit code once it has ended; minus the signal that ended it."""

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self.screen.display)

    def press(self, *keys: str) -> None:
        """Types keys by their names, or text as it is."""
        for key in keys:
            os.write(self._fd, KEYS.get(key, key).encode())

    def paste(self, text: str) -> None:
        """Pastes, as a terminal with bracketed paste does; what comes meanwhile is read."""
        data = f"\x1b[200~{text}\x1b[201~".encode()
        while data:
            _, writable, _ = select.select([], [self._fd], [], 1)
            if writable:
                data = data[os.write(self._fd, data[:2048]) :]
            self.read(0)

    def read(self, seconds: float, *, shown: bool = True) -> bytes:
        """What comes within so many seconds, at once when some has come; nothing at the end."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # the other end is closed
            return b""
        self.written += data
        if shown:
            self._stream.feed(data)
        return data

    def until(self, *texts: str, gone: Sequence[str] = ()) -> str:
        """Waits until all these texts stand on the screen and none of `gone` does. Raises AssertionError."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = self.text
            if all(one in text for one in texts) and not any(one in text for one in gone):
                return text
            if not self.read(0.2) and self.has_ended():
                break
        raise AssertionError(f"not on the screen: {texts}, or still: {gone}\n{self.text}")

    def settle(self, quiet: float = 0.08, *, patience: float = PATIENCE) -> tuple[float, int]:
        """Reads until nothing came for `quiet` seconds: seconds to the last byte, and how many came. Draws nothing."""
        begun = last = time.perf_counter()
        count = 0
        while time.perf_counter() - last < quiet and time.perf_counter() - begun < patience:
            data = self.read(quiet, shown=False)
            if data:
                last = time.perf_counter()
                count += len(data)
        return (last - begun if count else 0.0), count

    def resize(self, columns: int, lines: int) -> None:
        """Gives it another size."""
        self.screen.resize(lines, columns)
        size(self._fd, columns, lines)
        self.signal(signal.SIGWINCH)

    def signal(self, number: int) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def has_ended(self) -> bool:
        """Whether it has; its code is known then."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def ended(self) -> int:
        """Waits for its end, and gives its exit code."""
        end = time.monotonic() + PATIENCE
        while not self.has_ended():
            assert time.monotonic() < end, f"it does not end\n{self.text}"
            self.read(0.05)
        while self.read(0.05):
            continue
        assert self.code is not None
        return self.code

    def kibibytes(self, field: str) -> int:
        """A field of Linux's /proc/PID/status, `VmRSS` for one."""
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith(field)).split()[1])


def size(fd: int, columns: int, lines: int) -> None:
    """Sets a pty's size."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@contextmanager
def terminal(
    command: Sequence[str], columns: int, lines: int, environment: Mapping[str, str], folder: Path | None = None
) -> Iterator[Terminal]:
    """Runs a command in a terminal of this size; what still runs at the end is killed."""
    pid, fd = pty.fork()
    if not pid:
        try:
            os.chdir(folder or ".")
            size(0, columns, lines)
            os.execvpe(command[0], list(command), dict(environment))
        finally:
            os._exit(127)
    made = Terminal(pid, fd, columns, lines)
    try:
        yield made
    finally:
        if not made.has_ended():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(fd)

"""Time limits that can be cancelled from another thread."""

from __future__ import annotations

import threading
import time

from meshdoctor.errors import Unreadable


class TimedOut(Unreadable):
    """Something took longer than its time limit."""


class Cancelled(Unreadable):
    """The user pressed Ctrl-C while something was under way."""


class Deadline:
    """A moment on the monotonic clock. `stop` ends every wait on it early, from any thread."""

    def __init__(self, seconds: float, stop: threading.Event | None = None) -> None:
        self._at = time.monotonic() + seconds
        self._stop = stop or threading.Event()
        self.seconds = seconds

    def within(self, seconds: float) -> Deadline:
        """A deadline at most `seconds` from now, never later than this one, and stopped together with it."""
        return Deadline(max(0.0, min(seconds, self._at - time.monotonic())), self._stop)

    def left(self, what: str) -> float:
        """Seconds left, more than 0. Raises `TimedOut` naming `what`, or `Cancelled`."""
        if self._stop.is_set():
            raise Cancelled("interrupted before it was read")
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimedOut(f"{what} took longer than {self.seconds:.3g} s")
        return left

    def sleep(self, seconds: float) -> bool:
        """Waits, at most until the deadline. False where the deadline passed or was stopped: a retry is no use."""
        left = self._at - time.monotonic()
        return not self._stop.wait(max(0.0, min(seconds, left))) and seconds < left

"""Time limits that can be cancelled from another thread."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from meshdoctor.errors import Unreadable


class TimedOut(Unreadable):
    """Something took longer than its time limit."""


class Cancelled(Unreadable):
    """The user pressed Ctrl-C while something was under way."""


class ByteCount(Protocol):
    """Counts the bytes of answers that are read under one deadline, and may have their reader wait."""

    def received(self, size: int, deadline: Deadline) -> None:
        """So many more bytes have come. Raises `Cancelled` where the wait for room was stopped."""

    def dropped(self) -> None:
        """What came so far is not kept."""


class Deadline:
    """A moment on the monotonic clock. `stop` ends every wait on it early, from any thread.

    Whoever reads an answer tells the deadline what came, for its `count` if it has one.
    """

    def __init__(self, seconds: float, stop: threading.Event | None = None, count: ByteCount | None = None) -> None:
        self._at = time.monotonic() + seconds
        self._stop = stop or threading.Event()
        self.count = count
        self._suspended_at = math.inf
        self.seconds = seconds

    def within(self, seconds: float) -> Deadline:
        """A deadline at most `seconds` from now, never later than this one, and stopped together with it."""
        return Deadline(max(0.0, min(seconds, self.remaining)), self._stop, self.count)

    @property
    def remaining(self) -> float:
        """Seconds left, negative where it has passed. They stand still while it is suspended."""
        return self._at - min(time.monotonic(), self._suspended_at)

    @property
    def is_stopped(self) -> bool:
        """Somebody has ended all waits on it."""
        return self._stop.is_set()

    def refuse_stopped(self) -> None:
        """Raises `Cancelled` where somebody has ended all waits on it."""
        if self._stop.is_set():
            raise Cancelled("interrupted before it was read")

    def received(self, size: int) -> None:
        """So many more bytes of an answer have come. Waits where there is no room for more; raises `Cancelled`."""
        if self.count is not None:
            self.count.received(size, self)

    def dropped(self) -> None:
        """What came so far is read again, or not at all."""
        if self.count is not None:
            self.count.dropped()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """The time in this block does not count: it is spent on waiting for something else than the answer."""
        self._suspended_at = time.monotonic()
        try:
            yield
        finally:
            self._at += time.monotonic() - self._suspended_at
            self._suspended_at = math.inf

    def left(self, what: str) -> float:
        """Seconds left, more than 0. Raises `TimedOut` naming `what`, or `Cancelled`."""
        self.refuse_stopped()
        left = self.remaining
        if left <= 0:
            raise TimedOut(f"{what} took longer than {self.seconds:.3g} s")
        return left

    def sleep(self, seconds: float) -> bool:
        """Waits, at most until the deadline. False where the deadline passed or was stopped: a retry is no use."""
        left = self.remaining
        return not self._stop.wait(max(0.0, min(seconds, left))) and seconds < left

    def pause(self, seconds: float) -> bool:
        """Waits before a retry. False where it was stopped, and at once where the deadline comes first."""
        return seconds < self.remaining and self.sleep(seconds)

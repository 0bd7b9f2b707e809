"""When to look again: so long after the last look's end, however long that took. Looks never pile up."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 15.0
"""Seconds between the end of a look at a cluster and the next one."""
FILES_EVERY = 2.0
"""Seconds between two glances at whether files have changed."""


class RefreshTimer:
    """Asked every now and then whether it is time."""

    def __init__(self, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._since = clock()

    def is_due(self, *, is_busy: bool) -> bool:
        """Whether it is time; the rest before the next one begins now if it is, or when a look is over."""
        now = self._clock()
        if is_busy:
            self._since = now
            return False
        if now - self._since < self._every:
            return False
        self._since = now
        return True

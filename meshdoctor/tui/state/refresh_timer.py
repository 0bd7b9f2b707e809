"""When to refresh: an interval after the last refresh has ended, so refreshes never overlap."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 15.0
"""Seconds from the end of a refresh of a cluster to the next one."""
FILES_EVERY = 2.0
"""Seconds between two checks whether files have changed."""


class RefreshTimer:
    """Says whether it is time, when asked."""

    def __init__(self, every: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every = every
        self._clock = clock
        self._since = clock()

    def is_due(self, *, is_busy: bool) -> bool:
        """Whether it is time. The next interval begins then, or when a running refresh has ended."""
        now = self._clock()
        if is_busy:
            self._since = now
            return False
        if now - self._since < self._every:
            return False
        self._since = now
        return True

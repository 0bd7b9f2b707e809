"""Whether an API server answers at all, as everybody who asks it knows together.

Each who waits alone for a server that has gone away waits all of the time that it has; of a thousand sidecars asked
sixteen at a time that would be half an hour. Here the first ones wait, and the others are told what those found.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE = 30.0
"""Seconds without an answer after which a server is given up."""
ASK_AGAIN = 5.0
"""Seconds after which one that was given up is asked again."""


class ServerHealth:
    """What is known. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        """When the first of the failures came that no answer has followed."""
        self._asked = 0.0
        self._because = ""

    def answered(self) -> None:
        """It is there."""
        with self._lock:
            self._since = None

    def failed(self, because: str) -> None:
        """It did not answer, for this reason."""
        with self._lock:
            if self._since is None:
                self._since = self._clock()
            self._because = because

    def why_not(self) -> str:
        """Why it is no use to ask now; empty where it is to be asked. One in a while is let through to find out."""
        with self._lock:
            now = self._clock()
            if self._since is None or now - self._since < PATIENCE:
                return ""
            if now - self._asked >= ASK_AGAIN:
                self._asked = now
                return ""
            return self._because

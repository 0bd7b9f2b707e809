"""Whether an API server answers, shared by all requests to it.

Without it, each request to a server that has gone away would wait for its whole time limit: half an hour for a thousand
sidecars, sixteen at a time. Here the first requests wait, and the others fail at once with the same reason.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE = 30.0
"""Seconds without an answer after which a server is given up."""
ASK_AGAIN = 5.0
"""Seconds after which a server that was given up is asked again."""


class ServerHealth:
    """The answers and failures of one server so far. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._since: float | None = None
        """Time of the first failure since the last answer."""
        self._asked = 0.0
        self._because = ""

    def answered(self) -> None:
        """Record an answer."""
        with self._lock:
            self._since = None

    def failed(self, because: str) -> None:
        """Record that it did not answer, and why."""
        with self._lock:
            if self._since is None:
                self._since = self._clock()
            self._because = because

    def why_not(self) -> str:
        """Why not to ask now; empty where to ask. One request every `ASK_AGAIN` seconds is allowed as a probe."""
        with self._lock:
            now = self._clock()
            if self._since is None or now - self._since < PATIENCE:
                return ""
            if now - self._asked >= ASK_AGAIN:
                self._asked = now
                return ""
            return self._because

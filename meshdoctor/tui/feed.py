"""From the session's thread to the app: events wait here, and one message says that some do.

A thousand pods that are judged within a second wake the app a few times only, and each time it takes all that is there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from meshdoctor.diagnosis.events import Event


class Feed:
    """Events on their way. `wake` is called from the session's thread when the first one comes in."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._events: list[Event] = []

    def put(self, event: Event) -> None:
        """Adds an event. Called from the session's thread; never waits."""
        with self._lock:
            self._events.append(event)
            is_first = len(self._events) == 1
        if is_first:
            self._wake()

    @property
    def has_news(self) -> bool:
        """Some events wait."""
        return bool(self._events)

    def take(self) -> list[Event]:
        """All events that wait, in their order."""
        with self._lock:
            events, self._events = self._events, []
        return events

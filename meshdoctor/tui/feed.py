"""Carries events from the thread of the diagnosis to the app, which is woken once for all that wait.

A thousand pods that are checked within a second wake the app only a few times.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from meshdoctor.diagnosis.events import Event


class Feed:
    """Events that wait. `wake` is called from the thread of the diagnosis when the first one arrives."""

    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._events: list[Event] = []

    def put(self, event: Event) -> None:
        """Adds an event. Called from the thread of the diagnosis; never blocks."""
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

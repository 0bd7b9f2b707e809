"""Handles one key after the other: the next one goes to whatever has the focus once the one before is handled.

Textual sends a key to the widget that has the focus when it arrives and acts on it later. Over a slow line keys arrive
in bunches, and the letters after the `/` that opens a filter would be commands of the table it belongs to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.events import Key
from textual.message import Message
from textual.timer import Timer

PATIENCE = 0.25
"""Seconds after which a key counts as handled though `KeyHandled` did not arrive: its widget was closed."""


class KeyHandled(Message):
    """Is posted after a key, so it arrives once the key is handled."""

    def __init__(self, key: Key) -> None:
        self.key = key
        super().__init__()


class KeyQueue:
    """The keys that wait. `give` is how Textual handles an event."""

    def __init__(self, app: App[Any], give: Callable[[Key], Awaitable[None]]) -> None:
        self._app = app
        self._give = give
        self._waiting: deque[Key] = deque()
        self._now: Key | None = None
        self._limit: Timer | None = None

    @property
    def is_idle(self) -> bool:
        """No key waits or is being handled."""
        return self._now is None

    async def take(self, key: Key) -> None:
        """Handles a key, now or after those that wait."""
        self._waiting.append(key)
        if self._now is None:
            await self._next()

    async def end(self, key: Key) -> None:
        """A key has been handled."""
        if key is self._now:
            await self._next()

    async def _next(self) -> None:
        if self._limit is not None:
            self._limit.stop()
        self._now = self._waiting.popleft() if self._waiting else None
        if self._now is None:
            return
        target = self._app.focused or self._app.screen
        key = self._now
        self._limit = self._app.set_timer(PATIENCE, lambda: self.end(key))
        await self._give(key)
        target.post_message(KeyHandled(key).set_sender(target))

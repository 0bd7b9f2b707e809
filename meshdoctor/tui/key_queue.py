"""Keys in their turn: each is dealt with before the next one is given to whatever has the focus by then.

Textual gives a key to the focus of the moment it comes in and acts on it later. Over a slow line keys come in bunches,
and the letters behind the `/` that opens a filter would be commands of the table it belongs to.
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
"""Seconds after which a key's turn is over though nobody said so: what had it was closed."""


class KeyQueue:
    """The keys that wait. `give` is Textual's own way to deal with an event."""

    class Over(Message):
        """Has followed a key through all that the key passed."""

        def __init__(self, key: Key) -> None:
            self.key = key
            super().__init__()

    def __init__(self, app: App[Any], give: Callable[[Key], Awaitable[None]]) -> None:
        self._app = app
        self._give = give
        self._waiting: deque[Key] = deque()
        self._now: Key | None = None
        self._limit: Timer | None = None

    @property
    def are_over(self) -> bool:
        """No key waits, none is being dealt with."""
        return self._now is None

    async def take(self, key: Key) -> None:
        """Gives a key away, now or in its turn."""
        self._waiting.append(key)
        if self._now is None:
            await self._next()

    async def end(self, key: Key) -> None:
        """A key has been dealt with."""
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
        target.post_message(self.Over(key).set_sender(target))

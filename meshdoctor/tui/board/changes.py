"""What is new and what has gone since the look before: told for a while, so that nobody misses it."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol

KEPT = 90.0
"""Seconds for which a change is told."""


class Changing(Protocol):
    """A row of the board."""

    change: str


class Changes:
    """Compares the whole result of each look with the one before. The first look changes nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before: dict[str, dict[Hashable, Any]] = {}
        self._new: dict[tuple[str, Hashable], float] = {}
        self._gone: dict[tuple[str, Hashable], tuple[float, Any]] = {}

    def of(self, part: str, key: Hashable) -> str:
        """`new` for a row that the last whole result had not, or that is new for a while yet; else empty."""
        if part in self._before and key not in self._before[part]:
            return "new"
        return "new" if (part, key) in self._new else ""

    def gone(self, part: str) -> dict[Any, Any]:
        """The rows of a part that have gone a while ago, by key, as they were."""
        return {key: row for (name, key), (_, row) in self._gone.items() if name == part}

    def count(self) -> tuple[int, int]:
        """How many rows and findings are new, and how many have gone."""
        return len(self._new), len(self._gone)

    def take(self, parts: Mapping[str, Mapping[Any, Changing]]) -> None:
        """Takes a whole result: rows by part and key. Marks the new ones, keeps those that have gone."""
        now = self._clock()
        for part, rows in parts.items():
            before = self._before.get(part)
            if before is not None:
                for key in rows.keys() - before.keys():
                    self._new.setdefault((part, key), now)
                    self._gone.pop((part, key), None)
                for key in before.keys() - rows.keys():
                    self._new.pop((part, key), None)
                    before[key].change = "gone"
                    self._gone[part, key] = (now, before[key])
            self._before[part] = dict(rows)
        self.forget()
        for part, rows in parts.items():
            for key, row in rows.items():
                row.change = "new" if (part, key) in self._new else ""

    def forget(self) -> bool:
        """Lets go what has been told long enough; whether there was any. A new row loses its mark."""
        limit = self._clock() - KEPT
        old = [place for place, since in self._new.items() if since <= limit]
        for part, key in old:
            del self._new[part, key]
            row = self._before.get(part, {}).get(key)
            if row is not None:
                row.change = ""
        lost = [place for place, (since, _) in self._gone.items() if since <= limit]
        for place in lost:
            del self._gone[place]
        return bool(old or lost)

"""What is new and what is gone since the last refresh, shown for a while.

A row is `unseen`, not gone, where what it was known from, a pod or what a rule needs, could not be read again. It
stays until that is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Mapping
from typing import Any, Protocol

KEPT = 90.0
"""Seconds for which a change is shown."""


class Changing(Protocol):
    """A row of a panel."""

    change: str


class Changes:
    """Compares each complete result with the one before. The first one has no changes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before: dict[str, dict[Hashable, Any]] = {}
        self._new: dict[tuple[str, Hashable], float] = {}
        self._gone: dict[tuple[str, Hashable], tuple[float, Any]] = {}
        self._unseen: dict[tuple[str, Hashable], tuple[frozenset[str], Any]] = {}
        """With what the row was known from."""

    def of(self, panel: str, key: Hashable) -> str:
        """`new` for a row that the last complete result did not have, or that became new a while ago; else empty."""
        if panel in self._before and key not in self._before[panel]:
            return "new"
        return "new" if (panel, key) in self._new else ""

    def gone(self, panel: str) -> dict[Any, Any]:
        """The rows of a panel that are gone since a while, by key, as they were."""
        return {key: row for (name, key), (_, row) in self._gone.items() if name == panel}

    def unseen(self, panel: str) -> dict[Any, Any]:
        """The rows of a panel that may be there or gone, by key, as they were."""
        return {key: row for (name, key), (_, row) in self._unseen.items() if name == panel}

    def lost(self, panel: str) -> dict[Any, Any]:
        """The rows of a panel that are shown though the newest result does not have them."""
        return self.gone(panel) | self.unseen(panel)

    def count(self) -> tuple[int, int]:
        """How many rows are new, and how many are gone."""
        return len(self._new), len(self._gone)

    def take(
        self,
        panels: Mapping[str, Mapping[Any, Changing]],
        unread: Collection[str] = (),
        shown_by: Callable[[str, Any, Mapping[Any, Any]], Collection[str]] = lambda panel, row, pods: (),
    ) -> None:
        """Takes a complete result, rows by panel and key. Marks new rows and keeps those that are gone.

        `unread`: what exists and could not be read, mostly pods. `shown_by`: what a row was known from, given the
        panel, the row and the pods of the result before.
        """
        now, pods = self._clock(), self._before.get("pods", {})
        for panel, rows in panels.items():
            before = self._before.get(panel)
            unseen: dict[Hashable, Any] = {}
            if before is not None:
                for key in rows.keys() - before.keys():
                    self._new.setdefault((panel, key), now)
                    self._gone.pop((panel, key), None)
                for key in before.keys() - rows.keys():
                    row = before[key]
                    known = self._unseen.get((panel, key))
                    showing = known[0] if known else frozenset(shown_by(panel, row, pods))
                    self._new.pop((panel, key), None)
                    if showing.isdisjoint(unread):
                        row.change = "gone"
                        self._gone[panel, key] = (now, row)
                    else:
                        row.change = "unseen"
                        unseen[key] = showing, row
            self._unseen = {place: kept for place, kept in self._unseen.items() if place[0] != panel}
            self._unseen |= {(panel, key): kept for key, kept in unseen.items()}
            self._before[panel] = dict(rows) | {key: row for key, (_, row) in unseen.items()}
        self.forget()
        for panel, rows in panels.items():
            for key, row in rows.items():
                row.change = "new" if (panel, key) in self._new else ""

    def forget(self) -> bool:
        """Forgets changes that have been shown long enough; returns whether there were any."""
        limit = self._clock() - KEPT
        old = [place for place, since in self._new.items() if since <= limit]
        for panel, key in old:
            del self._new[panel, key]
            row = self._before.get(panel, {}).get(key)
            if row is not None:
                row.change = ""
        lost = [place for place, (since, _) in self._gone.items() if since <= limit]
        for place in lost:
            del self._gone[place]
        return bool(old or lost)

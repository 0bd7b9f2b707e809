"""Limits the bytes of admin pages that are in memory at once, over all sidecars that are being read.

Envoy does not say beforehand how large a page is, so room is asked for as the first bytes come: as much as other
sidecars took, and more where that was too little. A sidecar that does not answer takes none. Where every other one has
stalled, or waits for room as well, one goes beyond the limit, so that none waits for ever.
"""

from __future__ import annotations

import threading
import time

from meshdoctor.kube.deadline import Deadline

_STALLED = 2.0
"""Seconds without a piece of an answer (64 KiB) after which a sidecar keeps no other waiting."""
_POLL = 0.2


class BytesInFlight:
    """The room for pages. `expected` is what the first sidecars are taken to need, in bytes, as `limit` is."""

    def __init__(self, limit: int, expected: int) -> None:
        self.peak = 0
        """The most bytes that were held at once."""
        self._limit = limit
        self._expected = expected
        self._complete: list[int] = []
        """Bytes of the sidecars whose pages have come."""
        self._shares: list[SidecarBytes] = []
        self._changed = threading.Condition()

    def share(self) -> SidecarBytes:
        """The bytes of one more sidecar, none so far."""
        return SidecarBytes(self)

    def grow(self, share: SidecarBytes, size: int, deadline: Deadline) -> None:
        """Counts bytes that have come, and waits until there is room for them. Raises `Cancelled`."""
        with self._changed:
            if share not in self._shares:
                self._shares.append(share)
            share.held += size
            share.heard = time.monotonic()
            self.peak = max(self.peak, sum(one.held for one in self._shares))
            if share.held <= share.reserved:
                return
            if not self._has_room(share):
                self._wait(share, deadline)
            share.reserved = self._wanted(share)

    def _wait(self, share: SidecarBytes, deadline: Deadline) -> None:
        share.is_waiting = True
        try:
            with deadline.suspended():
                while not self._has_room(share):
                    deadline.refuse_stopped()
                    self._changed.wait(_POLL)
        finally:
            share.is_waiting, share.heard = False, time.monotonic()

    def _wanted(self, share: SidecarBytes) -> int:
        """The room to keep for a sidecar. One that needs more than expected gets some in reserve."""
        return max(self._expected, share.held + share.held // 4 if share.reserved else share.held)

    def _has_room(self, share: SidecarBytes) -> bool:
        others = [one for one in self._shares if one is not share]
        if sum(one.reserved for one in others) + self._wanted(share) <= self._limit:
            # Those that have begun come first: the sooner one is complete, the sooner its room is free.
            return bool(share.reserved) or not any(one.is_waiting and one.reserved for one in others)
        return not any(one.is_moving for one in others)

    def complete(self, share: SidecarBytes) -> None:
        """All pages of a sidecar have come: what it took is what the next ones are expected to take."""
        with self._changed:
            share.is_complete, share.reserved = True, share.held
            self._complete.append(share.held)
            self._expected = sum(self._complete) // len(self._complete)
            self._changed.notify_all()

    def release(self, share: SidecarBytes, size: int) -> None:
        """Bytes that are not held any more."""
        with self._changed:
            share.held = max(0, share.held - size)
            share.reserved = min(share.reserved, share.held)
            if not share.held and share in self._shares:
                self._shares.remove(share)
            self._changed.notify_all()


class SidecarBytes:
    """The bytes of one sidecar's pages that are in memory, a `ByteCount`. Read and changed by its `BytesInFlight`."""

    def __init__(self, whole: BytesInFlight) -> None:
        self.held = 0
        self.reserved = 0
        """The room that is kept for it; 0 before its first byte has come."""
        self.heard = 0.0
        """When the newest piece came."""
        self.is_waiting = False
        self.is_complete = False
        self._whole = whole

    @property
    def is_moving(self) -> bool:
        """It will have released its bytes before long."""
        return self.is_complete or (not self.is_waiting and time.monotonic() - self.heard < _STALLED)

    def received(self, size: int, deadline: Deadline) -> None:
        """So many more bytes have come; waits where there is no room for them. Raises `Cancelled`."""
        self._whole.grow(self, size, deadline)

    def dropped(self) -> None:
        """What came so far is not kept."""
        self.release(self.held)

    def complete(self) -> None:
        """No more bytes will come."""
        self._whole.complete(self)

    def release(self, size: int) -> None:
        """So many bytes are not held any more."""
        self._whole.release(self, size)

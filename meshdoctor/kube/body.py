"""The bytes of a large answer while it comes, in memory that goes back to the system as soon as it is freed.

Of bytes objects that sixteen threads allocate bit by bit, the C library keeps several times what is in use.
"""

from __future__ import annotations

import mmap

_FIRST = 64 * 1024
"""Bytes that are held in ordinary memory: most answers are smaller."""
_PIECE = 1024 * 1024


class Body:
    """An answer, whole or as far as it has come."""

    def __init__(self) -> None:
        self._pieces: list[bytearray | mmap.mmap] = [bytearray(_FIRST)]
        self._free = _FIRST
        """Bytes of the last piece that are not used."""
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def space(self) -> memoryview:
        """Where the next bytes go, never empty and at most 64 KiB; `advance` says how many came."""
        if not self._free:
            self._pieces.append(mmap.mmap(-1, _PIECE))
            self._free = _PIECE
        last = self._pieces[-1]
        start = len(last) - self._free
        return memoryview(last)[start : start + _FIRST]

    def advance(self, size: int) -> None:
        """So many bytes were written to `space`."""
        self._free -= size
        self._size += size

    def add(self, data: bytes) -> None:
        """Appends bytes."""
        rest = memoryview(data)
        while rest:
            space = self.space()
            size = min(len(space), len(rest))
            space[:size] = rest[:size]
            self.advance(size)
            rest = rest[size:]

    def start(self) -> bytes:
        """The first bytes, at most 64 KiB: enough to recognise what it is."""
        return bytes(self._pieces[0][: self._size])

    def __bytes__(self) -> bytes:
        last = self._pieces[-1]
        return b"".join((*self._pieces[:-1], memoryview(last)[: len(last) - self._free]))

"""Opens a file decompressed (gzip, zstd or plain), and stops a decompression bomb early."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any

from meshdoctor.errors import Unreadable
from meshdoctor.sources.limits import Limits, in_words

_WINDOW = 2**27
"""zstd's window, and so the memory of one decompression: the limit of `zstd` without `--long=31`."""

_OTHERS = {b"PK\x03\x04": "zip", b"\xfd7zXZ\x00": "xz", b"BZh": "bzip2", b"7z\xbc\xaf": "7z"}


class CutShort(Unreadable):
    """The compressed content ends too early."""


def open_unpacked(path: Path, limits: Limits) -> BufferedReader:
    """The content of the file at `path`, decompressed if it is gzip or zstd, as a stream that can `peek`.

    Raises `Unreadable` for a file that cannot be opened or is compressed otherwise; reading raises it (or `CutShort`)
    for damaged content, and for content beyond `limits.unpacked` or of a suspicious ratio.
    """
    try:
        packed = path.open("rb")
        status = os.fstat(packed.fileno())
        packed_size = status.st_size if stat.S_ISREG(status.st_mode) else 0  # the size of a pipe is not known
    except OSError as problem:
        raise Unreadable(f"{path} cannot be read: {problem.strerror or problem}.") from None
    return unpacked(packed, str(path), packed_size, limits)


def unpacked(packed: BufferedReader, origin: str, size: int, limits: Limits) -> BufferedReader:
    """The same of a stream of `size` bytes, 0 where that is not known; `origin` is its name for messages."""
    try:
        magic = packed.peek(8)[:8]
    except OSError as problem:
        raise Unreadable(f"{origin} cannot be read: {problem.strerror or problem}.") from None
    for start, name in _OTHERS.items():
        if magic.startswith(start):
            packed.close()
            raise Unreadable(f"{origin} is compressed with {name}. Unpack it and give the folder or file inside.")
    stream: Any = packed
    if magic.startswith(b"\x1f\x8b"):
        import gzip

        stream = gzip.GzipFile(fileobj=packed)
    elif magic.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        stream = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(packed, read_across_frames=True)
    else:
        return packed
    return BufferedReader(_Bounded(stream, packed.close, origin, size, limits), 1024 * 1024)


class _Bounded(RawIOBase):
    """Limits what a decompressor gives, and raises its failures as `Unreadable`."""

    def __init__(self, stream: Any, close: Callable[[], None], origin: str, packed: int, limits: Limits) -> None:
        self._stream = stream
        self._close = close
        self._origin = origin
        self._given = 0
        self._limit = limits.unpacked
        if packed:
            self._limit = min(limits.unpacked, max(limits.ratio_from, packed * limits.ratio))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            # read1, so that what comes before a cut is delivered before the error.
            content = self._stream.read1(len(buffer))
        except EOFError:
            raise CutShort(
                f"{self._origin} is cut short: its compressed content ends too early. Fetch it again."
            ) from None
        except (OSError, zlib.error) as problem:
            raise Unreadable(f"{self._origin} cannot be read: {problem}.") from None
        except Exception as problem:
            # zstandard has one exception of its own, which is not imported for files that are not zstd.
            if type(problem).__name__ != "ZstdError":
                raise
            raise Unreadable(f"{self._origin} is not valid zstd: {problem}.") from None
        self._given += len(content)
        if self._given > self._limit:
            raise Unreadable(
                f"{self._origin} unpacks to more than {in_words(self._limit)}, which is suspicious for a file of its "
                "size. If it is the right file, unpack it and give the folder."
            )
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._close()
        super().close()

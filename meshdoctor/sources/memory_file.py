"""What is kept of an archive's members: all of one, or the end of a log; packed, for there may be hundreds."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import IO, Any, BinaryIO

from msgspec import Struct

from meshdoctor.sources.source_tree import SourceFile

_PACK_FROM = 64 * 1024
"""Bytes from which packing is worth it: dumps, pages and logs shrink to a tenth, at half a gigabyte a second."""
_PIECE = 1024 * 1024


class MemoryFile(Struct, frozen=True):
    """A member as it is kept, and the bytes that this takes."""

    found: SourceFile
    stored: int


def hold_in_memory(stream: IO[bytes], size: int, path: str, origin: str) -> MemoryFile:
    """The rest of `stream`, about `size` bytes, in memory. Raises what reading the stream raises."""
    if size < _PACK_FROM:
        content = stream.read(_PACK_FROM)
        return MemoryFile(SourceFile(path, len(content), partial(io.BytesIO, content), origin), len(content))
    import zstandard

    packer = zstandard.ZstdCompressor(level=1).compressobj()
    length = 0
    pieces: list[bytes] = []
    for piece in _pieces(stream):
        length += len(piece)
        pieces.append(packer.compress(piece))
    pieces.append(packer.flush())
    packed = b"".join(pieces)
    return MemoryFile(SourceFile(path, length, partial(_unpacked, packed, length), origin), len(packed))


def skip_to_end(stream: IO[bytes] | BinaryIO, size: int, wanted: int) -> int:
    """Moves on to the first whole line among the last `wanted` of `size` bytes; the number that is left.

    Reads what it passes by: a member of a compressed archive cannot be sought in.
    """
    left = size
    while left > wanted and (passed := stream.read(min(left - wanted, _PIECE))):
        left -= len(passed)
    return left - len(stream.readline(wanted)) if size > wanted else left


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _unpacked(packed: bytes, size: int) -> BinaryIO:
    import zstandard

    content: Any = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    return io.BytesIO(content)

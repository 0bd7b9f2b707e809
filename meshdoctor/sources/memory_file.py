"""Keeps members of an archive in memory, whole or the end of a log; compressed, because there may be hundreds."""

from __future__ import annotations

import io
from functools import partial
from typing import IO, BinaryIO

from msgspec import Struct

from meshdoctor.sources.source_tree import SourceFile

_COMPRESS_FROM = 64 * 1024
"""Bytes from which compressing is worth it: dumps, pages and logs shrink to a tenth, at half a gigabyte a second."""
_CHUNK = 1024 * 1024


class MemoryFile(Struct, frozen=True):
    """A file kept in memory, and the bytes that this takes."""

    file: SourceFile
    size: int


def store_in_memory(stream: IO[bytes], size: int, path: str, origin: str) -> MemoryFile:
    """The rest of `stream`, about `size` bytes, in memory. Raises what reading the stream raises."""
    if size < _COMPRESS_FROM:
        content = stream.read(_COMPRESS_FROM)
        return MemoryFile(SourceFile(path, len(content), partial(io.BytesIO, content), origin), len(content))
    import zstandard

    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    length = 0
    chunks: list[bytes] = []
    while chunk := stream.read(_CHUNK):
        length += len(chunk)
        chunks.append(compressor.compress(chunk))
    packed = b"".join([*chunks, compressor.flush()])

    def unpacked() -> BinaryIO:
        return io.BytesIO(zstandard.ZstdDecompressor().decompress(packed, max_output_size=length))

    return MemoryFile(SourceFile(path, length, unpacked, origin), len(packed))


def skip_to_end(stream: IO[bytes] | BinaryIO, size: int, most: int) -> int:
    """Skips to the first whole line among the last `most` of `size` bytes, and gives the number of bytes left.

    Reads what it skips, because a member of a compressed archive allows no seeking.
    """
    left = size
    while left > most and (skipped := stream.read(min(left - most, _CHUNK))):
        left -= len(skipped)
    return left - len(stream.readline(most)) if size > most else left

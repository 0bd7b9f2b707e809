"""What a folder or an archive turned out to hold, before anyone knows what it is."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import BinaryIO

from msgspec import Struct, field

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Document, Unread
from meshdoctor.sources.limits import Limits, in_words

MAX_NOTES = 50
"""Notes about entries that were left out. Past these a hostile archive is only repeating itself."""

HEAD = 64 * 1024
"""Bytes at a file's start that tell what it is."""


_PIECE = 4 * 1024 * 1024


class SourceFile(Struct, frozen=True):
    """One file: its path below the source with `/` between folders, and how to open it."""

    path: str
    size: int
    open: Callable[[], BinaryIO]
    """Opens the content, unpacked. May raise `Unreadable`, as may reading from it."""
    origin: str
    """What the user calls this file, for messages."""

    def head(self) -> bytes:
        """The first bytes of the content. Raises `Unreadable`."""
        with self.open() as stream:
            return as_utf8(_reading(self.origin, lambda: stream.read(HEAD)))

    def as_document(self, key: str, limits: Limits, origin: str = "") -> Document:
        """This file as the document `key` of a capture; its content is read when it is asked for."""
        return Document(key, lambda: self._content(limits), self.size, origin)

    def _content(self, limits: Limits) -> bytes:
        with self.open() as stream:
            return as_utf8(read_all(stream, self.size, self.origin, limits))


class SourceTree(Struct):
    """All files of a source that may be evidence, and notes on those that could not be read."""

    location: str
    files: dict[str, SourceFile] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """Files that are there and whose content is not kept."""
    is_cut: bool = False
    """An archive that ends before its end: what is not in `files` may have been in the rest."""
    newest: float = 0
    """When the newest file of an archive was written, in seconds since 1970; 0 where nobody knows."""
    unread: list[Unread] = field(default_factory=list)

    def leave_out(self, path: str, because: str) -> None:
        """Notes that the entry `path` is not used, and why."""
        if len(self.unread) < MAX_NOTES:
            self.unread.append(Unread(path, because))


def read_all(stream: BinaryIO, expected: int, origin: str, limits: Limits) -> bytes:
    """The rest of `stream`, which holds about `expected` bytes. Raises `Unreadable` past the limit of one file."""
    # One read takes the whole of an unpacked file, without a second copy of a large dump.
    pieces = [_reading(origin, lambda: stream.read(min(expected, limits.document) + 1))]
    length = len(pieces[0])
    while length <= limits.document and (piece := _reading(origin, lambda: stream.read(_PIECE))):
        pieces.append(piece)
        length += len(piece)
    if length > limits.document:
        raise Unreadable(too_large(origin, limits))
    return b"".join(pieces)


def as_utf8(content: bytes) -> bytes:
    """The same text in UTF-8 without a byte-order mark: PowerShell's `>` writes UTF-16, some editors a mark."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").encode()
    return content.removeprefix(codecs.BOM_UTF8)


def too_large(origin: str, limits: Limits) -> str:
    """The message for a file beyond the limit."""
    return f"{origin} holds more than {in_words(limits.document)}, the most that one file may. Give a smaller dump."


def _reading(origin: str, read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except OSError as problem:
        raise Unreadable(f"{origin} cannot be read: {problem.strerror or problem}.") from None

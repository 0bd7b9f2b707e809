"""The files of a folder or an archive, before its layout is recognised."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from msgspec import Struct, field

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Document, Unread
from meshdoctor.sources.limits import Limits, in_words
from meshdoctor.sources.preamble import as_text

MAX_NOTES = 50
"""Notes about entries that were left out; more would only be a hostile archive."""

HEAD = 64 * 1024
"""Bytes at the start of a file by which its type is recognised."""

_CHUNK = 4 * 1024 * 1024


class SourceFile(Struct, frozen=True):
    """One file: its path below the source with `/` between folders, and how to open it."""

    path: str
    size: int
    open: Callable[[], BinaryIO]
    """Opens the content, unpacked. May raise `Unreadable`, as may reading from it."""
    origin: str
    """The name of the file for messages."""

    def head(self) -> bytes:
        """The first bytes of the content. Raises `Unreadable`."""
        with self.open() as stream:
            return as_text(_reading(self.origin, lambda: stream.read(HEAD)))

    def as_document(self, key: str, limits: Limits, origin: str = "") -> Document:
        """This file as the document `key` of a capture; its content is read when it is needed."""
        return Document(key, lambda: self.content(limits), self.size, origin)

    def content(self, limits: Limits) -> bytes:
        """The whole content as text. Raises `Unreadable`."""
        with self.open() as stream:
            return as_text(read_all(stream, self.size, self.origin, limits))


class SourceTree(Struct):
    """All files of a source that may be evidence, and notes on those that could not be read."""

    location: str
    files: dict[str, SourceFile] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """Files that exist but whose content is not kept."""
    named: frozenset[str] = frozenset()
    """Files that the user named, not found in a folder or an archive."""
    is_cut: bool = False
    """The archive is cut short: files that are missing may have been in the rest."""
    newest: float = 0
    """When the newest file of an archive was written, in seconds since 1970; 0 where that is not known."""
    unread: list[Unread] = field(default_factory=list)

    def leave_out(self, path: str, because: str) -> None:
        """Notes that the entry `path` is not used, and why."""
        if len(self.unread) < MAX_NOTES:
            self.unread.append(Unread(path, because))


def read_all(stream: BinaryIO, expected: int, origin: str, limits: Limits) -> bytes:
    """The rest of `stream`, about `expected` bytes. Raises `Unreadable` past the limit of one file."""
    # The first read takes all of an uncompressed file, which avoids a second copy of a large dump.
    chunks = [_reading(origin, lambda: stream.read(min(expected, limits.document) + 1))]
    length = len(chunks[0])
    while length <= limits.document and (chunk := _reading(origin, lambda: stream.read(_CHUNK))):
        chunks.append(chunk)
        length += len(chunk)
    if length > limits.document:
        raise Unreadable(too_large(origin, limits))
    return b"".join(chunks)


def too_large(origin: str, limits: Limits) -> str:
    """The message for a file beyond the limit."""
    return f"{origin} is larger than {in_words(limits.document)}, the limit for one file. Give a smaller dump."


def _reading(origin: str, read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except OSError as problem:
        raise Unreadable(f"{origin} cannot be read: {problem.strerror or problem}.") from None

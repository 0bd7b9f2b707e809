"""A tar archive as a tree of files, read once from front to back and kept in memory; nothing touches the disk.

A compressed archive cannot be searched, so what may be evidence is kept as it passes and the rest is skipped.
"""

from __future__ import annotations

import io
import tarfile
from functools import partial
from io import BufferedReader
from typing import Any

from meshdoctor.collect.found import Found, Tree, too_large
from meshdoctor.collect.layout import is_of_bug_report, is_wanted, refuse_bug_report
from meshdoctor.collect.limits import Limits, in_words
from meshdoctor.collect.unpack import CutShort
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.semantics.text import printable

_BLOCK = 512
_MAGIC = slice(257, 262)


def is_tar(head: bytes) -> bool:
    """Whether content that starts like this is a tar archive (POSIX or GNU; both write `ustar` into the header)."""
    return len(head) >= _BLOCK and head[_MAGIC] == b"ustar"


def read_archive(stream: BufferedReader, location: str, limits: Limits) -> Tree:
    """All files of the archive that may be evidence. `stream` is its unpacked content.

    Links, devices and names that lead out of the archive are left out with a note. An archive that is cut short
    gives what came before the cut, with a note. Raises `Unreadable` for a bomb, damage before the first file, or
    an istioctl bug-report, and `UsageError` for far more files than a capture has.
    """
    tree = Tree(location)
    reader = _Reader(tree, limits)
    pieces: Any = _Pieces(stream)
    try:
        with tarfile.open(fileobj=pieces, mode="r|", bufsize=1024 * 1024) as archive:
            for member in archive:
                reader.take(archive, member)
    except (CutShort, tarfile.TarError, EOFError, ValueError, OverflowError) as problem:
        # tarfile raises ValueError for some damaged headers.
        if not tree.files:
            raise Unreadable(f"{location} is a damaged tar archive: {problem}. Fetch it again.") from None
        tree.leave_out(location, f"the archive is damaged or cut short after {len(tree.files)} files; fetch it again")
    return tree


class _Pieces:
    """All that tarfile wants of a stream: pieces as they come, so that a cut costs no more than the file it is in."""

    def __init__(self, stream: BufferedReader) -> None:
        self.read = stream.read1


class _Reader:
    def __init__(self, tree: Tree, limits: Limits) -> None:
        self.tree = tree
        self.limits = limits
        self.entries = 0
        self.held = 0

    def take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self.entries += 1
        if self.entries > self.limits.entries or len(self.tree.files) >= self.limits.files:
            raise UsageError(
                f"{self.tree.location} holds more than {self.limits.files} files of evidence. "
                "Unpack it and give a folder with fewer proxies."
            )
        path = member.name.removeprefix("./").rstrip("/")
        if is_of_bug_report(path):
            refuse_bug_report(self.tree.location)
        refusal = _refusal(path, member)
        if refusal:
            self.tree.leave_out(printable(member.name), refusal)
        elif member.isreg() and is_wanted(path):
            self._keep(archive, member, path)

    def _keep(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
        origin = f"{self.tree.location}:{path}"
        if member.size > self.limits.document:
            self.tree.leave_out(path, too_large(origin, self.limits))
            return
        self.held += member.size
        if self.held > self.limits.held:
            raise Unreadable(
                f"{self.tree.location} holds more than {in_words(self.limits.held)} of evidence; an archive is kept in "
                "memory. Unpack it and give the folder."
            )
        opened = archive.extractfile(member)
        content = opened.read() if opened else b""
        self.tree.files[path] = Found(path, len(content), partial(io.BytesIO, content), origin)


def _refusal(path: str, member: tarfile.TarInfo) -> str:
    """Why this entry is not looked at, empty where it may be. Folders and the root itself are no evidence."""
    if member.isdir():
        return ""
    if not path.isprintable():
        return "its name holds control characters"
    if path.startswith("/") or ".." in path.split("/"):
        return "its name leads out of the archive"
    if member.issym() or member.islnk():
        return "is a link; only regular files are read from an archive"
    if not member.isreg() or member.issparse():
        return "is not a regular file"
    return ""

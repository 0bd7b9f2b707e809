"""A tar archive as a tree of files, read once from front to back and kept in memory; nothing touches the disk.

A compressed archive cannot be searched, so what may be evidence is kept as it passes, packed, and the rest is skipped.
"""

from __future__ import annotations

import tarfile
from io import BufferedReader
from typing import Any

from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.sources.decompress import CutShort
from meshdoctor.sources.file_selection import keep
from meshdoctor.sources.limits import Limits, in_words
from meshdoctor.sources.memory_file import hold_in_memory, skip_to_end
from meshdoctor.sources.retention import Retention
from meshdoctor.sources.source_tree import SourceTree, too_large
from meshdoctor.text.printable import printable

_BLOCK = 512
_MAGIC = slice(257, 262)


def is_tar(head: bytes) -> bool:
    """Whether content that starts like this is a tar archive (POSIX or GNU; both write `ustar` into the header)."""
    return len(head) >= _BLOCK and head[_MAGIC] == b"ustar"


def read_archive(stream: BufferedReader, location: str, limits: Limits) -> SourceTree:
    """All files of the archive that may be evidence. `stream` is its unpacked content.

    Links, devices and names that lead out of the archive are left out with a note. An archive that is cut short
    gives what came before the cut, with a note. Raises `Unreadable` for a bomb or damage before the first file, and
    `UsageError` for far more files than a capture has.
    """
    tree = SourceTree(location)
    reader = _ArchiveReader(tree, limits)
    pieces: Any = _Pieces(stream)
    try:
        with tarfile.open(fileobj=pieces, mode="r|", bufsize=1024 * 1024) as archive:
            while (member := archive.next()) is not None:
                reader.take(archive, member)
                # What passed is of no use in a stream, and tarfile would remember a kilobyte of each.
                archive.members.clear()  # type: ignore[attr-defined]
    except (CutShort, tarfile.TarError, EOFError, ValueError, OverflowError) as problem:
        # tarfile raises ValueError for some damaged headers.
        if not tree.files:
            told = str(problem) if isinstance(problem, CutShort) else f"{problem}. Fetch it again."
            raise Unreadable(f"{location} is a damaged tar archive: {told}") from None
        tree.is_cut = True
        place = f", in {reader.path}" if reader.path else ""
        because = f"the archive is damaged or cut short after {len(tree.files)} files{place}; fetch it again"
        tree.leave_out(location, because)
    return tree


class _Pieces:
    """All that tarfile wants of a stream: pieces as they come, so that a cut costs no more than the file it is in."""

    def __init__(self, stream: BufferedReader) -> None:
        self.read = stream.read1


class _ArchiveReader:
    def __init__(self, tree: SourceTree, limits: Limits) -> None:
        self.tree = tree
        self.limits = limits
        self.path = ""
        """The file that is being read."""
        self.entries = 0
        self.held = 0
        self.logs = 0
        self.is_full_of_logs = False

    def take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self.entries += 1
        if self.entries > self.limits.entries or len(self.tree.files) >= self.limits.files:
            raise UsageError(
                f"{self.tree.location} holds more than {self.limits.files} files of evidence. "
                "Unpack it and give a folder with fewer proxies."
            )
        path = member.name.removeprefix("./").rstrip("/")
        refusal = _refusal(path, member)
        if refusal:
            self.tree.leave_out(printable(member.name), refusal)
            return
        wanted = keep(path) if member.isreg() else Retention.NOTHING
        if wanted is Retention.NAME:
            self.tree.names.add(path)
        elif wanted is not Retention.NOTHING:
            self.path = printable(path)
            self._keep(archive, member, path, wanted)
            self.path = ""

    def _keep(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, wanted: Retention) -> None:
        origin = f"{self.tree.location}:{path}"
        size = member.size
        if wanted is Retention.END and self.logs >= self.limits.logs:
            self.tree.names.add(path)
            if not self.is_full_of_logs:
                self.is_full_of_logs = True
                kept = in_words(self.limits.logs)
                self.tree.leave_out(path, f"is not read, nor are the logs after it: {kept} of them are kept")
            return
        if wanted is Retention.WHOLE and size > self.limits.document:
            self.tree.names.add(path)
            self.tree.leave_out(path, too_large(origin, self.limits))
            return
        stream = archive.extractfile(member)
        if stream is None:
            return
        if wanted is Retention.END:
            size = skip_to_end(stream, size, self.limits.log)
        held = hold_in_memory(stream, size, path, origin)
        self.held += held.stored
        self.logs += held.stored if wanted is Retention.END else 0
        if self.held > self.limits.held:
            raise Unreadable(
                f"{self.tree.location} holds more than {in_words(self.limits.held)} of evidence; an archive is kept in "
                "memory. Unpack it and give the folder."
            )
        self.tree.files[path] = held.found
        self.tree.newest = max(self.tree.newest, member.mtime)


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

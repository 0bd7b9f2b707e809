"""A tar archive as a tree of files, read once from front to back and kept in memory; nothing touches the disk.

A compressed archive allows no random access, so what may be evidence is kept compressed as it is read, and the rest is
skipped.
"""

from __future__ import annotations

import tarfile
from io import BufferedReader
from typing import Any, NoReturn

from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.sources.archive_member import ArchiveMember, refuse_more
from meshdoctor.sources.decompress import CutShort
from meshdoctor.sources.file_selection import retention_of
from meshdoctor.sources.limits import Limits, Retention, in_words
from meshdoctor.sources.memory_file import skip_to_end, store_in_memory
from meshdoctor.sources.source_tree import SourceFile, SourceTree, too_large
from meshdoctor.text.printable import printable

_BUFFER = 64 * 1024


def read_archive(stream: BufferedReader, location: str, limits: Limits) -> SourceTree:
    """All files of the archive that may be evidence. `stream` is its unpacked content.

    Links, devices and names that point outside the archive are left out with a note. An archive that is cut short
    gives what came before the cut, with a note. Raises `Unreadable` for a decompression bomb or damage before the first
    file, and `UsageError` for far more files than a capture has.
    """
    tree = SourceTree(location)
    reader = _ArchiveReader(tree, limits)
    unbuffered: Any = _Unbuffered(stream)
    try:
        # tarfile copies the rest of its buffer for each header.
        with tarfile.open(fileobj=unbuffered, mode="r|", bufsize=_BUFFER, tarinfo=ArchiveMember) as archive:
            while (member := archive.next()) is not None:
                reader.read(archive, member)
                # A stream never goes back, and tarfile would remember a kilobyte of each member.
                archive.members.clear()  # type: ignore[attr-defined]
            refuse_more(archive)
    except (CutShort, tarfile.TarError, EOFError, ValueError, OverflowError) as problem:
        # tarfile raises ValueError for some damaged headers.
        if not tree.files:
            cause = str(problem) if isinstance(problem, CutShort) else f"{problem}. Fetch it again."
            raise Unreadable(f"{location} is a damaged tar archive: {cause}") from None
        tree.is_cut = True
        inside = f", in {reader.path}" if reader.path else ""
        because = f"the archive is damaged or cut short after {len(tree.files)} files{inside}; fetch it again"
        tree.leave_out(location, because)
    return tree


class _Unbuffered:
    """Gives tarfile what the stream has now, so that an archive that is cut short loses only its last file."""

    def __init__(self, stream: BufferedReader) -> None:
        self.read = stream.read1


class _ArchiveReader:
    def __init__(self, tree: SourceTree, limits: Limits) -> None:
        self.tree = tree
        self.limits = limits
        self.path = ""
        """The file that is being read."""
        self.entries = 0
        self.stored = 0
        self.logs = 0
        self.has_skipped_log = False

    def read(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        self.entries += 1
        if self.entries > self.limits.entries or len(self.tree.files) >= self.limits.files:
            raise UsageError(
                f"{self.tree.location} contains more than {self.limits.files} files of evidence. "
                "Unpack it and give a folder with fewer proxies."
            )
        path = member.name.removeprefix("./").rstrip("/")
        refusal = _refusal(path, member)
        if refusal:
            self.tree.leave_out(printable(member.name), refusal)
            return
        retention = retention_of(path) if member.isreg() else Retention.NOTHING
        if retention is Retention.NAME:
            self.tree.names.add(path)
        elif retention is not Retention.NOTHING:
            self.path = printable(path)
            self._store(archive, member, path, retention)
            self.path = ""

    def _store(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, retention: Retention) -> None:
        origin = f"{self.tree.location}:{path}"
        size = member.size
        if retention is Retention.END and self.logs >= self.limits.logs:
            self.tree.names.add(path)
            if not self.has_skipped_log:
                self.has_skipped_log = True
                most = in_words(self.limits.logs)
                self.tree.leave_out(path, f"was not read, nor were the logs after it: only {most} of logs are kept")
            return
        if retention is Retention.WHOLE and size > self.limits.document:
            self.tree.names.add(path)
            self.tree.leave_out(path, too_large(origin, self.limits))
            return
        stream = archive.extractfile(member)
        if stream is None:
            return
        if retention is Retention.END:
            size = skip_to_end(stream, size, self.limits.log)
        stored = store_in_memory(stream, size, path, origin)
        self.stored += stored.size
        self.logs += stored.size if retention is Retention.END else 0
        if self.stored > self.limits.stored:
            raise Unreadable(
                f"{self.tree.location} contains more than {in_words(self.limits.stored)} of evidence, and it is "
                "kept in memory. Unpack it and give the folder."
            )
        self.tree.files[path] = (
            self._only(self.tree.files[path], stored.file) if path in self.tree.files else stored.file
        )
        self.tree.newest = max(self.tree.newest, member.mtime)

    def _only(self, first: SourceFile, second: SourceFile) -> SourceFile:
        """One of two members of the same name where they are equal, else a file that cannot be read."""
        because = "is in the archive twice with different content; neither was used. Pack it again"
        try:
            with first.open() as one, second.open() as other:
                if one.read() == other.read():
                    return second
        except Unreadable:
            return first

        def refuse() -> NoReturn:
            raise Unreadable(because)

        self.tree.leave_out(printable(first.path), because)
        return SourceFile(second.path, second.size, refuse, second.origin)


def _refusal(path: str, member: tarfile.TarInfo) -> str:
    """Why this entry is not read; empty where it may be, and for folders, which are no evidence."""
    if member.isdir():
        return ""
    if not path.isprintable():
        return "its name contains control characters"
    if path.startswith("/") or ".." in path.split("/"):
        return "its name points outside the archive"
    if member.issym() or member.islnk():
        return "is a link; only regular files are read from an archive"
    if not member.isreg() or member.issparse():
        return "is not a regular file"
    return ""

"""Lists a folder as a tree of files. Follows no symbolic link out of the folder; opens no file yet."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path
from typing import BinaryIO

from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.sources.decompress import open_unpacked
from meshdoctor.sources.file_selection import retention_of
from meshdoctor.sources.limits import Limits, Retention, in_words
from meshdoctor.sources.memory_file import skip_to_end
from meshdoctor.sources.source_tree import SourceFile, SourceTree
from meshdoctor.text.printable import printable

_CAPTURE_FOLDERS = ("proxies", "resources")
"""A folder with one of these at the top is a capture, and other folders beside them are not evidence."""
_BUG_REPORT_FOLDERS = (*_CAPTURE_FOLDERS, "cluster")


def read_directory(root: Path, limits: Limits) -> SourceTree:
    """All files below `root` that may be evidence, sorted by name, so that two runs give the same result.

    Raises `Unreadable` where the folder cannot be listed, `UsageError` where it contains far more files than a capture.
    Other problems become notes in the tree.
    """
    walk = _FolderWalk(root, limits)
    walk.run()
    return walk.tree


class _FolderWalk:
    def __init__(self, root: Path, limits: Limits) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.limits = limits
        self.tree = SourceTree(str(root))
        self.entries = 0

    def run(self) -> None:
        try:
            top = self._list(str(self.root))
        except OSError as problem:
            raise Unreadable(f"{self.root} cannot be listed: {problem.strerror or problem}.") from None
        if any(entry.name in _CAPTURE_FOLDERS for entry in top):
            top = [entry for entry in top if entry.name in _BUG_REPORT_FOLDERS or not _is_folder(entry)]
        self._visit(top, "")

    def _list(self, folder: str) -> list[os.DirEntry[str]]:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        self.entries += len(found)
        if self.entries > self.limits.entries:
            raise UsageError(
                f"{self.root} contains more than {self.limits.entries} files and folders, too many for a capture. "
                "Give the folder of the capture."
            )
        return [entry for entry in found if not entry.name.startswith(".")]

    def _visit(self, entries: list[os.DirEntry[str]], below: str) -> None:
        for entry in entries:
            path = below + entry.name
            if not path.isprintable():
                self.tree.leave_out(printable(path), "its name contains control characters")
            elif entry.is_symlink() and not self._is_inside(entry.path):
                self.tree.leave_out(path, "is a symbolic link that is broken or points outside the folder")
            elif _is_folder(entry):
                self._descend(entry, path)
            else:
                self._take(entry, path)

    def _descend(self, entry: os.DirEntry[str], path: str) -> None:
        if path.count("/") + 1 >= self.limits.depth:
            return
        try:
            entries = self._list(entry.path)
        except OSError as problem:
            self.tree.leave_out(path, f"cannot be listed: {problem.strerror or problem}")
            return
        self._visit(entries, path + "/")

    def _take(self, entry: os.DirEntry[str], path: str) -> None:
        retention = retention_of(path)
        if retention is Retention.NOTHING:
            return
        if retention is Retention.NAME:
            self.tree.names.add(path)
            return
        try:
            status = entry.stat()
        except OSError as problem:
            self.tree.leave_out(path, f"cannot be read: {problem.strerror or problem}")
            return
        refusal = self._refusal(entry, status, retention)
        if refusal:
            self.tree.names.add(path)
            self.tree.leave_out(path, refusal)
        elif len(self.tree.files) >= self.limits.files:
            raise UsageError(
                f"{self.root} contains more than {self.limits.files} files of evidence. Give a folder with fewer "
                "proxies."
            )
        else:
            self.tree.files[path] = self._source_file(Path(entry.path), path, status.st_size, retention)

    def _refusal(self, entry: os.DirEntry[str], status: os.stat_result, retention: Retention) -> str:
        if not stat.S_ISREG(status.st_mode):
            return "is not a regular file"
        if retention is Retention.WHOLE and status.st_size > self.limits.document:
            return f"is larger than {in_words(self.limits.document)}, the limit for one file"
        return "" if os.access(entry.path, os.R_OK) else "cannot be read: permission denied"

    def _source_file(self, file: Path, path: str, size: int, retention: Retention) -> SourceFile:
        if retention is Retention.END:
            return SourceFile(path, min(size, self.limits.log), partial(_open_end, file, self.limits), str(file))
        return SourceFile(path, size, partial(open_unpacked, file, self.limits), str(file))

    def _is_inside(self, path: str) -> bool:
        target = os.path.realpath(path)
        return os.path.exists(target) and os.path.commonpath((target, self.real_root)) == self.real_root


def _open_end(file: Path, limits: Limits) -> BinaryIO:
    """The end of a log as it is now: it may have grown since its folder was listed."""
    try:
        stream = file.open("rb")
        size = os.fstat(stream.fileno()).st_size
        start = max(0, size - limits.log - 1)
        stream.seek(start)
        skip_to_end(stream, size - start, limits.log)
    except OSError as problem:
        raise Unreadable(f"{file} cannot be read: {problem.strerror or problem}.") from None
    return stream


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False

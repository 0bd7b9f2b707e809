"""Lists a folder as a tree of files. Follows no symbolic link out of the folder; opens no file yet."""

from __future__ import annotations

import os
import re
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

_CAPTURE_FOLDERS = frozenset({"proxies", "resources"})
"""A folder with one of these is a capture, and other folders beside them are not evidence."""
_BESIDE = frozenset({*_CAPTURE_FOLDERS, "cluster"})
_ROOTS = frozenset({*_BESIDE, "namespaces", "cluster-scoped-resources"})
"""Names by which the folder of a capture, a bug-report or a must-gather is known."""
_DEEP_ROOT = re.compile(r"(?:must-gather\.local[^/]*/[^/]+|[^/]+/bug-report)/\Z")
"""Folders two down that may be one: `must-gather.local.7/quay-io-image/`, `incident/bug-report/`."""
_LOOSE_DEPTH = 2
"""Where there is none: files of the folder itself, and of the folders in it."""
_OUTSIDE = "is a symbolic link that is broken or points outside the folder"
_SEARCHED = 2_000
"""Folders that are listed to find one."""


def read_directory(root: Path, limits: Limits, *, is_capture: bool = True) -> SourceTree:
    """All files below `root` that may be evidence, sorted by name, so that two runs give the same result.

    With `is_capture`, only folders that are laid out as a capture are walked; where there is none, the files of `root`
    and of the folders in it are taken. Raises `Unreadable` where the folder cannot be listed, `UsageError` where it
    contains far more files than a capture. Other problems become notes in the tree.
    """
    walk = _FolderWalk(root, limits)
    walk.run(is_capture=is_capture)
    return walk.tree


class _FolderWalk:
    def __init__(self, root: Path, limits: Limits) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.limits = limits
        self.tree = SourceTree(str(root))
        self.entries = 0
        self.depth = limits.depth
        self.searched = 0

    def run(self, *, is_capture: bool) -> None:
        try:
            top = self._list(str(self.root))
        except OSError as problem:
            raise Unreadable(f"{self.root} cannot be listed: {problem.strerror or problem}.") from None
        if is_capture and not any(entry.name in _ROOTS for entry in top):
            roots = self._roots(top)
            for below, entries in roots:
                self._visit(_of_capture(entries), below)
            if roots:
                top = [entry for entry in top if not _is_folder(entry)]
            self.depth = _LOOSE_DEPTH
        self._visit(_of_capture(top) if is_capture else top, "")

    def _roots(self, top: list[os.DirEntry[str]]) -> list[tuple[str, list[os.DirEntry[str]]]]:
        """The nearest folders that are laid out as a capture: the path of each with its `/`, and its entries."""
        found = self._inside("", top)
        roots = [one for one in found if _has_root(one[1])]
        if not roots:
            deeper = (below for folder, entries in found for below in self._inside(folder, entries))
            roots = [one for one in deeper if _DEEP_ROOT.search(one[0]) and _has_root(one[1])]
        return roots

    def _inside(self, below: str, entries: list[os.DirEntry[str]]) -> list[tuple[str, list[os.DirEntry[str]]]]:
        """The folders among these entries, as `_roots` gives them; those that cannot be listed are left out."""
        found: list[tuple[str, list[os.DirEntry[str]]]] = []
        for entry in entries:
            if self.searched >= _SEARCHED or entry.is_symlink() or not _is_folder(entry):
                continue
            self.searched += 1
            try:
                with os.scandir(entry.path) as inside:
                    shown = sorted((one for one in inside if one.name[0] != "."), key=lambda one: one.name)
            except OSError:
                continue
            found.append((f"{below}{entry.name}/", shown))
        return found

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
                if retention_of(path) is not Retention.NOTHING or _is_folder(entry):
                    self.tree.leave_out(path, _OUTSIDE)
            elif _is_folder(entry):
                self._descend(entry, path)
            else:
                self._take(entry, path)

    def _descend(self, entry: os.DirEntry[str], path: str) -> None:
        if path.count("/") + 1 >= self.depth:
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


def _has_root(entries: list[os.DirEntry[str]]) -> bool:
    return any(entry.name in _ROOTS and _is_folder(entry) for entry in entries)


def _of_capture(entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    """What belongs to a capture in its folder; everything where the folder is laid out otherwise."""
    if not any(entry.name in _CAPTURE_FOLDERS for entry in entries):
        return entries
    return [entry for entry in entries if entry.name in _BESIDE or not _is_folder(entry)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False

"""A folder as a tree of files. Stays inside the folder, whatever its symbolic links say; opens nothing yet."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path

from meshdoctor.collect.found import Found, Tree
from meshdoctor.collect.layout import is_of_bug_report, is_wanted, refuse_bug_report
from meshdoctor.collect.limits import Limits
from meshdoctor.collect.unpack import open_unpacked
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.semantics.text import printable

_PARTS = ("proxies", "resources")
"""Where one of these folders is at the top, it is a capture, and the folders beside them are something else's."""


def read_directory(root: Path, limits: Limits) -> Tree:
    """All files below `root` that may be evidence, by name; sorted, so that two runs say the same.

    Raises `Unreadable` where the folder itself cannot be listed, `UsageError` where it holds far more files than a
    capture does. Anything smaller that goes wrong becomes a note in the tree.
    """
    walk = _Walk(root, limits)
    walk.run()
    return walk.tree


class _Walk:
    def __init__(self, root: Path, limits: Limits) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.limits = limits
        self.tree = Tree(str(root))
        self.entries = 0

    def run(self) -> None:
        try:
            top = self._list(str(self.root))
        except OSError as problem:
            raise Unreadable(f"{self.root} cannot be listed: {problem.strerror or problem}.") from None
        if any(entry.name in _PARTS for entry in top):
            top = [entry for entry in top if entry.name in _PARTS or not _is_folder(entry)]
        self._visit(top, "")

    def _list(self, folder: str) -> list[os.DirEntry[str]]:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        self.entries += len(found)
        if self.entries > self.limits.entries:
            raise UsageError(
                f"{self.root} holds more than {self.limits.entries} files and folders: that is no capture. "
                "Give the capture's own folder."
            )
        return [entry for entry in found if not entry.name.startswith(".")]

    def _visit(self, entries: list[os.DirEntry[str]], below: str) -> None:
        for entry in entries:
            path = below + entry.name
            if not path.isprintable():
                self.tree.leave_out(printable(path), "its name holds control characters")
            elif entry.is_symlink() and not self._is_inside(entry.path):
                self.tree.leave_out(path, "a symbolic link that leads nowhere, or out of the folder")
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
        if is_of_bug_report(path):
            refuse_bug_report(str(self.root))
        if not is_wanted(path):
            return
        origin = entry.path
        try:
            status = entry.stat()
        except OSError as problem:
            self.tree.leave_out(path, f"cannot be read: {problem.strerror or problem}")
            return
        if not stat.S_ISREG(status.st_mode):
            self.tree.leave_out(path, "is not a regular file")
        elif status.st_size > self.limits.document:
            self.tree.leave_out(path, "is larger than one file may be")
        elif not os.access(origin, os.R_OK):
            self.tree.leave_out(path, "cannot be read: permission denied")
        elif len(self.tree.files) >= self.limits.files:
            raise UsageError(
                f"{self.root} holds more than {self.limits.files} files of evidence. Give a folder with fewer proxies."
            )
        else:
            self.tree.files[path] = Found(
                path, status.st_size, partial(open_unpacked, Path(origin), self.limits), origin
            )

    def _is_inside(self, path: str) -> bool:
        target = os.path.realpath(path)
        return os.path.exists(target) and os.path.commonpath((target, self.real_root)) == self.real_root


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False

"""Stamps of a source's files, which show whether one has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from meshdoctor.sources.source import Source

AT_MOST = 50_000
"""Most files of a stamp; of a larger folder, the first that the system lists."""

Stamp = frozenset[tuple[str, tuple[int, ...]]]
"""Path of each file with its inode, size, and times in nanoseconds.

A copy may keep size and modification time, but never `st_ctime`.
"""


def stamp(source: Source) -> Stamp:
    """The stamp of the source's files now. Reads no file; one that is deleted meanwhile is left out."""
    found: set[tuple[str, tuple[int, ...]]] = set()
    for path in _files(source):
        try:
            about = os.stat(path)
        except OSError:
            continue
        found.add((path, (about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)))
        if len(found) >= AT_MOST:
            break
    return frozenset(found)


def _files(source: Source) -> Iterator[str]:
    for root in (*source.paths, *source.manifests):
        yield from _below(root)


def _below(root: Path) -> Iterator[str]:
    if not root.is_dir():
        yield str(root)
        return
    for folder, below, names in os.walk(root):
        yield from (os.path.join(folder, name) for name in names)
        # os.walk does not follow links to folders: the link itself is stamped.
        yield from filter(os.path.islink, (os.path.join(folder, name) for name in below))

"""Whether the files of a source have changed since somebody asked last."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from meshdoctor.sources.source import Source

AT_MOST = 50_000
"""Files that are looked at; of a folder with more, the first that the system names."""

Stamp = frozenset[tuple[str, tuple[int, ...]]]
"""Path of each file, and what tells it from another: its number, size, and times in nanoseconds.

Copying keeps the time of the last change, and a dump may be as long as the one before: the system's own time of the
change of the file's record (`st_ctime`) cannot be kept.
"""


def stamp(source: Source) -> Stamp:
    """What tells one state of the source's files from another. Reads no file; one that goes meanwhile is left out."""
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
    for root in (*([source.path] if source.path else ()), *source.manifests):
        yield from _below(root)


def _below(root: Path) -> Iterator[str]:
    if not root.is_dir():
        yield str(root)
        return
    for folder, below, names in os.walk(root):
        yield from (os.path.join(folder, name) for name in names)
        # What a link leads to is looked at in its own place, and where it leads, here.
        yield from filter(os.path.islink, (os.path.join(folder, name) for name in below))

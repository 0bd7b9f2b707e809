"""Whether the files of a source have changed since somebody asked last."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from meshdoctor.doctor import Source

AT_MOST = 50_000
"""Files that are looked at; of a folder with more, the first that the system names."""

Stamp = frozenset[tuple[str, int, int]]
"""Path, time of the last change in nanoseconds, and size of each file."""


def stamp(source: Source) -> Stamp:
    """What tells one state of the source's files from another. Reads no file; one that goes meanwhile is left out."""
    found: set[tuple[str, int, int]] = set()
    for path in _files(source):
        try:
            about = os.stat(path)
        except OSError:
            continue
        found.add((path, about.st_mtime_ns, about.st_size))
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
    for folder, _, names in os.walk(root):
        yield from (os.path.join(folder, name) for name in names)

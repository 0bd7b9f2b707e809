"""Writes files whole or not at all: what fails half way, as on a full disk, leaves no new file and keeps the old one.

Files that meshdoctor names itself (journal, capture, a finding as Markdown, settings) are readable by their owner only:
even without secrets they name hosts, addresses and services. Files that the user names follow the user's umask.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

PRIVATE = 0o600
"""Mode of files that only their owner may read."""
SHARED = 0o666
"""Mode of files that the user's umask decides."""


def open_new(path: Path, mode: int = PRIVATE) -> BinaryIO:
    """Opens a new file for writing. Raises `FileExistsError` where there is one, else `OSError`."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb")


def replace_file(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Writes a file through to the disk, in place of one that may exist. Raises `OSError`."""
    beside = _beside(path)
    try:
        _write(beside, data, mode)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    flush_folder(path.parent)


def create_file(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Writes a new file through to the disk. Raises `FileExistsError` where there is one, else `OSError`."""
    beside = _beside(path)
    try:
        _write(beside, data, mode)
        rename_new(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    flush_folder(path.parent)


def rename_new(beside: Path | str, path: Path | str) -> None:
    """Renames a file to `path`. Raises `FileExistsError` where that exists meanwhile."""
    try:
        os.link(beside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise
        os.rename(beside, path)
    else:
        os.unlink(beside)


def flush_folder(folder: str | Path) -> None:
    """Flushes a rename to the disk, on file systems that can flush a folder."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _beside(path: Path) -> Path:
    return path.with_name(f".meshdoctor-{token_hex(8)}")


def _write(path: Path, data: bytes, mode: int) -> None:
    with open_new(path, mode) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

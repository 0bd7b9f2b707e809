"""Writes a capture as a folder, a `.tar.gz` or a `.tar.zst`, whole or not at all.

Everything is written to a `.part` beside the target, capture.yaml last; only a complete capture is renamed to its final
name. An existing file or folder is never replaced.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from meshdoctor import __version__, yamlio
from meshdoctor.atomic_files import PRIVATE, open_new
from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.model.evidence import Capture, Unread
from meshdoctor.sources.capture_layout import SCHEMA
from meshdoctor.sources.redact import Removals
from meshdoctor.text.printable import printable

SUFFIXES = (".tar.gz", ".tgz", ".tar.zst")

Write = Callable[[str, bytes], None]


class SavedFiles(Struct, frozen=True):
    """What was written: bytes, documents, and what of the capture was not."""

    size: int
    documents: int
    unread: tuple[Unread, ...]


def check_target(path: Path) -> None:
    """Raises `UsageError` where a capture cannot be saved under this name. Called before a cluster is read."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"{path} exists and is not overwritten: give another name, or remove it first.")
    name = path.name.lower()
    if name.endswith((".zip", ".tar", ".gz", ".zst", ".xz")) and not name.endswith(SUFFIXES):
        raise UsageError(f"{path}: a capture is a folder, or its name ends in .tar.gz or .tar.zst.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder: create it first.")


def save(capture: Capture, path: Path, removals: Removals, about: dict[str, Any]) -> SavedFiles:
    """Writes every document of `capture`, and a capture.yaml with `about`, what was not read and what was redacted.

    A document that cannot be read is noted as not read. Raises `UsageError` as `check_target` does, `Unreadable` where
    a file cannot be written.
    """
    check_target(path)
    unread = list(capture.unread)
    documents = 0
    try:
        with _beside(path) as part:
            with _writer(path, part, capture.captured_at) as write:
                for name, content in _readable(capture, unread):
                    write(name, content)
                    documents += 1
                # Last, because pages are redacted as they are read.
                write("capture.yaml", yamlio.dump(_capture_yaml(capture, unread, removals, about)).encode())
            # Reading a cluster takes minutes: meanwhile the target may have been created.
            check_target(path)
            if path.is_dir():
                path.rmdir()
            part.rename(path)
    except OSError as problem:
        raise Unreadable(f"cannot write {path}: {problem.strerror or problem}.") from None
    files = [f for f in path.rglob("*") if f.is_file()] if path.is_dir() else [path]
    return SavedFiles(sum(f.stat().st_size for f in files), documents, tuple(unread))


def _readable(capture: Capture, unread: list[Unread]) -> Iterator[tuple[str, bytes]]:
    """Name and content of every document; those that cannot be read are added to `unread`."""
    for name, document in sorted(capture.documents.items()):
        if name != printable(name) or not {"", ".", ".."}.isdisjoint(name.split("/")):
            # Names come from a cluster or an archive, and become paths here.
            unread.append(Unread(printable(name), "is not a valid file name: not saved"))
            continue
        try:
            content = document.read()
        except (Unreadable, OSError) as problem:
            unread.append(Unread(name, str(problem)))
        else:
            yield name, content


def _capture_yaml(capture: Capture, unread: list[Unread], removals: Removals, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "tool": {"name": "meshdoctor", "version": __version__},
        "captured_at": capture.captured_at,
        **about,
        "unread": [to_builtins(note) for note in unread],
        "removed": [to_builtins(entry) for entry in removals.listed()],
        "other_texts": removals.other_texts(),
    }


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A temporary path beside the target, removed if anything fails."""
    part = path.absolute().with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
    except BaseException:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
        raise


@contextmanager
def _writer(path: Path, part: Path, captured_at: str | None) -> Iterator[Write]:
    if not path.name.lower().endswith(SUFFIXES):
        part.mkdir(mode=0o700)
        yield lambda name, content: _write_file(part / name, content)
        return
    top = path.name[: -len(next(s for s in SUFFIXES if path.name.lower().endswith(s)))]
    try:
        when = int(datetime.fromisoformat((captured_at or "").replace("Z", "+00:00")).timestamp())
    except ValueError:
        when = 0
    with (
        open_new(part) as raw,
        _packer(path, raw) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):

        def write(name: str, content: bytes) -> None:
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), when, PRIVATE
            archive.addfile(entry, io.BytesIO(content))

        yield write


def _packer(path: Path, raw: Any) -> Any:
    if path.name.lower().endswith(".zst"):
        import zstandard

        return zstandard.ZstdCompressor(level=9).stream_writer(raw, closefd=False)
    import gzip

    return gzip.GzipFile(fileobj=raw, mode="wb", mtime=0)


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_new(path) as file:
        file.write(content)

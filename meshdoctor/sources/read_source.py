"""Recognises what `--from PATH` names, and reads it."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from functools import partial
from io import BufferedReader
from pathlib import Path

from msgspec.structs import replace

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Capture
from meshdoctor.sources import bug_report, must_gather
from meshdoctor.sources.archive import read_archive
from meshdoctor.sources.archive_member import is_tar
from meshdoctor.sources.capture_layout import arrange, find_root, only_root, read_capture_info
from meshdoctor.sources.decompress import open_unpacked, unpacked
from meshdoctor.sources.directory import read_directory
from meshdoctor.sources.limits import Limits
from meshdoctor.sources.merged import common_name, joined, merged
from meshdoctor.sources.single_files import EXPECTED, gather
from meshdoctor.sources.source_tree import SourceFile, SourceTree, read_all

LIMITS = Limits()
STDIN = Path("-")
STDIN_NAME = "stdin"


def read_capture(path: Path, limits: Limits = LIMITS) -> Capture:
    """All evidence at `path`: the folder or archive of a capture, an istioctl bug-report or a must-gather; one dump or
    pasted file, a folder of those, or manifests; `-` is standard input.

    Documents of a folder are opened when they are read; an archive is read here and kept in memory. Files that cannot
    be used are listed in `Capture.unread`, as long as others can. Raises `Unreadable` where the path cannot be read or
    has no file of a known type, `NothingToJudge` where it is empty, `UsageError` where it contains several captures, or
    far more files than a capture has.
    """
    return _read(path, limits)[0]


def read_captures(paths: Sequence[Path], limits: Limits = LIMITS) -> Capture:
    """All evidence at several paths: single files are parts of one dump, the others captures of one mesh.

    Raises as `read_capture` does, for any of them.
    """
    if len(paths) == 1:
        return read_capture(paths[0], limits)
    captures: list[Capture] = []
    files: list[SourceTree] = []
    for path in dict.fromkeys(paths):
        tree = _tree(path, limits)
        if tree.named:
            files.append(tree)
        else:
            captures.append(_arranged(tree, path.resolve().name, limits))
    if files:
        tree = joined(files)
        captures.append(gather(tree, common_name(tree), limits))
    return captures[0] if len(captures) == 1 else merged(captures)


def read_snapshot(folder: Path, limits: Limits = LIMITS) -> Capture:
    """The snapshot in `folder`: a capture with a `snapshot.yaml` beside it, named for its folder.

    Raises as `read_capture` does.
    """
    capture, tree = _read(folder, limits)
    file = tree.files.get("snapshot.yaml")
    captured_at = capture.captured_at or (read_capture_info(file, limits).captured_at if file else None)
    return replace(capture, kind="snapshot", name=folder.resolve().name, captured_at=captured_at)


def _read(path: Path, limits: Limits) -> tuple[Capture, SourceTree]:
    tree = _tree(path, limits)
    return _arranged(tree, STDIN_NAME if path == STDIN else path.resolve().name, limits), tree


def _tree(path: Path, limits: Limits) -> SourceTree:
    if path == STDIN:
        content = read_all(sys.stdin.buffer, 0, "standard input", limits)
        stream = unpacked(BufferedReader(io.BytesIO(content)), "standard input", len(content), limits)
        return _of_stream(stream, STDIN_NAME, "standard input", limits)
    try:
        is_folder = path.is_dir()
        exists = is_folder or path.exists()
    except (OSError, ValueError) as problem:
        raise Unreadable(f"{path} cannot be read: {problem}.") from None
    if not exists:
        raise Unreadable(f"{path} does not exist. Expected: {EXPECTED}.")
    if is_folder:
        return read_directory(path, limits)
    with open_unpacked(path, limits) as stream:
        if not path.is_file() or is_tar(stream.peek(512)):
            return _of_stream(stream, path.name, str(path), limits)
    found = SourceFile(path.name, path.stat().st_size, partial(open_unpacked, path, limits), str(path))
    return SourceTree(str(path), {found.path: found}, named=frozenset((found.path,)))


def _of_stream(stream: BufferedReader, name: str, origin: str, limits: Limits) -> SourceTree:
    """The tree of an archive, or of a file that can be read only once: a pipe, as of `--from <(...)`."""
    if is_tar(stream.peek(512)):
        return read_archive(stream, origin, limits)
    content = read_all(stream, 0, origin, limits)
    found = SourceFile(name, len(content), partial(io.BytesIO, content), origin)
    return SourceTree(origin, {name: found}, named=frozenset((name,)))


def _arranged(tree: SourceTree, name: str, limits: Limits) -> Capture:
    """The capture made of the files of `tree`. Layouts with unmistakable file names are tried first."""
    root = find_root(tree)
    for find_roots, arrange_it in (
        (bug_report.find_roots, bug_report.arrange),
        (must_gather.find_roots, must_gather.arrange),
    ):
        roots = find_roots(tree)
        if roots:
            return arrange_it(tree, only_root(tree, roots, root), limits)
    if root is not None:
        return arrange(tree, root, limits)
    remains = bug_report.find_remains(tree)
    if remains:
        return bug_report.arrange(tree, only_root(tree, remains), limits)
    return gather(tree, name, limits)

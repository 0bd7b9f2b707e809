"""`-f PATH`: manifests beside a capture, from files, folders or standard input."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from meshdoctor.errors import NothingToJudge, Unreadable, UsageError
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.sources.capture_layout import may_be_evidence
from meshdoctor.sources.decompress import open_unpacked
from meshdoctor.sources.directory import read_directory
from meshdoctor.sources.file_type import FileType, file_type
from meshdoctor.sources.limits import Limits
from meshdoctor.sources.not_judged import what_it_is
from meshdoctor.sources.source_tree import SourceFile, read_all
from meshdoctor.text.printable import printable

STDIN = Path("-")
LIMITS = Limits()


def with_manifests(capture: Capture, paths: Sequence[Path], limits: Limits = LIMITS) -> Capture:
    """`capture` with the manifests at `paths` as `manifests/<name>`; folders are walked, `-` is standard input.

    A second `a.yaml` becomes `manifests/a~2.yaml`; messages name each by the path that the user gave. Raises
    `Unreadable` for a path that cannot be read, `NothingToJudge` for a folder without YAML or JSON, `UsageError` for a
    config dump, which is given with --from. A file that is no YAML is noticed when it is parsed.
    """
    documents = dict(capture.documents)
    unread = list(capture.unread)
    for path in paths:
        for found in _stdin(limits) if path == STDIN else files_at(path, limits, unread):
            key = _free_key(f"manifests/{found.path}", documents)
            document = found.as_document(key, limits, found.origin)
            documents[key] = replace(document, path=printable(found.origin), is_named=True)
    return replace(capture, documents=documents, unread=tuple(unread))


def _stdin(limits: Limits) -> Iterator[SourceFile]:
    content = read_all(sys.stdin.buffer, 0, "standard input", limits)
    found = SourceFile("stdin", len(content), partial(io.BytesIO, content), "standard input")
    _check(found, "standard input")
    yield found


def files_at(path: Path, limits: Limits, unread: list[Unread]) -> Iterator[SourceFile]:
    """The manifests at a path that is not standard input; `origin` of each is its path on disk.

    Files of a folder that cannot be used are added to `unread`. Raises as `with_manifests` does.
    """
    try:
        is_folder = path.is_dir()
        exists = is_folder or path.exists()
    except (OSError, ValueError) as problem:
        raise Unreadable(f"{path} cannot be read: {problem}.") from None
    if is_folder:
        tree = read_directory(path, limits, is_capture=False)
        unread += [Unread(f"{path}/{note.path}", note.because) for note in tree.unread]
        files = [
            found for name, found in sorted(tree.files.items()) if may_be_evidence(name) and not name.endswith(".txt")
        ]
        if not files and not tree.unread:
            raise NothingToJudge(f"{path} contains no .yaml, .yml or .json file.")
        yield from files
        return
    if not exists:
        raise Unreadable(f"{path} does not exist. Expected after -f: a file or folder of manifests, or - for stdin.")
    content = None
    if not path.is_file():
        with open_unpacked(path, limits) as stream:
            content = read_all(stream, 0, str(path), limits)
    opener = partial(open_unpacked, path, limits) if content is None else partial(io.BytesIO, content)
    found = SourceFile(printable(path.name), path.stat().st_size, opener, str(path))
    _check(found, str(path))
    yield found


def _check(found: SourceFile, shown: str) -> None:
    """Raises `UsageError` for a file of Envoy, `Unreadable` for one without Kubernetes objects."""
    head = found.head()
    known = file_type(head, found.path)
    if known is FileType.RESOURCES:
        return
    if known is FileType.CONFIG_DUMP:
        raise UsageError(f"{shown} is an Envoy config dump, not a manifest. Give it with --from {shown}.")
    what = f"is {known.value.replace('_', ' ')} of Envoy, not a manifest" if known is not None else what_it_is(head)
    if what:
        raise UsageError(f"{shown} {what}.")
    state = "is empty" if not head.strip() else "contains no Kubernetes object"
    raise Unreadable(f"{shown} {state}. Expected after -f: YAML or JSON with apiVersion, kind and metadata.")


def _free_key(key: str, documents: dict[str, Document]) -> str:
    name, dot, extension = key.rpartition(".")
    free, count = key, 1
    while free in documents:
        count += 1
        free = f"{name}~{count}.{extension}" if dot else f"{key}~{count}"
    return free

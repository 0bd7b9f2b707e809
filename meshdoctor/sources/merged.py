"""Several sources as one: files that are parts of one dump, and captures of one mesh.

Nothing depends on the order in which they were given. What two captures both have is used once where it is the same;
two dumps of one pod that differ are not used, and both are named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import msgspec
from msgspec.structs import replace

from meshdoctor.errors import Unreadable
from meshdoctor.model.evidence import Capture, Document, Unread, proxy_of
from meshdoctor.sources.capture_layout import DNS
from meshdoctor.sources.source_tree import SourceFile, SourceTree


def joined(trees: Sequence[SourceTree]) -> SourceTree:
    """Single files that the user named, as the files of one folder; where two have one name, of a folder each."""
    files = sorted((found for tree in trees for found in tree.files.values()), key=lambda found: found.origin)
    names = Counter(found.path for found in files)
    placed: dict[str, SourceFile] = {}
    for found in files:
        path = found.path if names[found.path] == 1 else found.origin.strip("/").replace("../", "")
        placed[path] = replace(found, path=path)
    return SourceTree(" ".join(found.origin for found in files), placed, named=frozenset(placed))


def common_name(tree: SourceTree) -> str:
    """The name of the folder that all named files are in, else that of the first file."""
    folders = {str(PurePath(found.origin).parent) for found in tree.files.values()}
    folder = PurePath(min(folders)).name if len(folders) == 1 else ""
    return folder or next(iter(tree.files))


def merged(captures: Sequence[Capture]) -> Capture:
    """One capture with the evidence of all. The objects of one kind keep their documents, one of each capture."""
    ordered = sorted(captures, key=lambda capture: capture.location)
    found: dict[str, list[tuple[Capture, Document]]] = {}
    for capture in ordered:
        for key, document in capture.documents.items():
            if not proxy_of(key)[0]:
                found.setdefault(key, []).append((capture, document))
    documents = _pages(ordered)
    for key, holders in found.items():
        if len(holders) == 1:
            documents[key] = holders[0][1]
        elif key == DNS:
            documents[key] = _all_answers([document for _, document in holders])
        else:
            documents.update(_each(key, holders))
    kinds = {capture.kind for capture in ordered}
    times = {capture.captured_at for capture in ordered if capture.captured_at}
    return Capture(
        kind=kinds.pop() if len(kinds) == 1 else "capture",
        location=" ".join(capture.location for capture in ordered),
        documents=documents,
        unread=tuple(_unread(ordered, documents)),
        captured_at=min(times, default=None),
        notes=tuple(note for capture in ordered for note in capture.notes),
    )


def _pages(captures: Sequence[Capture]) -> dict[str, Document]:
    """The pages of all proxies. A second dump of one pod becomes a single dump, of which the reader chooses one."""
    documents: dict[str, Document] = {}
    count: Counter[str] = Counter()
    for capture in captures:
        for pod, pages in capture.proxy_documents().items():
            count[pod] += 1
            again = count[pod] > 1
            folder = f"-/{pod.replace('/', '.')}~{count[pod]}" if again else pod
            for page, document in pages.items():
                shown = replace(document, path=_shown(capture, document)) if again else document
                documents[f"proxies/{folder}/{page}"] = shown
    return documents


def _shown(capture: Capture, document: Document) -> str:
    """The path of a document with its capture."""
    return document.path if document.path.startswith(capture.location) else f"{capture.location}/{document.path}"


def _each(key: str, holders: Sequence[tuple[Capture, Document]]) -> dict[str, Document]:
    """The documents of one path, each under a path of its own and shown with its capture."""
    top, _, name = key.partition("/")
    kind, dot, extension = name.partition(".")
    found: dict[str, Document] = {}
    for number, (capture, document) in enumerate(holders, 1):
        place = f"{top}/{kind}/{number}{dot}{extension}" if top == "resources" else f"{top}/{number}/{name}"
        found[place] = replace(document, path=_shown(capture, document))
    return found


def _all_answers(documents: Sequence[Document]) -> Document:
    """One dns.json with the answers of all; a host that was resolved several times has the addresses of all."""

    def read() -> bytes:
        answers: dict[str, list[Any]] = {}
        origins: set[str] = set()
        for document in documents:
            try:
                value: Any = msgspec.json.decode(document.read())
                given = value["answers"].items()
            except (msgspec.DecodeError, AttributeError, KeyError, TypeError) as problem:
                raise Unreadable(f"{document.origin or document.path}: not a dns.json: {problem}") from None
            origins.add(str(value.get("resolved_from") or ""))
            for host, addresses in given:
                known = answers.setdefault(host, [])
                known += [one for one in addresses or () if one not in known]
        origin = origins.pop() if len(origins) == 1 else ""
        return msgspec.json.encode({"resolved_from": origin or None, "answers": answers})

    return Document(DNS, read, sum(document.size for document in documents))


def _unread(captures: Sequence[Capture], documents: dict[str, Document]) -> list[Unread]:
    """What was not read of each, shown with its capture where another capture has the same path."""
    notes = [(capture, note) for capture in captures for note in capture.unread]
    paths = Counter(note.path for _, note in notes)
    return [
        Unread(f"{capture.location}/{note.path}", note.because)
        if paths[note.path] > 1 or note.path in documents
        else note
        for capture, note in notes
    ]

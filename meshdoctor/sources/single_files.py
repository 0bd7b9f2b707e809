"""Files without the capture layout: raw dumps, pasted `istioctl proxy-config` output, plain manifests.

They become a capture by their content. A whole dump is a proxy of its own, `proxies/-/<its file's name>/`, with the
other pages of its admin port where they lie beside it; pasted arrays of one folder are one proxy, named for the
folder. Which pod that is, the bootstrap tells later.
"""

from __future__ import annotations

import re
from typing import NoReturn

from msgspec import Struct

from meshdoctor.errors import NothingToJudge, Unreadable
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.sources.capture_layout import NOT_EVIDENCE, is_wanted
from meshdoctor.sources.file_type import FileType, file_type
from meshdoctor.sources.limits import Limits
from meshdoctor.sources.source_tree import SourceFile, SourceTree
from meshdoctor.text.printable import printable

EXPECTED = (
    "a capture (a folder or archive with proxies/ or resources/), an istioctl bug-report, an Envoy config dump, "
    "the JSON of istioctl proxy-config, or Kubernetes manifests"
)

_PACKED = re.compile(r"\.(gz|zst)\Z")
_EXTENSION = re.compile(r"\.(json|ya?ml|txt)\Z")


_BESIDE_DUMP = {
    FileType.CLUSTER_STATUS: "clusters.json",
    FileType.CLUSTER_TEXT: "clusters.txt",
    FileType.SERVER_INFO: "server_info.json",
    FileType.STATS: "stats.txt",
}
"""Pages of the admin port that say something about a proxy only with its dump."""

_BY_NAME = {"stats.txt": FileType.STATS, "clusters.txt": FileType.CLUSTER_TEXT}


class _Piece(Struct, frozen=True):
    found: SourceFile
    shape: FileType


def gather(tree: SourceTree, name: str, limits: Limits) -> Capture:
    """The capture made of the files of `tree` by what each one is; `name` is that of the folder or file itself.

    Raises `NothingToJudge` where there is no file, or an empty one; `Unreadable` where none is of a known kind.
    """
    unread = list(tree.unread)
    pieces = _recognised(tree, unread)
    dumps: dict[str, list[_Piece]] = {}
    for piece in pieces:
        if piece.shape is FileType.CONFIG_DUMP:
            dumps.setdefault(_folder(piece.found), []).append(piece)
    documents: dict[str, Document] = {}
    for piece in pieces:
        key, refusal = _key(piece, dumps.get(_folder(piece.found), []), name)
        if key in documents:
            refusal = f"{documents[key].origin} is the same of the same proxy; keep one of them"
        if refusal:
            unread.append(Unread(piece.found.path, refusal))
        else:
            documents[key] = piece.found.as_document(key, limits, piece.found.origin)
    if not documents:
        _refuse(tree, unread)
    kind = "dump" if any(key.startswith("proxies/") for key in documents) else "manifests"
    return Capture(kind, tree.location, documents, tuple(unread))


def _recognised(tree: SourceTree, unread: list[Unread]) -> list[_Piece]:
    """Every file of a known kind; the others are added to `unread`, unless the source is that one file alone."""
    pieces: list[_Piece] = []
    for path, found in sorted(tree.files.items()):
        if path.rsplit("/", 1)[-1] in NOT_EVIDENCE or not (is_wanted(path) or found.origin == tree.location):
            continue
        try:
            pieces.append(_Piece(found, _shape(found)))
        except (Unreadable, NothingToJudge) as problem:
            if found.origin == tree.location:
                raise
            unread.append(Unread(path, str(problem)))
    return pieces


def _shape(found: SourceFile) -> FileType:
    name = found.path.rsplit("/", 1)[-1]
    if name in _BY_NAME:
        return _BY_NAME[name]
    head = found.head()
    if not head.strip():
        raise NothingToJudge(f"{found.origin} is empty. Expected: {EXPECTED}.")
    shape = file_type(head, found.path)
    if shape is None:
        raise Unreadable(f"{found.origin} is none of what meshdoctor reads. Expected: {EXPECTED}.")
    return shape


def _refuse(tree: SourceTree, unread: list[Unread]) -> NoReturn:
    if not unread:
        raise NothingToJudge(f"{tree.location} holds nothing to look at. Expected: {EXPECTED}.")
    notes = "".join(f"\n  {note.path}: {note.because}" for note in unread[:5])
    raise Unreadable(f"{tree.location}: nothing in it can be used. Expected: {EXPECTED}.{notes}")


def _key(piece: _Piece, dumps: list[_Piece], name: str) -> tuple[str, str]:
    """The document's path in the capture, and why it cannot be used, if so. `dumps` are those of its folder."""
    path, shape = piece.found.path, piece.shape
    if shape is FileType.RESOURCES:
        return f"manifests/{path}", ""
    if shape is FileType.DNS:
        return "dns.json", ""
    if shape is FileType.CONFIG_DUMP:
        return f"proxies/-/{_stem(path)}/config_dump.json", ""
    if shape in _BESIDE_DUMP:
        if len(dumps) != 1:
            return "", "says something only beside the one config_dump.json it belongs to"
        return f"proxies/-/{_stem(dumps[0].found.path)}/{_BESIDE_DUMP[shape]}", ""
    return f"proxies/-/{_stem(_folder(piece.found)[:-1]) or _stem(name)}/{shape.value}.json", ""


def _folder(found: SourceFile) -> str:
    return found.path[: found.path.rfind("/") + 1]


def _stem(path: str) -> str:
    """The name of a proxy made from a path: one part, without extension, safe to show."""
    return printable(_EXTENSION.sub("", _PACKED.sub("", path))).replace("/", ".")

"""Files without the capture layout: raw dumps, pasted `istioctl proxy-config` output, plain manifests.

They are recognised by their content. A whole dump is one proxy, `proxies/-/<its file's name>/`, with the other pages of
its admin port beside it; pasted arrays of one folder are one proxy, named after the folder. The name of the pod is read
from the bootstrap later.
"""

from __future__ import annotations

import re

from msgspec import Struct

from meshdoctor.errors import NothingToJudge, Unreadable
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.sources.capture_layout import NOT_EVIDENCE, may_be_evidence
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
"""Pages of the admin port that are used only together with the dump of their proxy."""

_BY_NAME = {"stats.txt": FileType.STATS, "clusters.txt": FileType.CLUSTER_TEXT}


class _TypedFile(Struct, frozen=True):
    file: SourceFile
    type: FileType


def gather(tree: SourceTree, name: str, limits: Limits) -> Capture:
    """The capture made of the files of `tree`, each by its type; `name` is that of the folder or file itself.

    Raises `NothingToJudge` where there is no file, or an empty one; `Unreadable` where none is of a known type.
    """
    unread = list(tree.unread)
    files = _recognised(tree, unread)
    dumps: dict[str, list[_TypedFile]] = {}
    for one in files:
        if one.type is FileType.CONFIG_DUMP:
            dumps.setdefault(_folder(one.file), []).append(one)
    documents: dict[str, Document] = {}
    for one in files:
        key, refusal = _key(one, dumps.get(_folder(one.file), []), name)
        if key in documents:
            refusal = f"{documents[key].origin} is the same page of the same proxy; keep one of them"
        if refusal:
            unread.append(Unread(one.file.path, refusal))
        else:
            documents[key] = one.file.as_document(key, limits, one.file.origin)
    if not documents and not unread:
        raise NothingToJudge(f"{tree.location} contains no evidence. Expected: {EXPECTED}.")
    if not documents:
        notes = "".join(f"\n  {note.path}: {note.because}" for note in unread[:5])
        raise Unreadable(f"{tree.location} contains no file that can be used. Expected: {EXPECTED}.{notes}")
    kind = "dump" if any(key.startswith("proxies/") for key in documents) else "manifests"
    return Capture(kind, tree.location, documents, tuple(unread))


def _recognised(tree: SourceTree, unread: list[Unread]) -> list[_TypedFile]:
    """Every file of a known type; the others are added to `unread`, but a single file's error is raised."""
    files: list[_TypedFile] = []
    for path, found in sorted(tree.files.items()):
        if path.rsplit("/", 1)[-1] in NOT_EVIDENCE or not (may_be_evidence(path) or found.origin == tree.location):
            continue
        try:
            files.append(_TypedFile(found, _type_of(found)))
        except (Unreadable, NothingToJudge) as problem:
            if found.origin == tree.location:
                raise
            unread.append(Unread(path, str(problem)))
    return files


def _type_of(found: SourceFile) -> FileType:
    name = found.path.rsplit("/", 1)[-1]
    if name in _BY_NAME:
        return _BY_NAME[name]
    head = found.head()
    if not head.strip():
        raise NothingToJudge(f"{found.origin} is empty. Expected: {EXPECTED}.")
    known = file_type(head, found.path)
    if known is None:
        raise Unreadable(f"{found.origin} is not a file that meshdoctor reads. Expected: {EXPECTED}.")
    return known


def _key(one: _TypedFile, dumps: list[_TypedFile], name: str) -> tuple[str, str]:
    """The path of the document in the capture, or why the file cannot be used. `dumps` are those of its folder."""
    path = one.file.path
    if one.type is FileType.RESOURCES:
        return f"manifests/{path}", ""
    if one.type is FileType.DNS:
        return "dns.json", ""
    if one.type is FileType.CONFIG_DUMP:
        return f"proxies/-/{_stem(path)}/config_dump.json", ""
    if one.type in _BESIDE_DUMP:
        if len(dumps) != 1:
            return "", f"is used only beside one config dump of the same proxy; its folder has {len(dumps) or 'none'}"
        return f"proxies/-/{_stem(dumps[0].file.path)}/{_BESIDE_DUMP[one.type]}", ""
    return f"proxies/-/{_stem(_folder(one.file)[:-1]) or _stem(name)}/{one.type.value}.json", ""


def _folder(found: SourceFile) -> str:
    return found.path[: found.path.rfind("/") + 1]


def _stem(path: str) -> str:
    """The name of a proxy made from a path: one part, without extension, safe to show."""
    return printable(_EXTENSION.sub("", _PACKED.sub("", path))).replace("/", ".")

"""Files without the capture layout: raw dumps, pasted `istioctl proxy-config` output, plain manifests.

They are recognised by their content. A whole dump is one proxy, `proxies/-/<its file's name>/`, with the other pages of
its admin port beside it; pasted arrays of one folder are one proxy, named after the folder. The name of the pod is read
from the bootstrap later.
"""

from __future__ import annotations

import re
from functools import partial

import msgspec
from msgspec import Struct

from meshdoctor import yamlio
from meshdoctor.errors import NothingToJudge, Unreadable
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.sources.capture_layout import DNS, NOT_EVIDENCE, may_be_evidence
from meshdoctor.sources.documents import missing_document
from meshdoctor.sources.file_type import FileType, file_type, has_configs, is_yaml
from meshdoctor.sources.limits import Limits
from meshdoctor.sources.not_judged import DUMP_INSTEAD, SHOWS_ITSELF, is_only_about, lacks_sections, what_it_is
from meshdoctor.sources.source_tree import SourceFile, SourceTree
from meshdoctor.text.printable import in_lines, printable

EXPECTED = (
    "a capture (a folder or archive with proxies/ or resources/), an istioctl bug-report, an Envoy config dump, "
    "the JSON of istioctl proxy-config, or Kubernetes manifests"
)

_LOOKED = "Looked for proxies/ and resources/ in it and in its folders, and there for dumps and manifests; no deeper."

_PACKED = re.compile(r"\.(gz|zst)\Z")
_EXTENSION = re.compile(r"\.(json|ya?ml|txt)\Z")


_BESIDE_DUMP = {
    FileType.CLUSTER_STATUS: "clusters.json",
    FileType.CLUSTER_TEXT: "clusters.txt",
    FileType.SERVER_INFO: "server_info.json",
    FileType.STATS: "stats.txt",
}
"""Pages of the admin port that are used only together with the dump of their proxy."""
_OF_ENVOY = frozenset(
    {
        FileType.CONFIG_DUMP,
        FileType.BOOTSTRAP,
        FileType.LISTENERS,
        FileType.CLUSTERS,
        FileType.ROUTES,
        FileType.ENDPOINTS,
    }
)
"""Types that istioctl prints as YAML too."""

_BY_NAME = {"stats.txt": FileType.STATS, "clusters.txt": FileType.CLUSTER_TEXT}


class _TypedFile(Struct, frozen=True):
    file: SourceFile
    type: FileType
    is_yaml: bool = False
    is_part: bool = False
    """The sections of a dump, or one of them, as `jq .configs` prints."""
    is_named: bool = False

    def content(self, limits: Limits) -> bytes:
        """The content as Envoy writes it: of YAML its JSON, of a part of a dump the dump around it."""
        data = self.file.content(limits)
        if self.is_yaml and self.type in _OF_ENVOY:
            trees = yamlio.load_documents(data, self.file.origin)
            data = msgspec.json.encode(trees[0] if trees else None)
        if self.is_part:
            return b'{"configs":' + (data if data.lstrip()[:1] == b"[" else b"[" + data + b"]") + b"}"
        return data

    def as_document(self, key: str, limits: Limits) -> Document:
        """This file as a document of a capture, named by the user's path in messages."""
        read = partial(self.content, limits)
        return Document(key, read, self.file.size, self.file.origin, is_named=self.is_named)


def gather(tree: SourceTree, name: str, limits: Limits) -> Capture:
    """The capture made of the files of `tree`, each by its type; `name` is that of the folder or file itself.

    Raises `NothingToJudge` where there is no file, or an empty one; `Unreadable` where none is of a known type, or a
    file that the user named is not.
    """
    unread = list(tree.unread)
    notes: list[str] = []
    documents: dict[str, Document] = {}
    for key, files in _by_key(_recognised(tree, limits, unread), name, unread).items():
        documents[key] = _one_of(files, key, limits, notes)
    if not documents and not unread:
        raise NothingToJudge(f"{tree.location} contains no evidence. Expected: {EXPECTED}. {_LOOKED}")
    if not documents and tree.named:
        raise Unreadable(in_lines(f"{tree.files[note.path].origin} {note.because}." for note in unread))
    if not documents:
        problem = f"{tree.location} contains no file that can be used. Expected: {EXPECTED}. {_LOOKED}"
        raise Unreadable(in_lines((problem, *(f"  {note.path}: {note.because}" for note in unread[:5]))))
    kind = "dump" if any(key.startswith("proxies/") for key in documents) else "manifests"
    return Capture(kind, tree.location, documents, tuple(unread), notes=tuple(notes))


def _recognised(tree: SourceTree, limits: Limits, unread: list[Unread]) -> list[_TypedFile]:
    """Every file of a known type; the others are added to `unread`, but the error of a named file is raised."""
    files: list[_TypedFile] = []
    for path, found in sorted(tree.files.items()):
        is_named = path in tree.named
        if path.rsplit("/", 1)[-1] in NOT_EVIDENCE or not (may_be_evidence(path) or is_named):
            continue
        try:
            files.append(_typed(found, limits, is_named=is_named))
        except (Unreadable, NothingToJudge) as problem:
            if is_named:
                raise
            unread.append(Unread(path, str(problem)))
    return files


def _typed(found: SourceFile, limits: Limits, *, is_named: bool) -> _TypedFile:
    name = found.path.rsplit("/", 1)[-1]
    if name in _BY_NAME:
        return _TypedFile(found, _BY_NAME[name], is_named=is_named)
    head = found.head()
    if not head.strip():
        raise NothingToJudge(f"{found.origin} is empty. Expected: {EXPECTED}.")
    known = file_type(head, found.path)
    if known is None:
        what = what_it_is(head)
        raise Unreadable(
            f"{found.origin} {what}."
            if what
            else f"{found.origin} is not a file that meshdoctor reads. Expected: {EXPECTED}."
        )
    if known is FileType.CONFIG_DUMP and not any(b".%bConfigDump" % section in head for section in SHOWS_ITSELF):
        what = lacks_sections(found.content(limits))
        if what:
            raise Unreadable(f"{found.origin} {what}.")
    return _TypedFile(found, known, is_yaml(head), known is FileType.CONFIG_DUMP and not has_configs(head), is_named)


def _by_key(files: list[_TypedFile], name: str, unread: list[Unread]) -> dict[str, list[_TypedFile]]:
    """The files by the path of their document in the capture; those that cannot be used are added to `unread`."""
    dumps: dict[str, list[_TypedFile]] = {}
    for one in files:
        if one.type is FileType.CONFIG_DUMP:
            dumps.setdefault(_folder(one.file), []).append(one)
    found: dict[str, list[_TypedFile]] = {}
    for one in files:
        key, refusal = _key(one, dumps.get(_folder(one.file), []), name)
        while one.type is FileType.CONFIG_DUMP and key in found:
            key = key.replace("/config_dump.json", "~/config_dump.json")
        if refusal:
            unread.append(Unread(one.file.path, refusal))
        else:
            found.setdefault(key, []).append(one)
    for folder in {key.rsplit("/", 1)[0] for key in found if key.startswith("proxies/")}:
        pages = [one for key, group in found.items() if key.startswith(folder + "/") for one in group]
        refusal = is_only_about(frozenset(one.type for one in pages))
        if refusal:
            unread += [Unread(one.file.path, refusal) for one in pages]
            found = {key: group for key, group in found.items() if not key.startswith(folder + "/")}
    return found


def _one_of(files: list[_TypedFile], key: str, limits: Limits, notes: list[str]) -> Document:
    """The document of files that are the same page of the same proxy: of equal ones any, of different ones none."""
    first, *others = files
    names = " and ".join(one.file.origin for one in files)
    try:
        if all(one.content(limits) == first.content(limits) for one in others):
            if others:
                notes.append(f"{names} are the same")
            return first.as_document(key, limits)
    except Unreadable:
        pass
    because = "are the same page of the same proxy and differ; neither was used. Give one of them"
    return missing_document(names, because)


def _key(one: _TypedFile, dumps: list[_TypedFile], name: str) -> tuple[str, str]:
    """The path of the document in the capture, or why the file cannot be used. `dumps` are those of its folder."""
    path = one.file.path
    if one.type is FileType.RESOURCES:
        return f"manifests/{path}", ""
    if one.type is FileType.DNS:
        return DNS, ""
    if one.type is FileType.CONFIG_DUMP:
        return f"proxies/-/{_stem(path)}/config_dump.json", ""
    if one.type in _BESIDE_DUMP:
        if len(dumps) == 1:
            return f"proxies/-/{_stem(dumps[0].file.path)}/{_BESIDE_DUMP[one.type]}", ""
        because = f"is used only beside one config dump of the same proxy; its folder has {len(dumps) or 'none'}"
        return "", because if dumps else f"{because}. {DUMP_INSTEAD}"
    return f"proxies/-/{_stem(_folder(one.file)[:-1]) or _stem(name)}/{one.type.value}.json", ""


def _folder(found: SourceFile) -> str:
    return found.path[: found.path.rfind("/") + 1]


def _stem(path: str) -> str:
    """The name of a proxy made from a path: one part, without extension, safe to show."""
    return printable(_EXTENSION.sub("", _PACKED.sub("", path))).replace("/", ".")

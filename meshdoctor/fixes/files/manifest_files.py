"""Locates the objects of manifest files: the file, the document, the item of a List.

The files are those that `-f` reads. An object without a namespace is in `default`, as for the facts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from meshdoctor.errors import Unreadable
from meshdoctor.fixes.plan.object_diff import Path as TreePath
from meshdoctor.model.evidence import Unread
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.egress_kinds import KINDS
from meshdoctor.sources.limits import Limits
from meshdoctor.sources.manifest_sources import LIMITS, STDIN, files_at
from meshdoctor.text.printable import printable
from meshdoctor.yamlio import load_documents

_TEMPLATE = re.compile(rb"\{\{-?\s*(?:[.$]|include|if|range|with|end|template|define|toYaml|else|/\*)")

_MAKERS = {"configMapGenerator", "secretGenerator", "generators", "helmCharts", "namePrefix", "nameSuffix", "namespace"}
"""Fields of a kustomization (kubectl.docs.kubernetes.io, kustomization)."""


class PlacedObject(Struct, frozen=True):
    """One object of a file: its name, the index of its document, the path in that document, and the object."""

    key: ObjectRef
    document: int
    steps: TreePath
    body: dict[str, Any]


class ManifestFile(Struct, frozen=True):
    """One file as it was read. `path` has its symbolic links resolved; `shown` is the path that the user gave."""

    path: str
    shown: str
    data: bytes
    documents: tuple[Any, ...] = ()
    problem: str = ""
    """Why it could not be read, in a sentence; empty where it could."""

    @property
    def objects(self) -> Iterator[PlacedObject]:
        """The objects in it that have a kind and a name, in order."""
        kind = KINDS.get(Path(self.path).name.split(".")[0], "")
        for index, tree in enumerate(self.documents):
            yield from _objects(tree, index, (), kind, "")


class Manifests(Struct, frozen=True):
    """The files given with `-f`, by resolved path, and the folders for new files, best first."""

    files: dict[str, ManifestFile]
    folders: tuple[str, ...]
    unread: tuple[Unread, ...] = ()


def read_manifests(paths: Sequence[Path], limits: Limits = LIMITS) -> Manifests:
    """The files at `paths`, each once; standard input is left out.

    Raises as `with_manifests` does for a path that does not exist.
    """
    files: dict[str, ManifestFile] = {}
    unread: list[Unread] = []
    for path in paths:
        if path == STDIN:
            continue
        for found in files_at(path, limits, unread):
            place = os.path.realpath(found.origin)
            if place not in files and os.path.isfile(place):
                files[place] = _from_disk(place, found.origin)
    folders = [os.path.realpath(path) for path in paths if path.is_dir()]
    folders += [os.path.dirname(place) for place in files]
    return Manifests(files, tuple(dict.fromkeys(folders)), tuple(unread))


def read_file(path: str, shown: str, data: bytes) -> ManifestFile:
    """Parses the content of a file."""
    try:
        documents = load_documents(data, printable(shown))
    except Unreadable as problem:
        because = f"{printable(shown)} is a template" if is_template(data) else str(problem).rstrip(".")
        return ManifestFile(path, shown, data, (), f"{because}.")
    return ManifestFile(path, shown, data, tuple(documents))


def is_template(data: bytes) -> bool:
    """The text is a template, `{{ .Values.x }}`, of Helm or a like program."""
    return _TEMPLATE.search(data) is not None


def makes_objects(file: ManifestFile) -> bool:
    """It is a kustomization that generates objects, or renames those of its files."""
    is_one = Path(file.path).name in ("kustomization.yaml", "kustomization.yml")
    return is_one and any(isinstance(tree, dict) and not _MAKERS.isdisjoint(tree) for tree in file.documents)


def same_object(one: ObjectRef, other: ObjectRef) -> bool:
    """They name the same object, perhaps in different versions of its API group."""
    return structs.replace(one, api_version=other.api_version) == other and one.group == other.group


def _from_disk(path: str, shown: str) -> ManifestFile:
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        return ManifestFile(path, shown, b"", (), f"{printable(shown)} cannot be read: {problem.strerror or problem}.")
    if data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        return ManifestFile(
            path, shown, data, (), f"{printable(shown)} is compressed: decompress it to have it changed."
        )
    return read_file(path, shown, data)


def _objects(tree: Any, document: int, steps: TreePath, kind: str, api_version: str) -> Iterator[PlacedObject]:
    """The object, or the items of the List. An item without kind or apiVersion gets the List's."""
    if isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _objects(item, document, (*steps, index), kind, api_version)
        return
    if not isinstance(tree, dict):
        return
    own = str(tree.get("kind") or "")
    version = str(tree.get("apiVersion") or "")
    items = tree.get("items")
    if isinstance(items, list) and (own.endswith("List") or not own):
        yield from _objects(
            items, document, (*steps, "items"), own.removesuffix("List") or kind, "" if own in ("", "List") else version
        )
        return
    metadata = tree.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    kind, api_version = own or kind, version or api_version
    if kind and metadata.get("name"):
        namespace = "" if kind == "Namespace" else str(metadata.get("namespace") or "default")
        yield PlacedObject(
            ObjectRef(kind, namespace, str(metadata["name"]), api_version=api_version), document, steps, tree
        )

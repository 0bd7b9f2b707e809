"""Chooses the file for a new object: where similar objects are, if anywhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from meshdoctor.errors import NotEditable
from meshdoctor.facts.resources.object_metadata import PLURALS
from meshdoctor.fixes.files.manifest_files import ManifestFile, Manifests, is_template, read_file
from meshdoctor.model.fix import Change
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.text.printable import printable
from meshdoctor.yamlio.editing import new_file, rewritten, with_document

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml")
_LONGEST = 200
"""Characters of a file name; file systems take 255 bytes."""


def placement_of(change: Change, files: Mapping[str, ManifestFile], manifests: Manifests) -> Iterator[ManifestFile]:
    """The changed files: the one with the new object, and the kustomization that has to name a new file.

    A List or a file of several documents gets the object; beside a file of one object, a new file is created. Similar
    is, in this order: a capture's file of that kind, the same kind and namespace, the same namespace, the same kind.
    Raises `NotEditable` where there is no folder for a new file.
    """
    similar = _similar(change.key, files)
    if similar is not None:
        changed = _with_object(similar, change)
        if changed is not None:
            yield changed
            return
    if similar is None and not manifests.folders:
        raise NotEditable(f"No folder to write {printable(str(change.key))} to: give one with -f, or use --export.")
    folder = os.path.dirname(similar.path) if similar else manifests.folders[0]
    shown = os.path.dirname(similar.shown) if similar else folder
    name = _free_name(folder, change.key, files)
    data = new_file(change.after or {}, similar.data if similar else None, name)
    yield read_file(os.path.join(folder, name), os.path.join(shown, name), data)
    yield from _named_in_kustomization(folder, name, files)


def file_name(key: ObjectRef) -> str:
    """`serviceentry-shop-github.yaml`: other characters than letters, digits, `.` and `-` become `-`."""
    text = "-".join(part for part in (key.kind, key.namespace, key.name) if part).lower()
    return re.sub(r"[^a-z0-9.-]+", "-", text).strip(".-")[:_LONGEST] + ".yaml"


def _similar(key: ObjectRef, files: Mapping[str, ManifestFile]) -> ManifestFile | None:
    """The file with the most similar objects."""
    best: tuple[tuple[int, ...], ManifestFile] | None = None
    for file in files.values():
        if is_template(file.data) or any(isinstance(tree, dict) and "sops" in tree for tree in file.documents):
            continue
        found = [placed.key for placed in file.objects]
        near = sum(other.namespace == key.namespace for other in found)
        alike = sum(other.kind == key.kind for other in found)
        both = sum((other.kind, other.namespace) == (key.kind, key.namespace) for other in found)
        is_list = _list_steps(file, key.kind) is not None
        is_named_after = os.path.basename(file.path).split(".")[0] == PLURALS.get(key.kind)  # as in captures
        rank = (int(is_list and is_named_after), both, near, alike)
        if any(rank) and (best is None or rank > best[0]):
            best = (rank, file)
    return best[1] if best else None


def _with_object(file: ManifestFile, change: Change) -> ManifestFile | None:
    """The file with the object added; None for a file of a single object."""
    value, shown = change.after or {}, printable(file.shown)
    steps = _list_steps(file, change.key.kind)
    if steps is not None:
        tree = file.documents[0]
        wanted: Any = [*tree, value] if not steps else {**tree, "items": [*(tree["items"] or []), value]}
        return read_file(file.path, file.shown, rewritten(file.data, shown, [wanted]))
    if len(file.documents) > 1:
        return read_file(file.path, file.shown, with_document(file.data, shown, value))
    return None


def _list_steps(file: ManifestFile, kind: str) -> tuple[str, ...] | None:
    """The path to the items of a List for this kind; None for any other file."""
    if len(file.documents) != 1:
        return None
    tree = file.documents[0]
    if isinstance(tree, list):
        return ()
    if isinstance(tree, dict) and tree.get("kind") in ("List", f"{kind}List") and "items" in tree:
        return ("items",)
    return None


def _free_name(folder: str, key: ObjectRef, files: Mapping[str, ManifestFile]) -> str:
    name = file_name(key)
    stem, count = name.removesuffix(".yaml"), 1
    while os.path.join(folder, name) in files or os.path.lexists(os.path.join(folder, name)):
        count += 1
        name = f"{stem}-{count}.yaml"
    return name


def _named_in_kustomization(folder: str, name: str, files: Mapping[str, ManifestFile]) -> Iterator[ManifestFile]:
    """The folder's kustomization with the new file in its resources."""
    for file in (files.get(os.path.join(folder, known)) for known in _KUSTOMIZATIONS):
        if file is None or not file.documents or not isinstance(file.documents[0], dict):
            continue
        tree = file.documents[0]
        wanted = {**tree, "resources": [*(tree.get("resources") or []), name]}
        documents = [wanted, *file.documents[1:]]
        yield read_file(file.path, file.shown, rewritten(file.data, printable(file.shown), documents))

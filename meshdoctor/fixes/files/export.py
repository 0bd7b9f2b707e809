"""`--export DIR`: a fix as files for the owner of the objects: manifests, a kustomize overlay, kubectl commands.

    DIR/kustomization.yaml   names the new objects and the patches
    DIR/<object>.yaml        a new object, whole
    DIR/patches/<object>     the patch of a changed object, `$patch: delete` for a deleted one
    DIR/whole/<object>.yaml  a changed object, whole, for repositories without overlays
    DIR/undo/<object>        the patch or manifest that undoes the change

Objects of Istio are patched by a merge patch, which kustomize and the API server read alike. Built-in kinds get a JSON
patch: kustomize would merge their lists item by item and never take one out
(kubectl.docs.kubernetes.io, kustomization, patches).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from meshdoctor.errors import NotEditable
from meshdoctor.fixes.files.file_edits import file_edit
from meshdoctor.fixes.files.file_writes import write_edits
from meshdoctor.fixes.files.manifest_placement import file_name
from meshdoctor.fixes.plan.kubectl_commands import Command, apply_line, delete_line, patch_line
from meshdoctor.fixes.plan.object_diff import json_patch, merge_patch
from meshdoctor.model.fix import Change, FileEdit
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.text.marks import is_redacted
from meshdoctor.text.printable import printable
from meshdoctor.yamlio import dump
from meshdoctor.yamlio.alignment import same

_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_COMPONENT = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
_USE = "# Patches objects of yours: add this folder to `components:` in the kustomization.yaml that holds them.\n"
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


class Export(Struct, frozen=True):
    """What an export wrote, and the commands that apply it."""

    folder: str
    written: tuple[str, ...]
    """New files, by path below the folder."""
    commands: tuple[Command, ...]
    notes: tuple[str, ...] = ()
    """What was left out and why, in sentences."""


Write = Callable[[Sequence[FileEdit]], object]


def export(
    changes: Sequence[Change],
    folder: Path,
    *,
    base: str | None = None,
    context: str | None = None,
    write: Write = write_edits,
) -> Export:
    """Writes the changes below `folder`, which is created. Running it again changes nothing.

    With `base`, a kustomization's path as seen from `folder`, the overlay builds by itself; without, one that has
    patches is a component for the owner's kustomization. `context` is kubectl's, for the commands. `write` writes the
    new files.

    Raises `NotEditable` where a file exists with other content (none is written), where the folder cannot be written,
    and for text that was redacted.
    """
    found = _ExportFiles(folder, context)
    for change in changes:
        found.add(change)
    found.files["kustomization.yaml"] = _kustomization(found, base)
    return Export(str(folder), _write_new(folder, found.files, write), tuple(found.commands), tuple(found.notes))


class _ExportFiles:
    """Collects the files of an export, by path below the folder."""

    def __init__(self, folder: Path, context: str | None) -> None:
        self.folder = folder
        self.context = context
        self.files: dict[str, str] = {}
        self.resources: list[str] = []
        self.patches: list[dict[str, Any]] = []
        self.commands: list[Command] = []
        self.notes: list[str] = []
        self.names: set[str] = set()

    def add(self, change: Change) -> None:
        """Adds the files and commands of a change; none where nothing changes: kustomize refuses an empty patch."""
        if same(change.before, change.after):
            return
        stem = self._stem(change.key)
        if change.before is None:
            self._create(change, stem)
        elif change.after is None:
            self._delete(change, stem, change.before)
        else:
            self._alter(change, stem, change.before, change.after)

    def _create(self, change: Change, stem: str) -> None:
        path = self._put(f"{stem}.yaml", change.after, change.key)
        self.resources.append(f"{stem}.yaml")
        self.commands.append(Command(apply_line(path, self.context), delete_line(change.key, self.context)))

    def _delete(self, change: Change, stem: str, before: dict[str, Any]) -> None:
        self._put(f"patches/{stem}.yaml", {**_head(change.key), "$patch": "delete"}, change.key)
        self.patches.append({"path": f"patches/{stem}.yaml"})
        undo = self._put_optional(f"undo/{stem}.yaml", before, change.key)
        line = apply_line(undo, self.context) if undo else None
        self.commands.append(Command(delete_line(change.key, self.context), line))

    def _alter(self, change: Change, stem: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        key = change.key
        if key.group.endswith(".istio.io"):
            kind: Literal["merge", "json"] = "merge"
            patch: Any = {**_head(key), **_within(key, merge_patch(before, after))}
            back: Any = merge_patch(after, before)
            self.patches.append({"path": f"patches/{stem}.yaml"})
        else:
            kind, patch, back = "json", json_patch(before, after), json_patch(after, before)
            self.patches.append({"path": f"patches/{stem}.yaml", "target": _target(key)})
        path = self._put(f"patches/{stem}.yaml", patch, key)
        self._put_optional(f"whole/{stem}.yaml", after, key)
        undo = self._put_optional(f"undo/{stem}.yaml", back, key)
        undo_line = patch_line(key, undo, kind, self.context) if undo else None
        self.commands.append(Command(patch_line(key, path, kind, self.context), undo_line))

    def _stem(self, key: ObjectRef) -> str:
        first = stem = file_name(key).removesuffix(".yaml")
        count = 1
        while stem in self.names or stem == "kustomization":
            count += 1
            stem = f"{first}-{count}"
        self.names.add(stem)
        return stem

    def _put(self, path: str, value: Any, key: ObjectRef) -> str:
        """Adds a file, and returns its path for the commands. Raises `NotEditable` for redacted text."""
        text = dump(value)
        if is_redacted(text):
            raise NotEditable(
                f"{printable(str(key))} contains text that was redacted in the capture, so it cannot be exported. "
                "Export from the live cluster."
            )
        self.files[path] = text
        return os.path.join(self.folder, path)

    def _put_optional(self, path: str, value: Any, key: ObjectRef) -> str | None:
        """Adds an optional file; for redacted text, None and a note."""
        try:
            return self._put(path, value, key)
        except NotEditable:
            self.notes.append(f"{path} is not written: {printable(str(key))} contains text that was redacted.")
            return None


def _kustomization(files: _ExportFiles, base: str | None) -> str:
    is_part = bool(files.patches) and base is None
    tree: dict[str, Any] = dict(_COMPONENT if is_part else _KUSTOMIZATION)
    resources = [*([base] if base else []), *files.resources]
    if resources:
        tree["resources"] = resources
    if files.patches:
        tree["patches"] = files.patches
    return (_USE if is_part else "") + dump(tree)


def _head(key: ObjectRef) -> dict[str, Any]:
    """The fields that name an object in a patch; without a target, kustomize fails if it does not have the object."""
    named = {"name": key.name, **({"namespace": key.namespace} if key.namespace else {})}
    return {"apiVersion": key.api_version, "kind": key.kind, "metadata": named}


def _within(key: ObjectRef, patch: dict[str, Any]) -> dict[str, Any]:
    """The patch with the object's name in its metadata."""
    metadata = patch.get("metadata")
    return {**patch, "metadata": {**_head(key)["metadata"], **(metadata if isinstance(metadata, dict) else {})}}


def _target(key: ObjectRef) -> dict[str, Any]:
    """The target of a JSON patch. kustomize reads names as regular expressions of the whole name."""
    group, _, version = key.api_version.rpartition("/")
    names = {"name": key.name, "namespace": key.namespace}
    exact = {field: _SPECIAL.sub(r"\\\g<0>", name) for field, name in names.items() if name}
    return {**({"group": group} if group else {}), "version": version, "kind": key.kind, **exact}


def _write_new(folder: Path, files: dict[str, str], write: Write) -> tuple[str, ...]:
    """Writes the files that do not exist yet. Raises `NotEditable` for one with other content."""
    root = os.path.realpath(folder)
    places = {path: os.path.join(root, path) for path in files}
    there = {path: place for path, place in places.items() if os.path.lexists(place)}
    differ = [path for path, place in there.items() if not _has_content(root, place, files[path])]
    if differ:
        raise NotEditable(
            f"{printable(str(folder))} already has files of these names with other content: {', '.join(differ)}. "
            "Nothing was written: give an empty folder."
        )
    new = [path for path in files if path not in there]
    try:
        for path in new:
            os.makedirs(os.path.dirname(places[path]), exist_ok=True)
    except OSError as problem:
        because = problem.strerror or problem
        raise NotEditable(f"{printable(str(folder))} cannot be written: {because}. Give another folder.") from None
    if new:
        write([file_edit(places[path], os.path.join(folder, path), None, files[path].encode()) for path in new])
    return tuple(new)


def _has_content(root: str, place: str, text: str) -> bool:
    """It is a file inside the folder with this content."""
    real = os.path.realpath(place)
    if os.path.commonpath((root, real)) != root or not os.path.isfile(real):
        return False
    try:
        return Path(real).read_bytes() == text.encode()
    except OSError:
        return False

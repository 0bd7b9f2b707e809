"""Fixes in users' own manifest files: which bytes of which file change, and what that looks like.

Nothing is written here; `fixes.writing` does that. A change is refused, never guessed at, where its object stands in
two files or in none, where the file says something else than what was read, and where a program makes the file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import unified_diff
from hashlib import sha256
from typing import Any

from meshdoctor import yamlio
from meshdoctor.errors import NotEditable
from meshdoctor.fixes.files.manifest_files import (
    ManifestFile,
    Manifests,
    PlacedObject,
    is_template,
    makes_objects,
    read_file,
    same_object,
)
from meshdoctor.fixes.files.manifest_placement import placement_of
from meshdoctor.fixes.plan.object_diff import Path as TreePath
from meshdoctor.fixes.plan.object_diff import difference, in_order_of, patched
from meshdoctor.model.fix import Change, FileEdit
from meshdoctor.text.printable import printable
from meshdoctor.yamlio.alignment import same
from meshdoctor.yamlio.editing import rewritten, without_document

_EXPORT = "use --export"
_NAMING = ("apiVersion", "kind", "metadata")


def file_edit(path: str, shown: str, before: bytes | None, after: bytes | None) -> FileEdit:
    """A `FileEdit` with its hashes."""
    hashes = ["" if data is None else sha256(data).hexdigest() for data in (before, after)]
    return FileEdit(path=path, shown=shown, before=before, after=after, before_sha256=hashes[0], after_sha256=hashes[1])


def plan_edits(changes: Sequence[Change], manifests: Manifests) -> tuple[FileEdit, ...]:
    """What becomes of the files: one edit a file, whatever number of changes it takes.

    Raises `NotEditable`, with what to do, where one of the changes cannot be carried out; then none is.
    """
    plan = _Plan(manifests)
    for change in sorted(changes, key=lambda change: change.before is None):
        if change.before is None:
            plan.create(change)
        else:
            plan.alter(change)
    edits = plan.edits()
    for edit in edits:
        _refuse_unwritable(edit, manifests)
    return edits


def unified_files(edits: Sequence[FileEdit]) -> str:
    """The edits as a unified diff of the files, fit for a terminal."""
    lines: list[str] = []
    for edit in edits:
        lines += unified_diff(
            _lines(edit.before),
            _lines(edit.after),
            "/dev/null" if edit.before is None else printable(edit.shown),
            "/dev/null" if edit.after is None else printable(edit.shown),
            lineterm="",
        )
    return "".join(f"{line}\n" for line in lines)


class _Plan:
    """The files while they change, one change after the other."""

    def __init__(self, manifests: Manifests) -> None:
        self.manifests = manifests
        self.now = dict(manifests.files)
        self.removed: set[str] = set()

    def alter(self, change: Change) -> None:
        """Carries out an update or a deletion where the object stands."""
        file, placed = self._only(change)
        _refuse_made(file, placed)
        if change.after is None:
            _refuse_moved(change, file, placed, [(key,) for key in change.before or {} if key not in _NAMING])
            self._remove(file, placed)
            return
        edits = difference(change.before, change.after)
        _refuse_moved(change, file, placed, [edit.path for edit in edits])
        try:
            body = in_order_of(change.after, patched(placed.body, edits))
        except LookupError:
            raise _says_otherwise(change, file) from None
        self._put(file, placed.document, placed.steps, body)

    def create(self, change: Change) -> None:
        """Puts a new object where its like stands."""
        for file, _ in self._places(change):
            raise NotEditable(f"{printable(str(change.key))} is in {printable(file.shown)} already. Look again.")
        for home in list(placement_of(change, self.now, self.manifests)):
            self.now[home.path] = home
            self.removed.discard(home.path)

    def edits(self) -> tuple[FileEdit, ...]:
        """What differs from the files as they were read."""
        found = []
        for path, file in self.now.items():
            before = self.manifests.files[path].data if path in self.manifests.files else None
            after = None if path in self.removed else file.data
            if before != after:
                found.append(file_edit(path, file.shown, before, after))
        return tuple(found)

    def _places(self, change: Change) -> list[tuple[ManifestFile, PlacedObject]]:
        files = [file for path, file in self.now.items() if path not in self.removed]
        return [(file, placed) for file in files for placed in file.objects if same_object(placed.key, change.key)]

    def _only(self, change: Change) -> tuple[ManifestFile, PlacedObject]:
        places = self._places(change)
        name = printable(str(change.key))
        if not places:
            raise NotEditable(f"{name} is in none of the files given with -f.{self._hint(change)}")
        if len(places) > 1:
            shown = " and ".join(dict.fromkeys(printable(file.shown) for file, _ in places))
            raise NotEditable(f"{name} is defined more than once, in {shown}. Keep one of them, or {_EXPORT}.")
        return places[0]

    def _hint(self, change: Change) -> str:
        """Where the object may be all the same."""
        key = change.key
        for file in self.now.values():
            for placed in file.objects:
                if (placed.key.kind, placed.key.name) == (key.kind, key.name):
                    other = printable(str(placed.key))
                    return f" {printable(file.shown)} has {other}: write the namespace there, or {_EXPORT}."
        problems = [file.problem for file in self.now.values() if file.problem]
        told = f" It may be in one that could not be read: {' '.join(problems[:3])}" if problems else ""
        makers = [printable(file.shown) for file in self.now.values() if makes_objects(file)]
        told += f" {makers[0]} makes or renames objects: a fix belongs there." if makers else ""
        return f"{told} Give its file with -f, or {_EXPORT}."

    def _remove(self, file: ManifestFile, placed: PlacedObject) -> None:
        if placed.steps:
            holder = _at(file.documents[placed.document], placed.steps[:-1])
            rest = [item for index, item in enumerate(holder) if index != placed.steps[-1]]
            self._put(file, placed.document, placed.steps[:-1], rest)
            return
        data = without_document(file.data, file.shown, placed.document)
        if data is None:
            self.removed.add(file.path)
        else:
            self.now[file.path] = read_file(file.path, file.shown, data)

    def _put(self, file: ManifestFile, document: int, steps: TreePath, value: Any) -> None:
        wanted = list(file.documents)
        wanted[document] = with_value(wanted[document], steps, value)
        self.now[file.path] = read_file(file.path, file.shown, rewritten(file.data, printable(file.shown), wanted))


def with_value(tree: Any, steps: TreePath, value: Any) -> Any:
    """`tree` with `value` at the place `steps` leads to; `tree` itself stays."""
    if not steps:
        return value
    inner = with_value(tree[steps[0]], steps[1:], value)
    if isinstance(tree, dict):
        return {**tree, steps[0]: inner}
    return [inner if index == steps[0] else item for index, item in enumerate(tree)]


def _at(tree: Any, steps: TreePath) -> Any:
    for step in steps:
        tree = tree[step]
    return tree


def _refuse_moved(change: Change, file: ManifestFile, placed: PlacedObject, paths: list[TreePath]) -> None:
    """Raises where the file says something else than what was read, at a place that is to change."""
    if not all(_agree(placed.body, change.before, path) for path in paths):
        raise _says_otherwise(change, file)


def _agree(there: Any, read: Any, path: TreePath) -> bool:
    """Two trees say the same at the end of `path`; on the way, lists are the same as a whole."""
    if not path or not isinstance(read, dict) or not isinstance(there, dict):
        return same(there, read)
    if path[0] not in read or path[0] not in there:
        return path[0] not in read and path[0] not in there
    return _agree(there[str(path[0])], read[str(path[0])], path[1:])


def _says_otherwise(change: Change, file: ManifestFile) -> NotEditable:
    name, shown = printable(str(change.key)), printable(file.shown)
    return NotEditable(
        f"{shown} says something else of {name} than what was read, just where it is to change. "
        f"Check that file by itself (-f {shown}), or {_EXPORT}."
    )


def _refuse_made(file: ManifestFile, placed: PlacedObject) -> None:
    """Raises where a program writes the file, or would find its seal broken."""
    name, shown = printable(str(placed.key)), printable(file.shown)
    document = file.documents[placed.document]
    if isinstance(document, dict) and ("sops" in document or "sops" in placed.body):
        raise NotEditable(f"{shown} is sealed with SOPS: change {name} with `sops edit`, or {_EXPORT}.")
    if is_template(yamlio.dump(placed.body).encode()):
        raise NotEditable(f"{name} in {shown} is a template: change the chart by hand, or {_EXPORT}.")


def _refuse_unwritable(edit: FileEdit, manifests: Manifests) -> None:
    """Raises where the file may not be written, or lies outside of what was given."""
    folder, shown = os.path.dirname(edit.path), printable(edit.shown)
    if not any(os.path.commonpath((folder, root)) == root for root in manifests.folders):
        raise NotEditable(f"{shown} leads out of the folders given with -f. Give its own place, or {_EXPORT}.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotEditable(f"{shown} cannot be written: its folder is read-only. {_EXPORT.capitalize()}.")
    if edit.before is not None and not os.access(edit.path, os.W_OK):
        raise NotEditable(f"{shown} is read-only for you. Make it writable, or {_EXPORT}.")


def _lines(data: bytes | None) -> list[str]:
    if not data:
        return []
    lines = data.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
    shown = [printable(line.removesuffix("\r")) for line in lines]
    return shown[:-1] if not shown[-1] else [*shown[:-1], f"{shown[-1]}\n\\ No newline at end of file"]

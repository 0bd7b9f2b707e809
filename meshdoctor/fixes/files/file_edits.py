"""Plans the edits of a fix in the user's manifest files, and shows them as diffs. `file_writes` writes them.

A change is refused where its object is in no file or in several, where the file differs from the evidence, and where a
program generates the file.
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

_NAMING = ("apiVersion", "kind", "metadata")


def file_edit(path: str, shown: str, before: bytes | None, after: bytes | None) -> FileEdit:
    """A `FileEdit` with its hashes."""
    hashes = ["" if data is None else sha256(data).hexdigest() for data in (before, after)]
    return FileEdit(path=path, shown=shown, before=before, after=after, before_sha256=hashes[0], after_sha256=hashes[1])


def plan_edits(changes: Sequence[Change], manifests: Manifests) -> tuple[FileEdit, ...]:
    """The edits of the files, one per file.

    Raises `NotEditable`, with what to do, where one of the changes cannot be made.
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
    """The edits as a unified diff, safe to print on a terminal."""
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
    """The files while the changes are made, one after the other."""

    def __init__(self, manifests: Manifests) -> None:
        self.manifests = manifests
        self.now = dict(manifests.files)
        self.removed: set[str] = set()

    def alter(self, change: Change) -> None:
        """Makes an update or a deletion in the file that has the object."""
        file, placed = self._only(change)
        _refuse_generated(file, placed)
        if change.after is None:
            _refuse_different(change, file, placed, [(key,) for key in change.before or {} if key not in _NAMING])
            self._remove(file, placed)
            return
        edits = difference(change.before, change.after)
        _refuse_different(change, file, placed, [edit.path for edit in edits])
        try:
            body = in_order_of(change.after, patched(placed.body, edits))
        except LookupError:
            raise _differs(change, file) from None
        self._put(file, placed.document, placed.steps, body)

    def create(self, change: Change) -> None:
        """Adds a new object where similar objects are."""
        for file, _ in self._places(change):
            raise NotEditable(f"{printable(str(change.key))} is already in {printable(file.shown)}: check again.")
        for home in list(placement_of(change, self.now, self.manifests)):
            self.now[home.path] = home
            self.removed.discard(home.path)

    def edits(self) -> tuple[FileEdit, ...]:
        """The files that differ from what was read."""
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
            raise NotEditable(f"{name} is defined more than once, in {shown}. Keep one of them, or use --export.")
        return places[0]

    def _hint(self, change: Change) -> str:
        """Where the object may be instead."""
        key = change.key
        for file in self.now.values():
            for placed in file.objects:
                if (placed.key.kind, placed.key.name) == (key.kind, key.name):
                    other = printable(str(placed.key))
                    return f" {printable(file.shown)} has {other}: set metadata.namespace there, or use --export."
        problems = [file.problem for file in self.now.values() if file.problem]
        hint = f" It may be in a file that could not be read: {' '.join(problems[:3])}" if problems else ""
        makers = [printable(file.shown) for file in self.now.values() if makes_objects(file)]
        hint += f" {makers[0]} generates or renames objects: make the change there." if makers else ""
        return f"{hint} Give its file with -f, or use --export."

    def _remove(self, file: ManifestFile, placed: PlacedObject) -> None:
        if placed.steps:
            holder = file.documents[placed.document]
            for step in placed.steps[:-1]:
                holder = holder[step]
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
    """A copy of `tree` with `value` at the path `steps`."""
    if not steps:
        return value
    inner = with_value(tree[steps[0]], steps[1:], value)
    if isinstance(tree, dict):
        return {**tree, steps[0]: inner}
    return [inner if index == steps[0] else item for index, item in enumerate(tree)]


def _refuse_different(change: Change, file: ManifestFile, placed: PlacedObject, paths: list[TreePath]) -> None:
    """Raises where the file differs from the evidence in a field that the change sets."""
    if not all(_agree(placed.body, change.before, path) for path in paths):
        raise _differs(change, file)


def _agree(there: Any, read: Any, path: TreePath) -> bool:
    """Two trees have the same value at `path`; a list on the path has to be the same as a whole."""
    if not path or not isinstance(read, dict) or not isinstance(there, dict):
        return same(there, read)
    if path[0] not in read or path[0] not in there:
        return path[0] not in read and path[0] not in there
    return _agree(there[str(path[0])], read[str(path[0])], path[1:])


def _differs(change: Change, file: ManifestFile) -> NotEditable:
    name, shown = printable(str(change.key)), printable(file.shown)
    return NotEditable(
        f"{name} in {shown} differs from the evidence in a field that the fix changes. "
        f"Check that file alone (-f {shown}), or use --export."
    )


def _refuse_generated(file: ManifestFile, placed: PlacedObject) -> None:
    """Raises for a template, and for a file encrypted with SOPS, whose checksum an edit would break."""
    name, shown = printable(str(placed.key)), printable(file.shown)
    document = file.documents[placed.document]
    if isinstance(document, dict) and ("sops" in document or "sops" in placed.body):
        raise NotEditable(f"{shown} is encrypted with SOPS: change {name} with `sops edit`, or use --export.")
    if is_template(yamlio.dump(placed.body).encode()):
        raise NotEditable(f"{name} in {shown} is a template: change the chart itself, or use --export.")


def _refuse_unwritable(edit: FileEdit, manifests: Manifests) -> None:
    """Raises where the file may not be written, or is outside the folders given."""
    folder, shown = os.path.dirname(edit.path), printable(edit.shown)
    if not any(os.path.commonpath((folder, root)) == root for root in manifests.folders):
        raise NotEditable(
            f"{shown} links to a file outside the folders of -f. Give that file with -f, or use --export."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotEditable(f"{shown} cannot be written: its folder is read-only. Use --export.")
    if edit.before is not None and not os.access(edit.path, os.W_OK):
        raise NotEditable(f"{shown} is not writable for you. Make it writable, or use --export.")


def _lines(data: bytes | None) -> list[str]:
    if not data:
        return []
    lines = data.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
    shown = [printable(line.removesuffix("\r")) for line in lines]
    return shown[:-1] if not shown[-1] else [*shown[:-1], f"{shown[-1]}\n\\ No newline at end of file"]

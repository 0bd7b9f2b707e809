"""The changes of a fix: each object before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from meshdoctor import yamlio
from meshdoctor.errors import Unreadable
from meshdoctor.facts.resources.object_metadata import PLURALS
from meshdoctor.model.finding import Fix
from meshdoctor.model.fix import Change
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.object_ref import ObjectRef

Manifest = dict[str, Any]

_DEFAULT_NAMESPACE = "default"


def changes_of(mesh: Mesh, fix: Fix) -> tuple[Change, ...]:
    """The changes of a fix to the mesh's objects, deletions last.

    Raises `Unreadable` where an object to delete was not read.
    """
    there = {key_of(manifest): manifest for manifest in _manifests(mesh)}
    names = {structs.replace(key, api_version=""): key for key in there}
    found: list[Change] = []
    for text in fix.manifests:
        after = yamlio.load_documents(text.encode(), "manifest")[0]
        key = key_of(after)
        known = names.get(structs.replace(key, api_version=""))
        change = Change(key=known or key, before=there[known] if known else None, after=after)
        if change.before != change.after:
            found.append(change)
    for item in fix.deletes:
        known = names.get(item)
        if known is None:
            raise Unreadable(f"the fix deletes {item}, which was not read: check again")
        found.append(Change(key=known, before=there[known]))
    return tuple(found)


def key_of(manifest: Manifest) -> ObjectRef:
    """The name of a manifest's object; the namespace defaults to `default`."""
    metadata = manifest.get("metadata") or {}
    return ObjectRef(
        kind=str(manifest.get("kind", "")),
        namespace=str(metadata.get("namespace") or _DEFAULT_NAMESPACE),
        name=str(metadata.get("name", "")),
        api_version=str(manifest.get("apiVersion", "")),
    )


def was_read(mesh: Mesh, change: Change) -> bool:
    """Objects of the change's kind were read, so that it is known whether this one exists."""
    plural = PLURALS.get(change.key.kind)
    return plural is None or plural in mesh.kinds_read


def _manifests(mesh: Mesh) -> Iterator[Manifest]:
    for kind in (mesh.service_entries, mesh.virtual_services, mesh.destination_rules, mesh.sidecars):
        for item in kind:
            if item.manifest:
                yield item.manifest

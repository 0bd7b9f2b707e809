"""Of several objects of one name, which counts.

A manifest of the user replaces the object of the capture, and a later manifest an earlier one, as `kubectl apply`
would. Of two objects of the capture that differ the later counts where their resourceVersions show it, else neither.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Any

from meshdoctor.facts.resources.object_metadata import ObjectSource

_UNTOLD = frozenset({"resourceVersion", "managedFields", "selfLink"})
"""Metadata that says nothing about the object."""


def key_of(found: ObjectSource) -> tuple[str, str]:
    """Namespace and name of an object; the namespace is empty for a kind without."""
    metadata = _metadata(found)
    namespace = "" if found.kind == "Namespace" else str(metadata.get("namespace") or "default")
    return namespace, str(metadata.get("name") or "")


def label_of(found: ObjectSource) -> str:
    """Kind and name of an object for messages; its place where it has no name."""
    key = key_of(found)
    return f"{found.kind} {'/'.join(filter(None, key))}" if key[1] else f"{found.kind} at {found.pointer.path}"


class Place(Enum):
    """What becomes of an object beside those before it."""

    TAKEN = "taken"
    LEFT = "left"
    """One before it counts."""
    CONTRADICTED = "contradicted"
    """Neither it nor one before it counts."""


class NamedObjects:
    """Objects of one kind by name. `manifests` are the documents of the user's manifests, which come last."""

    def __init__(self, manifests: Collection[str]) -> None:
        self._manifests = manifests
        self._known: dict[tuple[str, str], ObjectSource | None] = {}
        self.notes: list[str] = []
        """Objects that a manifest replaces, in words."""
        self.contradictions: list[tuple[ObjectSource, str]] = []
        """Objects that are there twice with different content, in words."""

    def take(self, found: ObjectSource) -> Place:
        """Add the next object."""
        key = key_of(found)
        before = self._known.get(key)
        if before is None:
            if key in self._known and not self._is_manifest(found):
                return Place.CONTRADICTED
            self._known[key] = found
            return Place.TAKEN
        if _content(before) == _content(found):
            return Place.LEFT
        if self._is_manifest(found) and not self._is_manifest(before):
            places = f"{found.pointer.document} is used instead of the one in {before.pointer.document}"
            self.notes.append(f"{label_of(found)} in {places}")
            used: ObjectSource | None = found
        else:
            used = found if self._is_manifest(found) else newer_of(before, found)
            self._contradict(before, found, used)
        self._known[key] = used
        return Place.CONTRADICTED if used is None else Place.TAKEN if used is found else Place.LEFT

    def _is_manifest(self, found: ObjectSource) -> bool:
        return found.pointer.document in self._manifests

    def _contradict(self, before: ObjectSource, found: ObjectSource, used: ObjectSource | None) -> None:
        places = " and ".join(f"{one.pointer.document} {one.pointer.path}" for one in (before, found))
        which = "neither was used" if used is None else f"that in {used.pointer.document} {used.pointer.path} was used"
        because = f"{label_of(found)} is there twice with different content ({places}); {which}"
        self.contradictions.append((found, because))


def newer_of(one: ObjectSource, other: ObjectSource) -> ObjectSource | None:
    """The later state of one object, None where neither is known to be later.

    A resourceVersion is etcd's revision, which only grows (KEP-5504 makes the comparison part of the API).
    """
    first, second = _metadata(one), _metadata(other)
    if not first.get("uid") or first.get("uid") != second.get("uid"):
        return None
    versions = [str(metadata.get("resourceVersion") or "") for metadata in (first, second)]
    if not all(version.isdecimal() for version in versions) or versions[0] == versions[1]:
        return None
    return one if int(versions[0]) > int(versions[1]) else other


def _metadata(found: ObjectSource) -> dict[str, Any]:
    metadata = found.body.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _content(found: ObjectSource) -> dict[str, Any]:
    metadata = {key: value for key, value in _metadata(found).items() if key not in _UNTOLD}
    return {**found.body, "apiVersion": "", "metadata": metadata}

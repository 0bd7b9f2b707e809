"""The mesh after a change: the same proxies and pods, other objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct, structs

from meshdoctor.facts.resources.istio_objects import (
    read_destination_rule,
    read_service_entry,
    read_sidecar,
    read_virtual_service,
)
from meshdoctor.facts.resources.object_metadata import ObjectSource
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.fix import Change
from meshdoctor.model.mesh import DestinationRule, Mesh, ServiceEntry, Sidecar, VirtualService
from meshdoctor.semantics.istio.registry import is_allocated
from meshdoctor.text import times

Item = ServiceEntry | VirtualService | DestinationRule | Sidecar
_Read = Callable[[ObjectSource], Item]

_READERS: dict[str, tuple[str, _Read]] = {
    "ServiceEntry": ("service_entries", read_service_entry),
    "VirtualService": ("virtual_services", read_virtual_service),
    "DestinationRule": ("destination_rules", read_destination_rule),
    "Sidecar": ("sidecars", read_sidecar),
}

PLACEHOLDERS = "240.240.255."
"""Placeholders for virtual addresses that Istio will allocate."""


class ChangedObject(Struct, frozen=True):
    """One object before and after; None where it does not exist."""

    before: Item | None
    after: Item | None


class ChangedMesh(Struct, frozen=True):
    """The mesh with the changes, the changed objects, and why some are not predicted, in sentences."""

    mesh: Mesh
    moved: tuple[ChangedObject, ...]
    unknown: tuple[str, ...]


def applied(mesh: Mesh, changes: Sequence[Change], now: str = "") -> ChangedMesh:
    """Applies the changes in order to a copy of `mesh`. Created objects get the creation time `now` (RFC 3339)."""
    now = now or times.now()
    objects: dict[str, dict[tuple[str, str], Item]] = {
        field: {(item.ref.namespace, item.ref.name): item for item in getattr(mesh, field)}
        for field, _ in _READERS.values()
    }
    moved: list[ChangedObject] = []
    unknown: list[str] = []
    for change in changes:
        if change.key.kind not in _READERS:
            unknown.append(f"the impact of {change.key} is not predicted")
            continue
        field, read = _READERS[change.key.kind]
        place = (change.key.namespace, change.key.name)
        before = objects[field].get(place)
        try:
            after = _after(change, before, read, now)
        except ValueError as problem:
            unknown.append(f"{change.key} cannot be read with the change: {problem}")
            after = before
        objects[field] = _placed(objects[field], place, after)
        if after is not before:
            moved.append(ChangedObject(before, after))
    fields: dict[str, Any] = {field: tuple(items.values()) for field, items in objects.items()}
    entries = tuple(_with_virtual(fields["service_entries"], mesh.service_entries))
    fields["service_entries"] = entries
    by_ref = {entry.ref: entry for entry in entries}
    moved = [ChangedObject(m.before, by_ref.get(m.after.ref, m.after) if m.after else None) for m in moved]
    return ChangedMesh(structs.replace(mesh, **fields), tuple(moved), tuple(unknown))


def _placed(
    items: dict[tuple[str, str], Item], place: tuple[str, str], item: Item | None
) -> dict[tuple[str, str], Item]:
    """The objects with one replaced, removed, or added where the API server would list it."""
    if place in items:
        return {at: item if at == place else one for at, one in items.items() if at != place or item is not None}  # type: ignore[misc]
    if item is None:
        return items
    found = list(items.items())
    index = next((n for n, (at, _) in enumerate(found) if at > place), len(found))
    return dict([*found[:index], (place, item), *found[index:]])


def _after(change: Change, before: Item | None, read: _Read, now: str) -> Item | None:
    if change.after is None:
        return None
    metadata = {**(change.after.get("metadata") or {}), "creationTimestamp": before.created if before else now}
    body = {**change.after, "metadata": metadata}
    body.pop("status", None)
    found = ObjectSource(change.key.kind, change.key.api_version, body, Pointer(f"{change.key} with the change"))
    made = read(found)
    if not isinstance(made, ServiceEntry) or not isinstance(before, ServiceEntry) or not is_allocated(made):
        return made
    kept = {h: found for h, found in before.status_addresses.items() if h in made.hosts}
    return structs.replace(made, status_addresses=kept)


def _with_virtual(entries: Iterable[ServiceEntry], before: Sequence[ServiceEntry]) -> Iterator[ServiceEntry]:
    """Adds placeholder addresses to entries for which Istio will allocate one, if it does in this mesh."""
    allocates = any(entry.status_addresses for entry in before)
    known = {id(entry) for entry in before}
    number = 0
    for entry in entries:
        lacking = [h for h in entry.hosts if h not in entry.status_addresses]
        if not allocates or id(entry) in known or not lacking or not is_allocated(entry):
            yield entry
            continue
        given = dict(entry.status_addresses)
        for host in lacking:
            number += 1
            given[host] = (f"{PLACEHOLDERS}{number % 256}", f"2001:2::ffff:{number:x}")
        yield structs.replace(entry, status_addresses=given)

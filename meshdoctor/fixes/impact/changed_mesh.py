"""The mesh as it would be once changes are applied: the same proxies and pods, other objects."""

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
"""Virtual addresses that stand for those Istio will choose."""


class MovedAddress(Struct, frozen=True):
    """One object before and after; None where it is not there."""

    before: Item | None
    after: Item | None


class ChangedMesh(Struct, frozen=True):
    """The mesh with the changes, what moved, and the changes that could not be understood, each a sentence."""

    mesh: Mesh
    moved: tuple[MovedAddress, ...]
    unknown: tuple[str, ...]


def applied(mesh: Mesh, changes: Sequence[Change], now: str = "") -> ChangedMesh:
    """The changes applied in their order. A created object is as young as `now` (RFC 3339; the clock's, if empty).

    Nothing in `mesh` is changed.
    """
    now = now or times.now()
    objects: dict[str, dict[tuple[str, str], Item]] = {
        field: {(item.ref.namespace, item.ref.name): item for item in getattr(mesh, field)}
        for field, _ in _READERS.values()
    }
    moved: list[MovedAddress] = []
    unknown: list[str] = []
    for change in changes:
        if change.key.kind not in _READERS:
            unknown.append(f"what {change.key} does to connections is not predicted")
            continue
        field, read = _READERS[change.key.kind]
        place = (change.key.namespace, change.key.name)
        before = objects[field].get(place)
        try:
            after = _after(change, before, read, now)
        except ValueError as problem:
            unknown.append(f"{change.key} as it is to be cannot be read: {problem}")
            after = before
        objects[field] = _placed(objects[field], place, after)
        if after is not before:
            moved.append(MovedAddress(before, after))
    fields: dict[str, Any] = {field: tuple(items.values()) for field, items in objects.items()}
    entries = tuple(_with_virtual(fields["service_entries"], mesh.service_entries))
    fields["service_entries"] = entries
    by_ref = {entry.ref: entry for entry in entries}
    moved = [MovedAddress(m.before, by_ref.get(m.after.ref, m.after) if m.after else None) for m in moved]
    return ChangedMesh(structs.replace(mesh, **fields), tuple(moved), tuple(unknown))


def _placed(
    items: dict[tuple[str, str], Item], place: tuple[str, str], item: Item | None
) -> dict[tuple[str, str], Item]:
    """The objects with one replaced, taken out, or put where the API server would list it."""
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
    found = ObjectSource(change.key.kind, change.key.api_version, body, Pointer(f"{change.key} as it is to be"))
    made = read(found)
    if not isinstance(made, ServiceEntry) or not isinstance(before, ServiceEntry) or not is_allocated(made):
        return made
    kept = {h: found for h, found in before.status_addresses.items() if h in made.hosts}
    return structs.replace(made, status_addresses=kept)


def _with_virtual(entries: Iterable[ServiceEntry], before: Sequence[ServiceEntry]) -> Iterator[ServiceEntry]:
    """Entries that Istio will give a virtual address get one that stands for it, where Istio gives such at all here."""
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

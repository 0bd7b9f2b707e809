"""A ServiceEntry for rules and templates."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class EntryView(Struct, frozen=True):
    """A ServiceEntry in the sheet."""

    kind: str
    namespace: str
    name: str
    created: str
    addresses: tuple[str, ...]
    resolution: str
    location: str
    protocols: tuple[str, ...]
    """Protocols of its ports, as written."""
    export_to: tuple[str, ...]
    manifest: dict[str, Any]
    """The object without status and server-set metadata, to be changed and applied."""


class HiddenEntry(Struct, frozen=True):
    """An entry that registers the host:port but is not visible to this proxy."""

    kind: str
    namespace: str
    name: str
    field: str
    """The field that hides it: `spec.exportTo`, `Sidecar bookinfo/default spec.egress` ..."""
    because: str
    entry: EntryView
    fixed_export_to: tuple[str, ...]
    """exportTo with the pod's namespace added; empty where exportTo is not the reason."""
    sidecar: dict[str, Any]
    """Manifest of the Sidecar that hides it with the entry's host added to its egress; empty where no Sidecar does, or
    where that would not show it. Beside `fixed_export_to` where both hide it."""

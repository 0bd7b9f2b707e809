"""The kinds of objects that are read, and what every Kubernetes object has in common.

An object is checked against a small wire type per kind; fields not in that type are ignored. A mistake in an object is
reported with its path: `Expected int, got str - at $.spec.ports[0].number`.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from meshdoctor.model.evidence import Pointer
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio import egress_kinds
from meshdoctor.semantics.kubernetes.api_objects import LAST_APPLIED, WireMetadata
from meshdoctor.text.marks import is_mark

_ISTIO_READ = (
    "ServiceEntry",
    "VirtualService",
    "DestinationRule",
    "Sidecar",
    "Gateway",
    "EnvoyFilter",
    "WorkloadEntry",
)
_CORE_READ = ("Service", "Namespace", "Pod", "ConfigMap")
PLURALS = {kind: egress_kinds.PLURALS[kind] for kind in (*_ISTIO_READ, *_CORE_READ)}
"""Plural name, as the capture layout writes it, of every kind that is read."""

Wire = TypeVar("Wire", bound=Struct)
Spec = TypeVar("Spec")


class SpecifiedObject(Struct, Generic[Spec]):
    """An object of a kind that must have a spec."""

    metadata: WireMetadata
    spec: Spec


class BareObject(Struct, Generic[Spec]):
    """An object of a kind that may lack its spec."""

    metadata: WireMetadata
    spec: Spec | None = None


class ObjectSource(Struct, frozen=True):
    """One object of a document, not yet checked, with its pointer."""

    kind: str
    api_version: str
    body: dict[str, Any]
    pointer: Pointer


def is_ours(kind: str, api_version: str) -> bool:
    """Whether the kind belongs to the expected API group: a Knative Service or a Gateway API Gateway does not."""
    if kind not in PLURALS:
        return False
    if not api_version:
        return True
    return api_version == "v1" if kind in _CORE_READ else api_version.split("/")[0] == egress_kinds.NETWORKING_GROUP


def checked(body: dict[str, Any], wire: type[Wire]) -> Wire:
    """The object as its wire type. Raises `msgspec.ValidationError`, a `ValueError`, for one that does not fit."""
    return msgspec.convert(body, wire, strict=False)


def reference(found: ObjectSource, metadata: WireMetadata) -> ObjectRef:
    """The object's name. Raises `ValueError` where it has none, or lacks the namespace that the API server writes; in a
    manifest of the user's own that may be missing."""
    if not metadata.name:
        raise ValueError("metadata.name is missing")
    if not metadata.namespace and found.kind != "Namespace" and found.pointer.document.startswith("resources/"):
        raise ValueError("metadata.namespace is missing")
    namespace = "" if found.kind == "Namespace" else metadata.namespace or "default"
    return ObjectRef(found.kind, namespace, metadata.name)


def manifest(found: ObjectSource) -> dict[str, Any]:
    """The object as a user would write it: without status, server-generated metadata, and annotations of which only the
    length is known."""
    metadata = found.body.get("metadata") or {}
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key != LAST_APPLIED and not (isinstance(value, str) and is_mark(value))
    }
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if metadata.get(key)}
    if annotations:
        kept["annotations"] = annotations
    return {
        "apiVersion": found.api_version or f"{egress_kinds.NETWORKING_GROUP}/v1",
        "kind": found.kind,
        "metadata": kept,
        "spec": found.body.get("spec") or {},
    }

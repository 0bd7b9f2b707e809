"""Resources as rules see them: EntryView, roles, and manifests ready to be changed."""

from __future__ import annotations

from collections.abc import Iterable

from meshdoctor.model.entry_view import EntryView
from meshdoctor.model.evidence import Evidence, Pointer
from meshdoctor.model.mesh import ServiceEntry
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.ip_addresses import as_cidr

NO_ENTRY = EntryView("", "", "", "", (), "", "", (), (), {})
"""Placeholder where no entry is known."""


def entry_view(entry: ServiceEntry | None) -> EntryView:
    """A ServiceEntry for rules; NO_ENTRY for None."""
    if entry is None:
        return NO_ENTRY
    return EntryView(
        kind="ServiceEntry",
        namespace=entry.ref.namespace,
        name=entry.ref.name,
        created=entry.created,
        addresses=entry.addresses,
        resolution=entry.resolution,
        location=entry.location,
        protocols=tuple(p.protocol.upper() for p in entry.ports),
        export_to=entry.export_to,
        manifest=entry.manifest,
    )


def service_view(host: str) -> EntryView:
    """A Kubernetes Service by its mesh host, `name.namespace.svc.cluster.local`."""
    name, _, rest = host.partition(".")
    namespace = rest.split(".", 1)[0]
    return EntryView("Service", namespace, name, "", (), "", "MESH_INTERNAL", (), (), {})


def cluster_view(host: str, namespace: str) -> EntryView:
    """The entry as a dump shows it: host and namespace. A dump does not contain the object's name."""
    return EntryView("ServiceEntry", namespace, f"(for {host})", "", (), "", "MESH_EXTERNAL", (), (), {})


def role(ref: ObjectRef, what: str) -> ObjectRef:
    """An object with its role."""
    return ObjectRef(ref.kind, ref.namespace, ref.name, what)


def config_role(ref: ObjectRef | None, what: str) -> tuple[ObjectRef, ...]:
    """The same from an istio.config; empty where there is none."""
    return (role(ref, what),) if ref else ()


def config_name(ref: ObjectRef | None) -> str:
    """namespace/name of an istio.config; empty where there is none."""
    return ref.place if ref else ""


def view_role(view: EntryView, what: str) -> tuple[ObjectRef, ...]:
    """The same from a view; empty for NO_ENTRY."""
    return (ObjectRef(view.kind, view.namespace, view.name, what),) if view.kind else ()


def seen_at(pointer: Pointer, value: str = "", below: str = "") -> Evidence:
    """Evidence in a resource document, `below` being a path under the object."""
    return Evidence(pointer.document, pointer.path + below, value)


def cidrs(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses as CIDRs, /32 or /128 for single ones."""
    return tuple(dict.fromkeys(as_cidr(a) for a in addresses))

"""Reads a capture's Kubernetes and Istio objects on demand, per kind.

A document or object that cannot be read does not affect the others and is named in `problems`; a kind that is not
requested is not parsed (a mesh has megabytes of Services, and most commands need none); nothing is parsed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

from meshdoctor.errors import Unreadable
from meshdoctor.facts.resources import core_objects, istio_objects
from meshdoctor.facts.resources.object_metadata import PLURALS, ObjectSource, is_ours
from meshdoctor.facts.resources.pod_reader import read_pod
from meshdoctor.model.evidence import Capture, Document, Pointer, Unread
from meshdoctor.model.mesh import (
    DestinationRule,
    EnvoyFilter,
    Gateway,
    MeshConfig,
    Namespace,
    Pod,
    Service,
    ServiceEntry,
    Sidecar,
    VirtualService,
)
from meshdoctor.semantics.istio.egress_kinds import KINDS
from meshdoctor.yamlio import load_documents

Item = TypeVar("Item")

_SUFFIXES = (".yaml", ".yml", ".json")


class Resources:
    """Objects by kind, as `model.mesh` types. Every property parses its own documents on first use.

    What cannot be read is appended to `problems` when it is found.
    """

    def __init__(self, capture: Capture, problems: list[Unread]) -> None:
        self._capture = capture
        self._problems = problems
        self._parsed: dict[str, list[ObjectSource]] = {}
        self._documents: dict[str, list[Document]] = {}
        for path, document in capture.documents.items():
            if path.startswith("resources/") and path.endswith(_SUFFIXES):
                plural = path.removeprefix("resources/").split("/", 1)[0].rsplit(".", 1)[0]
                self._documents.setdefault(plural, []).append(document)
        self._failed: set[str] = set()

    @cached_property
    def service_entries(self) -> tuple[ServiceEntry, ...]:
        """networking.istio.io ServiceEntries."""
        return self._read("serviceentries", istio_objects.read_service_entry)

    @cached_property
    def virtual_services(self) -> tuple[VirtualService, ...]:
        """networking.istio.io VirtualServices."""
        return self._read("virtualservices", istio_objects.read_virtual_service)

    @cached_property
    def destination_rules(self) -> tuple[DestinationRule, ...]:
        """networking.istio.io DestinationRules."""
        return self._read("destinationrules", istio_objects.read_destination_rule)

    @cached_property
    def sidecars(self) -> tuple[Sidecar, ...]:
        """networking.istio.io Sidecars."""
        return self._read("sidecars", istio_objects.read_sidecar)

    @cached_property
    def gateways(self) -> tuple[Gateway, ...]:
        """networking.istio.io Gateways, not those of the Gateway API."""
        return self._read("gateways", istio_objects.read_gateway)

    @cached_property
    def envoy_filters(self) -> tuple[EnvoyFilter, ...]:
        """networking.istio.io EnvoyFilters."""
        return self._read("envoyfilters", istio_objects.read_envoy_filter)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """core/v1 Services: by far the largest kind."""
        return self._read("services", core_objects.read_service)

    @cached_property
    def namespaces(self) -> dict[str, Namespace]:
        """core/v1 Namespaces by name."""
        return {n.name: n for n in self._read("namespaces", core_objects.read_namespace)}

    @cached_property
    def pods(self) -> dict[str, Pod]:
        """core/v1 Pods by `namespace/name`, their environment resolved against the ConfigMaps that were read."""
        return {p.key: p for p in self._read("pods", lambda found: read_pod(found, self._config_maps))}

    @cached_property
    def mesh_config(self) -> MeshConfig | None:
        """Istio's mesh settings, or None where no ConfigMap with them was read."""
        config_map = core_objects.mesh_config_map(self._config_maps.values())
        if config_map is None:
            return None
        try:
            return core_objects.read_mesh_config(config_map)
        except (Unreadable, ValueError) as problem:
            self._report(config_map.pointer.document, f"{config_map.ref}, key mesh: {problem}")
            return None

    @cached_property
    def dns(self) -> core_objects.DnsAnswers | None:
        """Upstream DNS answers, or None where dns.json was not read."""
        document = self._capture.documents.get("dns.json")
        if document is None:
            return None
        try:
            found = core_objects.read_dns(document.read(), document.path)
        except Unreadable as problem:
            self._report(document.path, str(problem))
            return None
        for because in found.wrong:
            self._report(document.path, because)
        return found

    @property
    def kinds_read(self) -> frozenset[str]:
        """Plural kinds that were read, an empty List included.

        A document not parsed yet counts as read until parsing fails; `is_read` parses it.
        """
        from_manifests = {PLURALS[found.kind] for found in self._manifests}
        return frozenset((self._documents.keys() - self._failed) | from_manifests)

    def is_read(self, plural: str) -> bool:
        """Whether a kind was read; parses its documents."""
        if plural in KINDS:
            self._objects(plural)
        return plural in self.kinds_read

    @cached_property
    def _config_maps(self) -> dict[tuple[str, str], core_objects.ConfigMap]:
        return {(c.ref.namespace, c.ref.name): c for c in self._read("configmaps", core_objects.read_config_map)}

    @cached_property
    def _manifests(self) -> list[ObjectSource]:
        """Objects of the documents under `manifests/`, whatever their kind."""
        found: list[ObjectSource] = []
        for path, document in self._capture.documents.items():
            if path.startswith("manifests/") and path.endswith(_SUFFIXES):
                found.extend(self._found(document, "") or ())
        return found

    def _objects(self, plural: str) -> list[ObjectSource]:
        """Every object of one kind, resources first."""
        if plural not in self._parsed:
            found: list[ObjectSource] = []
            self._parsed[plural] = found
            for document in self._documents.get(plural, ()):
                objects = self._found(document, KINDS[plural])
                if objects is None:
                    self._failed.add(plural)
                found.extend(objects or ())
            found.extend(self._manifests)
        return [f for f in self._parsed[plural] if f.kind == KINDS[plural]]

    def _read(self, plural: str, make: Callable[[ObjectSource], Item]) -> tuple[Item, ...]:
        """Model objects of one kind. Of duplicate objects (a capture and manifests beside it) the last counts."""
        made: dict[tuple[str, str], Item] = {}
        objects = self._objects(plural)
        for found in objects:
            metadata = found.body.get("metadata")
            metadata = metadata if isinstance(metadata, dict) else {}
            namespace = "" if found.kind == "Namespace" else str(metadata.get("namespace") or "default")
            name = str(metadata.get("name") or "")
            try:
                made[namespace, name] = make(found)
            except ValueError as problem:
                label = f"{found.kind} {namespace}/{name}" if name else f"{found.kind} at {found.pointer.path}"
                self._report(found.pointer.document, f"{label}: {problem}")
        if objects and not made:
            self._failed.add(plural)
        return tuple(made.values())

    def _found(self, document: Document, kind: str) -> list[ObjectSource] | None:
        """Objects of a document, Lists opened; None (and a problem) where it cannot be read.

        `kind` is the kind of items without one: the API server omits it in Lists.
        """
        try:
            trees = [document.tree()] if document.tree else load_documents(document.read(), document.path)
        except (Unreadable, OSError) as problem:
            self._report(document.path, str(problem))
            return None
        if kind and not any(isinstance(tree, dict | list) for tree in trees):
            self._report(document.path, f"expected a Kubernetes List of {kind} objects, found none")
            return None
        found: list[ObjectSource] = []
        before = len(self._problems)
        for index, tree in enumerate(trees):
            root = "$" if len(trees) == 1 else f"$[{index}]"
            found.extend(self._opened(tree, Pointer(document.path, root), kind))
        # A document with only broken objects differs from an empty one.
        return None if not found and len(self._problems) > before else found

    def _opened(self, tree: Any, pointer: Pointer, kind: str) -> Iterator[ObjectSource]:
        if isinstance(tree, list):
            yield from self._items(tree, pointer, kind, "")
            return
        if not isinstance(tree, dict):
            self._report(pointer.document, f"{pointer.path} is not a Kubernetes object")
            return
        own_kind, version = tree.get("kind"), tree.get("apiVersion")
        name = own_kind if isinstance(own_kind, str) else ""
        api_version = version if isinstance(version, str) else ""
        if name.endswith("List") or (not name and isinstance(tree.get("items"), list)):
            items = tree.get("items") or []
            inner = name.removesuffix("List") or kind
            place = Pointer(pointer.document, pointer.path + ".items")
            yield from self._items(items, place, inner, "" if name == "List" else api_version)
        elif is_ours(name or kind, api_version):
            yield ObjectSource(name or kind, api_version, tree, pointer)

    def _items(self, items: Any, pointer: Pointer, kind: str, api_version: str) -> Iterator[ObjectSource]:
        """Items of a List. One without kind or apiVersion has the List's."""
        if not isinstance(items, list):
            self._report(pointer.document, f"{pointer.path} is not a list")
            return
        for index, item in enumerate(items):
            place = Pointer(pointer.document, f"{pointer.path}[{index}]")
            inherited = {"kind": kind, "apiVersion": api_version}
            full = {**inherited, **item} if isinstance(item, dict) else item
            yield from self._opened(full, place, kind)

    def _report(self, path: str, because: str) -> None:
        problem = Unread(path, because)
        if problem not in self._problems:
            self._problems.append(problem)

"""Reads a capture's Kubernetes and Istio objects on demand, per kind.

A document or object that cannot be read does not affect the others and is named in `problems`; a kind that is not
requested is not parsed (a mesh has megabytes of Services, and most commands need none); nothing is parsed twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from meshdoctor.errors import Unreadable
from meshdoctor.facts.resources import core_objects, istio_objects
from meshdoctor.facts.resources.kind_coverage import KindCoverage
from meshdoctor.facts.resources.list_reader import OpenedDocument, missing_at_a_glance
from meshdoctor.facts.resources.object_metadata import PLURALS, ObjectSource
from meshdoctor.facts.resources.object_versions import NamedObjects, Place, key_of, label_of
from meshdoctor.facts.resources.pod_reader import read_pod
from meshdoctor.model.coverage import Completeness, Coverage
from meshdoctor.model.evidence import Capture, Document, Unread
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
    WorkloadEntry,
)
from meshdoctor.semantics.istio.egress_kinds import KINDS

Item = TypeVar("Item")

_SUFFIXES = (".yaml", ".yml", ".json")
_RESOURCES = re.compile(r"(?:\A|/)resources/([a-z]+)\b")


class Resources:
    """Objects by kind, as `model.mesh` types. Every property parses its own documents on first use.

    What cannot be read is appended to `problems` when it is found, and kept by kind in `gaps`; what the user should
    know although nothing is missing is appended to `notes`. Raises `Unreadable` for a file that the user named.
    """

    def __init__(
        self,
        capture: Capture,
        problems: list[Unread],
        gaps: dict[str, Coverage] | None = None,
        notes: list[str] | None = None,
    ) -> None:
        self._capture = capture
        self._problems = problems
        self._notes = [] if notes is None else notes
        self._coverage = KindCoverage({} if gaps is None else gaps)
        self._parsed: dict[str, list[ObjectSource]] = {}
        self._documents: dict[str, list[tuple[str, Document]]] = {}
        for path, document in capture.documents.items():
            if path.startswith("resources/") and path.endswith(_SUFFIXES):
                plural = path.removeprefix("resources/").split("/", 1)[0].rsplit(".", 1)[0]
                self._documents.setdefault(plural, []).append((path, document))
        for note in capture.unread:
            # of several captures of one mesh, one may lack what another has
            found = _RESOURCES.search(note.path)
            if found is not None and found[1] in self._documents:
                self._coverage.fall_short(found[1], Completeness.PARTIAL, f"{note.path}: {note.because}", note.path)

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
    def workload_entries(self) -> tuple[WorkloadEntry, ...]:
        """networking.istio.io WorkloadEntries."""
        return self._read("workloadentries", istio_objects.read_workload_entry)

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
        """Plural kinds of which something was read, an empty List included.

        A document not parsed yet counts as read until parsing fails; `is_read` parses it.
        """
        from_manifests = {PLURALS[found.kind] for found in self._manifests}
        return frozenset((self._documents.keys() - self._coverage.unread) | from_manifests)

    def is_read(self, plural: str) -> bool:
        """Whether a kind was read; parses its documents."""
        if plural in KINDS:
            self._objects(plural)
        return plural in self.kinds_read

    def look_at(self, plural: str) -> None:
        """Parse a kind now, unless its documents show without it that they are whole."""
        if any(missing_at_a_glance(document, KINDS[plural]) for _, document in self._documents.get(plural, ())):
            self._objects(plural)

    @cached_property
    def _config_maps(self) -> dict[tuple[str, str], core_objects.ConfigMap]:
        return {(c.ref.namespace, c.ref.name): c for c in self._read("configmaps", core_objects.read_config_map)}

    @cached_property
    def _manifests(self) -> list[ObjectSource]:
        """Objects of the documents under `manifests/`, whatever their kind."""
        found: list[ObjectSource] = []
        for path, document in self._capture.documents.items():
            if path.startswith("manifests/"):
                opened = OpenedDocument(document, "")
                found += opened.objects
                for state, because in opened.shortfalls:
                    self._report(document.path, because)
                    for plural in opened.kinds_in_text:
                        self._coverage.fall_short(plural, state, _placed(document.path, because), document.path)
        for plural in {PLURALS[one.kind] for one in found} - self._documents.keys():
            because = f"no list of all {plural} was read, only manifests: the cluster may have others"
            self._coverage.fall_short(plural, Completeness.PARTIAL, because, f"resources/{plural}.yaml")
        return found

    def _objects(self, plural: str) -> list[ObjectSource]:
        """Every object of one kind, resources first."""
        if plural not in self._parsed:
            found: list[ObjectSource] = []
            self._parsed[plural] = found
            is_read = False
            for path, document in self._documents.get(plural, ()):
                opened = OpenedDocument(document, KINDS[plural])
                found += opened.objects
                shortfalls = list(opened.shortfalls)
                if opened.is_strict and not opened.is_list and opened.objects and path.count("/") == 1:
                    because = f"is no List: whether there are other {plural} is not known"
                    shortfalls.append((Completeness.PARTIAL, because))
                for state, because in shortfalls:
                    self._report(document.path, because)
                    self._coverage.fall_short(plural, state, _placed(document.path, because), document.path)
                is_read = is_read or bool(opened.objects) or not opened.shortfalls
            if plural in self._documents and not is_read:
                self._coverage.not_read(plural)
            found.extend(self._manifests)
        return [f for f in self._parsed[plural] if f.kind == KINDS[plural]]

    def _read(self, plural: str, make: Callable[[ObjectSource], Item]) -> tuple[Item, ...]:
        """Model objects of one kind, of each name the one that counts."""
        known = NamedObjects(self._of_manifests)
        made: dict[tuple[str, str], Item] = {}
        objects = self._objects(plural)
        for found in objects:
            label = label_of(found)
            try:
                item = make(found)
            except ValueError as problem:
                self._report(found.pointer.document, f"{label}: {problem}")
                because = f"{label} in {found.pointer.document} could not be read: {problem}"
                self._coverage.fall_short(plural, Completeness.PARTIAL, because, label)
                continue
            place = known.take(found)
            if place is Place.TAKEN:
                made[key_of(found)] = item
            elif place is Place.CONTRADICTED:
                made.pop(key_of(found), None)
        self._notes += known.notes
        for found, because in known.contradictions:
            self._report(found.pointer.document, because)
            self._coverage.fall_short(plural, Completeness.CONTRADICTED, because, label_of(found))
        if objects and not made:
            self._coverage.not_read(plural)
        return tuple(made.values())

    @cached_property
    def _of_manifests(self) -> frozenset[str]:
        return frozenset(found.pointer.document for found in self._manifests)

    def _report(self, path: str, because: str) -> None:
        problem = Unread(path, because)
        if problem not in self._problems:
            self._problems.append(problem)


def _placed(path: str, because: str) -> str:
    """A reason with the document it is about; messages about a line name it themselves."""
    return because if because.startswith(path) else f"{path}: {because}"

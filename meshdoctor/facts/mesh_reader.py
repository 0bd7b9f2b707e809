"""Reads a capture into a Mesh: every proxy, every resource, and the pods' dependencies.

A document that cannot be read does not affect the others: it is named in `Mesh.unread`, a proxy's in `proxies_unread`.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshdoctor.facts.dependencies.from_access_log import dialled, read_logs, with_traffic
from meshdoctor.facts.dependencies.from_configuration import (
    configured_dependencies,
    credentials,
    ips_beside,
    service_test,
)
from meshdoctor.facts.found_proxies import find_proxies, source_of
from meshdoctor.facts.lazy import LazySequence
from meshdoctor.facts.proxy_files import DumpProxies
from meshdoctor.facts.resources.resource_reader import Resources
from meshdoctor.model.coverage import Coverage
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.istio.registry import is_external_host

_ON_DEMAND = ("services", "envoyfilters", "workloadentries")
"""Kinds that are parsed at first use."""


def read_mesh(capture: Capture) -> Mesh:
    """Everything in the capture. Dumps, pages and large kinds are decoded on demand."""
    problems: list[Unread] = list(capture.unread)
    gaps: dict[str, Coverage] = {}
    notes = list(capture.notes)
    resources = Resources(capture, problems, gaps, notes)
    for kind in _ON_DEMAND:
        resources.look_at(kind)
    dns = resources.dns
    mesh = Mesh(
        service_entries=resources.service_entries,
        virtual_services=resources.virtual_services,
        destination_rules=resources.destination_rules,
        sidecars=resources.sidecars,
        services=LazySequence(lambda: resources.services),
        gateways=resources.gateways,
        envoy_filters=LazySequence(lambda: resources.envoy_filters),
        workload_entries=LazySequence(lambda: resources.workload_entries),
        namespaces=resources.namespaces,
        pods=resources.pods,
        mesh_config=resources.mesh_config,
        dns=dns.answers if dns else None,
        dns_from=dns.resolved_from if dns else None,
        captured_at=capture.captured_at,
        gaps=gaps,
        notes=notes,
        unread=problems,
    )
    mesh.proxies = find_proxies(capture, mesh)
    _read_dependencies(capture, mesh, resources)
    mesh.kinds_read = resources.kinds_read
    return mesh


def add_proxy(mesh: Mesh, key: str, documents: Mapping[str, Document]) -> None:
    """Add the dump of one more pod, as documents by file name, without reading anything of the mesh again."""
    if "config_dump.json" in documents and isinstance(mesh.proxies, DumpProxies):
        mesh.proxies.add(key, source_of(key, documents, mesh.unread))


def _read_dependencies(capture: Capture, mesh: Mesh, resources: Resources) -> None:
    pods = list(mesh.pods.values())
    services = service_test(lambda: resources.services if resources.is_read("services") else None, mesh.namespaces)

    def is_external(host: str, namespace: str) -> bool:
        return is_external_host(host) and services(host, namespace)

    mesh.dependencies = configured_dependencies(pods, is_external)
    mesh.ips_beside = ips_beside(pods)
    mesh.credentials = credentials(pods)
    logs = read_logs(capture, mesh)
    if logs:
        mesh.dependencies = with_traffic(mesh.dependencies, logs, mesh, is_external)
        mesh.dialled = dialled(logs, mesh.dependencies)

"""Reads a capture into a Mesh: every proxy, every resource, and the pods' dependencies.

A document that cannot be read does not affect the others: it is named in `Mesh.unread`, a proxy's in `proxies_unread`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from meshdoctor.errors import Unreadable
from meshdoctor.facts.dependencies.from_access_log import dialled, read_logs, with_traffic
from meshdoctor.facts.dependencies.from_configuration import (
    configured_dependencies,
    credentials,
    ips_beside,
    service_test,
)
from meshdoctor.facts.envoy.istioctl_output import PASTED, read_pasted
from meshdoctor.facts.lazy import LazySequence
from meshdoctor.facts.proxy_files import DumpProxies, OpenedDump, ProxyPage, ProxySource
from meshdoctor.facts.resources.resource_reader import Resources
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.istio.data_plane import is_ztunnel
from meshdoctor.semantics.istio.registry import is_external_host

UNNAMED = "-/"
"""Key prefix of a dump without a pod's name, which its bootstrap contains."""


def read_mesh(capture: Capture) -> Mesh:
    """Everything in the capture. Dumps, pages and large kinds are decoded on demand."""
    problems: list[Unread] = list(capture.unread)
    resources = Resources(capture, problems)
    dns = resources.dns
    mesh = Mesh(
        service_entries=resources.service_entries,
        virtual_services=resources.virtual_services,
        destination_rules=resources.destination_rules,
        sidecars=resources.sidecars,
        services=LazySequence(lambda: resources.services),
        gateways=resources.gateways,
        envoy_filters=LazySequence(lambda: resources.envoy_filters),
        namespaces=resources.namespaces,
        pods=resources.pods,
        mesh_config=resources.mesh_config,
        dns=dns.answers if dns else None,
        dns_from=dns.resolved_from if dns else None,
        captured_at=capture.captured_at,
        unread=problems,
    )
    mesh.proxies = _proxies(capture, mesh)
    _read_dependencies(capture, mesh, resources)
    mesh.kinds_read = resources.kinds_read
    return mesh


def add_proxy(mesh: Mesh, key: str, documents: Mapping[str, Document]) -> None:
    """Add the dump of one more pod, as documents by file name, without reading anything of the mesh again."""
    if "config_dump.json" in documents and isinstance(mesh.proxies, DumpProxies):
        mesh.proxies.add(key, _source(key, documents, mesh.unread))


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


def _proxies(capture: Capture, mesh: Mesh) -> DumpProxies:
    """Proxies by name. Opens only dumps that alone contain the pod's name."""
    sources: dict[str, ProxySource] = {}
    opened: list[OpenedDump] = []

    def refuse(key: str, because: str) -> None:
        mesh.proxies_unread[key] = because
        mesh.unread.append(Unread(f"proxies/{key}", because))

    found = capture.proxy_documents().items()
    for key, documents in ((key, documents) for key, documents in found if not is_ztunnel(key, mesh.pods.get(key))):
        if not key.startswith(UNNAMED):
            if "config_dump.json" in documents:
                sources[key] = _source(key, documents, mesh.unread)
            continue
        try:
            single = _loose(key, documents, mesh.unread)
            proxy = single.proxy
        except (Unreadable, OSError) as problem:
            refuse(key, str(problem))
            continue
        if proxy is not None:
            single.key = proxy.key
            opened.append(single)
            sources[proxy.key] = ProxySource(partial(_loose, key, documents, mesh.unread, proxy.key), single.size)
    proxies = DumpProxies(sources, refuse)
    for one in opened:
        proxies.hold(one)
    return proxies


def _source(key: str, documents: Mapping[str, Document], problems: list[Unread]) -> ProxySource:
    dump, page = documents["config_dump.json"], _page(documents)

    def open_dump() -> OpenedDump:
        return OpenedDump(key, dump.path, dump.read(), ProxyPage(page, problems) if page else None)

    return ProxySource(open_dump, dump.size + (page.size if page else 0))


def _loose(key: str, documents: dict[str, Document], problems: list[Unread], name: str = "") -> OpenedDump:
    """A single dump, or pasted arrays, whose proxy has this name or the one in its bootstrap."""
    dump = documents.get("config_dump.json")
    if dump is not None:
        page = _page(documents)
        return OpenedDump(name, _shown(dump), dump.read(), ProxyPage(page, problems) if page else None)
    pasted = {file: (_shown(d), d) for file, d in documents.items() if file in PASTED}
    return OpenedDump(name, key, make=partial(read_pasted, pasted, key) if pasted else None)


def _shown(document: Document) -> str:
    """The name of a single file for messages."""
    return document.origin.rsplit("/", 1)[-1] or document.path


def _page(documents: Mapping[str, Document]) -> Document | None:
    """The /clusters page, as JSON or as text."""
    return documents.get("clusters.json") or documents.get("clusters.txt")

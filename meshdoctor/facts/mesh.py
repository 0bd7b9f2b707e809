"""A capture as a Mesh: every proxy, every resource, and what the pods want.

A document that cannot be read costs only itself: it is named in `Mesh.unread`, and a proxy's in `proxies_unread`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy.clusters import live_endpoints
from meshdoctor.facts.envoy.dump import read_dump
from meshdoctor.facts.envoy.pasted import PASTED, read_pasted
from meshdoctor.facts.envoy.wire import ClusterStatus
from meshdoctor.facts.lazy import LazySequence
from meshdoctor.facts.objects.resources import Resources, read_resources
from meshdoctor.facts.wishes.credentials import credentials
from meshdoctor.facts.wishes.traffic import dialled, read_logs, with_traffic
from meshdoctor.facts.wishes.wanted import ips_beside, service_test, wanted_hosts
from meshdoctor.model.evidence import Capture, Document, Unread
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.proxy import Proxy
from meshdoctor.semantics.dataplane import is_ztunnel
from meshdoctor.semantics.registry import is_external_host

UNNAMED = "-/"
"""Key prefix of a dump that came without a pod's name; its bootstrap tells."""


def read_mesh(capture: Capture) -> Mesh:
    """Everything the capture holds. Dumps are decoded now, large kinds and pages when they are asked for."""
    problems: list[Unread] = list(capture.unread)
    resources = read_resources(capture, problems)
    dns = resources.dns
    mesh = Mesh(
        service_entries=resources.service_entries,
        virtual_services=resources.virtual_services,
        destination_rules=resources.destination_rules,
        sidecars=resources.sidecars,
        services=LazySequence(lambda: resources.services),
        gateways=resources.gateways,
        namespaces=resources.namespaces,
        pods=resources.pods,
        mesh_config=resources.mesh_config,
        dns=dns.answers if dns else None,
        dns_from=dns.resolved_from if dns else None,
        unread=problems,
    )
    _read_proxies(capture, mesh)
    _read_wishes(capture, mesh, resources)
    mesh.kinds_read = resources.kinds_read
    return mesh


def _read_wishes(capture: Capture, mesh: Mesh, resources: Resources) -> None:
    pods = list(mesh.pods.values())
    services = service_test(lambda: resources.services if resources.is_read("services") else None, mesh.namespaces)

    def is_external(host: str, namespace: str) -> bool:
        return is_external_host(host) and services(host, namespace)

    mesh.wanted = wanted_hosts(pods, is_external)
    mesh.ips_beside = ips_beside(pods)
    mesh.credentials = credentials(pods)
    logs = read_logs(capture, mesh)
    if logs:
        mesh.wanted = with_traffic(mesh.wanted, logs, mesh, is_external)
        mesh.dialled = dialled(logs, mesh.wanted)


def _read_proxies(capture: Capture, mesh: Mesh) -> None:
    for key, documents in capture.proxy_documents().items():
        if is_ztunnel(key, mesh.pods.get(key)):
            continue
        try:
            proxy = _read_proxy(key, documents, mesh.unread)
        except (Unreadable, OSError) as problem:
            mesh.proxies_unread[key] = str(problem)
            mesh.unread.append(Unread(f"proxies/{key}", str(problem)))
            continue
        if proxy is not None:
            mesh.proxies[proxy.key] = proxy


def _read_proxy(key: str, documents: dict[str, Document], problems: list[Unread]) -> Proxy | None:
    """A proxy from its dump, or from pasted arrays; None where there is neither."""
    is_loose = key.startswith(UNNAMED)
    page = _page(documents)
    live = _live(page, problems) if page is not None else None
    dump = documents.get("config_dump.json")
    if dump is not None:
        shown = _shown(dump) if is_loose else dump.path
        return read_dump(dump.read(), shown, "" if is_loose else key, live)
    pasted = {file: d for file, d in documents.items() if file in PASTED}
    return read_pasted({file: (_shown(d), d) for file, d in pasted.items()}, key) if pasted and is_loose else None


def _shown(document: Document) -> str:
    """The name the user knows a loose file by."""
    return document.origin.rsplit("/", 1)[-1] or document.path


def _page(documents: dict[str, Document]) -> Document | None:
    """The /clusters page, as JSON or as text. clusters.json without a dump is a pasted array."""
    if "config_dump.json" not in documents:
        return None
    return documents.get("clusters.json") or documents.get("clusters.txt")


def _live(document: Document, problems: list[Unread]) -> Callable[[], dict[str, ClusterStatus]]:
    def load() -> dict[str, ClusterStatus]:
        try:
            return live_endpoints(document.read())
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Unreadable, OSError) as problem:
            problems.append(Unread(document.path, f"not an answer of Envoy's /clusters: {problem}"))
            return {}

    return load

"""Small meshes for the trace: one sidecar of pod shop/web, read from a dump, and the entries around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshdoctor.model.mesh import Mesh, Port, ServiceEntry, VirtualService
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.trace import Trace
from meshdoctor.trace.outbound import Tracer
from tests.dumps import catch_all, dump, read

POD = "shop/web"
BLACKHOLE = "BlackHoleCluster"
PASSTHROUGH = "PassthroughCluster"


def own(host: str, port: int) -> str:
    """Istio's name for the cluster of a host and port."""
    return f"outbound|{port}||{host}"


def entry(host: str, port: int, protocol: str = "TCP", **fields: Any) -> ServiceEntry:
    """A ServiceEntry of namespace shop for one host and port."""
    return ServiceEntry(ObjectRef("ServiceEntry", "shop", "entry"), (host,), (Port(port, "p", protocol),), **fields)


def virtual_service(name: str, *hosts: str) -> VirtualService:
    return VirtualService(ObjectRef("VirtualService", "shop", name), hosts)


def world(
    listeners: Sequence[dict[str, Any]] = (),
    *,
    policy: str = BLACKHOLE,
    entries: Sequence[ServiceEntry] = (),
    virtual_services: Sequence[VirtualService] = (),
    dns: dict[str, tuple[str, ...]] | None = None,
    clusters: Sequence[dict[str, Any]] = (),
    **parts: Any,
) -> Mesh:
    """A mesh of one sidecar: these listeners, before a virtualOutbound that ends in `policy`.

    `parts` go to tests.dumps.dump.
    """
    policies = [
        {"name": BLACKHOLE, "type": "STATIC"},
        {"name": PASSTHROUGH, "type": "ORIGINAL_DST"},
    ]
    proxy = read(dump([catch_all(policy), *listeners], [*policies, *clusters], **parts))
    return Mesh(service_entries=tuple(entries), virtual_services=tuple(virtual_services), proxies={POD: proxy}, dns=dns)


def traced(mesh: Mesh, host: str, port: int, **asked: Any) -> Trace:
    """One connection of the pod; `asked` as in Tracer.destination."""
    tracer = Tracer(mesh, POD)
    return tracer.assess(host, port, **asked)

"""Small meshes of objects alone: pods with sidecars, of which no dump was read, and what is registered for them."""

from __future__ import annotations

from typing import Any

from meshdoctor.facts.resources.istio_objects import (
    read_destination_rule,
    read_envoy_filter,
    read_service_entry,
    read_sidecar,
    read_virtual_service,
)
from meshdoctor.facts.resources.object_metadata import ObjectSource
from meshdoctor.fixes.impact.predicted_sidecar import PredictedSidecar, identity_of
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.fix import Change
from meshdoctor.model.mesh import Container, Dependency, Mesh, MeshConfig, Pod, Port, Service
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.registry import Registry

OLD, MID, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"
NOW = "2026-04-01T00:00:00Z"
KINDS = frozenset(
    {"serviceentries", "services", "virtualservices", "destinationrules", "sidecars", "envoyfilters", "pods"}
)
API = "networking.istio.io/v1"
Tree = dict[str, Any]
_READERS = {
    "ServiceEntry": ("service_entries", read_service_entry),
    "VirtualService": ("virtual_services", read_virtual_service),
    "DestinationRule": ("destination_rules", read_destination_rule),
    "Sidecar": ("sidecars", read_sidecar),
    "EnvoyFilter": ("envoy_filters", read_envoy_filter),
}


def item(kind: str, name: str, namespace: str = "shop", created: str = OLD, **spec: Any) -> Tree:
    """An object as the API server has it."""
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": created}
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}


def entry(name: str, port: int, protocol: str, host: str = "", **given: Any) -> Tree:
    """A ServiceEntry of one port for the host `NAME.example`, resolution DNS."""
    namespace, created = given.pop("namespace", "shop"), given.pop("created", OLD)
    ports = [{"number": port, "name": f"p-{port}", **({"protocol": protocol} if protocol else {})}]
    spec = {"hosts": [host or f"{name}.example"], "ports": ports, "resolution": "DNS"} | given
    return item("ServiceEntry", name, namespace, created, **spec)


def service(name: str, port: int, protocol: str, ip: str = "10.0.0.1", namespace: str = "shop") -> Service:
    """A Service of one port; `protocol` as Istio reads it."""
    host = f"{name}.{namespace}.svc.cluster.local"
    ref = ObjectRef("Service", namespace, name)
    return Service(ref, host, cluster_ips=(ip,), ports=(Port(port, "p", protocol),), created=OLD)


def pod(name: str = "web", namespace: str = "shop", **labels: str) -> Pod:
    """A running pod with a sidecar."""
    return Pod(namespace, name, labels=labels, containers=(Container("istio-proxy"),), ip="10.1.0.1", phase="Running")


def mesh(*given: Tree | Service | Pod, policy: str = "REGISTRY_ONLY", **fields: Any) -> Mesh:
    """A mesh of these; the pod shop/web unless others are given. Every kind was read."""
    lists: dict[str, list[Any]] = {}
    for one in given:
        if isinstance(one, dict):
            field, read = _READERS[one["kind"]]
            lists.setdefault(field, []).append(read(ObjectSource(one["kind"], one["apiVersion"], one, Pointer("test"))))
    pods = [one for one in given if isinstance(one, Pod)] or [pod()]
    objects: Any = {field: tuple(found) for field, found in lists.items()}
    return Mesh(
        **objects,
        services=tuple(one for one in given if isinstance(one, Service)),
        pods={one.key: one for one in pods},
        mesh_config=MeshConfig(outbound_policy=policy),
        kinds_read=KINDS,
        **fields,
    )


def dependency(host: str, port: int, key: str = "shop/web", scheme: str = "") -> Dependency:
    return Dependency(key, host, port, scheme)


def change(before: Tree | None, after: Tree | None) -> Change:
    """The change of one object; creation times are the server's and no part of it."""
    there = before or after or {}
    metadata = there["metadata"]
    key = ObjectRef(there["kind"], metadata["namespace"], metadata["name"], api_version=there["apiVersion"])
    return Change(key=key, before=_bare(before), after=_bare(after))


def _bare(tree: Tree | None) -> Tree | None:
    if tree is None:
        return None
    return tree | {"metadata": {k: v for k, v in tree["metadata"].items() if k != "creationTimestamp"}}


def predicted_sidecar(made: Mesh, *ports: int, key: str = "shop/web") -> PredictedSidecar:
    """What the sidecar of a pod would have on these ports."""
    registry = Registry(made)
    return PredictedSidecar(made, identity_of(made, registry, key), ports, registry)

"""Core Kubernetes objects as model types: Services, Namespaces, ConfigMaps, and Istio's MeshConfig in one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy.extensions import seconds
from meshdoctor.facts.resources.object_metadata import BareObject, ObjectSource, checked, reference
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import MeshConfig, Namespace, Port, Service
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.ip_addresses import as_written
from meshdoctor.semantics.istio.protocols import service_protocol
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL
from meshdoctor.semantics.kubernetes.api_objects import WireMetadata
from meshdoctor.text.printable import printable
from meshdoctor.yamlio import load_documents

EXPORT_TO = "networking.istio.io/exportTo"

MAX_ORIGIN = 200
"""Characters of dns.json's `resolved_from`, which stands in messages."""

_ISTIO_NAMESPACE = "istio-system"


class ConfigMap(Struct, frozen=True):
    """core/v1 ConfigMap: its text data and pointer."""

    ref: ObjectRef
    data: dict[str, str]
    pointer: Pointer

    def key_pointer(self, key: str) -> Pointer:
        """Pointer to one key's value."""
        return Pointer(self.pointer.document, f"{self.pointer.path}.data['{key}']")


class _ServicePort(Struct, rename="camel"):
    port: int = 0
    name: str | None = None
    protocol: str | None = None
    target_port: int | str | None = None
    app_protocol: str | None = None


class _ServiceSpec(Struct, rename="camel"):
    type: str | None = None
    cluster_ip: str | None = msgspec.field(default=None, name="clusterIP")
    cluster_ips: list[str] | None = msgspec.field(default=None, name="clusterIPs")
    external_name: str | None = None
    ports: list[_ServicePort] | None = None
    selector: dict[str, str] | None = None


class _ConfigMap(Struct):
    metadata: WireMetadata
    data: dict[str, str] | None = None


class _OutboundPolicy(Struct):
    mode: str | None = None


class _MeshConfig(Struct, rename="camel"):
    outbound_traffic_policy: _OutboundPolicy | None = None
    default_service_export_to: list[str] | None = None
    default_virtual_service_export_to: list[str] | None = None
    default_destination_rule_export_to: list[str] | None = None
    protocol_detection_timeout: str | None = None
    root_namespace: str | None = None
    service_entry_visibility: Any = None


def read_service(found: ObjectSource) -> Service:
    """Raises `ValueError` for an object that is no Service."""
    wire = checked(found.body, BareObject[_ServiceSpec])
    ref = reference(found, wire.metadata)
    spec = wire.spec or _ServiceSpec()
    export_to = (wire.metadata.annotations or {}).get(EXPORT_TO, "")
    return Service(
        ref=ref,
        host=f"{ref.name}.{ref.namespace}{CLUSTER_LOCAL}",
        type=spec.type or "ClusterIP",
        cluster_ips=tuple(spec.cluster_ips or ([spec.cluster_ip] if spec.cluster_ip else ())),
        external_name=spec.external_name or "",
        ports=tuple(_port(p) for p in spec.ports or ()),
        selector=spec.selector or {},
        export_to=tuple(part.strip() for part in export_to.split(",") if part.strip()),
        created=wire.metadata.creation_timestamp or "",
        pointer=found.pointer,
    )


def read_namespace(found: ObjectSource) -> Namespace:
    """Raises `ValueError` for an object that is no Namespace."""
    metadata = checked(found.body, BareObject[Any]).metadata
    return Namespace(reference(found, metadata).name, metadata.labels or {})


def read_config_map(found: ObjectSource) -> ConfigMap:
    """Raises `ValueError` for an object that is no ConfigMap. `binaryData` is left alone."""
    wire = checked(found.body, _ConfigMap)
    return ConfigMap(reference(found, wire.metadata), wire.data or {}, found.pointer)


def mesh_config_map(config_maps: Iterable[ConfigMap]) -> ConfigMap | None:
    """The ConfigMap that holds Istio's mesh settings: `istio`, or `istio-<revision>` where that is the only one.

    Searched in istio-system first; another root namespace is recognised by the ConfigMap's contents.
    """
    candidates = [
        c for c in config_maps if "mesh" in c.data and (c.ref.name == "istio" or c.ref.name.startswith("istio-"))
    ]
    return min(
        candidates, key=lambda c: (c.ref.namespace != _ISTIO_NAMESPACE, c.ref.name != "istio", c.ref), default=None
    )


def read_mesh_config(config_map: ConfigMap) -> MeshConfig:
    """MeshConfig from key `mesh`. Raises `Unreadable` or `ValueError` for text that is no MeshConfig."""
    documents: list[Any] = load_documents(config_map.data["mesh"].encode(), str(config_map.ref))
    wire = checked(documents[0], _MeshConfig) if documents else _MeshConfig()
    policy = wire.outbound_traffic_policy.mode if wire.outbound_traffic_policy else None
    return MeshConfig(
        outbound_policy=policy.upper() if policy else None,
        default_service_export_to=tuple(wire.default_service_export_to or ("*",)),
        default_virtual_service_export_to=tuple(wire.default_virtual_service_export_to or ("*",)),
        default_destination_rule_export_to=tuple(wire.default_destination_rule_export_to or ("*",)),
        protocol_detection_timeout=seconds(wire.protocol_detection_timeout) or 0.0,
        root_namespace=wire.root_namespace or config_map.ref.namespace,
        has_entry_visibility=wire.service_entry_visibility is not None,
        pointer=config_map.key_pointer("mesh"),
    )


class DnsAnswers(Struct, frozen=True):
    """dns.json: host → addresses, where they were resolved (None where unknown), and problems with the rest."""

    answers: dict[str, tuple[str, ...]]
    resolved_from: str | None
    wrong: tuple[str, ...]


def read_dns(data: bytes, where: str) -> DnsAnswers:
    """Raises `Unreadable` where the document does not have the shape of dns.json."""
    try:
        decoded = msgspec.json.decode(data, type=_Dns)
    except msgspec.DecodeError as problem:
        raise Unreadable(f'{where}: expected {{"answers": {{"host": ["address", ...]}}}}; {problem}') from None
    wrong: list[str] = []
    found: dict[str, tuple[str, ...]] = {}
    for host, addresses in decoded.answers.items():
        read = {text: as_written(text.strip()) for text in addresses or ()}
        wrong += [f"the answer {text!r} for {host} is not an IP address" for text, ip in read.items() if not ip]
        found[host.lower().rstrip(".")] = tuple(dict.fromkeys(filter(None, read.values())))
    origin = decoded.resolved_from if isinstance(decoded.resolved_from, str) else ""
    return DnsAnswers(found, printable(origin.strip())[:MAX_ORIGIN] or None, tuple(wrong))


class _Dns(Struct):
    answers: dict[str, list[str] | None]
    resolved_from: Any = None


def _port(wire: _ServicePort) -> Port:
    protocol = service_protocol(wire.port, wire.name or "", wire.protocol or "TCP", wire.app_protocol)
    target = wire.target_port if isinstance(wire.target_port, int) else None
    return Port(wire.port, wire.name or "", protocol, target)

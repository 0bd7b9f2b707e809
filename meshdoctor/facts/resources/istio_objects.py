"""Istio's networking objects as model types: v1alpha3, v1beta1 and v1, including old forms.

Defaults are those of the API's enums: no `location` is MESH_EXTERNAL, no `resolution` is NONE, and an
`outboundTrafficPolicy` without mode is REGISTRY_ONLY.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from meshdoctor.facts.resources.object_metadata import (
    BareObject,
    ObjectSource,
    SpecifiedObject,
    checked,
    manifest,
    reference,
)
from meshdoctor.model.mesh import (
    DestinationRule,
    EgressListener,
    EnvoyFilter,
    Gateway,
    Port,
    ServiceEntry,
    Sidecar,
    VirtualService,
    WorkloadEndpoint,
    WorkloadEntry,
)

_Dicts = list[dict[str, Any]]


class _Port(Struct, rename="camel"):
    number: int = 0
    name: str | None = None
    protocol: str | None = None
    target_port: int | None = None


class _Endpoint(Struct):
    address: str | None = None
    ports: dict[str, int] | None = None
    labels: dict[str, str] | None = None


class _WorkloadSpec(Struct):
    address: str | None = None
    labels: dict[str, str] | None = None


class _Selector(Struct, rename="camel"):
    labels: dict[str, str] | None = None
    match_labels: dict[str, str] | None = None


class _EntrySpec(Struct, rename="camel"):
    hosts: list[str] | None = None
    ports: list[_Port] | None = None
    addresses: list[str] | None = None
    resolution: str | None = None
    location: str | None = None
    endpoints: list[_Endpoint] | None = None
    workload_selector: _Selector | None = None
    export_to: list[str] | None = None
    config_scope: str | None = None


class _StatusAddress(Struct):
    value: str = ""
    host: str | None = None


class _EntryStatus(Struct):
    addresses: list[_StatusAddress] | None = None


class _Entry(SpecifiedObject[_EntrySpec]):
    status: _EntryStatus | None = None


class _RoutingSpec(Struct, rename="camel"):
    hosts: list[str] | None = None
    gateways: list[str] | None = None
    export_to: list[str] | None = None
    http: _Dicts | None = None
    tls: _Dicts | None = None
    tcp: _Dicts | None = None


class _PolicyPort(Struct):
    number: int | None = None


class _PortPolicy(Struct):
    port: _PolicyPort | None = None
    tls: dict[str, Any] | None = None


class _TrafficPolicy(Struct, rename="camel"):
    """The part of a traffic policy that is read; it is kept as written."""

    tls: dict[str, Any] | None = None
    port_level_settings: list[_PortPolicy] | None = None


class _DestinationSpec(Struct, rename="camel"):
    host: str = ""
    traffic_policy: dict[str, Any] | None = None
    subsets: _Dicts | None = None
    workload_selector: _Selector | None = None
    export_to: list[str] | None = None


class _Egress(Struct, rename="camel"):
    hosts: list[str] | None = None
    port: _Port | None = None
    bind: str | None = None
    capture_mode: str | None = None


class _Policy(Struct):
    mode: str | None = None


class _SidecarSpec(Struct, rename="camel"):
    workload_selector: _Selector | None = None
    egress: list[_Egress] | None = None
    outbound_traffic_policy: _Policy | None = None


class _GatewaySpec(Struct):
    selector: dict[str, str] | None = None
    servers: _Dicts | None = None


class _FilterSpec(Struct, rename="camel"):
    workload_selector: _Selector | None = None
    config_patches: _Dicts | None = None


def read_service_entry(found: ObjectSource) -> ServiceEntry:
    """Raises `ValueError` for an object that is no ServiceEntry."""
    wire = checked(found.body, _Entry)
    spec, hosts = wire.spec, tuple(wire.spec.hosts or ())
    return ServiceEntry(
        ref=reference(found, wire.metadata),
        hosts=hosts,
        ports=tuple(_port(p) for p in spec.ports or ()),
        addresses=tuple(spec.addresses or ()),
        status_addresses=_status_addresses(wire.status, hosts),
        resolution=(spec.resolution or "NONE").upper(),
        location=(spec.location or "MESH_EXTERNAL").upper(),
        endpoints=tuple(WorkloadEndpoint(e.address or "", e.ports or {}, e.labels or {}) for e in spec.endpoints or ()),
        workload_selector=_selector(spec.workload_selector),
        export_to=tuple(spec.export_to or ()),
        config_scope=(spec.config_scope or "").upper(),
        created=wire.metadata.creation_timestamp or "",
        pointer=found.pointer,
        manifest=manifest(found),
    )


def read_workload_entry(found: ObjectSource) -> WorkloadEntry:
    """Raises `ValueError` for an object that is no WorkloadEntry. Labels of its metadata come before those of its spec
    (pilot/pkg/serviceregistry/serviceentry/conversion.go, ConvertWorkloadEntry)."""
    wire = checked(found.body, SpecifiedObject[_WorkloadSpec])
    labels = {**(wire.spec.labels or {}), **(wire.metadata.labels or {})}
    return WorkloadEntry(reference(found, wire.metadata), wire.spec.address or "", labels, found.pointer)


def read_virtual_service(found: ObjectSource) -> VirtualService:
    """Raises `ValueError` for an object that is no VirtualService."""
    wire = checked(found.body, SpecifiedObject[_RoutingSpec])
    spec = wire.spec
    return VirtualService(
        ref=reference(found, wire.metadata),
        hosts=tuple(spec.hosts or ()),
        gateways=tuple(spec.gateways or ("mesh",)),
        export_to=tuple(spec.export_to or ()),
        http=tuple(spec.http or ()),
        tls=tuple(spec.tls or ()),
        tcp=tuple(spec.tcp or ()),
        created=wire.metadata.creation_timestamp or "",
        pointer=found.pointer,
        manifest=manifest(found),
    )


def read_destination_rule(found: ObjectSource) -> DestinationRule:
    """Raises `ValueError` for an object that is no DestinationRule."""
    wire = checked(found.body, SpecifiedObject[_DestinationSpec])
    spec = wire.spec
    for policy in (spec.traffic_policy, *(subset.get("trafficPolicy") for subset in spec.subsets or ())):
        checked(policy or {}, _TrafficPolicy)
    return DestinationRule(
        ref=reference(found, wire.metadata),
        host=spec.host,
        traffic_policy=spec.traffic_policy or {},
        subsets=tuple(spec.subsets or ()),
        workload_selector=_selector(spec.workload_selector),
        export_to=tuple(spec.export_to or ()),
        created=wire.metadata.creation_timestamp or "",
        pointer=found.pointer,
        manifest=manifest(found),
    )


def read_sidecar(found: ObjectSource) -> Sidecar:
    """Raises `ValueError` for an object that is no Sidecar."""
    wire = checked(found.body, BareObject[_SidecarSpec])
    spec = wire.spec or _SidecarSpec()
    policy = spec.outbound_traffic_policy
    return Sidecar(
        ref=reference(found, wire.metadata),
        selector=_selector(spec.workload_selector),
        egress=tuple(
            EgressListener(
                hosts=tuple(wire.hosts or ()),
                port=_port(wire.port) if wire.port else None,
                bind=wire.bind or "",
                capture_mode=(wire.capture_mode or "DEFAULT").upper(),
            )
            for wire in spec.egress or ()
        ),
        outbound_policy=None if policy is None else (policy.mode or "REGISTRY_ONLY").upper(),
        created=wire.metadata.creation_timestamp or "",
        pointer=found.pointer,
        manifest=manifest(found),
    )


def read_gateway(found: ObjectSource) -> Gateway:
    """Raises `ValueError` for an object that is no Gateway."""
    wire = checked(found.body, SpecifiedObject[_GatewaySpec])
    return Gateway(
        ref=reference(found, wire.metadata),
        selector=wire.spec.selector or {},
        servers=tuple(wire.spec.servers or ()),
        pointer=found.pointer,
        manifest=manifest(found),
    )


OBSERVERS = frozenset({"istio.stats", "istio.metadata_exchange", "istio.stackdriver"})
"""Filters that change no traffic: they enabled telemetry before the Telemetry API."""
_ELSEWHERE = ("SIDECAR_INBOUND", "GATEWAY")
_NO_PART = ("BOOTSTRAP", "EXTENSION_CONFIG")


def read_envoy_filter(found: ObjectSource) -> EnvoyFilter:
    """Raises `ValueError` for an object that is no EnvoyFilter."""
    wire = checked(found.body, BareObject[_FilterSpec])
    spec = wire.spec or _FilterSpec()
    return EnvoyFilter(
        ref=reference(found, wire.metadata),
        selector=_selector(spec.workload_selector),
        ports=tuple(_patched_port(p) for p in spec.config_patches or () if _patches_outbound(p)),
        pointer=found.pointer,
    )


def _patches_outbound(patch: dict[str, Any]) -> bool:
    match, value = patch.get("match") or {}, (patch.get("patch") or {}).get("value") or {}
    if match.get("context") in _ELSEWHERE or patch.get("applyTo") in _NO_PART:
        return False
    return not (str(patch.get("applyTo", "")).endswith("_FILTER") and value.get("name") in OBSERVERS)


def _patched_port(patch: dict[str, Any]) -> int | None:
    """The port of the listener, route configuration or cluster that a patch is limited to."""
    match = patch.get("match") or {}
    parts = (match.get(name) or {} for name in ("listener", "routeConfiguration", "cluster"))
    return next((part["portNumber"] for part in parts if isinstance(part.get("portNumber"), int)), None)


def _port(wire: _Port) -> Port:
    return Port(wire.number, wire.name or "", wire.protocol or "", wire.target_port or None)


def _selector(wire: _Selector | None) -> dict[str, str] | None:
    return None if wire is None else wire.labels or wire.match_labels or {}


def _status_addresses(status: _EntryStatus | None, hosts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """By host. The first releases with status.addresses had no host field: those addresses apply to all hosts."""
    found: dict[str, tuple[str, ...]] = {}
    for address in (status.addresses or ()) if status else ():
        for host in (address.host,) if address.host else hosts:
            found[host] = (*found.get(host, ()), address.value)
    return found

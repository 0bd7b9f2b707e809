"""The shapes of Envoy's JSON that meshdoctor reads, v2 and v3 spelling side by side.

msgspec decodes a dump straight into these and skips every field not named here, which is most of it. Parts that are
rarely needed stay `Raw` and are decoded on demand. Fields are optional throughout: a dump made with `?mask=` or by an
old Envoy lacks many of them.
"""

from __future__ import annotations

from typing import Any, get_args, get_origin

import msgspec
from msgspec import Raw, Struct, field

NO_RAW = Raw(b"")
"""Value of a raw field that is absent in the dump. (msgspec takes no `Raw | None`.)"""


class Wire(Struct, gc=False):
    """Base of all wire shapes. They have no reference cycles, so the garbage collector may skip them."""


class Unit(Wire):
    """A part that decides on its own: where a field of it cannot be read, what it decides is unknown.

    `salvage` writes `unread`, no dump has such a field.
    """

    unread: str = field(name="(unread)", default="")
    """The first of its fields that could not be read, and why; empty where all were."""


class SocketAddress(Wire):
    address: str = ""
    port_value: int = 0
    ipv4_compat: bool = False


class Pipe(Wire):
    path: str = ""


class Address(Wire):
    socket_address: SocketAddress | None = None
    pipe: Pipe | None = None
    envoy_internal_address: dict[str, Any] | None = None


class AdditionalAddress(Wire):
    address: Address | None = None


class CidrRange(Wire):
    address_prefix: str = ""
    prefix_len: int | None = 0


class ChainMatch(Wire):
    destination_port: int | None = None
    prefix_ranges: list[CidrRange] = []
    server_names: list[str] = []
    transport_protocol: str = ""
    application_protocols: list[str] = []
    direct_source_prefix_ranges: list[CidrRange] = []
    source_type: str | int = "ANY"
    source_prefix_ranges: list[CidrRange] = []
    source_ports: list[int] = []


class ServiceMetadata(Wire):
    host: str = ""
    namespace: str = ""


class IstioMetadata(Wire):
    config: str = ""
    services: list[ServiceMetadata] = []
    external: bool = False


class FilterMetadata(Wire):
    istio: IstioMetadata | None = None
    transport_socket_match: dict[str, Any] | None = field(name="envoy.transport_socket_match", default=None)


class Metadata(Wire):
    filter_metadata: FilterMetadata | None = None


class NamedFilter(Wire):
    """A filter, transport socket or extension: `typed_config` since v3, `config` (a Struct) in v2."""

    name: str = ""
    typed_config: Raw = NO_RAW
    config: Raw = NO_RAW
    filter_disabled: Raw = NO_RAW
    disabled: bool = False

    def payload(self) -> Raw:
        """Its configuration, unwrapped from a TypedStruct."""
        if not self.typed_config:
            return self.config
        if b"TypedStruct" in bytes(self.typed_config)[:160]:
            return msgspec.json.decode(self.typed_config, type=TypedStruct).value
        return self.typed_config


class TypedStruct(Wire):
    """udpa.type.v1.TypedStruct: how EnvoyFilters and old control planes carry a config."""

    value: Raw = NO_RAW


class Chain(Unit):
    name: str = ""
    filter_chain_match: ChainMatch | None = None
    filters: list[NamedFilter] = []
    tls_context: Raw = NO_RAW
    transport_socket: NamedFilter | None = None
    metadata: Metadata | None = None


class DeprecatedV1(Wire):
    bind_to_port: bool | None = None


class WireListener(Unit):
    name: str = ""
    address: Address | None = None
    additional_addresses: list[AdditionalAddress] = []
    filter_chains: list[Chain] = []
    default_filter_chain: Chain | None = None
    listener_filters: list[NamedFilter] = []
    listener_filters_timeout: str | None = None
    continue_on_listener_filters_timeout: bool = False
    bind_to_port: bool | None = None
    use_original_dst: bool | None = None
    deprecated_v1: DeprecatedV1 | None = None
    traffic_direction: str | int = ""
    internal_listener: dict[str, Any] | None = None
    filter_chain_matcher: Raw = NO_RAW


class WireEndpointAddress(Wire):
    address: Address | None = None
    hostname: str = ""


class WireLbEndpoint(Wire):
    endpoint: WireEndpointAddress | None = None
    health_status: str | int = ""
    metadata: Metadata | None = None


class LocalityEndpoints(Wire):
    lb_endpoints: list[WireLbEndpoint] = []


class LoadAssignment(Unit):
    cluster_name: str = ""
    endpoints: Raw = NO_RAW


class ClusterType(Wire):
    name: str = ""


class EdsConfig(Wire):
    service_name: str = ""


class Percent(Wire):
    value: float = 0.0


class CommonLb(Wire):
    healthy_panic_threshold: Percent | None = None


class OriginalDstLb(Wire):
    upstream_port_override: int | None = None


class SocketMatch(Wire):
    name: str = ""
    match: dict[str, Any] = {}
    transport_socket: NamedFilter | None = None


class WireCluster(Unit):
    name: str = ""
    type: str | int | None = None
    cluster_type: ClusterType | None = None
    load_assignment: LoadAssignment | None = None
    hosts: list[Address] = []
    eds_cluster_config: EdsConfig | None = None
    tls_context: Raw = NO_RAW
    transport_socket: NamedFilter | None = None
    transport_socket_matches: Raw = NO_RAW
    metadata: Metadata | None = None
    typed_extension_protocol_options: Raw = NO_RAW
    common_lb_config: CommonLb | None = None
    connect_timeout: str | None = None
    circuit_breakers: Raw = NO_RAW
    outlier_detection: Raw = NO_RAW
    original_dst_lb_config: OriginalDstLb | None = None


class WireRouteConfig(Unit):
    name: str = ""
    virtual_hosts: list[WireVirtualHost] = []
    ignore_port_in_host_matching: bool = False


class WireVirtualHost(Unit):
    name: str = ""
    domains: list[str] = []
    routes: list[WireRoute] = []
    require_tls: str | int = ""
    typed_per_filter_config: Raw = NO_RAW
    per_filter_config: Raw = NO_RAW


class WireWeight(Wire):
    name: str = ""
    weight: int | None = 0
    typed_per_filter_config: Raw = NO_RAW


class WeightedClusters(Wire):
    clusters: list[WireWeight] = []


class WireRouteAction(Wire):
    cluster: str = ""
    cluster_header: str = ""
    weighted_clusters: WeightedClusters | None = None
    cluster_not_found_response_code: str | int | None = None
    timeout: str | None = None
    idle_timeout: str | None = None
    retry_policy: dict[str, Any] | None = None
    max_stream_duration: dict[str, Any] | None = None
    host_rewrite_literal: str = ""
    host_rewrite: str = ""
    host_rewrite_header: str = ""
    auto_host_rewrite: bool | None = None
    upgrade_configs: list[UpgradeConfig] = []


class WireRedirect(Wire):
    response_code: str | int | None = None


class DirectResponse(Wire):
    status: int = 0


class UpgradeConfig(Wire):
    """upgrade_configs of HttpConnectionManager and of RouteAction."""

    upgrade_type: str = ""
    enabled: bool | None = None


class WireRoute(Unit):
    name: str = ""
    match: Raw = NO_RAW
    route: WireRouteAction | None = None
    redirect: WireRedirect | None = None
    direct_response: DirectResponse | None = None
    non_forwarding_action: dict[str, Any] | None = None
    metadata: Metadata | None = None
    typed_per_filter_config: Raw = NO_RAW
    per_filter_config: Raw = NO_RAW


class WireTcpProxy(Unit):
    """extensions.filters.network.tcp_proxy.v3.TcpProxy and v2's."""

    cluster: str = ""
    weighted_clusters: WeightedClusters | None = None
    tunneling_config: dict[str, Any] | None = None
    idle_timeout: str | None = None
    max_downstream_connection_duration: str | None = None


class WireRedisProxy(Unit):
    """extensions.filters.network.redis_proxy.v3.RedisProxy: only the catch-all route decides without a key."""

    cluster: str = ""
    prefix_routes: dict[str, Any] = {}


class WireRds(Wire):
    """The route discovery of an HCM."""

    route_config_name: str = ""


class Http1Options(Wire):
    """config.core.v3.Http1ProtocolOptions."""

    accept_http_10: bool = False


class WireHcm(Unit):
    """extensions.filters.network.http_connection_manager.v3.HttpConnectionManager and v2's."""

    rds: WireRds | None = None
    route_config: WireRouteConfig | None = None
    http_filters: list[NamedFilter] = []
    scoped_routes: Raw = NO_RAW
    strip_any_host_port: bool = False
    strip_matching_host_port: bool = False
    strip_trailing_host_dot: bool = False
    http_protocol_options: Http1Options | None = None
    common_http_protocol_options: dict[str, Any] | None = None
    normalize_path: bool | None = None
    merge_slashes: bool = False
    path_with_escaped_slashes_action: str | int = ""
    upgrade_configs: list[UpgradeConfig] = []


class ErrorState(Wire):
    details: str = ""
    failed_configuration: Raw = NO_RAW


class ListenerState(Wire):
    listener: WireListener | None = None


class ListenerEntry(Unit):
    """An item of static_listeners or dynamic_listeners, and of v2's dynamic_active_listeners."""

    name: str = ""
    listener: WireListener | None = None
    active_state: ListenerState | None = None
    warming_state: ListenerState | None = None
    draining_state: ListenerState | None = None
    error_state: ErrorState | None = None


class ClusterEntry(Unit):
    cluster: WireCluster | None = None
    error_state: ErrorState | None = None


class RouteEntry(Unit):
    route_config: WireRouteConfig | None = None
    error_state: ErrorState | None = None


class EndpointEntry(Unit):
    endpoint_config: LoadAssignment | None = None
    error_state: ErrorState | None = None


class WireNode(Wire):
    id: str = ""
    metadata: dict[str, Any] = {}


class Bootstrap(Wire):
    node: WireNode | None = None


class SecretEntry(Unit):
    name: str = ""
    error_state: ErrorState | None = None


class Section(Wire):
    """Any item of `configs`: the union of the section types' fields, distinguished by `type`."""

    type: str = field(name="@type", default="")
    bootstrap: Bootstrap | None = None
    static_listeners: list[ListenerEntry] = []
    dynamic_listeners: list[ListenerEntry] = []
    dynamic_active_listeners: list[ListenerEntry] = []
    dynamic_warming_listeners: list[ListenerEntry] = []
    static_clusters: list[ClusterEntry] = []
    dynamic_active_clusters: list[ClusterEntry] = []
    dynamic_warming_clusters: list[ClusterEntry] = []
    static_route_configs: list[RouteEntry] = []
    dynamic_route_configs: list[RouteEntry] = []
    static_endpoint_configs: list[EndpointEntry] = []
    dynamic_endpoint_configs: list[EndpointEntry] = []
    dynamic_warming_secrets: list[SecretEntry] = []


class ConfigDump(Wire):
    configs: list[Section] = []


SECTION_LISTS: dict[str, type[Wire]] = {
    found.name: get_args(found.type)[0] for found in msgspec.structs.fields(Section) if get_origin(found.type) is list
}
"""Lists of a section and the shape of their items."""

"""One Envoy's configuration, neutral between the v2 and the v3 API.

Field names are Envoy's (api/envoy/config/{listener,route,cluster}/v3). Durations are seconds; `None`
means the field was absent. Every object carries the `Pointer` path of its evidence.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from meshdoctor.model.coverage import WHOLE, Completeness, Coverage
from meshdoctor.model.evidence import Evidence
from meshdoctor.model.limits import ClusterLimits, ConnectionLimits
from meshdoctor.model.routes import Fault, RouteConfig, WeightedCluster


class FilterChainMatch(Struct, frozen=True):
    """config.listener.v3.FilterChainMatch. Empty means "matches anything" for each criterion."""

    destination_port: int | None = None
    prefix_ranges: tuple[str, ...] = ()
    """CIDRs, `203.0.113.0/24`, as the dump writes them (host bits may be set)."""
    server_names: tuple[str, ...] = ()
    transport_protocol: str = ""
    application_protocols: tuple[str, ...] = ()
    direct_source_prefix_ranges: tuple[str, ...] = ()
    source_type: str = "ANY"
    source_prefix_ranges: tuple[str, ...] = ()
    source_ports: tuple[int, ...] = ()


class HttpConnectionManager(Struct, frozen=True):
    """The part of an HCM that decides where a request goes."""

    route_config_name: str = ""
    route_config: RouteConfig | None = None
    """Inline routes, else None and `route_config_name` names an RDS resource."""
    strip_port: bool = False
    strip_own_port: bool = False
    """strip_matching_host_port: only a port that is the listener's."""
    strip_dot: bool = False
    """strip_trailing_host_dot."""
    accepts_http_10: bool = False
    normalizes_path: bool = False
    merges_slashes: bool = False
    escaped_slashes: str = ""
    """path_with_escaped_slashes_action: REJECT_REQUEST, UNESCAPE_AND_REDIRECT, UNESCAPE_AND_FORWARD, or another."""
    upgrades: tuple[str, ...] = ()
    """upgrade_configs that are enabled, in lower case: `websocket`, `connect`."""
    limits: ConnectionLimits = ConnectionLimits()
    fault: Fault | None = None
    """Listener-wide settings of the fault filter (a route's own replace them)."""
    fault_filter: str = ""
    """`absent` or `disabled` where the HTTP filters lack the fault filter, or have it disabled; else empty."""
    guards: tuple[str, ...] = ()
    """HTTP filters that may answer themselves, `rbac`, `ext_authz`; istiod gives a sidecar's outbound side none."""


class TcpProxy(Struct, frozen=True):
    """filters.network.tcp_proxy: the clusters it may pick, heaviest first."""

    clusters: tuple[WeightedCluster, ...]
    limits: ConnectionLimits = ConnectionLimits()
    tunnel: str = ""
    """tunneling_config: the host:port for which Envoy asks the cluster, a forward proxy, by CONNECT; empty for none."""


class FilterChain(Struct, frozen=True):
    """One filter chain and what it does: exactly one of `tcp` and `http`, or neither (`filters` tells)."""

    name: str
    match: FilterChainMatch
    filters: tuple[str, ...]
    tcp: TcpProxy | None = None
    http: HttpConnectionManager | None = None
    config: str = ""
    """metadata istio.config: path of the VirtualService that made it."""
    terminates_tls: bool = False
    """Has a downstream TLS context, as a gateway's chains have."""
    is_default: bool = False
    path: str = ""
    unread: str = ""
    """What of it could not be read, and why; what that decides is unknown. Empty where it was read whole."""

    @property
    def tcp_clusters(self) -> tuple[str, ...]:
        """Names of the clusters that its TCP proxy may pick."""
        return tuple(c.name for c in self.tcp.clusters) if self.tcp else ()


class ListenerFilter(Struct, frozen=True):
    """A listener filter by its short kind: tls_inspector, http_inspector, original_dst, proxy_protocol ..."""

    kind: str
    disabled_ports: tuple[tuple[int, int], ...] = ()
    """Destination port ranges [start, end) for which `filter_disabled` switches it off."""
    disabled_always: bool = False


class Listener(Struct, frozen=True):
    """A listener as it is in force (`state` active) or as it waits or failed."""

    name: str
    addresses: tuple[tuple[str, int], ...]
    """(address, port) pairs, the primary one first, then `additional_addresses`."""
    filter_chains: tuple[FilterChain, ...]
    default_filter_chain: FilterChain | None = None
    listener_filters: tuple[ListenerFilter, ...] = ()
    listener_filters_timeout: float = 15.0
    """Seconds; 0 waits for ever. Envoy's default is 15 s."""
    continue_on_listener_filters_timeout: bool = False
    bind_to_port: bool = True
    use_original_dst: bool = False
    traffic_direction: str = ""
    is_static: bool = False
    path: str = ""
    unread: str = ""
    """What of it could not be read, and why; what that decides is unknown. Empty where it was read whole."""

    def chains(self) -> tuple[FilterChain, ...]:
        """Every chain, the default one last."""
        return (*self.filter_chains, self.default_filter_chain) if self.default_filter_chain else self.filter_chains


class TlsSocket(Struct, frozen=True):
    """An upstream TLS transport socket."""

    sni: str = ""
    auto_sni: bool = False
    verifies_chain: bool = False
    """A trusted CA or the system's roots are given."""
    verifies_name: bool = False
    """SAN matchers, auto_sni_san_validation or a pinned certificate."""
    auto_san: bool = False
    """auto_san_validation: the certificate must be for the request's host; for HTTP only."""
    secrets: tuple[str, ...] = ()
    """SDS secrets that it needs, certificate and authority."""
    istio_mutual: bool = False
    """Uses the workload's own mesh certificate (SDS `default`, or ALPN istio)."""
    path: str = ""


class LabelledSocket(Struct, frozen=True):
    """An item of transport_socket_matches: the socket for endpoints that have all of its labels."""

    name: str
    labels: dict[str, str]
    socket: TlsSocket | None
    """None is plain text."""
    tunnels: bool = False
    """An internal_upstream socket: Istio's HBONE tunnel."""


class Endpoint(Struct, frozen=True):
    """One endpoint of a cluster, from EDS, the cluster itself, or the /clusters page."""

    address: str
    port: int
    hostname: str = ""
    health: str = "HEALTHY"
    """`HEALTHY`, or the reason why Envoy does not use it."""
    socket_labels: dict[str, str] = field(default_factory=dict)
    """envoy.transport_socket_match metadata: `tlsMode: istio`, `tunnel: http`."""
    path: str = ""


class Cluster(Struct, frozen=True):
    """config.cluster.v3.Cluster with what Istio's metadata says about its owner."""

    name: str
    type: str
    """STATIC, EDS, STRICT_DNS, LOGICAL_DNS, ORIGINAL_DST, or the name of a custom cluster type."""
    endpoints: tuple[Endpoint, ...] = ()
    """From `load_assignment` or `hosts`: for DNS clusters the names to resolve."""
    tls: TlsSocket | None = None
    socket_matches: tuple[LabelledSocket, ...] = ()
    auto_sni: bool = False
    eds_service_name: str = ""
    external: bool = False
    """metadata istio.external: a MESH_EXTERNAL ServiceEntry (Istio 1.20 and later)."""
    services: tuple[tuple[str, str], ...] = ()
    """(host, namespace) of metadata istio.services."""
    config: str = ""
    """metadata istio.config: path of the DestinationRule applied."""
    limits: ClusterLimits = ClusterLimits()
    port_override: int | None = None
    panic_threshold: float | None = None
    state: str = "active"
    """`active`, `static` or `warming` (not in use yet)."""
    path: str = ""
    unread: str = ""
    """What of it could not be read, and why; what that decides is unknown. Empty where it was read whole."""

    @property
    def is_dynamic(self) -> bool:
        """A dynamic_forward_proxy cluster: each request or server name brings its own host, there are no endpoints."""
        return self.type.endswith("dynamic_forward_proxy")


class WaitingSecret(Struct, frozen=True):
    """A secret that Envoy asked for by SDS and has not got (dynamic_warming_secrets)."""

    name: str
    """As SDS names it: `kubernetes://client-cert`, `file-root:/etc/ca.pem`, `default`."""
    path: str = ""
    because: str = ""
    """Why Envoy refused what it was sent; empty where it was sent nothing."""


class Rejection(Struct, frozen=True):
    """A resource the proxy refused or still waits for."""

    kind: str
    """`listener`, `cluster`, `route` or `endpoint`; or `lds`/`cds` where only a counter tells."""
    name: str
    state: str
    """`error` (refused) or `warming`."""
    details: str
    has_active: bool
    """An older version is in force meanwhile."""
    path: str = ""
    document: str = ""
    configs: tuple[str, ...] = ()
    """istio.config metadata in what was rejected: paths of the objects that it was made from."""


class Node(Struct, frozen=True):
    """Who the proxy is, from the bootstrap's node."""

    id: str = ""
    role: str = ""
    """`sidecar`, `router`, `waypoint`, or empty where the dump has no bootstrap."""
    pod: str = ""
    namespace: str = ""
    ip: str = ""
    version: str = ""
    """Istio version as the proxy reports it."""
    metadata: dict[str, object] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """The pod's labels in its proxy's node metadata."""
        given = self.metadata.get("LABELS")
        return {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}


class Proxy(Struct):
    """One Envoy: its configuration in force, indexed by name.

    `sections` names what the dump held, of bootstrap, listeners, routes, clusters, endpoints. A section that is
    not there was not read; its absence is never verification that there is nothing.
    """

    key: str
    """`namespace/pod`."""
    node: Node
    listeners: dict[str, Listener]
    routes: Mapping[str, RouteConfig]
    clusters: Mapping[str, Cluster]
    endpoints: Mapping[str, tuple[Endpoint, ...]]
    """EDS assignments by cluster name."""
    rejections: tuple[Rejection, ...]
    sections: frozenset[str]
    document: str
    documents: Mapping[str, str] = field(default_factory=dict)
    """Other documents by section, where it has several: their paths begin with the section, `clusters$[7]`."""
    unknown_types: dict[str, int] = field(default_factory=dict)
    """Sections and filters this reader does not know: kept out, counted, never fatal."""
    live_endpoints: Mapping[str, tuple[Endpoint, ...]] | None = None
    """Hosts of each cluster from the /clusters page; None where it was not read."""
    notes: list[str] = field(default_factory=list)
    cluster_types: Mapping[str, str] = field(default_factory=dict)
    """`Cluster.type` by name, known without making the cluster: a mesh has thousands."""
    kind: str = "sidecar"
    """What it is by its node and its names: `sidecar`, `gateway`, `waypoint`, `ztunnel`; `envoy` is not Istio's."""
    control_plane: str = ""
    """Whose it is where it is not Istio's, `Consul`; empty where nothing tells for certain."""
    not_received: tuple[str, ...] = ()
    """Sections of which Envoy has what its bootstrap file holds and nothing that istiod sent."""
    waiting_secrets: dict[str, WaitingSecret] = field(default_factory=dict)
    """By name. Connections of a TLS socket that needs one fail until it is there."""
    gaps: dict[str, Coverage] = field(default_factory=dict)
    """Sections of which a part was read. `Coverage.missing` names the entries that were left out, where they have
    names. Grows, as objects are decoded at first use."""

    def awaited_by(self, socket: TlsSocket | None) -> list[WaitingSecret]:
        """The secrets that a TLS socket needs and the proxy has not got."""
        return [
            self.waiting_secrets[name] for name in (socket.secrets if socket else ()) if name in self.waiting_secrets
        ]

    def coverage(self, section: str) -> Coverage:
        """How much of a section was read."""
        return section_coverage(section, self.sections, self.gaps)

    def may_hold(self, section: str, name: str) -> bool:
        """Whether an object of this name may be in a section, of which it was not read."""
        return self.coverage(section).may_hold(name)

    @property
    def names_all_clusters(self) -> bool:
        """Every cluster is in `clusters`, though of some not everything was read."""
        coverage = self.coverage("clusters")
        return coverage.is_whole or (coverage.names_all and all(name in self.clusters for name in coverage.missing))

    def evidence(self, path: str, value: str = "") -> Evidence:
        """The evidence at a path, in the document that the path belongs to."""
        section, dollar, below = path.partition("$")
        return Evidence(self.documents.get(section, self.document), dollar + below, value)

    def routes_of(self, http: HttpConnectionManager) -> RouteConfig | None:
        """The routes of a connection manager, its own or by RDS; None where they are not there."""
        return http.route_config or self.routes.get(http.route_config_name)

    def configured_endpoints(self, cluster: Cluster) -> tuple[Endpoint, ...]:
        """The endpoints as configured, with the labels that choose a transport socket; their health is left aside."""
        return self.endpoints.get(cluster.eds_service_name or cluster.name) or cluster.endpoints

    def endpoints_of(self, cluster: Cluster) -> tuple[Endpoint, ...] | None:
        """Endpoints as Envoy uses them, or None where the evidence does not tell."""
        if cluster.type == "ORIGINAL_DST":
            return ()
        if self.live_endpoints is not None and cluster.name in self.live_endpoints:
            return self.live_endpoints[cluster.name]
        key = cluster.eds_service_name or cluster.name
        known = self.endpoints.get(key)
        if "endpoints" in self.gaps and self.may_hold("endpoints", key):
            return None  # making the value may have added to the gaps
        if known is not None:
            return known
        if cluster.type == "STATIC":
            return cluster.endpoints
        return None


def section_coverage(section: str, sections: frozenset[str], gaps: Mapping[str, Coverage]) -> Coverage:
    """How much of a section was read, by the sections of which something was read, and by what is missing in those."""
    if section in gaps:
        return gaps[section]
    if section in sections:
        return WHOLE
    if section == "bootstrap":
        why = "the bootstrap was not read, so that DNS capture and version are unknown"
        return Coverage(Completeness.ABSENT, why, (section,))
    return Coverage(Completeness.ABSENT, f"the dump has no section for {section}", (section,))

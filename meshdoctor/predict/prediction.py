"""The predicted configuration of one sidecar for some ports, and what of it is unknown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.proxy import Cluster, Endpoint, Listener, Node, Proxy
from meshdoctor.model.routes import RouteConfig
from meshdoctor.predict.listener_claims import ListenerClaim, claims_of
from meshdoctor.predict.model_limits import model_limits
from meshdoctor.predict.predicted_clusters import Clusters
from meshdoctor.predict.predicted_listeners import PortClaims, build, catch_all, resolve_conflicts, route_name
from meshdoctor.predict.predicted_routes import Routes, policy_host
from meshdoctor.predict.sidecar_services import SidecarService, member_of, members
from meshdoctor.predict.unknown import Unknown
from meshdoctor.predict.virtual_services import VirtualServices
from meshdoctor.semantics.istio.registry import Registry, Viewer
from meshdoctor.semantics.istio.resource_names import BLACKHOLE, PASSTHROUGH, cluster_name

_SECTIONS = frozenset({"bootstrap", "listeners", "routes", "clusters", "endpoints"})

_POLICY_CLUSTERS = {BLACKHOLE: Cluster(BLACKHOLE, "STATIC"), PASSTHROUGH: Cluster(PASSTHROUGH, "ORIGINAL_DST")}


class SidecarIdentity(Struct, frozen=True):
    """Properties of a sidecar that do not depend on services."""

    key: str
    """`namespace/pod`."""
    viewer: Viewer
    node: Node
    unmatched: str
    """The cluster for unmatched traffic: BlackHoleCluster, PassthroughCluster, or `""` where the policy is unknown."""
    labels: Mapping[str, str] = {}
    inspection_timeout: float = 0.0
    """Seconds an inspector waits for the client; 0 means without a limit."""
    resolved: Mapping[str, tuple[str, ...]] = {}
    """Addresses a name resolves to in its DNS clusters; none where it does not resolve."""
    running: Mapping[str, tuple[Endpoint, ...]] = {}
    """Endpoints of in-cluster Services' clusters, by cluster name."""


class Prediction(Struct, frozen=True):
    """The configuration, the claims it was built from, and what is unknown."""

    proxy: Proxy
    members: tuple[SidecarService, ...]
    port_claims: tuple[PortClaims, ...]
    unknowns: tuple[Unknown, ...]
    owners: Mapping[tuple[str, int], ObjectRef]
    """By host and port, the object the cluster is built from."""

    @property
    def active(self) -> Iterator[ListenerClaim]:
        """The active claims."""
        return (claim for port_claims in self.port_claims for claim in port_claims.active)


def predict(registry: Registry, who: SidecarIdentity, ports: Collection[int]) -> Prediction:
    """Predict the configuration of this sidecar: listeners and routes of `ports` only, clusters of every entry."""
    viewer = who.viewer
    visible = members(registry, viewer, ports)
    virtual = VirtualServices(registry, viewer, who.labels)
    claims = claims_of(visible, ports, virtual)
    port_claims = resolve_conflicts(claims)
    unmatched = who.unmatched or BLACKHOLE
    wildcards = tuple({4: "0.0.0.0", 6: "::"}[family] for family in viewer.families)
    listeners = [build(s, wildcards, unmatched, who.inspection_timeout) for s in port_claims]
    routes = {r.name: r for r in _routes(Routes(virtual, policy_host(unmatched, BLACKHOLE)), visible, port_claims)}
    clusters = _clusters(registry, who, visible, listeners, routes.values())
    proxy = Proxy(
        key=who.key,
        node=who.node,
        listeners={listener.name: listener for listener in [catch_all(unmatched), *listeners]},
        routes=routes,
        clusters=clusters.made | _POLICY_CLUSTERS,
        endpoints=clusters.endpoints,
        rejections=(),
        sections=_SECTIONS,
        document=f"predicted for {who.key}",
        live_endpoints=_resolved(clusters.made.values(), who.resolved) or None,
        cluster_types={name: cluster.type for name, cluster in clusters.made.items()},
    )
    unknowns = [*model_limits(registry, who.viewer, who.labels, who.node.version, visible, port_claims)]
    if not who.unmatched:
        unknowns.append(Unknown("the outbound policy of this pod is unknown"))
    unknowns += [d for s in port_claims for d in s.unknowns]
    return Prediction(
        proxy,
        visible,
        tuple(port_claims),
        (*unknowns, *dict.fromkeys(virtual.unknowns), *clusters.unknowns),
        clusters.owners,
    )


def _routes(
    routes: Routes, visible: tuple[SidecarService, ...], port_claims: Iterable[PortClaims]
) -> Iterator[RouteConfig]:
    for claims in port_claims:
        http = next((claim for claim in claims.active if claim.family == "http"), None)
        if http is None:
            continue
        own = route_name(claims, http) != str(claims.port)
        yield routes.own(http.member, claims.port) if own else routes.shared(visible, claims.port)


def _clusters(
    registry: Registry,
    who: SidecarIdentity,
    visible: tuple[SidecarService, ...],
    listeners: Iterable[Listener],
    routes: Iterable[RouteConfig],
) -> Clusters:
    mesh = registry.mesh
    clusters = Clusters(mesh.destination_rules, who.running, who.viewer, who.labels, mesh.mesh_config)
    clusters.add(visible)
    names = [name for listener in listeners for chain in listener.chains() for name in chain.tcp_clusters]
    names += [name for config in routes for name in config.clusters]
    named = {parsed.host for parsed in map(cluster_name, names) if parsed is not None}
    lacking = named - {member.host for member in visible}
    services = (s for s in mesh.services if s.host in lacking) if lacking else ()
    clusters.add([m for m in (member_of(registry, who.viewer, s) for s in services) if m is not None])
    return clusters


def _resolved(clusters: Iterable[Cluster], known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Endpoint, ...]]:
    """The hosts of DNS clusters all of whose endpoints are addresses or names with known addresses."""
    found: dict[str, tuple[Endpoint, ...]] = {}
    for cluster in clusters:
        if cluster.type in ("STRICT_DNS", "LOGICAL_DNS") and all(e.address in known for e in cluster.endpoints):
            found[cluster.name] = tuple(Endpoint(ip, e.port) for e in cluster.endpoints for ip in known[e.address])
    return found

"""One sidecar as istiod would configure it for some ports, and what about it the resources leave open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.proxy import Cluster, Endpoint, Listener, Node, Proxy, RouteConfig
from meshdoctor.predict.listener_claims import ListenerClaim, claims_of
from meshdoctor.predict.model_limits import model_limits
from meshdoctor.predict.predicted_clusters import Clusters
from meshdoctor.predict.predicted_listeners import SettledPort, build, catch_all, route_name, settle
from meshdoctor.predict.predicted_routes import Routes, policy_host
from meshdoctor.predict.sidecar_services import SidecarService, member_of, members
from meshdoctor.predict.unknown import Unknown
from meshdoctor.predict.virtual_services import VirtualServices
from meshdoctor.semantics.istio.registry import Registry, Viewer
from meshdoctor.semantics.istio.resource_names import BLACKHOLE, PASSTHROUGH, cluster_name

_SECTIONS = frozenset({"bootstrap", "listeners", "routes", "clusters", "endpoints"})


class SidecarIdentity(Struct, frozen=True):
    """What a sidecar is by itself, whatever the services are."""

    key: str
    """`namespace/pod`."""
    viewer: Viewer
    node: Node
    unmatched: str
    """The cluster for what nothing takes: BlackHoleCluster, PassthroughCluster; `""` where the policy is not known."""
    labels: Mapping[str, str] = {}
    inspection_timeout: float = 0.0
    """Seconds an inspector waits for the client; 0 is for ever."""
    resolved: Mapping[str, tuple[str, ...]] = {}
    """What its DNS clusters resolve a name to; none: it does not resolve."""
    running: Mapping[str, tuple[Endpoint, ...]] = {}
    """Endpoints of in-cluster Services' clusters, by cluster name."""


class Prediction(Struct, frozen=True):
    """The configuration, the claims it was made of, and the doubts."""

    proxy: Proxy
    members: tuple[SidecarService, ...]
    settled: tuple[SettledPort, ...]
    doubts: tuple[Unknown, ...]
    owners: Mapping[tuple[str, int], ObjectRef]
    """By host and port, the object whose cluster it is."""

    @property
    def held(self) -> Iterator[ListenerClaim]:
        """The claims that got their place."""
        return (claim for settled in self.settled for claim in settled.held)


def predict(registry: Registry, who: SidecarIdentity, ports: Collection[int]) -> Prediction:
    """What istiod tells this sidecar about `ports`: listeners and routes of those alone, clusters of every entry."""
    viewer = who.viewer
    gets = members(registry, viewer, ports)
    virtual = VirtualServices(registry, viewer, who.labels)
    claims = claims_of(gets, ports, virtual)
    settled = settle(claims)
    unmatched = who.unmatched or BLACKHOLE
    listeners = [build(s, _wildcards(viewer), unmatched, who.inspection_timeout) for s in settled]
    routes = {r.name: r for r in _routes(Routes(virtual, policy_host(unmatched, BLACKHOLE)), gets, settled)}
    clusters = _clusters(registry, who, gets, listeners, routes.values())
    proxy = Proxy(
        key=who.key,
        node=who.node,
        listeners={listener.name: listener for listener in [catch_all(unmatched), *listeners]},
        routes=routes,
        clusters=clusters.made | _policy_clusters(),
        endpoints=clusters.endpoints,
        rejections=(),
        sections=_SECTIONS,
        document=f"predicted for {who.key}",
        live_endpoints=_resolved(clusters.made.values(), who.resolved) or None,
        cluster_types={name: cluster.type for name, cluster in clusters.made.items()},
    )
    doubts = [*model_limits(registry, who.viewer, who.labels, who.node.version, gets, settled)]
    if not who.unmatched:
        doubts.append(Unknown("the outbound policy of this pod is not known"))
    doubts += [d for s in settled for d in s.doubts]
    return Prediction(
        proxy, gets, tuple(settled), (*doubts, *dict.fromkeys(virtual.doubts), *clusters.doubts), clusters.owners
    )


def _wildcards(viewer: Viewer) -> tuple[str, ...]:
    return tuple({4: "0.0.0.0", 6: "::"}[family] for family in viewer.families)


def _routes(routes: Routes, gets: tuple[SidecarService, ...], settled: Iterable[SettledPort]) -> Iterator[RouteConfig]:
    for place in settled:
        http = next((claim for claim in place.held if claim.family == "http"), None)
        if http is None:
            continue
        own = route_name(place, http) != str(place.port)
        yield routes.own(http.member, place.port) if own else routes.shared(gets, place.port)


def _clusters(
    registry: Registry,
    who: SidecarIdentity,
    gets: tuple[SidecarService, ...],
    listeners: Iterable[Listener],
    routes: Iterable[RouteConfig],
) -> Clusters:
    mesh = registry.mesh
    clusters = Clusters(mesh.destination_rules, who.running, who.viewer, who.labels, mesh.mesh_config)
    clusters.add(gets)
    named = {parsed.host for parsed in map(cluster_name, _named(listeners, routes)) if parsed is not None}
    lacking = named - {member.host for member in gets}
    services = (s for s in mesh.services if s.host in lacking) if lacking else ()
    clusters.add([m for m in (member_of(registry, who.viewer, s) for s in services) if m is not None])
    return clusters


def _named(listeners: Iterable[Listener], routes: Iterable[RouteConfig]) -> Iterator[str]:
    for listener in listeners:
        yield from (c.name for chain in listener.chains() if chain.tcp for c in chain.tcp.clusters)
    for config in routes:
        yield from (c.name for host in config.virtual_hosts for route in host.routes for c in route.clusters)


def _policy_clusters() -> dict[str, Cluster]:
    return {BLACKHOLE: Cluster(BLACKHOLE, "STATIC"), PASSTHROUGH: Cluster(PASSTHROUGH, "ORIGINAL_DST")}


def _resolved(clusters: Iterable[Cluster], known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Endpoint, ...]]:
    """The hosts of DNS clusters whose every endpoint is an address or a name of which it is known what it means."""
    found: dict[str, tuple[Endpoint, ...]] = {}
    for cluster in clusters:
        if cluster.type in ("STRICT_DNS", "LOGICAL_DNS") and all(e.address in known for e in cluster.endpoints):
            found[cluster.name] = tuple(Endpoint(ip, e.port) for e in cluster.endpoints for ip in known[e.address])
    return found

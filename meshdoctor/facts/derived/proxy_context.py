"""One proxy with the values that several derived facts need, each computed once: uses of clusters, policy, entries."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.mesh import Dependency, Mesh, Port, ServiceEntry
from meshdoctor.model.proxy import Cluster, FilterChain, Listener, Proxy
from meshdoctor.model.routes import Route, RouteConfig, VirtualHost
from meshdoctor.semantics.istio.istiod_push import POLICY_CHAINS
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Registry, Viewer, is_external_host
from meshdoctor.semantics.istio.resource_names import BLACKHOLE, ClusterName, cluster_name, config_ref
from meshdoctor.semantics.istio.virtual_service_rules import chain_config
from meshdoctor.trace.arrival import WILDCARDS
from meshdoctor.trace.forward_proxy import is_dialled
from meshdoctor.trace.http_routing import POLICY_HOSTS
from meshdoctor.trace.outbound import Tracer

REGISTRY_ONLY, ALLOW_ANY, UNKNOWN = "REGISTRY_ONLY", "ALLOW_ANY", "unknown"


class ClusterUse(Struct, frozen=True):
    """One reference to a cluster in the outbound configuration."""

    cluster: str
    listener: Listener
    chain: FilterChain
    config: RouteConfig | None = None
    virtual_host: VirtualHost | None = None
    route: Route | None = None
    made_by: str = ""
    """Path of the VirtualService that made the route or chain; empty where none did."""

    @property
    def is_http(self) -> bool:
        """Whether a route references it, not a TCP chain."""
        return self.route is not None

    @property
    def is_policy(self) -> bool:
        """Whether it belongs to the outbound policy (an egressProxy), not to the cluster's host."""
        if self.virtual_host is not None:
            return self.virtual_host.name in POLICY_HOSTS
        return self.chain.name in POLICY_CHAINS

    @property
    def path(self) -> str:
        """Path in the dump."""
        return self.route.path if self.route else self.chain.path


class ProxyContext:
    """A proxy, its pod, what it can see, and its tracer."""

    def __init__(self, mesh: Mesh, registry: Registry, key: str) -> None:
        self.mesh = mesh
        self.registry = registry
        self.key = key
        self.tracer = Tracer(mesh, key, registry)
        self.proxy: Proxy = mesh.proxies[key]
        self.viewer: Viewer = self.tracer.viewer
        self.causes = self.tracer.causes
        self._owners: dict[str, tuple[str, ...]] = {}

    @cached_property
    def dependencies(self) -> dict[tuple[str, int], Dependency]:
        """The pod's certain dependencies that it dials itself, forward proxies among them, by host and port."""
        known = self.registry.dependencies.get(self.key, {})
        return {place: one for place, one in known.items() if self._is_dialled(one, *place)}

    def _is_dialled(self, dependency: Dependency, host: str, port: int) -> bool:
        return is_dialled(dependency, is_registered=self.tracer.entries.is_registered(host, port))

    @property
    def proxied(self) -> list[Dependency]:
        """The pod's certain dependencies that it reaches by a forward proxy."""
        return [
            dependency for dependency in self.registry.dependencies.get(self.key, {}).values() if dependency.proxied
        ]

    @cached_property
    def outbound(self) -> list[Listener]:
        """Listeners for outbound traffic."""
        return [
            listener
            for listener in self.proxy.listeners.values()
            if not listener.is_static and listener.traffic_direction not in ("INBOUND", "1")
            if listener.name not in ("virtualInbound",) and not self._is_inbound(listener)
        ]

    def _is_inbound(self, listener: Listener) -> bool:
        """Old dumps have no traffic_direction: a listener on the pod's own address that serves an inbound cluster."""
        inline = (c.http.route_config for c in listener.chains() if c.http is not None)
        names = [name for c in listener.chains() for name in c.tcp_clusters]
        return any(name.startswith("inbound|") for name in (*names, *(config.name for config in inline if config)))

    @cached_property
    def uses(self) -> dict[str, list[ClusterUse]]:
        """Every outbound use of a cluster, by cluster name."""
        found: dict[str, list[ClusterUse]] = {}
        for use in self._walk_uses():
            found.setdefault(use.cluster, []).append(use)
        return found

    def _walk_uses(self) -> Iterator[ClusterUse]:
        walked: set[str] = set()
        for listener in self.outbound:
            for chain in listener.chains():
                for name in chain.tcp_clusters:
                    yield ClusterUse(name, listener, chain, made_by=self.maker_of(listener, chain))
                if chain.http is not None:
                    config = self.proxy.routes_of(chain.http)
                    if config is not None and config.path not in walked:
                        walked.add(config.path)
                        routes = ((host, route) for host in config.virtual_hosts for route in host.routes)
                        for host, route in routes:
                            yield from (
                                ClusterUse(c.name, listener, chain, config, host, route, route.config)
                                for c in route.clusters
                            )

    def maker_of(self, listener: Listener, chain: FilterChain, host: str = "") -> str:
        """Path of the VirtualService that made a filter chain, of several the one for `host`; empty where none did."""
        port = listener.addresses[0][1] if listener.addresses else 0
        return chain_config(self.registry, self.viewer, chain, port, host)

    @cached_property
    def policy(self) -> str:
        """The effective outbound policy, read from where unmatched traffic is sent (semantics: 4.3)."""
        return self._policy[0]

    @property
    def policy_evidence(self) -> Evidence | None:
        """Where the policy was read."""
        return self._policy[1]

    @cached_property
    def _policy(self) -> tuple[str, Evidence | None]:
        catch_all = self.tracer.index.catch_all if self.tracer.index else None
        if catch_all is not None:
            for chain in reversed(catch_all.chains()):
                if chain.tcp is None or chain.match.destination_port:
                    continue
                name = chain.tcp.clusters[0].name
                found = REGISTRY_ONLY if name == BLACKHOLE else ALLOW_ANY
                return found, self.evidence(chain.path, name)
        numbered = sorted((n for n in self.proxy.routes if n.isdigit()), key=int)
        for config in (self.proxy.routes[n] for n in numbered):
            for host in config.virtual_hosts:
                if host.name in POLICY_HOSTS:
                    found = REGISTRY_ONLY if host.name == "block_all" else ALLOW_ANY
                    return found, self.evidence(host.path, host.name)
        return UNKNOWN, None

    @cached_property
    def cluster_names(self) -> dict[str, ClusterName]:
        """Outbound Istio clusters of this proxy by name, parsed."""
        parsed = ((name, cluster_name(name)) for name in self.proxy.clusters)
        return {name: p for name, p in parsed if p is not None and p.direction.startswith("outbound")}

    @cached_property
    def external_clusters(self) -> list[tuple[ClusterName, Cluster]]:
        """Clusters of hosts outside the mesh that were read whole."""
        found = []
        for name, parsed in self.cluster_names.items():
            if parsed.host.endswith(CLUSTER_LOCAL):
                continue
            cluster = self.proxy.clusters[name]
            if not cluster.unread and self.registry.is_external(cluster):
                found.append((parsed, cluster))
        return found

    @cached_property
    def entry_ports(self) -> list[tuple[ServiceEntry, str, Port]]:
        """Every (entry, host, port) of the ServiceEntries this proxy sees."""
        found = []
        for entry in self.mesh.service_entries:
            for host in entry.hosts:
                for port in entry.ports:
                    if self.registry.visibility(entry, host, port.number, self.viewer).ok:
                        found.append((entry, host.lower(), port))
        return found

    @cached_property
    def sent_to_gateways(self) -> set[str]:
        """External hosts that a VirtualService sends to an in-cluster Service."""
        found: set[str] = set()
        for name, uses in self.uses.items():
            parsed = self.cluster_names.get(name)
            if parsed is not None and parsed.host.endswith(CLUSTER_LOCAL):
                hosts = (host for use in uses if use.made_by for host, _ in self.hosts_sent(use))
                found.update(host for host in hosts if not host.endswith(CLUSTER_LOCAL))
        return found

    def hosts_sent(self, use: ClusterUse) -> list[tuple[str, int]]:
        """The hosts that a reference to a cluster is for, with its port: of a chain without server names the external
        hosts of the VirtualService that made it, those registered on this port if any are."""
        host, port = host_lost(use)
        ref = config_ref(use.made_by)
        if use.is_http or use.chain.match.server_names or ref is None or ref.kind != "VirtualService":
            return [(host, port)]
        services = (v for v in self.mesh.virtual_services if v.ref.place == ref.place)
        named = [h.lower() for v in services for h in v.hosts if is_external_host(h.removeprefix("*."))]
        registered = [h for h in named if self.tracer.entries.registration(h, port).visible]
        return [(name, port) for name in registered or named or [host]]

    def own_cluster(self, host: str, port: int) -> Cluster | None:
        """The host's own cluster (no subset) for a port."""
        return self.proxy.clusters.get(f"outbound|{port}||{host.lower()}")

    def lacks_cluster(self, host: str, port: int) -> bool:
        """Whether this proxy certainly has no cluster of the host for a port."""
        absent = self.own_cluster(host, port) is None
        return absent and not self.proxy.may_hold("clusters", f"outbound|{port}||{host.lower()}")

    @cached_property
    def entry_names(self) -> frozenset[str]:
        """Names of ServiceEntries in the pod's namespace."""
        entries = self.mesh.service_entries
        return frozenset(e.ref.name for e in entries if e.ref.namespace == self.viewer.namespace)

    def wildcard_listener(self, port: int) -> Listener | None:
        """The listener on the wildcard address of a port."""
        index = self.tracer.index
        binds = ((wildcard, port) for wildcard in WILDCARDS) if index else ()
        return next((index.by_address[bind] for bind in binds if index and bind in index.by_address), None)

    def evidence(self, path: str, value: str = "") -> Evidence:
        """Evidence in this proxy's dump."""
        return self.proxy.evidence(path, value)

    def owners_of(self, listener: str) -> tuple[str, ...]:
        """Hosts that a listener's chains and routes lead to; none for the catch-all."""
        if listener not in self._owners:
            self._owners[listener] = tuple(self._find_owners(listener))
        return self._owners[listener]

    def _find_owners(self, name: str) -> dict[str, None]:
        listener = self.proxy.listeners.get(name)
        if listener is None or (self.tracer.index and listener is self.tracer.index.catch_all):
            return {}
        clusters: list[str] = []
        for chain in listener.chains():
            config = self.proxy.routes_of(chain.http) if chain.http else None
            clusters += [*chain.tcp_clusters, *(config.clusters if config else ())]
        return {p.host: None for p in map(cluster_name, clusters) if p is not None}

    @cached_property
    def rejected_listeners(self) -> set[str]:
        """Names of listeners whose newest version this proxy rejected."""
        return {r.name for r in self.proxy.rejections if r.kind == "listener" and r.state == "error"}


def host_lost(use: ClusterUse) -> tuple[str, int]:
    """The host and port affected by a reference: the virtual host's, the SNI's, else the cluster's own."""
    parsed = cluster_name(use.cluster)
    if use.virtual_host is not None:
        name, _, number = use.virtual_host.name.rpartition(":")
        return (name.lower(), int(number)) if number.isdigit() and name else (use.virtual_host.name, 0)
    port = use.listener.addresses[0][1] if use.listener.addresses else 0
    if use.chain.match.server_names:
        return use.chain.match.server_names[0].lower(), port
    return (parsed.host if parsed else ""), port

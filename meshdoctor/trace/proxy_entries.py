"""The ServiceEntries of a host as one proxy has them: where objects and config dump differ, the dump decides."""

from __future__ import annotations

from functools import cached_property

from msgspec import structs

from meshdoctor.model.mesh import ServiceEntry
from meshdoctor.model.proxy import Proxy
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.registry import Hidden, Registration, Registry, Viewer
from meshdoctor.semantics.istio.resource_names import cluster_name
from meshdoctor.semantics.istio.visibility import narrowed
from meshdoctor.trace.arrival import WILDCARDS


class ProxyEntries:
    """The entries that one proxy uses, by host and port. Without a proxy, those that its pod would see."""

    def __init__(self, registry: Registry, proxy: Proxy | None, viewer: Viewer) -> None:
        self._registry = registry
        self._proxy = proxy
        self._viewer = viewer
        self._registrations: dict[tuple[str, int], Registration] = {}

    def registration(self, host: str, port: int) -> Registration:
        """Entries for host:port as this proxy has them.

        The dump decides: an entry that exportTo and Sidecar make visible counts as hidden or not received where the
        proxy has no cluster of its hosts. Entries that are not in force for the host are left out.
        """
        key = (host.lower(), port)
        if key not in self._registrations:
            self._registrations[key] = self._corrected(self._registry.registration(host, port, self._viewer), host)
        return self._registrations[key]

    def is_registered(self, host: str, port: int) -> bool:
        """Whether an entry or a cluster that this proxy has registers host:port."""
        is_own = self._proxy is not None and f"outbound|{port}||{host.lower()}" in self._proxy.clusters
        return is_own or bool(self.registration(host, port).visible)

    def in_force(self, entry: ServiceEntry, host: str) -> bool:
        """Whether the proxy's clusters of the host come from this entry's namespace, as their metadata says.

        Of entries for one host in several namespaces a sidecar uses one (istio pilot/pkg/model/sidecar.go, addService),
        and so does its name table (pkg/dns/server/name_table.go).
        """
        own = [name.lower() for name in entry.hosts if covers(name, host)]
        clusters = (name for covering in own for name in self.clusters_by_host.get(covering, ()))
        made = {namespace for name in clusters if self._proxy for _, namespace in self._proxy.clusters[name].services}
        return not made or entry.ref.namespace in made

    def namespaces_of(self, host: str) -> list[str]:
        """Namespaces of the services of which the proxy has clusters for exactly this host, as their metadata says."""
        names = self.clusters_by_host.get(host.lower(), ()) if self._proxy else ()
        return [ns for name in names if self._proxy for _, ns in self._proxy.clusters[name].services]

    def _corrected(self, found: Registration, host: str) -> Registration:
        if self._proxy is None or not self._proxy.names_all_clusters:
            return found
        found = structs.replace(
            found,
            visible=tuple(e for e in found.visible if self.in_force(e, host)),
            other_ports=tuple(e for e in found.other_ports if self.in_force(e, host)),
        )
        absent = [e for e in found.visible if not self._has_any(e)]
        if not absent:
            return found
        config = self._registry.mesh.mesh_config
        narrowing = [(e, narrowed(e, self._viewer.namespace, config)) for e in absent]
        hidden = tuple(Hidden(e, setting) for e, setting in narrowing if setting is not None)
        return structs.replace(
            found,
            visible=tuple(e for e in found.visible if e not in absent),
            other_ports=tuple(e for e in found.other_ports if self._has_any(e)),
            hidden=(*found.hidden, *hidden),
            not_received=tuple(e for e, setting in narrowing if setting is None),
        )

    def _has_any(self, entry: ServiceEntry) -> bool:
        """The proxy has a cluster of one of the entry's hosts, or the entry is of a kind that may have none."""
        if entry.resolution.startswith("DNS") and not entry.endpoints and all("*" in h for h in entry.hosts):
            return True
        hosts = {host.lower() for host in entry.hosts}
        return not hosts.isdisjoint(self.clusters_by_host) or not hosts.isdisjoint(self._named_hosts)

    @cached_property
    def _named_hosts(self) -> set[str]:
        """Hosts whose clusters chains and routes name, whether or not the clusters are there."""
        names: list[str] = []
        for listener in self._proxy.listeners.values() if self._proxy else ():
            names += [name for chain in listener.chains() for name in chain.tcp_clusters]
        for config in self._proxy.routes.values() if self._proxy else ():
            names += config.clusters
        return {parsed.host for parsed in map(cluster_name, names) if parsed is not None}

    @cached_property
    def bound_addresses(self) -> dict[str, list[str]]:
        """Addresses, other than the wildcard ones, of listeners that lead to clusters of a host, by host.

        A host has the same addresses on every port, and on HTTP ports no listener of its own.
        """
        index: dict[str, dict[str, None]] = {}
        for listener in self._proxy.listeners.values() if self._proxy else ():
            binds = [bind for bind, _ in listener.addresses if bind not in WILDCARDS]
            for name in (name for chain in listener.chains() for name in chain.tcp_clusters if binds):
                if parsed := cluster_name(name):
                    index.setdefault(parsed.host, {}).update(dict.fromkeys(binds))
        return {host: list(found) for host, found in index.items()}

    @cached_property
    def clusters_by_host(self) -> dict[str, list[str]]:
        """Names of the proxy's clusters by the host that they are for."""
        index: dict[str, list[str]] = {}
        for name in self._proxy.clusters if self._proxy else ():
            parsed = cluster_name(name)
            if parsed is not None:
                index.setdefault(parsed.host, []).append(name)
        return index

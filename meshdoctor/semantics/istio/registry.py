"""The registry: which entries name a host, which of them a pod's proxy sees, and to whom an address belongs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain

from msgspec import Struct

from meshdoctor.model.mesh import Dependency, EnvoyFilter, Mesh, Pod, Port, ServiceEntry, Sidecar, VirtualService
from meshdoctor.model.proxy import Cluster, Proxy
from meshdoctor.semantics.ip_addresses import address, covered, is_ip, is_single
from meshdoctor.semantics.istio.data_plane import proxy_kind_of
from meshdoctor.semantics.istio.host_names import covers, wildcards_for
from meshdoctor.semantics.istio.ip_families import ip_families
from meshdoctor.semantics.istio.protocols import protocol_class
from meshdoctor.semantics.istio.resource_names import cluster_name, config_ref
from meshdoctor.semantics.istio.visibility import (
    DEFAULT_ROOT_NAMESPACE,
    Visibility,
    imported,
    locked_out,
    sidecar_for,
    visible,
)

CLUSTER_LOCAL = ".svc.cluster.local"


def long_host(host: str, namespace: str) -> str:
    """The host of a VirtualService or DestinationRule in full: a short name means a Service of its namespace."""
    name = host.lower().rstrip(".")
    return name if "." in name or name.startswith("*") else f"{name}.{namespace}{CLUSTER_LOCAL}"


ALLOCATED = ("240.240.0.0/16", "2001:2::/48")
"""Ranges from which Istio allocates addresses (istio/istio, pilot/pkg/features/pilot.go, IP_AUTOALLOCATE prefixes)."""


class Viewer(Struct, frozen=True):
    """The proxy for which visibility is evaluated: its namespace, its Sidecar, and whether it captures DNS."""

    namespace: str
    sidecar: Sidecar | None = None
    dns_capture: bool = False
    is_sidecar: bool = True
    families: tuple[int, ...] = (4, 6)
    """IP versions the pod has an address of."""
    labels: Mapping[str, str] = {}
    """The pod's own."""


class Hidden(Struct, frozen=True):
    """An entry that registers the host and port, and the field that hides it from the viewer."""

    entry: ServiceEntry
    visibility: Visibility


class Registration(Struct, frozen=True):
    """Entries that name a host, as one viewer has them, in no particular order."""

    visible: tuple[ServiceEntry, ...] = ()
    """Registering the host on the port asked for."""
    other_ports: tuple[ServiceEntry, ...] = ()
    """Visible, registering the host on other ports only."""
    hidden: tuple[Hidden, ...] = ()
    not_received: tuple[ServiceEntry, ...] = ()
    """Registering the host on the port, visible by exportTo and Sidecar, and without a cluster in the proxy."""

    def ports(self, number: int) -> tuple[Port, ...]:
        """The visible entries' declarations of one port."""
        return tuple(p for e in self.visible for p in e.ports if p.number == number)

    def protocols(self, number: int) -> frozenset[str]:
        """Protocols the visible entries declare for one port, upper case."""
        return frozenset(p.protocol.upper() for p in self.ports(number))


class Registry:
    """An index over the mesh's ServiceEntries, VirtualServices and Services."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self._seen: dict[tuple[object, ...], Registration] = {}
        self._related: dict[str, list[ServiceEntry]] = {}

    @cached_property
    def _by_host(self) -> dict[str, list[ServiceEntry]]:
        index: dict[str, list[ServiceEntry]] = {}
        for entry in self.mesh.service_entries:
            for host in entry.hosts:
                index.setdefault(host.lower().rstrip("."), []).append(entry)
        return index

    @cached_property
    def dependencies(self) -> dict[str, dict[tuple[str, int], Dependency]]:
        """The certain dependencies of each pod, by host and port."""
        index: dict[str, dict[tuple[str, int], Dependency]] = {}
        for dependency in self.mesh.dependencies:
            if dependency.port is not None:
                index.setdefault(dependency.pod, {})[dependency.host, dependency.port] = dependency
        return index

    def cluster_ips(self, host: str, namespace: str) -> tuple[str, ...]:
        """Addresses of the Kubernetes Service that a pod of the namespace means by a name, long or short."""
        name = host.lower().rstrip(".")
        tried = (f"{name}.{namespace}{CLUSTER_LOCAL}", f"{name}{CLUSTER_LOCAL}", f"{name}.cluster.local", name)
        return next((self._service_ips[one] for one in tried if one in self._service_ips), ())

    @cached_property
    def _service_ips(self) -> dict[str, tuple[str, ...]]:
        return {service.host: tuple(filter(is_ip, service.cluster_ips)) for service in self.mesh.services}

    @cached_property
    def _virtual_services(self) -> dict[tuple[str, str], VirtualService]:
        return {(v.ref.namespace, v.ref.name): v for v in self.mesh.virtual_services}

    @cached_property
    def _aliases(self) -> dict[str, str]:
        """ExternalName Services: mesh host to the name it stands for (Istio 1.21 and later resolve it as an alias)."""
        return {s.host: s.external_name.lower() for s in self.mesh.services if s.type == "ExternalName"}

    def viewer(self, proxy: Proxy | None, pod: Pod | None) -> Viewer:
        """The viewer that a pod and its proxy make up; one of them may be missing."""
        namespace = pod.namespace if pod else (proxy.node.namespace if proxy else "")
        labels = pod.labels if pod else proxy.node.labels if proxy else {}
        is_sidecar = proxy_kind_of(pod, proxy) in ("sidecar", "")
        sidecar = sidecar_for(namespace, labels, self.mesh.sidecars, self.root_namespace) if is_sidecar else None
        return Viewer(
            namespace,
            sidecar,
            captures_dns(proxy),
            is_sidecar,
            ip_families(proxy.node if proxy else None, pod) or (4, 6),
            labels,
        )

    @property
    def root_namespace(self) -> str:
        """The namespace whose Sidecar and EnvoyFilters apply to all others."""
        config = self.mesh.mesh_config
        return config.root_namespace if config else DEFAULT_ROOT_NAMESPACE

    def envoy_filters(self, viewer: Viewer, labels: Mapping[str, str]) -> Iterator[EnvoyFilter]:
        """EnvoyFilters that apply to a pod with these labels: those of its namespace and of the root namespace."""
        for found in self.mesh.envoy_filters:
            applies = found.ref.namespace in (self.root_namespace, viewer.namespace)
            if applies and (found.selector or {}).items() <= labels.items():
                yield found

    def entries(self, host: str) -> list[ServiceEntry]:
        """Entries that name the host, exactly or by a wildcard, the exact ones first; then those whose addresses or
        endpoints hold it, where it is an IP address."""
        name = host.lower().rstrip(".")
        found = list(self._by_host.get(name, ()))
        partial = (p for p in self._partial if name.endswith(p[1:]) and len(name) >= len(p))
        for pattern in (*wildcards_for(name), *partial):
            found.extend(e for e in self._by_host.get(pattern, ()) if e not in found)
        if is_ip(name):
            found.extend(e for e in self.mesh.service_entries if e not in found and _holds(e, name))
        return found

    def related(self, host: str) -> list[ServiceEntry]:
        """Entries with a host that `covers` this one or, where this is a wildcard, is covered by it.

        Kept, as it does not depend on who asks.
        """
        name = host.lower().rstrip(".")
        if name not in self._related:
            over = (name, *wildcards_for(name), *(p for p in self._partial if covers(p, name)))
            under = (h for h in self._by_host if covers(name, h)) if name.startswith("*") else ()
            found = {id(e): e for h in (*over, *under) for e in self._by_host.get(h, ())}
            self._related[name] = list(found.values())
        return self._related[name]

    @cached_property
    def pod_namespaces(self) -> frozenset[str]:
        """Namespaces that have pods."""
        return frozenset(key.split("/", 1)[0] for key in self.mesh.pod_names)

    @cached_property
    def _partial(self) -> list[str]:
        """Partial wildcards (`*foo.example`): Istio takes them for hosts, Envoy refuses them as server names."""
        return [h for h in self._by_host if h.startswith("*") and not h.startswith("*.")]

    def registration(self, host: str, port: int, viewer: Viewer) -> Registration:
        """Which entries register host:port for this viewer, and which do but are hidden from it."""
        key = (host.lower(), port, viewer.namespace, viewer.sidecar.ref if viewer.sidecar else None, viewer.is_sidecar)
        if key not in self._seen:
            self._seen[key] = self._register(host, port, viewer)
        return self._seen[key]

    def _register(self, host: str, port: int, viewer: Viewer) -> Registration:
        candidates = self.entries(host)
        seen, others, hidden = [], [], []
        for entry in candidates:
            has_port = any(p.number == port for p in entry.ports)
            found = self.visibility(entry, host, port if has_port else None, viewer)
            if found.ok and has_port:
                seen.append(entry)
            elif found.ok:
                others.append(entry)
            elif has_port:
                hidden.append(Hidden(entry, found))
        return Registration(tuple(seen), tuple(others), tuple(hidden))

    def visibility(self, entry: ServiceEntry, host: str, port: int | None, viewer: Viewer) -> Visibility:
        """Whether the viewer gets this host and port of the entry."""
        exported = visible(entry, viewer.namespace, self.mesh.mesh_config)
        if not exported.ok or not viewer.is_sidecar:
            return exported
        return self.imports(entry, host, port, viewer)

    def imports(self, entry: ServiceEntry, host: str, port: int | None, viewer: Viewer) -> Visibility:
        """Whether the viewer's Sidecar, if it has one, lets it have this host and port of an entry exported to it."""
        named = next((h for h in entry.hosts if covers(h, host)), entry.hosts[0] if entry.hosts else host)
        found = imported(viewer.sidecar, entry.ref.namespace, named, port, viewer.namespace)
        if not found.ok or port is None or self._has_own_listener(entry, named, port, viewer):
            return found
        return locked_out(viewer.sidecar, entry.ref.namespace, named, port, viewer.namespace) or found

    def _has_own_listener(self, entry: ServiceEntry, host: str, port: int, viewer: Viewer) -> bool:
        """Whether the entry's listener on a port is bound to its own addresses, not to all of them."""
        opaque = any(p.number == port and protocol_class(p.protocol) != "http" for p in entry.ports)
        return opaque and all(map(is_single, self.used_addresses(entry, host, viewer) or ("0.0.0.0/0",)))

    def same_host(self, owner: str, host: str, namespace: str) -> bool:
        """Whether a cluster's host is the host dialled: equal, a `*.` wildcard over it, or its in-cluster long form."""
        if covers(owner, host) and (not owner.startswith("*") or owner.startswith("*.")):
            return True
        if host.lower().rstrip(".").endswith(CLUSTER_LOCAL):
            return self._aliases.get(host.lower().rstrip(".")) == owner
        if not owner.endswith(CLUSTER_LOCAL):
            return False
        name = host.lower().rstrip(".")
        return owner in (f"{name}.{namespace}{CLUSTER_LOCAL}", f"{name}{CLUSTER_LOCAL}", f"{name}.cluster.local")

    def ip_belongs(self, ip: str, owner: str) -> bool:
        """Whether a bare IP is an address or endpoint of an entry for `owner`."""
        if not is_ip(ip):
            return False
        return any(_holds(entry, ip) for entry in self._by_host.get(owner, ()))

    def is_virtual(self, ip: str) -> bool:
        """Whether Istio allocated this address to an entry; only sidecars know it, nothing listens there."""
        return ip in self._allocated or covered(ip, ALLOCATED)

    @cached_property
    def _allocated(self) -> frozenset[str]:
        given = (found for entry in self.mesh.service_entries for found in entry.status_addresses.values())
        return frozenset(chain.from_iterable(given))

    def sent_by(self, config: str, host: str) -> bool | None:
        """Whether the VirtualService behind a chain or route is one for this host; None where it was not read."""
        ref = config_ref(config)
        if ref is None or ref.kind != "VirtualService":
            return False
        service = self._virtual_services.get((ref.namespace, ref.name))
        if service is None:
            return None
        return any(covers(h, host) or covers(host, h) for h in service.hosts)

    def is_external(self, cluster: Cluster) -> bool:
        """Whether the cluster's host lies outside the mesh, as the dump's metadata or its entry says."""
        if cluster.external:
            return True
        parsed = cluster_name(cluster.name)
        if parsed is None or parsed.host.endswith(CLUSTER_LOCAL):
            return False
        entries = self._by_host.get(parsed.host, ())
        if entries:
            return any(e.location != "MESH_INTERNAL" for e in entries)
        return is_external_host(parsed.host)

    def used_addresses(self, entry: ServiceEntry, host: str, viewer: Viewer) -> tuple[str, ...]:
        """Addresses by which this viewer's proxy matches the host.

        spec.addresses; where there are none, the auto-allocated ones, which count only with DNS capture
        (istio pilot/pkg/model/service.go, GetAllAddressesForProxy).
        """
        if entry.addresses:
            return entry.addresses
        if not viewer.dns_capture or not takes_allocated(entry):
            return ()
        allocated = entry.status_addresses.get(host) or next(
            (found for name, found in entry.status_addresses.items() if covers(name, host)), ()
        )
        parsed = ((text, address(text)) for text in allocated)
        return tuple(text for text, ip in parsed if ip is not None and ip.version in viewer.families)


def is_allocated(entry: ServiceEntry) -> bool:
    """Whether Istio gives the entry's hosts virtual addresses, for proxies that capture DNS.

    istiod allocates for wildcard hosts only with resolution DYNAMIC_DNS.
    """
    return takes_allocated(entry) and not any("*" in host for host in entry.hosts)


def takes_allocated(entry: ServiceEntry) -> bool:
    """Whether istiod uses the addresses in the entry's status: what was allocated before a change stays there, unused.

    pilot/pkg/networking/serviceentry/ip_autoallocation.go, shouldV2AutoAllocateIPFromPieces.
    """
    if entry.addresses or entry.resolution == "NONE":
        return False
    labels = (entry.manifest.get("metadata") or {}).get("labels") or {}
    return str(labels.get("networking.istio.io/enable-autoallocate-ip", "")).lower() != "false"


def captures_dns(proxy: Proxy | None) -> bool:
    """Whether the proxy's agent answers the pod's DNS (node metadata DNS_CAPTURE)."""
    return proxy is not None and str(proxy.node.metadata.get("DNS_CAPTURE", "")).lower() == "true"


def _holds(entry: ServiceEntry, ip: str) -> bool:
    allocated = (a for found in entry.status_addresses.values() for a in found)
    return covered(ip, chain(entry.addresses, allocated, (e.address for e in entry.endpoints)))


def is_external_host(host: str) -> bool:
    """Whether a name is outside the cluster: an IP, or a name of several labels that is not cluster-local."""
    name = host.lower().rstrip(".")
    if is_ip(name):
        return True
    local = name.endswith((".svc", ".cluster.local", ".local", ".localhost", ".internal.istio.io"))
    return "." in name and not local and ".svc." not in name


def may_be_service(host: str) -> bool:
    """Whether a name may be that of a Kubernetes Service: at most `name.namespace`, or with `svc` after that."""
    labels = host.rstrip(".").split(".")
    return not is_ip(host) and (len(labels) < 3 or labels[2] == "svc")

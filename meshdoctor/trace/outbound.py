"""Traces one connection, or every known address of a host, through one sidecar: the entry point of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from msgspec import structs

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.forward_proxy import ProxiedRequest
from meshdoctor.model.mesh import Dependency, Mesh, Pod
from meshdoctor.model.proxy import FilterChain, Proxy
from meshdoctor.model.trace import AddressTrace, ClientOptions, Destination, Expect, Step, Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.first_messages import first_bytes
from meshdoctor.semantics.ip_addresses import is_ip, is_of, is_single
from meshdoctor.semantics.istio.capture_settings import CaptureSettings, capture_settings
from meshdoctor.semantics.istio.data_plane import PROXIES, is_ambient, not_traced, pod_kind
from meshdoctor.semantics.istio.protocols import behaviour, client_protocol, known_protocol
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Registry, Viewer, is_external_host
from meshdoctor.semantics.istio.resource_names import cluster_name
from meshdoctor.semantics.istio.virtual_service_rules import chain_config
from meshdoctor.trace import forward_proxy
from meshdoctor.trace.arrival import WILDCARDS, ListenerIndex, arrive, chain_label
from meshdoctor.trace.gateway_hop import gateway_hop
from meshdoctor.trace.http_routing import Domains, pass_http
from meshdoctor.trace.missing_cluster import ClusterCauses
from meshdoctor.trace.proxy_entries import ProxyEntries
from meshdoctor.trace.reason import MeshContext, explain
from meshdoctor.trace.redirection import redirected
from meshdoctor.trace.upstream_cluster import judge_cluster
from meshdoctor.trace.walk import Outcome, Walk


class Tracer:
    """Traces connections of one pod; indexes of its proxy are made once."""

    def __init__(self, mesh: Mesh, pod: str, registry: Registry | None = None) -> None:
        self.key = pod
        self.mesh = mesh
        self.registry = registry or Registry(mesh)
        self.proxy: Proxy | None = mesh.proxies.get(pod)
        self.pod: Pod | None = mesh.pods.get(pod)
        self.viewer: Viewer = self.registry.viewer(self.proxy, self.pod)
        self.settings: CaptureSettings = capture_settings(
            self.pod, self.proxy.node if self.proxy else None, self.proxy.document if self.proxy else ""
        )
        self.index = ListenerIndex(self.proxy) if self.proxy else None
        self.domains = Domains()
        self.entries = ProxyEntries(self.registry, self.proxy, self.viewer)
        self.causes = ClusterCauses(self.registry, self.entries, self.viewer)
        self._assessed: dict[tuple[str, int], Trace] = {}

    def assess(self, host: str, port: int, **client: Unpack[ClientOptions]) -> Trace:
        """What happens to the connection that a client of this pod opens to host:port.

        Check, hosts, trace, the session and fix previews all ask this. Each address that the client may dial and each
        path that its URLs name is traced; the worst verdict counts.
        """
        if client:
            return self._assess(host, port, client)
        key = (host.lower(), port)
        if key not in self._assessed:
            self._assessed[key] = self._assess(host, port, client)
        return self._assessed[key]

    def _assess(self, host: str, port: int, client: ClientOptions) -> Trace:
        asked = self.destination(host, port, **client)
        dependency = client.get("dependency") or self.dependency(host, port)
        if forward_proxy.is_described(client):
            return self._dialled(asked, dependency, client)
        registered = self.entries.is_registered(host, port)
        requests = forward_proxy.requests_for(self.pod, dependency, host, port, client, is_registered=registered)
        traces = [self._by_proxy(asked, request, dependency) for request in requests if request is not None]
        if None in requests:
            traces.append(self._dialled(asked, dependency, client))
        return _worst(traces)

    def dialled(self, host: str, port: int) -> Trace:
        """What happens to the connection of a client that dials host:port itself, whatever forward proxy is set."""
        dependency = self.dependency(host, port)
        if dependency is None or not dependency.proxied:
            return self.assess(host, port)
        return self._dialled(self.destination(host, port), dependency, ClientOptions())

    def by_proxy(self, dependency: Dependency) -> Trace:
        """The worst of what forward proxies are asked for instead of a dependency."""
        asked = self.destination(dependency.host, dependency.port or 0, dependency=dependency)
        return _worst([self._by_proxy(asked, request, dependency) for request in dependency.proxied])

    def _dialled(self, asked: Destination, dependency: Dependency | None, client: ClientOptions) -> Trace:
        """The client dials the host: for each path of its URLs, or as it asks a forward proxy."""
        given = any(client.get(name) is not None for name in ("path", "authority", "method"))
        if dependency and dependency.asked and not given and client.get("protocol") is None and not client.get("sni"):
            traces = [
                forward_proxy.with_step(
                    forward_proxy.proxy_step(dependency.asked, request),
                    self._trace_addresses(forward_proxy.to_proxy(asked, request)),
                )
                for request in dependency.asked
            ]
        else:
            paths = forward_proxy.paths_of(dependency) if asked.protocol == "http" and not given else ()
            traces = [self._trace_addresses(structs.replace(asked, path=path)) for path in paths or (asked.path,)]
        return forward_proxy.with_clients(_worst(traces), dependency)

    def _by_proxy(self, asked: Destination, request: ProxiedRequest, dependency: Dependency | None) -> Trace:
        """The client asks a forward proxy: the connection to that is what the sidecar sees."""
        undecided = forward_proxy.undecided(self.key, asked, request)
        if undecided is not None:
            return undecided
        to = forward_proxy.to_proxy(asked, request)
        to = structs.replace(to, ip=forward_proxy.address_of(to.host, self.registry, self.viewer))
        traced = forward_proxy.with_step(forward_proxy.step_of(request), self._trace_addresses(to))
        traced = structs.replace(traced, destination=asked, forward_proxy=to)
        if not request.proxy.doubt:
            return traced
        return forward_proxy.doubtful(self._dialled(asked, dependency, ClientOptions()), traced, request)

    def _trace_addresses(self, destination: Destination) -> Trace:
        """The worst of the addresses that a client may dial; with an address given, that one."""
        addresses = () if destination.ip is not None else self.dialled_addresses(destination.host, destination.port)
        if not addresses:
            return self.trace(destination)
        traces = [self.trace(structs.replace(destination, ip=ip)) for ip in addresses]
        pairs = zip(addresses, traces, strict=True)
        rows = (AddressTrace(ip, t.verdict, t.reason, t.cluster, t.listener) for ip, t in pairs)
        return structs.replace(_worst(traces), addresses=tuple(rows))

    def dependency(self, host: str, port: int) -> Dependency | None:
        """The pod's configuration that names host:port; None where none does."""
        return self.registry.dependencies.get(self.key, {}).get((host.lower(), port))

    def protocol_of(self, host: str, port: int, scheme: str = "") -> str:
        """What a client most likely speaks: as declared if HTTP or TLS, else as usual for the port, else tcp."""
        found = self.entries.registration(host, port)
        declared = next((p.protocol for p in found.ports(port)), "")
        return client_protocol(declared or self._declared_in_dump(host, port), port, scheme)

    def _declared_in_dump(self, host: str, port: int) -> str:
        """The protocol that the dump shows where no entry was read: a virtual host means HTTP, a server name TLS."""
        name = host.lower()
        config = self.proxy.routes.get(str(port)) if self.proxy else None
        if config is not None and self.domains.of(config).names(name):
            return "HTTP"
        listeners = self.index.by_port.get(port, ()) if self.index else ()
        by_name = any(name in c.match.server_names for listener in listeners for c in listener.filter_chains)
        return "TLS" if by_name else ""

    def assumption(self, host: str, port: int) -> Step | None:
        """A step that names the protocol assumed for the client, where the port usually carries another."""
        known = behaviour(known_protocol(port))
        assumed = self.destination(host, port).protocol
        if not known or known == assumed:
            return None
        why = f"assumed because the port is declared so; port {port} usually carries {known_protocol(port)}: "
        why += f"trace that with --protocol {known}"
        return Step("client", assumed, why)

    def destination(
        self,
        host: str,
        port: int,
        *,
        ip: str | None = None,
        protocol: str | None = None,
        sni: str | None = None,
        authority: str | None = None,
        path: str | None = None,
        method: str | None = None,
        http_version: str | None = None,
        alpn: tuple[str, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        dependency: Dependency | None = None,
        scheme: str | None = None,
    ) -> Destination:
        """A Destination with defaults for what was not given. An empty `sni` is TLS without server name."""
        used = dependency or self.dependency(host, port)
        kind = protocol or self.protocol_of(host, port, scheme or (used.scheme if used else ""))
        if ip is None and is_ip(host):
            ip = host
        if kind == "tls" and sni is None:
            sni = "" if is_ip(host) else host
        return Destination(
            host,
            port,
            ip,
            kind,
            sni=sni if kind == "tls" else None,
            authority=authority,
            path=path or "/",
            method=(method or "GET").upper(),
            http_version=http_version or "1.1",
            alpn=alpn if kind == "tls" else (),
            headers=headers,
            first_bytes=first_bytes(port) if kind == "tcp" else b"",
        )

    def known_addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Addresses a client of this pod may dial for the host, in a stable order.

        With DNS capture, the addresses that the agent answers with: those of the entry, virtual ones too. Else the
        DNS answers, the entry's single addresses, and those that Envoy resolved. Where none of these is known, the
        addresses that the pod dialled according to the access log.
        """
        found = self.entries.registration(host, port)
        entries = (*found.visible, *found.other_ports)
        used = [a for e in entries for a in self.registry.used_addresses(e, host, self.viewer) if is_single(a)]
        own = list(dict.fromkeys(a.split("/")[0] for a in used)) or self._bound(host)
        if own and self.viewer.dns_capture:
            return tuple(own)
        answers = (self.mesh.dns or {}).get(host.lower(), ())
        known = dict.fromkeys([*answers, *own, *(() if answers else self.resolved(host))])
        return tuple(known) or self.mesh.dialled.get((self.key, host.lower()), ())

    def dialled_addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The known addresses without those of the entry that DNS does not answer with, and of an IP version that the
        pod has no address of: a client that dials the host by name never dials them."""
        known = self.known_addresses(host, port)
        known = tuple(ip for ip in known if is_of(ip, self.viewer.families)) or known
        answers = () if self.viewer.dns_capture else (self.mesh.dns or {}).get(host.lower(), ())
        return tuple(a for a in known if a in answers) if answers else known

    def _bound(self, host: str) -> list[str]:
        """Virtual addresses that only the dump shows: before Istio 1.25 the allocation wrote no status.addresses."""
        return self.entries.bound_addresses.get(host.lower(), []) if self.viewer.dns_capture else []

    def resolved(self, host: str) -> list[str]:
        """Addresses that Envoy's DNS clusters of the host resolved it to."""
        if self.proxy is None:
            return []
        found = []
        for name in self.entries.clusters_by_host.get(host, ()):
            cluster = self.proxy.clusters[name]
            if cluster.type in ("STRICT_DNS", "LOGICAL_DNS") and any(e.address == host for e in cluster.endpoints):
                live = self.proxy.live_endpoints
                known = live[name] if live is not None and name in live else self.proxy.endpoints.get(name, ())
                found += [e.address for e in known if is_ip(e.address)]
        return found

    def trace(self, destination: Destination) -> Trace:
        """One connection to one address; `destination.ip` None means that the address is not known."""
        if self.proxy is None or self.index is None or not self.viewer.is_sidecar:
            return self._without_sidecar(destination)
        walk = Walk(self.proxy, destination)
        unread = self.mesh.why_unread("dns.json")
        if destination.ip is None and destination.host in unread:
            walk.step("client", None, unread)
        ended = redirected(walk, self.settings, self.index, self._container(destination))
        outcome = ended or walk.guarded(self._walk(walk, self.index))
        outcome = self._dead_address(walk) if self._is_dead(walk, outcome) else outcome
        name = walk.cluster_name or ""
        if outcome.kind == "unknown-cluster" and name not in self.proxy.clusters:
            outcome = structs.replace(outcome, because=outcome.because + self.causes.explanation(name))
        if outcome.verdict is not Verdict.UNKNOWN and destination.ip is None and self._depends_on_address(walk):
            why = f"no address of {destination.host} is known, and the verdict depends on it"
            outcome = Outcome(Verdict.UNKNOWN, "address-unknown", why, missing=("dns.json",))
        found = self.entries.registration(destination.host, destination.port)
        entries_read = "serviceentries" in self.mesh.kinds_read
        owner = cluster_name(walk.cluster_name or "")
        port = destination.port
        protocols = self.entries.registration(owner.host, port).protocols(port) if owner else frozenset[str]()
        return explain(walk, outcome, MeshContext(self.key, self.viewer, found, entries_read, protocols))

    def _walk(self, walk: Walk, index: ListenerIndex) -> Outcome:
        if "listeners" in walk.proxy.not_received and not index.is_exact(walk.destination.ip, walk.destination.port):
            why = (
                "istiod has sent this sidecar no listeners: nothing listens on port 15001, to which iptables redirects"
            )
            why += " the connection, so the kernel refuses it"
            walk.step("listener", None, why)
            return Outcome(Verdict.BLOCKED, "not-received", why)
        ended = arrive(walk, index)
        if ended is not None:
            return ended
        chain = walk.chain
        if chain is not None and chain.tcp is not None:
            walk.cluster_name = next(iter(chain.tcp_clusters), "")
            walk.config = self._maker_of(walk, chain)
            return self._worst_cluster(walk, chain.tcp_clusters)
        if chain is not None and chain.http is not None:
            answered = pass_http(walk, chain.http, self.domains)
            if answered is not None:
                return answered
            return self._worst_cluster(walk, [c.name for c in walk.route.clusters] if walk.route else [])
        filters = ", ".join(chain.filters) if chain else ""
        why = f"filter chain {chain_label(walk)} has no network filter that meshdoctor reads: {filters or 'none'}"
        return Outcome(Verdict.UNKNOWN, "filter", why, missing=("network filter",))

    def _maker_of(self, walk: Walk, chain: FilterChain) -> str:
        """Path of the VirtualService that made the walk's chain; empty where none did."""
        port = walk.listener.addresses[0][1] if walk.listener and walk.listener.addresses else 0
        return chain_config(self.registry, self.viewer, chain, port, walk.destination.host)

    def _judge(self, walk: Walk) -> Outcome:
        """Judge the cluster, and where a VirtualService sends the host to an egress gateway, the hops behind it."""
        outcome, cluster = judge_cluster(walk, self.registry), walk.cluster
        is_sent_on = outcome.kind == "egress-proxy" or (outcome.verdict is Verdict.DELIVERED and bool(walk.config))
        if cluster is None or not is_sent_on:
            return outcome
        if not is_external_host(walk.destination.host):
            return outcome
        hop = gateway_hop(self.registry, walk.proxy, cluster, walk.destination, is_http=walk.route is not None)
        if hop is not None and hop.unread:
            missing = tuple(f"config dump of {pod}" for pod in hop.pods)
            return Outcome(Verdict.UNKNOWN, "gateway-unread", hop.unread, missing=missing)
        if hop is None or not hop.name:
            return outcome
        walk.steps.append(Step("gateway", None, hop.because, next(iter(hop.evidence), None)))
        return Outcome(Verdict.BROKEN, "gateway", hop.because)

    def _worst_cluster(self, walk: Walk, names: Sequence[str]) -> Outcome:
        """Judge the cluster; of several weighted ones the worst counts, because some connections are sent to it."""
        if len(names) < 2:
            return self._judge(walk)
        steps = list(walk.steps)
        judged = []
        for name in names:
            walk.steps, walk.cluster_name, walk.cluster, walk.endpoint = list(steps), name, None, None
            judged.append((self._judge(walk), name, walk.steps, walk.cluster, walk.endpoint))
        outcome, walk.cluster_name, walk.steps, walk.cluster, walk.endpoint = min(
            judged, key=lambda j: j[0].verdict.rank
        )
        return outcome

    def _container(self, destination: Destination) -> str:
        """The container that dials, where that decides whether the connection is redirected."""
        dependency = self.dependency(destination.host, destination.port)
        names = dependency.containers if dependency else ()
        is_exempt = all(name in self.settings.exempt_containers for name in names)
        return names[0] if names and (len(names) == 1 or is_exempt) else ""

    def _is_dead(self, walk: Walk, outcome: Outcome) -> bool:
        """Whether the connection leaves for a virtual address, where nobody listens."""
        ip = walk.destination.ip
        if ip is None or not self.registry.is_virtual(ip):
            return False
        by_address = walk.cluster is not None and walk.cluster.type == "ORIGINAL_DST"
        leaves = outcome.verdict in (Verdict.BYPASSED, Verdict.LEAKED)
        passes = outcome.verdict is Verdict.PASSTHROUGH and walk.cluster is None
        return leaves or passes or (outcome.verdict is Verdict.DELIVERED and by_address)

    def _dead_address(self, walk: Walk) -> Outcome:
        """Istio allocates virtual addresses for listeners of sidecars only; connections to them time out outside."""
        destination = walk.destination
        why = f"{destination.ip} is a virtual address that Istio allocated, where no server listens"
        if walk.listener is None:
            why += f"; it is not redirected to the sidecar ({walk.setting or 'traffic capture'})"
        else:
            why += f", and no listener of the sidecar takes it on port {destination.port}"
        expect = Expect(("UF", "URX"), 503 if walk.route else None)
        return Outcome(Verdict.BROKEN, "virtual-address-dead", why, expect)

    def _depends_on_address(self, walk: Walk) -> bool:
        """Whether another address of the host on this port could end elsewhere.

        An outside host is at no address of an in-cluster Service, nor at a virtual address: DNS capture answers its own
        only.
        """
        port, host = walk.destination.port, walk.destination.host
        chains = list(walk.listener.filter_chains) if walk.listener is not None else []
        ranged = [chain for chain in chains if chain.match.prefix_ranges]
        listeners = self.index.by_port.get(port, ()) if self.index else ()
        for listener in listeners:
            binds = [bind for bind, number in listener.addresses if number == port and bind not in WILDCARDS]
            if any(not self.registry.is_virtual(bind) for bind in binds):
                ranged += listener.chains()
        return any(not self._is_in_cluster(chain) for chain in ranged) if is_external_host(host) else bool(ranged)

    def _is_in_cluster(self, chain: FilterChain) -> bool:
        """Whether the chain leads to in-cluster Services only."""
        config = self.proxy.routes_of(chain.http) if self.proxy and chain.http else None
        names = [*chain.tcp_clusters, *(config.clusters if config else ())]
        hosts = [parsed.host for parsed in map(cluster_name, names) if parsed is not None]
        return bool(hosts) and all(host.endswith(CLUSTER_LOCAL) for host in hosts)

    def _without_sidecar(self, destination: Destination) -> Trace:
        kind = pod_kind(self.key, self.pod, self.proxy, self.mesh.namespaces)
        if kind in PROXIES:
            why = not_traced(kind, self.proxy.control_plane if self.proxy else "")
            at = self.proxy.evidence("", self.proxy.node.id) if self.proxy else None
            step = Step("proxy", kind, why, at)
            return Trace(self.key, destination, Verdict.UNKNOWN, kind, why, steps=(step,))
        if self.pod is not None and is_ambient(self.pod, self.mesh.namespaces):
            why = "the pod is in ambient mode: its connections go to its node's ztunnel, which meshdoctor does not read"
            step = Step("redirection", "ambient", why, Evidence(self.pod.pointer.document, self.pod.pointer.path))
            return Trace(self.key, destination, Verdict.UNKNOWN, "ambient", why, steps=(step,), missing=("ztunnel",))
        if self.pod is not None and self.pod.proxy_container is None:
            why = "the pod has no sidecar, so Istio does not handle the connection"
            step = Step("redirection", "no sidecar", why, Evidence(self.pod.pointer.document, self.pod.pointer.path))
            return Trace(self.key, destination, Verdict.BYPASSED, "no-sidecar", why, steps=(step,))
        document = f"proxies/{self.key}/config_dump.json"
        why = self.mesh.proxies_unread.get(self.key) or self.mesh.why_unread(document) or f"{document} was not read"
        return Trace(self.key, destination, Verdict.UNKNOWN, "evidence-missing", why, missing=(document,))


def _worst(traces: Sequence[Trace]) -> Trace:
    return min(traces, key=lambda trace: trace.verdict.rank)

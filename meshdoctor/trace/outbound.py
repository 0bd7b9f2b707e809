"""Traces one connection, or every known address of a host, through one sidecar: the entry point of this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from msgspec import structs

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.mesh import Dependency, Mesh, Pod
from meshdoctor.model.proxy import FilterChain, Proxy
from meshdoctor.model.trace import AddressTrace, ClientOptions, Destination, Expect, Step, Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.ip_addresses import is_ip, is_single
from meshdoctor.semantics.istio.data_plane import PROXIES, is_ambient, not_traced, pod_kind
from meshdoctor.semantics.istio.protocols import behaviour, client_protocol, known_protocol
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Registry, Viewer, is_external_host
from meshdoctor.semantics.istio.resource_names import cluster_name
from meshdoctor.semantics.istio.traffic_capture import CaptureSettings, capture_settings, captured
from meshdoctor.trace.arrival import WILDCARDS, ListenerIndex, arrive, chain_label
from meshdoctor.trace.gateway_hop import gateway_hop
from meshdoctor.trace.http_routing import Domains, pass_http
from meshdoctor.trace.proxy_entries import ProxyEntries
from meshdoctor.trace.reason import MeshContext, explain
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
        given = any(client.get(name) is not None for name in ("path", "authority", "method"))
        paths = dependency.paths if dependency and asked.protocol == "http" and not given else ()
        traces = [self._trace_addresses(structs.replace(asked, path=path)) for path in paths or (asked.path,)]
        return min(traces, key=lambda trace: trace.verdict.rank)

    def _trace_addresses(self, destination: Destination) -> Trace:
        """The worst of the addresses that a client may dial; with an address given, that one."""
        addresses = () if destination.ip is not None else self.dialled_addresses(destination.host, destination.port)
        if not addresses:
            return self.trace(destination)
        traces = [self.trace(structs.replace(destination, ip=ip)) for ip in addresses]
        worst = min(traces, key=lambda t: t.verdict.rank)
        rows = (
            AddressTrace(ip, t.verdict, t.reason, t.cluster, t.listener)
            for ip, t in zip(addresses, traces, strict=True)
        )
        return structs.replace(worst, addresses=tuple(rows))

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
    ) -> Destination:
        """A Destination with defaults for what was not given. An empty `sni` is TLS without server name."""
        used = dependency or self.dependency(host, port)
        kind = protocol or self.protocol_of(host, port, used.scheme if used else "")
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
        own = list(dict.fromkeys(a.split("/")[0] for a in used)) or self._virtual(host, port)
        if own and self.viewer.dns_capture:
            return tuple(own)
        answers = (self.mesh.dns or {}).get(host.lower(), ())
        known = dict.fromkeys([*answers, *own, *(() if answers else self.resolved(host))])
        return tuple(known) or self.mesh.dialled.get((self.key, host.lower()), ())

    def dialled_addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The known addresses without those of the entry that DNS does not answer with: a client that dials the host by
        name never dials them."""
        known = self.known_addresses(host, port)
        answers = () if self.viewer.dns_capture else (self.mesh.dns or {}).get(host.lower(), ())
        return tuple(a for a in known if a in answers) if answers else known

    def _virtual(self, host: str, port: int) -> list[str]:
        """Virtual addresses that only the dump shows: before Istio 1.25 the allocation wrote no status.addresses."""
        if not self.viewer.dns_capture or self.index is None:
            return []
        own = f"outbound|{port}||{host.lower()}"
        return [
            bind
            for listener in self.index.by_port.get(port, ())
            for bind, number in listener.addresses
            if number == port and bind not in WILDCARDS
            if any(own in chain.tcp_clusters for chain in listener.chains())
        ]

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
        outcome = self._captured(walk) or self._walk(walk, self.index)
        outcome = self._dead_address(walk) if self._is_dead(walk, outcome) else outcome
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
            walk.config = chain.config
            return self._worst_cluster(walk, chain.tcp_clusters)
        if chain is not None and chain.http is not None:
            answered = pass_http(walk, chain.http, self.domains)
            if answered is not None:
                return answered
            return self._worst_cluster(walk, [c.name for c in walk.route.clusters] if walk.route else [])
        filters = ", ".join(chain.filters) if chain else ""
        why = f"filter chain {chain_label(walk)} has no network filter that meshdoctor reads: {filters or 'none'}"
        return Outcome(Verdict.UNKNOWN, "filter", why, missing=("network filter",))

    def _judge(self, walk: Walk) -> Outcome:
        """Judge the cluster, and where a VirtualService sends the host to an egress gateway, the hops behind it."""
        outcome, cluster = judge_cluster(walk, self.registry), walk.cluster
        if outcome.verdict is not Verdict.DELIVERED or cluster is None or not walk.config:
            return outcome
        if not is_external_host(walk.destination.host):
            return outcome
        hop = gateway_hop(self.mesh, walk.proxy, cluster, walk.destination.host, is_http=walk.route is not None)
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

    def _captured(self, walk: Walk) -> Outcome | None:
        """The first step: is the connection redirected to the sidecar? An Outcome where that ends the trace."""
        destination = walk.destination
        found = captured(self.settings, destination.ip, destination.port)
        why = found.because + (f" ({found.field}: {found.value})" if found.field else "")
        if found.verdict and found.value == "*":
            why = "iptables redirects every address to the sidecar"
        if not self.settings.known:
            why += "; the pod's own settings were not read, so Istio's default is assumed"
        walk.setting = f"{found.field} (now {found.value or 'empty'})" if found.field else ""
        word = {True: "redirected", False: "not redirected", None: "not known"}[found.verdict]
        at = Evidence(found.pointer.document, found.pointer.path, found.value) if found.pointer else None
        walk.steps.append(Step("redirection", word, why, at))
        if found.verdict is False and self.index is not None and self.index.accepts(destination.ip, destination.port):
            walk.step("redirection", "dialled directly", "a listener of the sidecar is bound to this address and port")
            return None
        if found.verdict is False:
            return Outcome(Verdict.BYPASSED, "bypassed", why)
        if found.verdict is None:
            return Outcome(Verdict.UNKNOWN, "address-unknown", found.because, missing=("dns.json",))
        return None

    def _is_dead(self, walk: Walk, outcome: Outcome) -> bool:
        """Whether the connection leaves for a virtual address, where nobody listens."""
        ip = walk.destination.ip
        if ip is None or not self.registry.is_virtual(ip):
            return False
        by_address = walk.cluster is not None and walk.cluster.type == "ORIGINAL_DST"
        leaves = outcome.verdict in (Verdict.BYPASSED, Verdict.PASSTHROUGH, Verdict.LEAKED)
        return leaves or (outcome.verdict is Verdict.DELIVERED and by_address)

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

"""Judges the cluster that a connection is sent to: does it exist, does it belong to the host, and can it work."""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.model.proxy import Cluster, Endpoint, LabelledSocket, Proxy, TlsSocket
from meshdoctor.model.trace import Expect
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.envoy.virtual_hosts import without_port
from meshdoctor.semantics.istio.host_names import host_port
from meshdoctor.semantics.istio.istiod_push import POLICY_CHAINS
from meshdoctor.semantics.istio.protocols import is_plain_http_port, is_tls_port
from meshdoctor.semantics.istio.registry import Registry
from meshdoctor.semantics.istio.resource_names import BLACKHOLE, PASSTHROUGH, cluster_name, config_ref
from meshdoctor.trace.http_routing import POLICY_HOSTS, fault_on_every_request
from meshdoctor.trace.walk import Outcome, Walk


def judge_cluster(walk: Walk, registry: Registry) -> Outcome:
    """The outcome of a walk that has a cluster name: first by the outbound policy, then by whose cluster it is."""
    name = walk.cluster_name or ""
    if name == BLACKHOLE:
        why = "outbound policy REGISTRY_ONLY sends connections to hosts that are not registered to this cluster, which "
        why += "has no endpoints"
        walk.step("cluster", name, why, _sender(walk), name)
        because = f"the connection is sent to {BLACKHOLE}, which has no endpoints"
        return Outcome(Verdict.BLOCKED, "blackhole", because, Expect(("UH",)))
    cluster = walk.proxy.clusters.get(name)
    may_exist = cluster is None and walk.proxy.may_hold("clusters", name)
    if not may_exist and (cluster is None or cluster.state == "warming"):
        return _missing(walk, name)
    if name == PASSTHROUGH or _is_by_policy(walk):
        return _by_policy(walk, cluster, registry)
    walk.cluster = cluster
    own, why = owns(walk, registry)
    walk.step("cluster", name, why, cluster.path if cluster else "", name)
    if cluster is None:
        why = f"cluster {name} was not read: {walk.proxy.coverage('clusters').because}"
        return Outcome(Verdict.UNKNOWN, "no-clusters", why, missing=(f"cluster {name}",))
    if cluster.unread:
        why = f"cluster {name} was not read whole: {cluster.unread}"
        return Outcome(Verdict.UNKNOWN, "cluster-unread", why, missing=(f"cluster {name}",))
    _note_endpoint(walk, cluster)
    if not own:
        return _of_unread_maker(walk, registry) or _other_cluster(walk, cluster)
    because = f"the connection is sent to the right cluster, {name}"
    return why_broken(walk, cluster, registry) or Outcome(Verdict.DELIVERED, "own", because)


def _is_by_policy(walk: Walk) -> bool:
    """Whether the outbound policy's own virtual host or filter chain took the connection."""
    if walk.virtual_host is not None:
        return walk.virtual_host.name in POLICY_HOSTS
    return walk.chain is not None and walk.chain.name in POLICY_CHAINS


def _by_policy(walk: Walk, cluster: Cluster | None, registry: Registry) -> Outcome:
    """ALLOW_ANY: to the address dialled, to the host that the request names (ALLOW_ANY_DYNAMIC_DNS), or to the
    egressProxy of a Sidecar's outboundTrafficPolicy (core/listener_builder.go, buildOutboundCatchAllNetworkFilters)."""
    name = walk.cluster_name or ""
    if cluster is None or cluster.type == "ORIGINAL_DST":
        why = "outbound policy ALLOW_ANY sends connections to hosts that are not registered to the address dialled"
        walk.step("cluster", name, why, _sender(walk), name)
        if name == PASSTHROUGH and walk.destination.ip:
            walk.endpoint = f"{walk.destination.ip}:{walk.destination.port}"
        because = "the connection is sent to the address dialled, as ALLOW_ANY does for hosts that are not registered"
        return Outcome(Verdict.PASSTHROUGH, "passthrough", because)
    walk.cluster = cluster
    parsed = cluster_name(name)
    to = f"egress proxy {parsed.host}" if parsed else "the host that they name"
    mode = "ALLOW_ANY with an egressProxy" if parsed else "ALLOW_ANY_DYNAMIC_DNS"
    kind = "egress-proxy" if parsed else "passthrough"
    why = f"outbound policy {mode} sends connections to hosts that are not registered to {to}"
    walk.step("cluster", name, why, _sender(walk), name)
    _note_endpoint(walk, cluster)
    because = f"the connection is sent to {to}, as {mode} does for hosts that are not registered"
    return why_broken(walk, cluster, registry) or Outcome(Verdict.PASSTHROUGH, kind, because)


SNI_RESOLVER = "sni_dynamic_forward_proxy"


def _sender(walk: Walk) -> str:
    """Path of the route or chain that names the cluster: that line is the evidence for the choice."""
    if walk.route is not None:
        return walk.route.path
    return walk.chain.path if walk.chain is not None else ""


def _missing(walk: Walk, name: str) -> Outcome:
    warming = name in walk.proxy.clusters
    why = f"cluster {name} " + ("is warming: Envoy does not use it yet" if warming else "does not exist in this proxy")
    walk.step("cluster", name, why)
    expect = _aborted(walk) or Expect(("NC",), walk.route.not_found_status if walk.route is not None else None)
    return Outcome(Verdict.BLOCKED, "unknown-cluster", why, expect)


def _aborted(walk: Walk) -> Expect | None:
    """What the client gets where a fault aborts every request; None where none does.

    The fault filter answers before the router looks for a cluster.
    """
    fault = fault_on_every_request(walk)
    return Expect(("FI",), fault.abort_status) if fault else None


def _other_cluster(walk: Walk, cluster: Cluster) -> Outcome:
    walk.blame_chain()
    host = walk.destination.host
    parsed = cluster_name(cluster.name)
    owner = parsed.host if parsed else cluster.name
    if cluster.type == "ORIGINAL_DST":
        because = f"the connection is sent to the address dialled, through the cluster of another host, {owner}"
        return Outcome(Verdict.LEAKED, "original-dst", because)
    return Outcome(Verdict.MISROUTED, "other-cluster", f"the connection is sent to {owner}, not to {host}")


def owns(walk: Walk, registry: Registry) -> tuple[bool, str]:
    """Whether the walk's cluster is the host's own, and why: by name, by address, or by a VirtualService."""
    name = walk.cluster_name or ""
    parsed = cluster_name(name)
    destination = walk.destination
    if parsed is not None:
        if registry.same_host(parsed.host, destination.host, walk.proxy.node.namespace):
            return True, f"this is the cluster of {destination.host}"
        binds = walk.listener.addresses if walk.listener and walk.chain and destination.ip == destination.host else ()
        is_bound = any(bind == destination.host for bind, _ in binds)
        if is_bound or registry.ip_belongs(destination.host, parsed.host):
            return True, f"{destination.host} is an address of {parsed.host}, whose cluster this is"
    sent_by = registry.sent_by(walk.config, destination.host)
    if sent_by or (sent_by is None and _matched_by_name(walk, registry)):
        return True, f"a VirtualService sends connections to {destination.host} to this cluster"
    host = parsed.host if parsed else name
    return False, f"this is the cluster of {host}, not of {destination.host}"


def _matched_by_name(walk: Walk, registry: Registry) -> bool:
    """Where the VirtualService was not read (the Gateway API's routes become one): the chain or virtual host that it
    made names this host, or its listener is bound to an address of it."""
    if not walk.config or "/virtual-service/" not in walk.config:
        return False
    host = walk.destination.host
    names = walk.chain.match.server_names if walk.chain and not walk.domain else (walk.domain,)
    binds = walk.listener.addresses if walk.listener is not None and walk.route is None else ()
    is_bound = any(registry.ip_belongs(bind, host) for bind, _ in binds)
    return is_bound or any(n != "*" and registry.same_host(n, host, "") for n in names)


def _of_unread_maker(walk: Walk, registry: Registry) -> Outcome | None:
    """Unknown where a VirtualService that was not read made a filter chain without names: it may be for any host."""
    ref = config_ref(walk.config)
    names_hosts = walk.route is not None or (walk.chain is not None and bool(walk.chain.match.server_names))
    if ref is None or names_hosts or registry.sent_by(walk.config, walk.destination.host) is not None:
        return None
    because = f"VirtualService {ref.namespace}/{ref.name}, which made this filter chain, was not read"
    missing = (f"resources/virtualservices.yaml: {ref.namespace}/{ref.name}",)
    return Outcome(Verdict.UNKNOWN, "maker-unread", because, missing=missing)


def _note_endpoint(walk: Walk, cluster: Cluster) -> None:
    if cluster.type == "ORIGINAL_DST":
        ip, port = walk.destination.ip, cluster.port_override or walk.destination.port
        walk.endpoint = f"{ip}:{port}" if ip else None
        why = "cluster type ORIGINAL_DST: Envoy connects to the address that the client dialled"
        walk.step("endpoint", walk.endpoint, why, cluster.path)
        return
    if cluster.is_dynamic:
        name, walk.endpoint = _named(walk, cluster)
        why = f"cluster type dynamic_forward_proxy: Envoy resolves {name}, which the client names"
        walk.step("endpoint", walk.endpoint, why, cluster.path)
        return
    known = walk.proxy.endpoints_of(cluster)
    usable = [e for e in known or () if e.health == "HEALTHY"]
    if usable:
        walk.endpoint = f"{usable[0].address}:{usable[0].port}"
        which = f"one of {len(usable)} usable endpoints" if len(usable) > 1 else "the only usable endpoint"
        walk.step("endpoint", walk.endpoint, f"{which} (cluster type {cluster.type})", cluster.path)


def _named(walk: Walk, cluster: Cluster) -> tuple[str, str]:
    """The host that the client names, which a dynamic forward proxy resolves, and host:port.

    The port of the Host header, else 80, with TLS 443; for a server name that of the listener
    (extensions/filters/http/dynamic_forward_proxy/proxy_filter.cc, network/sni_dynamic_forward_proxy).
    """
    destination = walk.destination
    if walk.route is None:
        name = destination.sni or destination.host
        return name, host_port(name, destination.port)
    if destination.authority is None:
        return destination.host, host_port(destination.host, destination.port)
    name = without_port(destination.authority)
    number = destination.authority[len(name) :].removeprefix(":")
    default = 80 if tls_towards(walk.proxy, cluster) is None else 443
    return name, host_port(name.strip("[]"), int(number) if number.isdigit() else default)


def why_broken(walk: Walk, cluster: Cluster, registry: Registry) -> Outcome | None:
    """Why the host's own cluster cannot work; None where no reason is known."""
    aborted = _aborted(walk)
    if aborted:
        why = f"fault injection aborts every request with status {aborted.http_status}"
        return Outcome(Verdict.BROKEN, "fault", why, aborted)
    absent = _unresolved(walk, cluster, registry) if cluster.is_dynamic else _no_endpoint(walk, cluster)
    return absent or _bad_tls(walk, cluster, registry)


def _unresolved(walk: Walk, cluster: Cluster, registry: Registry) -> Outcome | None:
    """Why a dynamic forward proxy has no host to connect to: no filter resolves the server name, or it has no address.

    A request's host is resolved by the cluster itself, a server name by a filter, which istiod writes into no chain of
    a gateway or of a VirtualService (core/networkfilter.go, buildOutboundNetworkFiltersWithSingleDestination).
    """
    name, _ = _named(walk, cluster)
    filters = walk.chain.filters if walk.route is None and walk.chain is not None else (SNI_RESOLVER,)
    if SNI_RESOLVER not in filters:
        why = f"cluster {cluster.name} needs filter {SNI_RESOLVER} to resolve the server name; this chain has none"
        return Outcome(Verdict.BROKEN, "no-endpoints", why, Expect(("UH",)))
    if (registry.mesh.dns or {}).get(name.lower()) == ():
        expect = Expect(("DF",), 503) if walk.route is not None else Expect(("UH",))
        return Outcome(Verdict.BROKEN, "no-endpoints", f"DNS has no address for {name}", expect)
    return None


def _no_endpoint(walk: Walk, cluster: Cluster) -> Outcome | None:
    if cluster.type == "ORIGINAL_DST":
        return None
    if cluster.type.startswith("envoy.clusters."):
        why = f"cluster {cluster.name} has type {cluster.type}, which is not evaluated"
        return Outcome(Verdict.UNKNOWN, "cluster-type", why, missing=(f"cluster type {cluster.type}",))
    known = walk.proxy.endpoints_of(cluster)
    http = Expect(("UH",), 503 if walk.route is not None else None)
    if known is None:
        if cluster.type == "EDS":
            why = f"the endpoints of cluster {cluster.name} were not read"
            return Outcome(
                Verdict.UNKNOWN, "no-endpoints-read", why, missing=("config_dump?include_eds or clusters.json",)
            )
        known = cluster.endpoints
    elif known and all(e.health != "HEALTHY" for e in known) and cluster.panic_threshold == 0:
        why = f"no endpoint of cluster {cluster.name} is usable: {known[0].health}"
        return Outcome(Verdict.BROKEN, "no-endpoints", why, http)
    return None if known else Outcome(Verdict.BROKEN, "no-endpoints", f"cluster {cluster.name} has no endpoints", http)


def socket_for(cluster: Cluster, endpoint: Endpoint | None) -> LabelledSocket:
    """The socket Envoy uses towards an endpoint: of the first match whose labels it has all, else the cluster's own.

    common/upstream/transport_socket_match_impl.cc. Without an endpoint, as for one without labels.
    """
    labels = endpoint.socket_labels if endpoint is not None else {}
    fitting = (match for match in cluster.socket_matches if match.labels.items() <= labels.items())
    return next(fitting, LabelledSocket("", {}, cluster.tls))


def sockets_for(cluster: Cluster, endpoints: Sequence[Endpoint]) -> list[LabelledSocket]:
    """The different sockets that Envoy uses towards the endpoints."""
    found = [socket_for(cluster, endpoint) for endpoint in endpoints or (None,)]
    return list({(id(match.socket), match.tunnels): match for match in found}.values())


def tls_towards(proxy: Proxy, cluster: Cluster) -> TlsSocket | None:
    """The TLS that a proxy originates towards a cluster's endpoints, of several sockets the first; None where none."""
    found = sockets_for(cluster, proxy.configured_endpoints(cluster))
    return next((match.socket for match in found if match.socket is not None), None)


def upstream_ports(walk: Walk, cluster: Cluster) -> list[int]:
    """Ports Envoy connects to."""
    if cluster.type == "ORIGINAL_DST":
        return [cluster.port_override or walk.destination.port]
    if cluster.is_dynamic:
        return [int(_named(walk, cluster)[1].rpartition(":")[2])]
    return sorted({e.port for e in walk.proxy.endpoints_of(cluster) or cluster.endpoints})


def _bad_tls(walk: Walk, cluster: Cluster, registry: Registry) -> Outcome | None:
    """Why the TLS of the cluster cannot work; of endpoints with different sockets, the first that cannot."""
    found = (
        _waiting(walk, cluster, match.socket) or _bad_socket(walk, cluster, match, registry.is_external(cluster))
        for match in sockets_for(cluster, walk.proxy.configured_endpoints(cluster))
    )
    return next((outcome for outcome in found if outcome is not None), None)


def _waiting(walk: Walk, cluster: Cluster, socket: TlsSocket | None) -> Outcome | None:
    """A certificate or authority that the socket needs and Envoy has not got: it opens no connection."""
    found = next(iter(walk.proxy.awaited_by(socket)), None)
    if found is None:
        return None
    lacks = f", which Envoy refused: {found.because}" if found.because else ", which the proxy has not received"
    why = f"the TLS of cluster {cluster.name} needs secret {found.name}{lacks}"
    walk.step("cluster", cluster.name, why, found.path, found.name)
    return Outcome(
        Verdict.BROKEN, "secret-missing", why, Expect(("UF", "URX"), 503 if walk.route is not None else None)
    )


def _bad_socket(walk: Walk, cluster: Cluster, match: LabelledSocket, external: bool) -> Outcome | None:
    socket = match.socket
    reset = Expect(("UF", "URX"), 503 if walk.route is not None else None)
    ports = upstream_ports(walk, cluster)
    if match.tunnels:
        why = f"an endpoint of cluster {cluster.name} is reached through a tunnel (HBONE), which is not evaluated"
        return Outcome(Verdict.UNKNOWN, "tunnel", why, missing=("HBONE tunnel",)) if external else None
    if socket is None:
        # an in-cluster Service speaks what its port name says, whatever its number
        tls_ports = [p for p in ports if is_tls_port(p)] if external else []
        if walk.destination.protocol == "http" and tls_ports and len(tls_ports) == len(ports):
            sender, expect = ("Envoy", Expect(("UC", "UPE"), 503)) if walk.route else ("the application", Expect())
            why = f"{sender} sends plain HTTP to port {tls_ports[0]}, where the server expects TLS"
            return Outcome(Verdict.BROKEN, "plain-to-tls", why, expect)
        return None
    if socket.istio_mutual and external:
        why = f"Envoy uses Istio mutual TLS (ISTIO_MUTUAL), but {walk.destination.host} is outside the mesh"
        return Outcome(Verdict.BROKEN, "mtls-to-external", why, reset)
    if socket.istio_mutual:
        return None
    passes = walk.chain.tcp if walk.chain is not None else None
    if walk.destination.protocol == "tls" and passes is not None and not passes.tunnel:
        why = "the application already sends TLS, and Envoy originates TLS again"
        return Outcome(Verdict.BROKEN, "double-tls", why, reset)
    if ports and all(is_plain_http_port(p) for p in ports):
        why = f"Envoy originates TLS to port {ports[0]}, where the server speaks plain HTTP"
        return Outcome(Verdict.BROKEN, "tls-to-plain", why, reset)
    return None

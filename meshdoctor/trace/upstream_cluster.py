"""Judging the cluster a connection reached: is it there, is it the host's own, and can it work."""

from __future__ import annotations

from meshdoctor.model.proxy import Cluster, Endpoint, TlsSocket
from meshdoctor.model.trace import Expect
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.istio.protocols import is_plain_http_port, is_tls_port
from meshdoctor.semantics.istio.registry import Registry
from meshdoctor.semantics.istio.resource_names import BLACKHOLE, PASSTHROUGH, cluster_name
from meshdoctor.trace.http_routing import POLICY_HOSTS, fault_on_every_request
from meshdoctor.trace.walk import Outcome, Walk


def judge_cluster(walk: Walk, registry: Registry) -> Outcome:
    """The outcome of a walk that has a cluster name, in the order of product.md's verdict table."""
    name = walk.cluster_name or ""
    if name == BLACKHOLE:
        why = "the cluster without endpoints, where REGISTRY_ONLY sends what is not registered"
        walk.step("cluster", name, why, _sender(walk), name)
        return Outcome(Verdict.BLOCKED, "blackhole", "it ends in BlackHoleCluster", Expect(("UH",)))
    if "clusters" in walk.proxy.sections and _is_missing(walk, name):
        return _missing(walk, name)
    if name == PASSTHROUGH or (walk.virtual_host is not None and walk.virtual_host.name in POLICY_HOSTS):
        walk.step("cluster", name, "the way out for what is not registered (ALLOW_ANY)", _sender(walk), name)
        walk.endpoint = _dialled(walk) if name == PASSTHROUGH else None
        return Outcome(Verdict.PASSTHROUGH, "passthrough", "it leaves unregistered")
    cluster = walk.proxy.clusters.get(name)
    walk.cluster = cluster
    own, why = owns(walk, registry)
    walk.step("cluster", name, why, cluster.path if cluster else "", name)
    if cluster is None:
        return Outcome(Verdict.UNKNOWN, "no-clusters", "the dump has no clusters section", missing=("clusters",))
    _note_endpoint(walk, cluster)
    if not own:
        return _someone_elses(cluster)
    return _fault(walk, cluster, registry) or Outcome(Verdict.DELIVERED, "own", "it reaches its own cluster")


def _sender(walk: Walk) -> str:
    """Where the dump names the cluster: that line decides, and not what the cluster is."""
    if walk.route is not None:
        return walk.route.path
    return walk.chain.path if walk.chain is not None else ""


def _is_missing(walk: Walk, name: str) -> bool:
    cluster = walk.proxy.clusters.get(name)
    return cluster is None or cluster.state == "warming"


def _missing(walk: Walk, name: str) -> Outcome:
    warming = name in walk.proxy.clusters
    why = f"cluster {name} is {'warming: not in use yet' if warming else 'not in this proxy'}"
    walk.step("cluster", name, why)
    expect = _aborted(walk) or Expect(("NC",), 503 if walk.route is not None else None)
    return Outcome(Verdict.BLOCKED, "unknown-cluster", why, expect)


def _aborted(walk: Walk) -> Expect | None:
    """What is seen where a fault ends every request: the fault filter answers before the router looks for a cluster."""
    if not fault_on_every_request(walk):
        return None
    fault = walk.route.fault if walk.route else None
    if fault is None and walk.chain is not None and walk.chain.http is not None:
        fault = walk.chain.http.fault
    return Expect(("FI",), fault.abort_status if fault else None)


def _dialled(walk: Walk) -> str | None:
    destination = walk.destination
    return f"{destination.ip}:{destination.port}" if destination.ip else None


def _someone_elses(cluster: Cluster) -> Outcome:
    owner = _host_of(cluster.name)
    if cluster.type == "ORIGINAL_DST":
        return Outcome(Verdict.LEAKED, "original-dst", f"it leaves to the address dialled under {owner}'s cluster")
    return Outcome(Verdict.MISROUTED, "other-cluster", f"it is sent to {owner}")


def _host_of(name: str) -> str:
    parsed = cluster_name(name)
    return parsed.host if parsed else name


def owns(walk: Walk, registry: Registry) -> tuple[bool, str]:
    """Whether the walk's cluster is the host's own, and why (product.md, `trace --json`)."""
    name = walk.cluster_name or ""
    parsed = cluster_name(name)
    destination = walk.destination
    if parsed is not None:
        if registry.same_host(parsed.host, destination.host, walk.proxy.node.namespace):
            return True, f"the cluster of {destination.host}"
        if registry.ip_belongs(destination.host, parsed.host) or _bound_to(walk, destination.host):
            return True, f"{destination.host} is an address of {parsed.host}"
    sent_by = registry.sent_by(walk.config, destination.host)
    if sent_by or (sent_by is None and _matched_by_name(walk, registry)):
        return True, f"where a VirtualService for {destination.host} sends it"
    host = parsed.host if parsed else name
    return False, f"the cluster of {host}, not of {destination.host}"


def _bound_to(walk: Walk, host: str) -> bool:
    """A bare IP on a listener or a chain made for just that address."""
    if walk.listener is None or walk.chain is None or walk.destination.ip != host:
        return False
    return any(bind == host for bind, _ in walk.listener.addresses)


def _matched_by_name(walk: Walk, registry: Registry) -> bool:
    """Without the VirtualService at hand: its chain or virtual host names this very host."""
    if not walk.config or "/virtual-service/" not in walk.config:
        return False
    names = walk.chain.match.server_names if walk.chain and not walk.domain else (walk.domain,)
    return any(n != "*" and registry.same_host(n, walk.destination.host, "") for n in names)


def _note_endpoint(walk: Walk, cluster: Cluster) -> None:
    if cluster.type == "ORIGINAL_DST":
        ip, port = walk.destination.ip, cluster.port_override or walk.destination.port
        walk.endpoint = f"{ip}:{port}" if ip else None
        walk.step("endpoint", walk.endpoint, "ORIGINAL_DST: the address the client dialled", cluster.path)
        return
    known = walk.proxy.endpoints_of(cluster)
    usable = [e for e in known or () if e.health == "HEALTHY"]
    if usable:
        walk.endpoint = f"{usable[0].address}:{usable[0].port}"
        more = f", one of {len(usable)}" if len(usable) > 1 else ""
        walk.step("endpoint", walk.endpoint, f"{cluster.type}{more}", cluster.path)


def _fault(walk: Walk, cluster: Cluster, registry: Registry) -> Outcome | None:
    """Why the own cluster cannot work; None where nothing speaks against it."""
    aborted = _aborted(walk)
    if aborted:
        return Outcome(Verdict.BROKEN, "fault", fault_on_every_request(walk), aborted)
    return _nobody_there(walk, cluster, registry) or _no_endpoint(walk, cluster) or _bad_tls(walk, cluster, registry)


def _nobody_there(walk: Walk, cluster: Cluster, registry: Registry) -> Outcome | None:
    """A virtual address as the client dialled it, sent out unchanged: the entry it was made for has not this port."""
    ip = walk.destination.ip
    if cluster.type != "ORIGINAL_DST" or ip is None or not registry.is_virtual(ip):
        return None
    why = f"Envoy connects to {ip} itself, a virtual address of Istio's where nobody listens"
    return Outcome(Verdict.BROKEN, "virtual-address-sent-out", why, Expect(("UF", "URX"), 503 if walk.route else None))


def _no_endpoint(walk: Walk, cluster: Cluster) -> Outcome | None:
    if cluster.type == "ORIGINAL_DST" or cluster.type.startswith("envoy.clusters."):
        return None
    known = walk.proxy.endpoints_of(cluster)
    http = Expect(("UH",), 503 if walk.route is not None else None)
    if known is None:
        if cluster.type == "EDS":
            why = f"the endpoints of {cluster.name} are in no document that was read"
            return Outcome(
                Verdict.UNKNOWN, "no-endpoints-read", why, missing=("config_dump?include_eds or clusters.json",)
            )
        return (
            None
            if cluster.endpoints
            else Outcome(Verdict.BROKEN, "no-endpoints", f"{cluster.name} has no endpoints", http)
        )
    if not known:
        return Outcome(Verdict.BROKEN, "no-endpoints", f"{cluster.name} has no endpoints", http)
    if all(e.health != "HEALTHY" for e in known) and cluster.panic_threshold == 0:
        return Outcome(
            Verdict.BROKEN, "no-endpoints", f"no endpoint of {cluster.name} is usable: {known[0].health}", http
        )
    return None


def socket_for(cluster: Cluster, endpoint: Endpoint | None) -> TlsSocket | None:
    """The TLS socket Envoy uses towards an endpoint: the first transport_socket_match, else the cluster's own."""
    for socket in cluster.tls_matches:
        labels = socket.match_labels if socket is not None else {}
        if not labels:
            return socket
        if endpoint is not None and endpoint.tls_mode and labels.get("tlsMode") == endpoint.tls_mode:
            return socket
    return cluster.tls


def upstream_ports(walk: Walk, cluster: Cluster) -> list[int]:
    """Ports Envoy connects to."""
    if cluster.type == "ORIGINAL_DST":
        return [cluster.port_override or walk.destination.port]
    return sorted({e.port for e in walk.proxy.endpoints_of(cluster) or cluster.endpoints})


def _bad_tls(walk: Walk, cluster: Cluster, registry: Registry) -> Outcome | None:
    socket = socket_for(cluster, walk.proxy.first_endpoint(cluster))
    reset = Expect(("UF", "URX"), 503 if walk.route is not None else None)
    ports = upstream_ports(walk, cluster)
    external = registry.is_external(cluster)
    if socket is None:
        # an in-cluster Service speaks what its port name says, whatever its number
        tls_ports = [p for p in ports if is_tls_port(p)] if external else []
        if walk.destination.protocol == "http" and tls_ports and len(tls_ports) == len(ports):
            sender, expect = ("Envoy", Expect(("UC", "UPE"), 503)) if walk.route else ("the application", Expect())
            why = f"{sender} sends plain HTTP to port {tls_ports[0]}, where the server expects TLS"
            return Outcome(Verdict.BROKEN, "plain-to-tls", why, expect)
        return None
    if socket.istio_mutual and external:
        return Outcome(
            Verdict.BROKEN, "mtls-to-external", "Envoy uses Istio mutual TLS, the host is outside the mesh", reset
        )
    if socket.istio_mutual:
        return None
    if walk.destination.protocol == "tls" and walk.chain is not None and walk.chain.tcp is not None:
        why = "the application speaks TLS already and the cluster originates TLS again"
        return Outcome(Verdict.BROKEN, "double-tls", why, reset)
    if ports and all(is_plain_http_port(p) for p in ports):
        why = f"Envoy originates TLS to port {ports[0]}, where the server speaks plain HTTP"
        return Outcome(Verdict.BROKEN, "tls-to-plain", why, reset)
    return None

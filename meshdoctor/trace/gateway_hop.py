"""The path of a connection through an egress gateway, hop by hop, and the first broken hop."""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.mesh import Gateway, Mesh, Service
from meshdoctor.model.proxy import Cluster, FilterChain, Proxy
from meshdoctor.model.routes import Route
from meshdoctor.model.trace import Destination
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.envoy.filter_chains import Arrival, choose_chain
from meshdoctor.semantics.envoy.virtual_hosts import DomainIndex, Request, choose_route
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Registry
from meshdoctor.semantics.istio.resource_names import BLACKHOLE, cluster_name
from meshdoctor.trace.upstream_cluster import tls_towards, why_broken
from meshdoctor.trace.walk import Walk


class Hop(Struct, frozen=True):
    """The broken hop, why, and the evidence; `name` is empty where nothing is broken."""

    name: str = ""
    because: str = ""
    evidence: tuple[Evidence, ...] = ()
    pods: tuple[str, ...] = ()
    unread: str = ""
    """What of the gateway's dump was not read, where it is not known whether a hop is broken."""


class _Sent(Struct, frozen=True):
    """What a sidecar sends to a gateway: on which ports of its pods it arrives, and how."""

    destination: Destination
    ports: frozenset[int]
    arrival: Arrival


def gateway_hop(
    registry: Registry, proxy: Proxy, cluster: Cluster, destination: Destination, *, is_http: bool
) -> Hop | None:
    """The first broken hop of connections that a sidecar sends to an egress gateway through this cluster; None where
    the cluster leads to none.

    `is_http`: by a route, else by a filter chain.
    """
    mesh = registry.mesh
    parsed = cluster_name(cluster.name)
    if parsed is None or not parsed.host.endswith(CLUSTER_LOCAL):
        return None
    routers = _routers_of(mesh, parsed.host)
    # without the gateway's own proxy or Service at hand: istio's charts name it so
    if not routers and "gateway" not in parsed.host.split(".", 1)[0]:
        return None
    known = proxy.endpoints_of(cluster)
    if known is not None and not any(e.health == "HEALTHY" for e in known):
        why = f"the sidecar's cluster {cluster.name} has no usable endpoint: no gateway pod is ready behind "
        return Hop("endpoints", why + parsed.host, (proxy.evidence(cluster.path, cluster.name),))
    if known:
        ports = frozenset(e.port for e in known)
    else:  # no document shows the endpoints: the target ports of the gateway's Service
        service = _service_of(mesh, parsed.host)
        served = service.ports if service else ()
        ports = frozenset(p.target_port or p.number for p in served if p.number == parsed.port)
    socket = tls_towards(proxy, cluster)
    sent = "" if is_http else (destination.sni or destination.host)
    name = socket.sni if socket and socket.sni else sent
    tls = socket is not None or not is_http
    arrival = Arrival(None, 0, name, "tls" if tls else "raw_buffer")
    hops = (_hop_of(registry, router, _Sent(destination, ports, arrival)) for router in (routers if ports else ()))
    broken = next((hop for hop in hops if hop.name or hop.unread), None)
    return broken or Hop(pods=tuple(r.key for r in routers))


def _hop_of(registry: Registry, router: Proxy, sent: _Sent) -> Hop:
    """The first broken hop inside one gateway; unread where what is missing of its dump may be the hop."""
    broken = _inside(registry, router, sent)
    gaps = (router.coverage(section) for section in ("listeners", "routes", "clusters"))
    gap = next((one.because for one in gaps if not one.is_whole), "")
    if broken.name and gap:
        return Hop(pods=broken.pods, unread=f"the dump of gateway {router.key} is not whole: {gap}")
    return broken


def _routers_of(mesh: Mesh, gateway: str) -> list[Proxy]:
    """Gateway proxies behind a Service: by its selector, else by their namespace.

    Reads only dumps of possible gateways.
    """
    service = _service_of(mesh, gateway)
    namespace = gateway.split(".")[1] if gateway.count(".") > 1 else ""
    selector = service.selector.items() if service else {}.items()
    routers = []
    for key in mesh.proxy_names:
        pod = mesh.pods.get(key)
        if not key.startswith(f"{namespace}/") or (pod and not selector <= pod.labels.items()):
            continue
        summary = mesh.summary(key)
        if summary and (summary.role, summary.namespace) == ("router", namespace):
            routers.append(mesh.proxies[key])
    return [router for router in routers if selector <= _labels(mesh, router).items()]


def _labels(mesh: Mesh, router: Proxy) -> dict[str, str]:
    pod = mesh.pods.get(router.key)
    return pod.labels if pod else router.node.labels


def _service_of(mesh: Mesh, gateway: str) -> Service | None:
    return next((s for s in mesh.services if s.host == gateway), None)


def _inside(registry: Registry, router: Proxy, sent: _Sent) -> Hop:
    """The hops inside the gateway: a server on the port, a route for the host, a cluster that can work."""
    host = sent.destination.host
    served = (x for x in router.listeners.values() if not x.is_static)
    listener = next((x for x in served if any(p in sent.ports for _, p in x.addresses)), None)
    if listener is None:
        return _no_listener(registry.mesh, router, sent)
    at = Arrival(None, listener.addresses[0][1], sent.arrival.server_name, sent.arrival.transport_protocol)
    chain = choose_chain(listener.filter_chains, listener.default_filter_chain, at).chain
    seen = router.evidence(chain.path if chain else listener.path, listener.name)
    if lost := listener.unread or (chain.unread if chain else ""):
        why = f"listener {listener.name} of gateway {router.key} was not read whole: {lost}"
        return Hop(pods=(router.key,), unread=why)
    if chain is None:
        name = sent.arrival.server_name or "(none)"
        why = f"no filter chain of the gateway's listener {listener.name} matches server name {name}"
        return Hop("route", why, (seen,), (router.key,))
    walk = Walk(router, sent.destination)
    walk.listener, walk.chain, walk.route = listener, chain, _route(router, chain, host)
    target = next(
        (name for name in (*chain.tcp_clusters, *(c.name for c in (walk.route.clusters if walk.route else ())))), ""
    )
    if not target or target == BLACKHOLE:
        return Hop("route", f"the gateway's listener {listener.name} has no route for {host}", (seen,), (router.key,))
    cluster = router.clusters.get(target)
    if cluster is None:
        why = (
            f"the gateway routes to cluster {target}, which does not exist: the entry is not exported to its namespace"
        )
        return Hop("cluster", why, (seen,), (router.key,))
    return _upstream(registry, walk, cluster)


def _upstream(registry: Registry, walk: Walk, cluster: Cluster) -> Hop:
    """The last hop: why the gateway's cluster cannot work, as the sidecar's own would be judged."""
    router = walk.proxy
    outcome = why_broken(walk, cluster, registry)
    if outcome is None:
        return Hop(pods=(router.key,))
    if outcome.verdict is Verdict.UNKNOWN:
        return Hop(pods=(router.key,), unread=f"gateway {router.key}: {outcome.because}")
    why = f"in the gateway, {outcome.because}"
    if outcome.kind == "no-endpoints" and cluster.type == "EDS":
        why += "; a gateway cannot connect with resolution NONE"
    return Hop("upstream", why, (router.evidence(cluster.path, cluster.name),), (router.key,))


def _no_listener(mesh: Mesh, router: Proxy, sent: _Sent) -> Hop:
    """Why the gateway does not listen: its Envoy refused the listener, there is no server, or (TLS and TCP servers need
    it) no route bound to the one there is.

    istiod makes no listener for a TLS passthrough or TCP server that no VirtualService uses (core/gateway.go).
    """
    seen, numbers = (Evidence(router.document, "", router.key),), ", ".join(map(str, sorted(sent.ports)))
    names = {f"0.0.0.0_{port}" for port in sent.ports}
    refused = next((r for r in router.rejections if r.kind == "listener" and r.name in names), None)
    if refused is not None:
        why = f"the gateway has not accepted listener {refused.name}: {refused.details}"
        return Hop("server", why, (router.evidence(refused.path, refused.name),), (router.key,))
    host = sent.destination.host
    gateway = _gateway_for(mesh, router, sent.ports, host)
    if gateway is not None:
        at = gateway.pointer
        servers = Evidence(at.document, f"{at.path}.spec.servers", str(gateway.ref))
        why = f"{gateway.ref} has a server for {host}, but no VirtualService bound to it routes {host}: no listener"
        return Hop("route", why, (servers, *seen), (router.key,))
    why = f"the gateway has no listener on port {numbers}: no Gateway with that port selects its pods"
    return Hop("server", why, seen, (router.key,))


def _gateway_for(mesh: Mesh, router: Proxy, ports: frozenset[int], host: str) -> Gateway | None:
    """A Gateway that selects this proxy and has a server for the host on a port that leads to one of `ports`."""
    labels = _labels(mesh, router)
    led = {p.number for s in mesh.services if s.selector and s.selector.items() <= labels.items() for p in s.ports}
    for gateway in mesh.gateways:
        servers = gateway.servers if gateway.selector.items() <= labels.items() else ()
        for server in servers:
            # `hosts` may carry a namespace, `shop/*.example`
            names = (str(h).rpartition("/")[2] for h in server.get("hosts") or [])
            number = (server.get("port") or {}).get("number")
            if number in led | ports and any(covers(name, host) for name in names):
                return gateway
    return None


def _route(router: Proxy, chain: FilterChain, host: str) -> Route | None:
    """The route by which a connection manager sends the host; None where it has none."""
    config = router.routes_of(chain.http) if chain.http is not None else None
    found = DomainIndex(config).find(host) if config else None
    choice = choose_route(found.virtual_host.routes, Request(host)) if found else None
    return choice.route if choice else None

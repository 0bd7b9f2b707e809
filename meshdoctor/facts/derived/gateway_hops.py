"""The path through an egress gateway, hop by hop, and the first broken hop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from meshdoctor.facts.derived.proxy_context import ClusterUse, ProxyContext, host_lost
from meshdoctor.facts.derived.resource_views import config_name, config_role, seen_at
from meshdoctor.model.evidence import Evidence
from meshdoctor.model.mesh import Gateway, Mesh, Service
from meshdoctor.model.proxy import Cluster, FilterChain, Proxy
from meshdoctor.model.sheet import GatewayHop
from meshdoctor.semantics.envoy.filter_chains import Arrival, choose_chain
from meshdoctor.semantics.envoy.virtual_hosts import DomainIndex, Request, choose_route
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, is_external_host
from meshdoctor.semantics.istio.resource_names import BLACKHOLE, cluster_name, config_ref
from meshdoctor.trace.upstream_cluster import socket_for


class Hop(Struct, frozen=True):
    """The broken hop, why, and the evidence; `name` is empty where nothing is broken."""

    name: str = ""
    because: str = ""
    evidence: tuple[Evidence, ...] = ()
    pods: tuple[str, ...] = ()


def gateway_hops(case: ProxyContext) -> Iterator[GatewayHop]:
    """One fact per external host that a VirtualService sends to an in-cluster gateway."""
    seen: set[tuple[str, str]] = set()
    for name, uses in case.uses.items():
        parsed = cluster_name(name)
        if parsed is None or not parsed.host.endswith(CLUSTER_LOCAL) or name not in case.proxy.clusters:
            continue
        for use in uses:
            host, port = host_lost(use)
            if (host, name) in seen or not use.made_by or not is_external_host(host.removeprefix("*.")):
                continue
            # without the gateway's own proxy or Service at hand: istio's charts name it so
            if not _routers_of(case.mesh, parsed.host) and "gateway" not in parsed.host.split(".", 1)[0]:
                continue
            seen.add((host, name))
            yield _gateway_hop(case, use, host, port, parsed.host)


def _gateway_hop(case: ProxyContext, use: ClusterUse, host: str, port: int, gateway: str) -> GatewayHop:
    hop = _first_broken(case, use, host, gateway)
    ref = config_ref(use.made_by)
    return GatewayHop(
        pod=case.key,
        host=host,
        port=port,
        policy=case.policy,
        resources=config_role(ref, "route"),
        evidence=(*hop.evidence, case.evidence(use.path, use.cluster)),
        gateway=gateway,
        broken_hop=hop.name,
        because=hop.because,
        config=config_name(ref),
        gateway_pods=hop.pods,
    )


def _first_broken(case: ProxyContext, use: ClusterUse, host: str, gateway: str) -> Hop:
    cluster = case.proxy.clusters[use.cluster]
    known = case.proxy.endpoints_of(cluster)
    if known is not None and not any(e.health == "HEALTHY" for e in known):
        why = f"the sidecar's cluster {cluster.name} has no usable endpoint: no gateway pod is ready behind {gateway}"
        return Hop("endpoints", why, (case.evidence(cluster.path, cluster.name),))
    routers = _routers_of(case.mesh, gateway)
    ports = {e.port for e in known} if known else _target_ports(case.mesh, gateway, cluster)
    if not ports:
        return Hop(pods=tuple(r.key for r in routers))
    for router in routers:
        socket = socket_for(cluster, known[0] if known else None)
        name = socket.sni if socket and socket.sni else ("" if use.is_http else host)
        tls = socket is not None or not use.is_http
        broken = _inside(case.mesh, router, ports, Arrival(None, 0, name, "tls" if tls else "raw_buffer"), host)
        if broken.name:
            return broken
    return Hop(pods=tuple(r.key for r in routers))


def _routers_of(mesh: Mesh, gateway: str) -> list[Proxy]:
    """Gateway proxies behind a Service: by its selector, else by their namespace.

    Reads only dumps of possible gateways.
    """
    service = _service_of(mesh, gateway)
    namespace = gateway.split(".")[1] if gateway.count(".") > 1 else ""
    names = [key for key in mesh.proxy_names if key.startswith(f"{namespace}/") and _may_route(mesh, key, service)]
    summaries = ((key, mesh.summary(key)) for key in names)
    routers = [mesh.proxies[k] for k, one in summaries if one and (one.role, one.namespace) == ("router", namespace)]
    return [r for r in routers if service is None or not service.selector or _selected(mesh, r, service)]


def _may_route(mesh: Mesh, key: str, service: Service | None) -> bool:
    """False only where the pod's labels show that the Service does not select it."""
    pod = mesh.pods.get(key)
    return pod is None or service is None or service.selector.items() <= pod.labels.items()


def _selected(mesh: Mesh, router: Proxy, service: Service) -> bool:
    pod = mesh.pods.get(router.key)
    labels = pod.labels if pod else router.node.metadata.get("LABELS")
    return isinstance(labels, dict) and service.selector.items() <= labels.items()


def _target_ports(mesh: Mesh, gateway: str, cluster: Cluster) -> set[int]:
    """The target ports of the gateway's Service, for where no document shows the endpoints."""
    service = _service_of(mesh, gateway)
    parsed = cluster_name(cluster.name)
    if service is None or parsed is None:
        return set()
    return {p.target_port or p.number for p in service.ports if p.number == parsed.port}


def _service_of(mesh: Mesh, gateway: str) -> Service | None:
    return next((s for s in mesh.services if s.host == gateway), None)


def _inside(mesh: Mesh, router: Proxy, ports: set[int], arrival: Arrival, host: str) -> Hop:
    """The hops inside the gateway: a server on the port, a route for the host, a cluster, an endpoint."""
    listeners = [x for x in router.listeners.values() if not x.is_static and any(p in ports for _, p in x.addresses)]
    if not listeners:
        return _no_listener(mesh, router, ports, host)
    listener = listeners[0]
    at = Arrival(None, listener.addresses[0][1], arrival.server_name, arrival.transport_protocol)
    chain = choose_chain(listener.filter_chains, listener.default_filter_chain, at).chain
    seen = router.evidence(chain.path if chain else listener.path, listener.name)
    if chain is None:
        name = arrival.server_name or "(none)"
        why = f"no filter chain of the gateway's listener {listener.name} matches server name {name}"
        return Hop("route", why, (seen,), (router.key,))
    target = _target(router, chain, host)
    if not target or target == BLACKHOLE:
        return Hop("route", f"the gateway's listener {listener.name} has no route for {host}", (seen,), (router.key,))
    cluster = router.clusters.get(target)
    if cluster is None:
        why = (
            f"the gateway routes to cluster {target}, which does not exist: the entry is not exported to its namespace"
        )
        return Hop("cluster", why, (seen,), (router.key,))
    endpoints = router.endpoints_of(cluster)
    if cluster.type != "ORIGINAL_DST" and endpoints is not None and not endpoints:
        why = f"the gateway's cluster {target} has no endpoint: a gateway cannot connect with resolution NONE"
        return Hop("upstream", why, (router.evidence(cluster.path, target),), (router.key,))
    return Hop(pods=(router.key,))


def _no_listener(mesh: Mesh, router: Proxy, ports: set[int], host: str) -> Hop:
    """Why the gateway does not listen: no server, or (TLS and TCP servers need it) no route bound to the one there is.

    istiod makes no listener for a TLS passthrough or TCP server that no VirtualService uses (core/gateway.go).
    """
    seen, numbers = (Evidence(router.document, "", router.key),), ", ".join(map(str, sorted(ports)))
    gateway = _gateway_for(mesh, router, ports, host)
    if gateway is not None:
        why = f"{gateway.ref} has a server for {host}, but no VirtualService bound to it routes {host}: no listener"
        return Hop("route", why, (seen_at(gateway.pointer, str(gateway.ref), ".spec.servers"), *seen), (router.key,))
    why = f"the gateway has no listener on port {numbers}: no Gateway with that port selects its pods"
    return Hop("server", why, seen, (router.key,))


def _gateway_for(mesh: Mesh, router: Proxy, ports: set[int], host: str) -> Gateway | None:
    """A Gateway that selects this proxy and has a server for the host on a port that leads to one of `ports`."""
    pod = mesh.pods.get(router.key)
    labels = pod.labels if pod else router.node.metadata.get("LABELS")
    if not isinstance(labels, dict):
        return None
    led = {p.number for s in mesh.services if s.selector and s.selector.items() <= labels.items() for p in s.ports}
    for gateway in mesh.gateways:
        if gateway.selector.items() <= labels.items() and any(_serves(s, led | ports, host) for s in gateway.servers):
            return gateway
    return None


def _serves(server: dict[str, Any], ports: set[int], host: str) -> bool:
    """Whether a Gateway's server is for the host; its `hosts` may carry a namespace, `shop/*.example`."""
    names = [str(h).rpartition("/")[2] for h in server.get("hosts") or []]
    number = (server.get("port") or {}).get("number")
    return number in ports and any(n == "*" or covers(n, host) for n in names)


def _target(router: Proxy, chain: FilterChain, host: str) -> str:
    """The cluster to which the chain sends the host; empty where it has none."""
    if chain.tcp is not None:
        return chain.tcp.clusters[0].name if chain.tcp.clusters else ""
    if chain.http is None:
        return ""
    config = chain.http.route_config or router.routes.get(chain.http.route_config_name)
    found = DomainIndex(config).find(host) if config else None
    choice = choose_route(found.virtual_host.routes, Request(host)) if found else None
    return choice.route.clusters[0].name if choice and choice.route.clusters else ""

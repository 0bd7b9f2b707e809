"""Facts about routes and VirtualServices: missing clusters, unregistered hosts, injected faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshdoctor.facts.derived.ineffective_routes import http_policies, opaque_ports, route_makers, shadow
from meshdoctor.facts.derived.proxy_context import ClusterUse, ProxyContext, host_lost
from meshdoctor.facts.derived.resource_views import config_name, config_role, role, seen_at
from meshdoctor.model.mesh import VirtualService
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.route_facts import Dangling, VirtualServiceHost
from meshdoctor.model.sheet import RouteFault
from meshdoctor.semantics.istio.precedence import virtual_service_exports, virtual_service_tier
from meshdoctor.semantics.istio.registry import is_external_host
from meshdoctor.semantics.istio.resource_names import cluster_name, config_ref, object_name, slug
from meshdoctor.semantics.istio.route_destinations import destinations
from meshdoctor.semantics.kubernetes.manifests import objects_in
from meshdoctor.trace.http_routing import POLICY_HOSTS


def dangling(case: ProxyContext) -> Iterator[Dangling]:
    """One fact per (cluster that does not exist in the proxy, host whose traffic is sent there)."""
    warming = {
        r.name for r in case.proxy.rejections if r.kind == "cluster" and r.state == "warming" and not r.has_active
    }
    seen: set[tuple[str, str, int]] = set()
    for name, uses in case.uses.items():
        if name in case.proxy.clusters and name not in warming:
            continue
        if name not in case.proxy.clusters and case.proxy.may_hold("clusters", name):
            continue
        for use in uses if name else ():
            for host, port in hosts_lost(case, use):
                if (name, host, port) not in seen:
                    seen.add((name, host, port))
                    yield _dangling(case, use, host, port, name in warming)


def hosts_lost(case: ProxyContext, use: ClusterUse) -> list[tuple[str, int]]:
    """Every host and port affected by a reference to a cluster.

    A chain without server names handles any host: the hosts of the VirtualService that created it (not the cluster's
    host, which is only their destination), and the pod's dependencies that use it.
    """
    found = dict.fromkeys(case.hosts_sent(use))
    if use.is_http or use.chain.match.server_names:
        return list(found)
    port = host_lost(use)[1]
    for dependency in case.dependencies.values():
        if dependency.port != port or (dependency.host, port) in found:
            continue
        traced = case.tracer.assess(dependency.host, port)
        if traced.reason == "route-to-unknown-cluster" and traced.cluster == use.cluster:
            found[dependency.host, port] = None
    return list(found)


def _dangling(case: ProxyContext, use: ClusterUse, host: str, port: int, warming: bool) -> Dangling:
    parsed = cluster_name(use.cluster)
    ref = config_ref(use.made_by)
    place = f"listener {use.listener.name}, {use.chain.name or use.chain.path.rsplit('.', 1)[-1]}"
    if use.config is not None and use.virtual_host is not None:
        place = f"route {use.config.name}, virtual host {use.virtual_host.name}"
    return Dangling(
        pod=case.key,
        host=host,
        port=port,
        policy=case.policy,
        resources=config_role(ref, "cause"),
        evidence=(case.evidence(use.path, use.cluster),),
        cluster=use.cluster,
        place=place,
        config=config_name(ref),
        subset=parsed.subset if parsed else "",
        warming=warming,
        used=(host, port) in case.dependencies,
        why="" if warming else case.causes.explanation(use.cluster),
    )


def faults(case: ProxyContext) -> Iterator[RouteFault]:
    """One fact per route to an external host that aborts or delays requests."""
    for uses in case.uses.values():
        for use in uses:
            fault = use.route.fault if use.route else None
            if fault is None or use.virtual_host is None or use.virtual_host.name in POLICY_HOSTS:
                continue
            host, port = host_lost(use)
            if not is_external_host(host.removeprefix("*.")) or not (fault.abort_percent or fault.delay_percent):
                continue
            ref = config_ref(use.made_by)
            is_selective = use.route is not None and bool(use.route.match.headers or use.route.match.query_parameters)
            yield RouteFault(
                pod=case.key,
                host=host,
                port=port,
                policy=case.policy,
                resources=config_role(ref, "cause"),
                evidence=(case.evidence(use.path, use.cluster),),
                abort_percent=fault.abort_percent,
                abort_status=fault.abort_status or 0,
                delay_percent=fault.delay_percent,
                delay=fault.delay or 0.0,
                config=config_name(ref),
                every_request=fault.abort_percent >= 100 and not (fault.by_header or is_selective),
            )


def virtual_service_hosts(case: ProxyContext) -> Iterator[VirtualServiceHost]:
    """One fact per external host of a VirtualService that is visible to this sidecar."""
    mesh = case.mesh
    makers = route_makers(case)
    for service in mesh.virtual_services:
        tier = virtual_service_tier(service, case.viewer.namespace, mesh.mesh_config)
        if "mesh" not in service.gateways or tier is None:
            continue
        for host in service.hosts:
            if is_external_host(host.removeprefix("*.")) and host != "*":
                yield _virtual_service_host(case, service, host.lower(), makers)


def _virtual_service_host(
    case: ProxyContext, service: VirtualService, host: str, makers: Mapping[str, set[str]]
) -> VirtualServiceHost:
    mesh = case.mesh
    policies = tuple(http_policies(service))
    opaque = opaque_ports(case, host) if policies else ()
    instead = shadow(case, service, host, makers)
    ours = ObjectRef("VirtualService", service.ref.namespace, service.ref.name, "shadowed" if instead else "cause")
    protocols = tuple(p for p, routes in (("http", service.http), ("tls", service.tls), ("tcp", service.tcp)) if routes)
    port = _destination_port(service, host) or (443 if protocols[:1] == ("tls",) else 80)
    index = next((i for i, h in enumerate(service.hosts) if h.lower() == host), 0)
    has_entry = bool(case.registry.related(host) or case.registry.entries(host))
    registered = has_entry or any(s.external_name == host for s in mesh.services)
    return VirtualServiceHost(
        pod=case.key,
        host=host,
        port=port,
        policy=case.policy,
        resources=(ours, *((role(instead.active.ref, "active"),) if instead else ())),
        evidence=(
            seen_at(service.pointer, host, f".spec.hosts[{index}]"),
            *(seen_at(service.pointer, name, f".spec.http[{at}].{name}") for at, name in policies if opaque),
        ),
        namespace=service.ref.namespace,
        name=service.ref.name,
        registered=registered,
        slug=slug(host),
        new_name=object_name(
            host, taken={e.ref.name for e in case.mesh.service_entries if e.ref.namespace == service.ref.namespace}
        ),
        protocols=protocols,
        entry_port=port,
        entry_protocol={"http": "HTTP", "tls": "TLS"}.get(protocols[0] if protocols else "http", "TCP"),
        export_to=virtual_service_exports(service, mesh.mesh_config),
        http_policies=tuple(dict.fromkeys(name for _, name in policies)),
        opaque_ports=opaque,
        shadowed_by=instead.active.ref.place if instead else "",
        shadowed_because=instead.why if instead else "",
    )


def _destination_port(service: VirtualService, host: str) -> int:
    """A port the VirtualService itself names for the host: in a match, else in a destination."""
    routes: Sequence[dict[str, object]] = (*service.http, *service.tls, *service.tcp)
    for route in routes:
        for match in objects_in(route.get("match")):
            if isinstance(match.get("port"), int):
                return int(str(match["port"]))
        for to, number in destinations(route):
            if to == host and number is not None:
                return number
    return 0

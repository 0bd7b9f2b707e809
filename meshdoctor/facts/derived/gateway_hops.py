"""External hosts that a VirtualService sends to an egress gateway."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived.proxy_context import ClusterUse, ProxyContext
from meshdoctor.facts.derived.resource_views import config_name, config_role
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.route_facts import GatewayHop
from meshdoctor.semantics.istio.registry import is_external_host
from meshdoctor.semantics.istio.resource_names import cluster_name, config_ref
from meshdoctor.trace.gateway_hop import Hop, gateway_hop


def gateway_hops(case: ProxyContext) -> Iterator[GatewayHop]:
    """One fact per external host that a VirtualService sends to an in-cluster gateway, and per dependency that an
    egressProxy does not let through."""
    yield from _through_egress_proxy(case)
    seen: set[tuple[str, str]] = set()
    for name, uses in case.uses.items():
        if name not in case.proxy.clusters:
            continue
        sent = [(use, *place) for use in uses if use.made_by for place in case.hosts_sent(use)]
        for use, host, port in sent:
            if (host, name) in seen or not is_external_host(host.removeprefix("*.")):
                continue
            hop = _hop(case, use, host, port)
            if hop is not None:
                seen.add((host, name))
                yield _fact(case, use, host, port, hop, config_ref(use.made_by))


def _through_egress_proxy(case: ProxyContext) -> Iterator[GatewayHop]:
    """Dependencies that reach the egressProxy of the pod's Sidecar, and fail behind it."""
    for host, port in case.dependencies:
        traced = case.tracer.assess(host, port)
        if traced.reason != "egress-gateway-broken":
            continue
        uses = (use for use in case.uses.get(traced.cluster or "", ()) if use.is_policy)
        use = next((use for use in uses if use.is_http == (traced.route is not None)), None)
        hop = _hop(case, use, host, port) if use else None
        if use is not None and hop is not None:
            yield _fact(case, use, host, port, hop, case.viewer.sidecar.ref if case.viewer.sidecar else None)


def _hop(case: ProxyContext, use: ClusterUse, host: str, port: int) -> Hop | None:
    protocol = "http" if use.is_http else None
    destination = case.tracer.destination(host, port, protocol=protocol)
    return gateway_hop(case.registry, case.proxy, case.proxy.clusters[use.cluster], destination, is_http=use.is_http)


def _fact(case: ProxyContext, use: ClusterUse, host: str, port: int, hop: Hop, ref: ObjectRef | None) -> GatewayHop:
    parsed = cluster_name(use.cluster)
    return GatewayHop(
        pod=case.key,
        host=host,
        port=port,
        policy=case.policy,
        resources=config_role(ref, "route"),
        evidence=(*hop.evidence, case.evidence(use.path, use.cluster)),
        gateway=parsed.host if parsed else "",
        broken_hop=hop.name,
        because=hop.because,
        config=config_name(ref),
        sent_by=str(ref) if ref else "",
        gateway_pods=hop.pods,
    )

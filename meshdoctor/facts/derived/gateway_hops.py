"""External hosts that a VirtualService sends to an egress gateway."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived.proxy_context import ClusterUse, ProxyContext, host_lost
from meshdoctor.facts.derived.resource_views import config_name, config_role
from meshdoctor.model.sheet import GatewayHop
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, is_external_host
from meshdoctor.semantics.istio.resource_names import cluster_name, config_ref
from meshdoctor.trace.gateway_hop import first_broken, gateway_of


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
            if gateway_of(case.mesh, name):
                seen.add((host, name))
                yield _gateway_hop(case, use, host, port, parsed.host)


def _gateway_hop(case: ProxyContext, use: ClusterUse, host: str, port: int, gateway: str) -> GatewayHop:
    cluster = case.proxy.clusters[use.cluster]
    hop = first_broken(case.mesh, case.proxy, cluster, host, is_http=use.is_http)
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

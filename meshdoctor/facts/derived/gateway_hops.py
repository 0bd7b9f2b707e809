"""External hosts that a VirtualService sends to an egress gateway."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived.proxy_context import ClusterUse, ProxyContext, host_lost
from meshdoctor.facts.derived.resource_views import config_name, config_role
from meshdoctor.model.sheet import GatewayHop
from meshdoctor.semantics.istio.registry import is_external_host
from meshdoctor.semantics.istio.resource_names import cluster_name, config_ref
from meshdoctor.trace.gateway_hop import Hop, gateway_hop


def gateway_hops(case: ProxyContext) -> Iterator[GatewayHop]:
    """One fact per external host that a VirtualService sends to an in-cluster gateway."""
    seen: set[tuple[str, str]] = set()
    for name, uses in case.uses.items():
        if name not in case.proxy.clusters:
            continue
        for use in uses:
            host, port = host_lost(use)
            if (host, name) in seen or not use.made_by or not is_external_host(host.removeprefix("*.")):
                continue
            hop = gateway_hop(case.mesh, case.proxy, case.proxy.clusters[name], host, is_http=use.is_http)
            if hop is not None:
                seen.add((host, name))
                yield _fact(case, use, host, port, hop)


def _fact(case: ProxyContext, use: ClusterUse, host: str, port: int, hop: Hop) -> GatewayHop:
    ref, parsed = config_ref(use.made_by), cluster_name(use.cluster)
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
        gateway_pods=hop.pods,
    )

"""Rules of VirtualServices for opaque ports: which apply to a sidecar, and which one made a filter chain.

pilot/pkg/networking/core/tls.go of istio/istio: matchTCP and matchTLS evaluate ports, gateways, labels and namespace
when the configuration is built. buildSidecarOutboundTCPFilterChainOpts writes the VirtualService into the metadata of
every chain except that of a tcp rule with destinationSubnets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from meshdoctor.model.mesh import VirtualService
from meshdoctor.model.proxy import FilterChain
from meshdoctor.semantics.ip_addresses import network
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.precedence import virtual_service_tier
from meshdoctor.semantics.istio.registry import Registry, Viewer, long_host
from meshdoctor.semantics.istio.resource_names import cluster_name, config_path
from meshdoctor.semantics.kubernetes.manifests import objects_in

Rule = Mapping[str, Any]


def fits(match: Rule, port: int, viewer: Viewer) -> bool:
    """Whether a match may apply to a sidecar on a port, by the criteria known before any connection."""
    if match.get("gateways") and "mesh" not in match["gateways"]:
        return False
    if match.get("port") and match["port"] != port:
        return False
    if match.get("sourceNamespace") and match["sourceNamespace"] != viewer.namespace:
        return False
    wanted = match.get("sourceLabels") or {}
    return isinstance(wanted, dict) and wanted.items() <= viewer.labels.items()


def chain_config(registry: Registry, viewer: Viewer, chain: FilterChain, port: int, host: str = "") -> str:
    """The path of the VirtualService that made a chain of a sidecar's listener; empty where none did.

    metadata istio.config, else the VirtualService whose tcp rule has the chain's ranges and clusters. Of several, the
    one for `host`, else the first.
    """
    if chain.config or not chain.match.prefix_ranges or chain.tcp is None:
        return chain.config
    ranges = {str(network(text)) for text in chain.match.prefix_ranges}
    config = registry.mesh.mesh_config
    makers = [
        service
        for service in registry.mesh.virtual_services
        if "mesh" in service.gateways and virtual_service_tier(service, viewer.namespace, config) is not None
        if any(
            ranges == _subnets(rule, port, viewer) and _leads_to(rule, service, chain.tcp_clusters)
            for rule in service.tcp
        )
    ]
    own = (service for service in makers if any(covers(name, host) for name in service.hosts))
    maker = next(own, makers[0] if makers else None)
    return config_path(maker.ref) if maker else ""


def _subnets(rule: Rule, port: int, viewer: Viewer) -> set[str]:
    fitting = (match for match in objects_in(rule.get("match")) if fits(match, port, viewer))
    return {str(network(str(text))) for match in fitting for text in match.get("destinationSubnets") or ()}


def _leads_to(rule: Rule, service: VirtualService, clusters: Iterable[str]) -> bool:
    """Whether each cluster is one of the rule's destinations. A destination without a port takes the port of its host
    or the listener, so that any is right."""
    wanted = set()
    for route in objects_in(rule.get("route")):
        destination = route.get("destination")
        if isinstance(destination, dict) and destination.get("host"):
            number = (destination.get("port") or {}).get("number")
            host = long_host(str(destination["host"]), service.ref.namespace)
            wanted.add((host, str(destination.get("subset") or ""), number))
    found = [cluster_name(name) for name in clusters]
    return all(
        one is not None and not wanted.isdisjoint({(one.host, one.subset, one.port), (one.host, one.subset, None)})
        for one in found
    )

"""The kinds of objects that a capture holds, by their plural names."""

from __future__ import annotations

NETWORKING_GROUP = "networking.istio.io"

NETWORKING_KINDS = {
    "serviceentries": "ServiceEntry",
    "virtualservices": "VirtualService",
    "destinationrules": "DestinationRule",
    "sidecars": "Sidecar",
    "gateways": "Gateway",
    "workloadentries": "WorkloadEntry",
    "workloadgroups": "WorkloadGroup",
    "envoyfilters": "EnvoyFilter",
    "proxyconfigs": "ProxyConfig",
}
"""All kinds of networking.istio.io."""

NAMESPACED_CORE_KINDS = {"pods": "Pod", "services": "Service", "configmaps": "ConfigMap"}
CORE_KINDS = {**NAMESPACED_CORE_KINDS, "namespaces": "Namespace"}
"""Those of the core group that say something about egress."""

"""The kinds of objects that affect egress, by their plural names."""

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
"""Kinds of the core group."""

KINDS = {**NETWORKING_KINDS, **CORE_KINDS}
"""Kind by plural name."""
PLURALS = {kind: plural for plural, kind in KINDS.items()}
"""Plural name by kind."""

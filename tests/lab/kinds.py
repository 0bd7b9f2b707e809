"""The kinds of objects that a lab's mesh is made of: apiVersion to plural to kind."""

from __future__ import annotations

ISTIO = {
    "networking.istio.io/v1": {
        "serviceentries": "ServiceEntry",
        "virtualservices": "VirtualService",
        "destinationrules": "DestinationRule",
        "sidecars": "Sidecar",
        "gateways": "Gateway",
        "workloadentries": "WorkloadEntry",
        "workloadgroups": "WorkloadGroup",
    },
    "networking.istio.io/v1alpha3": {"envoyfilters": "EnvoyFilter"},
    "security.istio.io/v1": {"peerauthentications": "PeerAuthentication"},
}
ISTIO_NAMES = frozenset(kind for kinds in ISTIO.values() for kind in kinds.values())

CAPTURED = {version: list(kinds) for version, kinds in ISTIO.items()} | {
    "v1": ["namespaces", "pods", "services", "configmaps"],
    "apps/v1": ["deployments", "replicasets"],
}
"""What a capture holds."""

MESH_KINDS = {version: list(kinds) for version, kinds in ISTIO.items()} | {"v1": ["services"]}
"""What makes a mesh, as seen by its pods."""

CLEARED = {version: list(kinds) for version, kinds in ISTIO.items()} | {
    "v1": ["pods", "services", "configmaps", "secrets"],
    "apps/v1": ["deployments", "replicasets"],
    "discovery.k8s.io/v1": ["endpointslices"],
    "kwok.x-k8s.io/v1alpha1": ["portforwards", "execs", "logs"],
}
"""What goes with a mesh when the next one comes. Namespaces stay: no controller would finish their deletion."""

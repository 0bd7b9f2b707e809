"""The kinds of objects that meshdoctor reads from a cluster; its roles (`rbac`) grant these and no others."""

from __future__ import annotations

from meshdoctor.kube.lists import Kind

NETWORKING = "networking.istio.io"

PODS = Kind("", "pods")
CONFIG_MAPS = Kind("", "configmaps")
GATEWAYS = Kind(NETWORKING, "gateways")

LISTED = (
    Kind("", "namespaces", namespaced=False),
    Kind("", "services"),
    Kind(NETWORKING, "serviceentries"),
    Kind(NETWORKING, "virtualservices"),
    Kind(NETWORKING, "destinationrules"),
    Kind(NETWORKING, "sidecars"),
    GATEWAYS,
    Kind(NETWORKING, "workloadentries"),
    Kind(NETWORKING, "envoyfilters"),
    Kind("security.istio.io", "peerauthentications"),
)
"""Listed for the whole cluster, whatever namespaces are asked for: an entry of any may be visible in all."""

CHANGED = {
    kind: Kind(NETWORKING, plural)
    for kind, plural in (
        ("ServiceEntry", "serviceentries"),
        ("VirtualService", "virtualservices"),
        ("DestinationRule", "destinationrules"),
        ("Sidecar", "sidecars"),
        ("ProxyConfig", "proxyconfigs"),
    )
}
"""Kinds that a mend creates, changes or deletes, by the name they have in a manifest."""

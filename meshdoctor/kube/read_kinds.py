"""The kinds of objects that meshdoctor reads from a cluster; its roles (`rbac`) grant these and no others."""

from __future__ import annotations

from meshdoctor.kube.list_objects import Kind
from meshdoctor.semantics.istio.egress_kinds import NETWORKING_GROUP, PLURALS

PODS = Kind("", "pods")
CONFIG_MAPS = Kind("", "configmaps")
GATEWAYS = Kind(NETWORKING_GROUP, "gateways")

LISTED = (
    Kind("", "namespaces", namespaced=False),
    Kind("", "services"),
    Kind(NETWORKING_GROUP, "serviceentries"),
    Kind(NETWORKING_GROUP, "virtualservices"),
    Kind(NETWORKING_GROUP, "destinationrules"),
    Kind(NETWORKING_GROUP, "sidecars"),
    GATEWAYS,
    Kind(NETWORKING_GROUP, "workloadentries"),
    Kind(NETWORKING_GROUP, "envoyfilters"),
    Kind("security.istio.io", "peerauthentications"),
)
"""Listed in all namespaces, whatever --namespace says: an entry of any namespace may be visible in all."""

CHANGED = {
    kind: Kind(NETWORKING_GROUP, PLURALS[kind])
    for kind in ("ServiceEntry", "VirtualService", "DestinationRule", "Sidecar", "ProxyConfig")
}
"""Kinds that a fix creates, changes or deletes, by the name they have in a manifest."""

"""Whose Envoy it is: what its control plane and its bootstrap call things.

Sources: istio/istio pilot/pkg/model/proxy.go (ServiceNode: `sidecar~ip~name.namespace~domain`) and
tools/packaging/common/envoy_bootstrap.json; hashicorp/consul agent/xds/resources.go; kumahq/kuma
pkg/xds/envoy/names; docs.aws.amazon.com/app-mesh (APPMESH_RESOURCE_ARN); openservicemesh/osm pkg/envoy/lds;
envoyproxy/gateway internal/xds/bootstrap; projectcontour/contour internal/envoy/v3; cilium/cilium pkg/envoy.
"""

from __future__ import annotations

from collections.abc import Collection

from meshdoctor.model.proxy import Node

KIND_OF_ROLE = {
    "sidecar": "sidecar",
    "router": "gateway",
    "ingress": "gateway",
    "waypoint": "waypoint",
    "ztunnel": "ztunnel",
}
"""Node type of Istio to kind of proxy."""

_ISTIO_NAMES = ("PassthroughCluster", "BlackHoleCluster", "virtualOutbound", "virtualInbound", "sds-grpc")
_ISTIO_PREFIXES = ("outbound|", "outbound_.", "inbound|", "InboundPassthroughCluster")
_ISTIO_METADATA = ("ISTIO_VERSION", "ISTIO_PROXY_VERSION", "ISTIO_META", "MESH_ID")


def proxy_kind(node: Node, names: Collection[str]) -> str:
    """`sidecar`, `gateway`, `waypoint` or `ztunnel` of Istio; `envoy` where neither node nor names are Istio's.

    `names` are those of listeners and clusters. Without a node, as in pasted arrays, Istio's names make it a sidecar.
    """
    if node.role in KIND_OF_ROLE:
        return KIND_OF_ROLE[node.role]
    is_istio = any(name in node.metadata for name in _ISTIO_METADATA) or any(
        name in _ISTIO_NAMES or name.startswith(_ISTIO_PREFIXES) for name in names
    )
    return "sidecar" if is_istio else "envoy"


def control_plane(node: Node, names: Collection[str]) -> str:
    """The control plane of an Envoy that is not Istio's, where a name of it is certain; else empty."""
    if node.id.startswith("mesh/") and ("/virtualNode/" in node.id or "/virtualGateway/" in node.id):
        return "AWS App Mesh"
    if any(key.startswith("dataplane.") for key in node.metadata):
        return "Kuma"
    for name in names:
        for mark, whose in _PREFIXES.items():
            if name.startswith(mark):
                return whose
        if name.endswith(".consul"):
            return "Consul"
        if name in _NAMES:
            return _NAMES[name]
    return ""


_PREFIXES = {
    "outbound_listener:": "Consul",
    "public_listener:": "Consul",
    "kuma:": "Kuma",
    "cds_egress_": "AWS App Mesh",
    "lds_egress_": "AWS App Mesh",
    "envoy-gateway-proxy-": "Envoy Gateway",
}
_NAMES = {
    "osm-controller": "Open Service Mesh",
    "contour": "Contour",
    "xds-grpc-cilium": "Cilium",
}

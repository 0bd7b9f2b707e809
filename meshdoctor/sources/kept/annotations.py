"""What is kept of annotations: those that Istio reads, those that name the owner of an object, and hosts in others."""

from __future__ import annotations

from meshdoctor.sources.kept.fields import FREE, NAME, Kept, obj

_ANNOTATIONS_OF_ISTIO = (
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/kubevirtInterfaces",
    "istio.io/reroute-virtual-interfaces",
    "sidecar.istio.io/inject",
    "sidecar.istio.io/interceptionMode",
    "ambient.istio.io/redirection",
    "networking.istio.io/exportTo",
    "istio.io/rev",
)
_ANNOTATIONS_OF_OWNERS = (
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
    "argocd.argoproj.io/tracking-id",
    "objectset.rio.cattle.io/id",
    "configmanagement.gke.io/managed",
    "configsync.gke.io/resource-id",
    "operator-sdk/primary-resource",
    "kubectl.kubernetes.io/default-container",
)
ANNOTATIONS = Kept(
    fields=dict.fromkeys((*_ANNOTATIONS_OF_ISTIO, *_ANNOTATIONS_OF_OWNERS), NAME)
    | {"proxy.istio.io/config": obj(proxyMetadata=obj(rest=FREE))},
    rest=FREE,
)

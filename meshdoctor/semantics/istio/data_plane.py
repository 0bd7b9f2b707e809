"""What handles a pod's traffic: a sidecar, its node's ztunnel, or nothing; and which pods belong to Istio.

Sources: istio.io/latest/docs/ambient/usage/add-workloads (the labels), istio/istio cni/pkg/util/podutil.go
(PodRedirectionEnabled) and pkg/config/constants/constants.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from meshdoctor.model.mesh import Namespace, Pod
from meshdoctor.model.proxy import Proxy
from meshdoctor.model.proxy_summary import ProxySummary
from meshdoctor.semantics.envoy.control_planes import KIND_OF_ROLE

PodKind = Literal["sidecar", "ambient", "gateway", "waypoint", "ztunnel", "envoy", "none", "finished"]
"""`gateway` is an ingress or egress gateway, `envoy` an Envoy that is not Istio's; `finished` is a pod that has
terminated."""
KINDS: tuple[PodKind, ...] = ("sidecar", "ambient", "gateway", "waypoint", "ztunnel", "envoy", "none", "finished")
PROXIES = ("gateway", "waypoint", "ztunnel", "envoy")
"""Kinds of proxies that are no sidecars: their outbound connections are not traced."""

_NOT_TRACED = {
    "gateway": "this is a gateway: iptables redirects none of its connections, and meshdoctor does not trace through a "
    "gateway yet",
    "waypoint": "this is a waypoint: it serves connections of other pods, and meshdoctor does not trace through a "
    "waypoint yet",
    "ztunnel": "this is ztunnel, the proxy of a node in ambient mode: it is not Envoy, and meshdoctor does not read it",
}


def not_traced(kind: str, control_plane: str = "") -> str:
    """Why connections of such a proxy are not traced, as a sentence without a period."""
    if kind == "envoy":
        whose = (
            f"it belongs to {control_plane}" if control_plane else "its node id and its names are not those of Istio"
        )
        return f"this is not Istio's Envoy: {whose}, and meshdoctor judges Istio only"
    return _NOT_TRACED[kind]


GATEWAYS = ("router", "waypoint")
"""Proxy types that handle traffic of other pods (istio pkg/model/proxy.go, NodeType)."""

_MODE = "istio.io/dataplane-mode"
_REDIRECTION = "ambient.istio.io/redirection"
_DONE = ("Succeeded", "Failed")


def proxy_role(pod: Pod | None) -> str:
    """What the pod's istio-proxy is: `sidecar`, `router`, `waypoint`, `ztunnel`; `""` where there is none."""
    container = pod.proxy_container if pod else None
    if container is None:
        return ""
    return next((role for role in (*GATEWAYS, "ztunnel") if role in container.args), "sidecar")


def is_ztunnel(key: str, pod: Pod | None) -> bool:
    """Whether it is a pod of ambient's node proxy, which is not Envoy; by its name where the pod was not read."""
    return proxy_role(pod) == "ztunnel" if pod else key.rpartition("/")[2].startswith("ztunnel-")


def is_done(pod: Pod) -> bool:
    """Whether the pod has terminated and makes no connections."""
    return pod.phase in _DONE


def is_ambient(pod: Pod, namespaces: Mapping[str, Namespace]) -> bool:
    """Whether ztunnel takes the pod's traffic: no sidecar, and enrolled by CNI's annotation, own or namespace's label.

    A pod's own label `none` takes it out; pods on the node's network and ztunnel itself are never enrolled.
    """
    if pod.host_network or pod.proxy_container is not None:
        return False
    if pod.annotations.get(_REDIRECTION) == "enabled":
        return True
    namespace = namespaces.get(pod.namespace)
    inherited = namespace.labels.get(_MODE, "") if namespace else ""
    return pod.labels.get(_MODE, inherited) == "ambient"


def proxy_kind_of(pod: Pod | None, proxy: Proxy | ProxySummary | None) -> str:
    """What the pod's proxy is: the node id in its dump decides, then the pod's container, then the names in the dump.

    Empty where the pod has none.
    """
    if proxy is not None and proxy.node.role in KIND_OF_ROLE:
        return KIND_OF_ROLE[proxy.node.role]
    if proxy is not None and proxy.kind == "envoy" and proxy.node.id:
        return proxy.kind
    role = proxy_role(pod)
    return KIND_OF_ROLE[role] if role else proxy.kind if proxy is not None else ""


def pod_kind(
    key: str, pod: Pod | None, proxy: Proxy | ProxySummary | None, namespaces: Mapping[str, Namespace]
) -> PodKind:
    """What handles the pod's traffic, by the proxy that was read for it, else by the pod itself."""
    if pod is not None and is_done(pod):
        return "finished"
    if is_ztunnel(key, pod):
        return "ztunnel"
    found = next((kind for kind in KINDS if kind == proxy_kind_of(pod, proxy)), None)
    if found is not None:
        return found
    return "ambient" if pod is not None and is_ambient(pod, namespaces) else "none"

"""What handles a pod's traffic: a sidecar, its node's ztunnel, or nothing; and which pods belong to Istio.

Sources: istio.io/latest/docs/ambient/usage/add-workloads (the labels), istio/istio cni/pkg/util/podutil.go
(PodRedirectionEnabled) and pkg/config/constants/constants.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from meshdoctor.model.mesh import Namespace, Pod
from meshdoctor.model.proxy_summary import ProxySummary

PodKind = Literal["sidecar", "ambient", "gateway", "ztunnel", "none", "finished"]
"""`gateway` is an ingress or egress gateway or a waypoint; `finished` is a pod that has terminated."""
KINDS: tuple[PodKind, ...] = ("sidecar", "ambient", "gateway", "ztunnel", "none", "finished")

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


def pod_kind(key: str, pod: Pod | None, proxy: ProxySummary | None, namespaces: Mapping[str, Namespace]) -> PodKind:
    """What handles the pod's traffic, by the pod itself, else by the proxy that was read for it."""
    if pod is not None and is_done(pod):
        return "finished"
    if is_ztunnel(key, pod):
        return "ztunnel"
    role = proxy_role(pod) or (proxy.role or "sidecar" if proxy else "")
    if role:
        return "gateway" if role in GATEWAYS else "sidecar"
    return "ambient" if pod is not None and is_ambient(pod, namespaces) else "none"

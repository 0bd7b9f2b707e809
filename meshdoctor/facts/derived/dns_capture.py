"""DNS capture for one workload: the ProxyConfig that enables it, and the restart that makes it take effect.

istiod merges a ProxyConfig's environmentVariables into proxyMetadata when the injection webhook is asked for a pod
(pilot/pkg/model/proxy_config.go, EffectiveProxyConfig; pkg/kube/inject/webhook.go, GetProxyConfigOrDefault), and the
injection template writes them into the env of istio-init and istio-proxy: redirecting DNS and answering it both begin
with a new pod. Pods made by `istioctl kube-inject` never see ProxyConfigs (pkg/kube/inject/inject.go). Of several
ProxyConfigs with a selector that fits, the oldest alone counts.

Only entries without addresses whose resolution is not NONE and whose hosts are no wildcards get an address of their own
(pilot/pkg/networking/serviceentry/ip_autoallocation.go). Up to Istio 1.24 the proxy has to ask for it as well.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.model.field_types import NO_COMMAND
from meshdoctor.model.mesh import Pod, ServiceEntry
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.registry import is_allocated
from meshdoctor.semantics.istio.resource_names import object_name
from meshdoctor.text.shell import ShellCommand, command, word

_SAID_BY_OTHERS = (
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/",
    "apps.kubernetes.io/",
    "batch.kubernetes.io/",
    "controller-uid",
    "job-name",
    "security.istio.io/",
    "service.istio.io/",
    "istio.io/",
    "helm.sh/chart",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
)
"""Labels set on creation, by injection or by a release, which a selector cannot rely on."""

_USUAL = ("app", "app.kubernetes.io/name", "version", "k8s-app")
_ROLLED_OUT = {"Deployment": "deployment", "StatefulSet": "statefulset", "DaemonSet": "daemonset"}


class DnsCapture(Struct, frozen=True):
    """The ProxyConfig and the manual steps; `manifest` is empty where it would not help or cannot be written."""

    manifest: dict[str, Any] = {}
    workload: str = ""
    restart: ShellCommand = NO_COMMAND
    """The command that restarts the pods, or the step in words."""


NOT_OFFERED = DnsCapture()


def dns_capture(case: ProxyContext, entry: ServiceEntry) -> DnsCapture:
    """The change that gives the entry a virtual address in this pod's workload."""
    pod = case.mesh.pods.get(case.key)
    labels = _selecting(case, pod) if pod else {}
    if pod is None or not labels or case.viewer.dns_capture or not is_allocated(entry):
        return NOT_OFFERED
    workload = pod.workload or ObjectRef("Pod", pod.namespace, pod.name)
    variables = {"ISTIO_META_DNS_CAPTURE": "true"}
    if not entry.status_addresses:
        variables["ISTIO_META_DNS_AUTO_ALLOCATE"] = "true"
    manifest = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "ProxyConfig",
        "metadata": {"name": object_name(f"{workload.name}-dns-capture"), "namespace": pod.namespace},
        "spec": {"selector": {"matchLabels": labels}, "environmentVariables": variables},
    }
    return DnsCapture(manifest, str(workload), _restart(workload))


def _selecting(case: ProxyContext, pod: Pod) -> dict[str, str]:
    """The labels for the selector: the usual ones, where they select no pod of another workload, else all."""
    own: dict[str, str] = {key: value for key, value in pod.labels.items() if not key.startswith(_SAID_BY_OTHERS)}
    usual = {key: value for key, value in own.items() if key in _USUAL}
    others = [
        other.labels.items()
        for other in case.mesh.pods.values()
        if other.namespace == pod.namespace and other.key != pod.key and other.workload != pod.workload
    ]
    return own if not usual or any(usual.items() <= labels for labels in others) else usual


def _restart(workload: ObjectRef) -> ShellCommand:
    kind = _ROLLED_OUT.get(workload.kind)
    if kind:
        return command("kubectl", "rollout", "restart", f"{kind}/{workload.name}", "-n", workload.namespace)
    name, namespace = word(workload.name), word(workload.namespace)
    if workload.kind == "Pod":
        return ShellCommand(f"delete pod {name} in namespace {namespace} and create it again")
    return ShellCommand(f"restart the pods of {word(workload.kind)} {name} in namespace {namespace}")

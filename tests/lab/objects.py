"""The Kubernetes objects that stand for a pod: namespace, Deployment, ReplicaSet, the pod and its status, endpoints.

No controller runs in the lab, so what a controller would make is made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.lab.api import Object
from tests.lab.control import NODE
from tests.lab.kubelet import SIDECAR
from tests.lab.scenario import Pod

SYSTEM_NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease", "istio-system"})
APPLICATION_IMAGE = "docker.io/istio/examples-bookinfo-ratings-v2:1.20.3"
CAPTURE = "traffic.sidecar.istio.io/"
INIT_FLAGS = {
    "includeOutboundIPRanges": "-i",
    "excludeOutboundIPRanges": "-x",
    "includeOutboundPorts": "-q",
    "excludeOutboundPorts": "-o",
}
STARTED = "2026-01-01T00:00:00Z"


def namespace(name: str) -> Object:
    """A namespace, with injection asked for unless it is one of the system's."""
    labels = {} if name in SYSTEM_NAMESPACES else {"istio-injection": "enabled"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def capture_settings(pod: Pod) -> dict[str, str]:
    """The outbound capture annotations by their short names."""
    return {k.removeprefix(CAPTURE): v for k, v in pod.annotations.items() if k.removeprefix(CAPTURE) in INIT_FLAGS}


def pod_object(pod: Pod, owner: Object | None) -> Object:
    """The pod as the injector would have left it."""
    metadata: Object = {"name": pod.name, "namespace": pod.namespace, "labels": pod.labels}
    metadata["annotations"] = {**({"sidecar.istio.io/status": "{}"} if pod.sidecar else {}), **pod.annotations}
    if owner is not None:
        metadata["ownerReferences"] = [_owned_by(owner)]
    containers: list[Object] = []
    init: list[Object] = []
    if not pod.gateway:
        env = [{"name": name, "value": value} for name, value in pod.env.items()]
        containers.append({"name": pod.container, "image": APPLICATION_IMAGE, "env": env})
    if pod.sidecar:
        proxy = _proxy(pod)
        (init if pod.native else containers).append(proxy | ({"restartPolicy": "Always"} if pod.native else {}))
        if not pod.gateway:
            init.insert(0, _istio_init(pod))
    spec: Object = {"nodeName": NODE, "automountServiceAccountToken": False, "containers": containers}
    spec |= {"initContainers": init} if init else {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _proxy(pod: Pod) -> Object:
    port = {"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}
    role = "router" if pod.gateway else "sidecar"
    image = f"docker.io/istio/proxyv2:{pod.istio_version}"
    return {"name": SIDECAR, "image": image, "args": ["proxy", role], "ports": [port]}


def _istio_init(pod: Pod) -> Object:
    args = [
        "istio-iptables",
        "-p",
        "15001",
        "-z",
        "15006",
        "-u",
        "1337",
        "-m",
        "REDIRECT",
        "-b",
        "*",
        "-d",
        "15090,15021,15020",
    ]
    settings = {"includeOutboundIPRanges": "*", "excludeOutboundIPRanges": "", **capture_settings(pod)}
    for name, flag in INIT_FLAGS.items():
        if name in settings:
            args += [flag, settings[name]]
    return {"name": "istio-init", "image": f"docker.io/istio/proxyv2:{pod.istio_version}", "args": args}


def running_status(made: Object, ip: str) -> Object:
    """The status a kubelet would report of a healthy pod; the object to apply to its status."""

    def state(container: Mapping[str, Any], *, ended: bool) -> Object:
        terminated = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": STARTED, "finishedAt": STARTED}}
        is_now = terminated if ended else {"running": {"startedAt": STARTED}}
        known = {"name": container["name"], "image": container["image"], "imageID": container["image"]}
        return known | {"ready": True, "restartCount": 0, "state": is_now}

    spec = made["spec"]
    conditions = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    status = {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "hostIP": "127.0.0.1",
        "startTime": STARTED,
        "conditions": [{"type": kind, "status": "True"} for kind in conditions],
        "containerStatuses": [state(c, ended=False) for c in spec["containers"]],
        "initContainerStatuses": [state(c, ended="restartPolicy" not in c) for c in spec.get("initContainers", [])],
    }
    return {k: made[k] for k in ("apiVersion", "kind")} | {"metadata": _place(made), "status": status}


def _place(made: Object) -> Object:
    return {name: made["metadata"][name] for name in ("name", "namespace")}


def deployment(pod: Pod) -> Object:
    """The Deployment a pod's name speaks of, `NAME-HASH-ID`."""
    name = pod.name.rsplit("-", 2)[0]
    return _workload("Deployment", name, pod, {**pod.labels, "app": pod.labels.get("app", name)})


def replica_set(pod: Pod, owner: Object) -> Object:
    """The ReplicaSet between the two."""
    name = pod.name.rsplit("-", 1)[0]
    made = _workload("ReplicaSet", name, pod, {**pod.labels, "pod-template-hash": name.rsplit("-", 1)[-1]})
    made["metadata"]["ownerReferences"] = [_owned_by(owner)]
    return made


def _workload(kind: str, name: str, pod: Pod, labels: Mapping[str, str]) -> Object:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": APPLICATION_IMAGE}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": pod.namespace, "labels": labels},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


def _owned_by(owner: Object) -> Object:
    name, uid = owner["metadata"]["name"], owner["metadata"]["uid"]
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name, "uid": uid}
    return reference | {"controller": True, "blockOwnerDeletion": True}


def endpoint_slices(services: Iterable[Object], pods: Mapping[str, tuple[Pod, str]]) -> list[Object]:
    """One EndpointSlice for each Service whose selector fits pods; `pods` are (pod, address) by key."""
    made = []
    for service in services:
        metadata, spec = service["metadata"], service["spec"]
        wanted = (spec.get("selector") or {}).items()
        ips = [ip for p, ip in pods.values() if p.namespace == metadata["namespace"] and wanted <= p.labels.items()]
        if not wanted or not ips:
            continue
        targets = [{"name": p.get("name", ""), "port": p.get("targetPort", p["port"])} for p in spec["ports"]]
        made.append(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"{metadata['name']}-lab",
                    "namespace": metadata["namespace"],
                    "labels": {"kubernetes.io/service-name": metadata["name"]},
                },
                "addressType": "IPv4",
                "ports": [{**target, "protocol": "TCP"} for target in targets],
                "endpoints": [{"addresses": [ip], "conditions": {"ready": True}} for ip in ips],
            }
        )
    return made

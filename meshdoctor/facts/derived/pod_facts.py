"""Facts about pods that need no proxy: missing sidecars and plaintext passwords."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived.resource_views import role, seen_at
from meshdoctor.facts.derived.secret_steps import create_secret, use_secret
from meshdoctor.model.mesh import Mesh, Pod
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.sheet import Credential, PodView
from meshdoctor.semantics.istio.data_plane import is_ambient, is_done
from meshdoctor.semantics.istio.registry import Registry

INJECT = "sidecar.istio.io/inject"


def pod_views(mesh: Mesh, registry: Registry) -> Iterator[PodView]:
    """One fact per pod that still runs."""
    for key, pod in mesh.pods.items():
        if is_done(pod):
            continue
        dependencies = tuple(f"{host}:{port}" for host, port in registry.dependencies.get(key, {}))
        yield PodView(
            pod=key,
            host="",
            port=0,
            policy="unknown",
            resources=(role(_workload(pod), "owner"),),
            evidence=(seen_at(pod.pointer, key, ".spec.containers"),),
            namespace=pod.namespace,
            sidecar=pod.proxy_container is not None or key in mesh.proxies,
            ambient=is_ambient(pod, mesh.namespaces),
            injected_namespace=injects(mesh, pod),
            opted_out=_asked(pod) == "false",
            dependencies=dependencies,
            phase=pod.phase,
            host_network=pod.host_network,
        )


def injects(mesh: Mesh, pod: Pod) -> bool:
    """Whether the injection webhook would inject the pod: its own label first, then the namespace's."""
    asked = _asked(pod)
    if asked:
        return asked == "true"
    namespace = mesh.namespaces.get(pod.namespace)
    labels = namespace.labels if namespace else {}
    return labels.get("istio-injection") == "enabled" or (
        "istio.io/rev" in labels and labels.get("istio-injection") != "disabled"
    )


def _asked(pod: Pod) -> str:
    return (pod.labels.get(INJECT) or pod.annotations.get(INJECT) or "").lower()


def _workload(pod: Pod) -> ObjectRef:
    return pod.workload or ObjectRef("Pod", pod.namespace, pod.name)


def credential_facts(mesh: Mesh) -> Iterator[Credential]:
    """One fact per literal secret in a pod's environment; never its value."""
    for seen in mesh.credentials:
        workload = _workload(seen.pod)
        yield Credential(
            pod=seen.pod.key,
            host="",
            port=0,
            policy="unknown",
            resources=(role(workload, "owner"),),
            evidence=(seen_at(seen.pointer, f"env {seen.variable} of container {seen.container}"),),
            container=seen.container,
            variable=seen.variable,
            form=seen.form,
            workload=str(workload),
            create_secret=create_secret(workload, seen.variable),
            use_secret=use_secret(workload, seen),
        )

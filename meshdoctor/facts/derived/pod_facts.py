"""Facts about pods that need no proxy: missing sidecars and plaintext passwords.

The commands that move a literal password into a Secret prompt for it and never contain it. Names come from the pod's
own object and go into a shell: they are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from meshdoctor.facts.derived.resource_views import role, seen_at
from meshdoctor.model.mesh import Mesh, PlainCredential, Pod
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.sheet import Credential, PodView
from meshdoctor.semantics.istio.data_plane import is_ambient, is_done
from meshdoctor.semantics.istio.registry import Registry
from meshdoctor.semantics.istio.resource_names import object_name
from meshdoctor.text.shell import ShellCommand, command, word

INJECT = "sidecar.istio.io/inject"
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet")


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


def secret_name(workload: ObjectRef) -> str:
    """The Secret of a workload."""
    return object_name(f"{workload.name}-credentials")


def create_secret(workload: ObjectRef, variable: str) -> ShellCommand:
    """The command that creates the Secret from standard input."""
    words = ("kubectl", "create", "secret", "generic", secret_name(workload), "-n", workload.namespace)
    return command(*words, f"--from-file={_key(variable)}=/dev/stdin")


def use_secret(workload: ObjectRef, seen: PlainCredential) -> ShellCommand:
    """The strategic merge patch that replaces the value with the reference; in words where the owner has no pod
    template."""
    reference = {"secretKeyRef": {"name": secret_name(workload), "key": _key(seen.variable)}}
    if workload.kind not in _TEMPLATED:
        said = msgspec.json.encode({"valueFrom": reference}).decode()
        where = f"{word(workload.kind)} {word(workload.name)}"
        return ShellCommand(
            f"edit the manifest of {where}: replace the value of {word(seen.variable)} with {word(said)}"
        )
    env = {"name": seen.variable, "value": None, "valueFrom": reference}
    is_init = any(c.name == seen.container and c.is_init for c in seen.pod.containers)
    container = {"name": seen.container, "env": [env]}
    spec = {"initContainers" if is_init else "containers": [container]}
    patch = msgspec.json.encode({"spec": {"template": {"spec": spec}}}).decode()
    return command(
        "kubectl", "patch", f"{workload.kind.lower()}/{workload.name}", "-n", workload.namespace, "-p", patch
    )


def _key(variable: str) -> str:
    return variable if _KEY.fullmatch(variable) else "value"

"""Commands that move a literal password into a Secret. They prompt for the password and never contain it.

Names come from the pod's own object and go into a shell: they are quoted.
"""

from __future__ import annotations

import re
import shlex

import msgspec

from meshdoctor.model.mesh import PlainCredential
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.resource_names import object_name

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet")


def secret_name(workload: ObjectRef) -> str:
    """The Secret of a workload."""
    return object_name(f"{workload.name}-credentials")


def create_secret(workload: ObjectRef, variable: str) -> str:
    """The command that creates the Secret from standard input."""
    words = ["kubectl", "create", "secret", "generic", secret_name(workload), "-n", workload.namespace]
    return shlex.join([*words, f"--from-file={_key(variable)}=/dev/stdin"])


def use_secret(workload: ObjectRef, seen: PlainCredential) -> str:
    """The strategic merge patch that replaces the value with the reference; in words where the owner has no pod
    template."""
    reference = {"secretKeyRef": {"name": secret_name(workload), "key": _key(seen.variable)}}
    if workload.kind not in _TEMPLATED:
        said = msgspec.json.encode({"valueFrom": reference}).decode()
        return f"in the manifest of {workload.kind} {workload.name}, replace `value` of {seen.variable} with {said}"
    env = {"name": seen.variable, "value": None, "valueFrom": reference}
    is_init = any(c.name == seen.container and c.is_init for c in seen.pod.containers)
    container = {"name": seen.container, "env": [env]}
    spec = {"initContainers" if is_init else "containers": [container]}
    patch = msgspec.json.encode({"spec": {"template": {"spec": spec}}}).decode()
    words = ["kubectl", "patch", workload.kind.lower(), workload.name, "-n", workload.namespace, "-p", patch]
    return shlex.join(words)


def _key(variable: str) -> str:
    return variable if _KEY.fullmatch(variable) else "value"

"""Which pod a user means: `name`, `namespace/name`, a unique prefix, `deploy/name` or `app=label`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from meshdoctor.errors import UsageError
from meshdoctor.model.mesh import Mesh

WORKLOADS = {
    "deploy": "Deployment",
    "deployment": "Deployment",
    "sts": "StatefulSet",
    "statefulset": "StatefulSet",
    "ds": "DaemonSet",
    "daemonset": "DaemonSet",
    "job": "Job",
    "rs": "ReplicaSet",
}
_PODS = ("pod", "pods", "po")
"""As `kubectl get pods -o name` writes them; a pod in a namespace of such a name needs `namespace/name`."""
SHOWN = 5


def find_pod(
    mesh: Mesh, text: str, namespaces: Sequence[str] = (), *, is_good: Callable[[str], bool] | None = None
) -> str:
    """`namespace/name` of the pod that `text` names; of several replicas the first that is good.

    Good is one with a proxy that was read, unless `is_good` says otherwise.

    Raises `UsageError` naming the nearest pods where none fits, or those that fit where several different ones do.
    """
    keys = sorted(mesh.pod_names)
    keys = [k for k in keys if not namespaces or k.split("/", 1)[0] in namespaces]
    if namespaces and not keys:
        raise UsageError(f"no pod in namespace {', '.join(namespaces)}.")
    if text in keys:
        return text
    found = _matching(mesh, text, keys)
    if not found:
        raise UsageError(_unknown(text, keys))
    is_group = "=" in text or text.split("/", 1)[0] in WORKLOADS  # any pod of the label or workload will do
    owners = {mesh.pods[k].workload if k in mesh.pods else k for k in found}
    if len(found) == 1 or is_group or (len(owners) == 1 and None not in owners):
        good = is_good or mesh.proxies.__contains__
        return next(filter(good, found), found[0])
    listed = ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
    raise UsageError(f"{text} matches several pods: {listed}. Give one of these names.")


def _matching(mesh: Mesh, text: str, keys: Sequence[str]) -> list[str]:
    if "=" in text:
        wanted = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
        return [k for k in keys if k in mesh.pods and wanted.items() <= mesh.pods[k].labels.items()]
    head, _, rest = text.partition("/")
    if rest and head in _PODS:
        return _matching(mesh, rest, keys)
    if rest and head in WORKLOADS:
        owners = ((key, mesh.pods[key].workload) for key in keys if key in mesh.pods)
        return [key for key, owner in owners if owner and (owner.kind, owner.name) == (WORKLOADS[head], rest)]
    exact = [k for k in keys if k.split("/", 1)[1] == text]
    if exact:
        return exact
    return [k for k in keys if k.startswith(text) or k.split("/", 1)[1].startswith(text)] if text else []


def _unknown(text: str, keys: Sequence[str]) -> str:
    if not keys:
        return f"no pod {text}: the evidence contains no pods."
    names = {k.split("/", 1)[1]: k for k in keys} | {k: k for k in keys}
    near = difflib.get_close_matches(text, names, n=3, cutoff=0.4)
    offered = list(dict.fromkeys(names[n] for n in near)) or list(keys[:SHOWN])
    return f"no pod {text}. Did you mean {' or '.join(offered)}?"

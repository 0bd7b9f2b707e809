"""Many pods at little cost: copies of the snapshots' pods, whose admin port is a stand-in that replays their pages.

Each snapshot's objects go to a namespace of their own, so that what was captured apart stays apart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from tests.lab import kubelet
from tests.lab.api import Object
from tests.lab.control import NODE, free_ports
from tests.lab.lab import Lab
from tests.lab.objects import SYSTEM_NAMESPACES, running_status

KINDS = ("serviceentries", "virtualservices", "destinationrules", "sidecars", "gateways", "configmaps")
DROPPED = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences", "selfLink")


class Extra(Struct, frozen=True):
    """A pod of the crowd."""

    namespace: str
    name: str
    source: Path
    """The captured proxy it copies, `.../proxies/NAMESPACE/POD`."""
    address: str
    """Where the stand-in listens for it."""


def add_crowd(lab: Lab, snapshots: Path, count: int) -> Sequence[Extra]:
    """Add `count` pods that copy the proxies below `snapshots`, beside whatever mesh is loaded.

    They go with the next `Lab.load` or `Lab.clear`, and so does their admin server.
    """
    sources = [path for path in sorted(snapshots.glob("*/proxies/*/*")) if path.parent.name not in SYSTEM_NAMESPACES]
    if not sources:
        raise ValueError(f"no captured proxies below {snapshots}")
    folders = sorted({source.parents[2] for source in sources})
    homes = {folder: f"crowd-{number:02}" for number, folder in enumerate(folders)}
    for folder, home in homes.items():
        _add_objects(lab, folder, home)
    port = free_ports(1)[0]
    extras, plan = [], []
    for number, source in enumerate(islice(cycle(sources), count)):
        home = homes[source.parents[2]]
        name = f"{source.name.rsplit('-', 1)[0]}-c{number:04}"
        extra = Extra(home, name, source, f"127.78.{number // 200}.{number % 200 + 1}")
        plan.append({"address": extra.address, "port": port, "folder": str(source), "renamed": _renamed(extra)})
        extras.append(extra)
    _serve(lab, plan)
    pods = [_pod(extra) for extra in extras]
    lab.api.apply_all(pods)
    lab.api.apply_all(
        [running_status(pod, f"10.245.{n // 250}.{n % 250 + 1}") for n, pod in enumerate(pods)], status=True
    )
    lab.api.apply_all([kubelet.forward_to_address(e.namespace, e.name, e.address, port) for e in extras])
    return extras


def _renamed(extra: Extra) -> dict[str, str]:
    """What to replace in the copied pages: the pod's name, and the namespace wherever Istio writes one."""
    pod, old, new = extra.source.name, extra.source.parent.name, extra.namespace
    forms = ("/namespaces/{}/", '"{}"', "~{}.svc", ".{}.svc")
    return {f"{pod}.{old}": f"{extra.name}.{new}", pod: extra.name} | {f.format(old): f.format(new) for f in forms}


def _serve(lab: Lab, plan: list[dict[str, Any]]) -> None:
    file = lab.folder / "crowd.json"
    file.write_text(json.dumps(plan))
    lab.start_with_mesh("crowd", sys.executable, "-m", "tests.lab.admin", "replay", file)
    lab.processes.ready("crowd", lambda: "ready" in lab.processes.log("crowd"))


def _add_objects(lab: Lab, folder: Path, home: str) -> None:
    """A snapshot's objects in their new namespace; those of other namespaces are left out."""
    lab.add_namespaces(home)
    names = {path.parent.name for path in folder.glob("proxies/*/*")} - SYSTEM_NAMESPACES
    found: list[Object] = []
    for kind in KINDS:
        path = folder / "resources" / f"{kind}.yaml"
        listed = yaml.load(path.read_bytes(), yaml.CSafeLoader) if path.is_file() else {"items": []}
        found += [item for item in listed["items"] if item["metadata"].get("namespace") in names]
    for item in found:
        item.pop("status", None)
        item["metadata"] = {k: v for k, v in item["metadata"].items() if k not in DROPPED} | {"namespace": home}
    lab.api.apply_all([item for item in found if not item["metadata"]["name"].startswith(("istio-ca", "kube-root"))])


def _pod(extra: Extra) -> Object:
    """The captured pod under its new name."""
    captured = yaml.load((extra.source.parents[2] / "resources/pods.yaml").read_bytes(), yaml.CSafeLoader)["items"]
    pod: Object = next(item for item in captured if item["metadata"]["name"] == extra.source.name)
    kept = {name: pod["metadata"].get(name) or {} for name in ("labels", "annotations")}
    pod["metadata"] = {"name": extra.name, "namespace": extra.namespace, **kept}
    spec = {name: pod["spec"][name] for name in ("containers", "initContainers") if name in pod["spec"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": pod["metadata"],
        "spec": {"nodeName": NODE, "automountServiceAccountToken": False, **spec},
    }

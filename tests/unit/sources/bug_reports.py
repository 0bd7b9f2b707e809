"""Builds bug-reports and must-gathers out of captures, in the very shapes that istioctl, kubectl and oc write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

NETWORKING = ("serviceentries", "virtualservices", "destinationrules", "sidecars", "gateways", "workloadentries")
CORE = ("pods", "services", "configmaps")
POD = "bookinfo/ratings-v2-mysql-6c8d9f7b5-x2x4q"
"""The pod of every snapshot with one."""
FOOT = b'kind: List\nmetadata:\n  resourceVersion: ""\n'


def bug_report_of(folder: Path, top: str = "bug-report/") -> dict[str, bytes]:
    """The files of a bug-report of the cluster that the capture in `folder` was made of."""
    files = {
        top + "bug-report.log": b"2026-11-21T09:55:01.630702Z\terror\tklog\tan error occurred\n",
        top + "versions": b"CLI version:\n",
        top + "cluster/cluster-context": b"lab\n",
        top + "cluster/crs": listed(folder, NETWORKING),
        top + "cluster/k8s-resources": listed(folder, CORE),
        top + "cluster/k8s-cluster-resources": listed(folder, ("namespaces",)),
        top + "cluster/secrets": b"NAMESPACE NAME TYPE DATA AGE\n",
    }
    for proxy in folder.glob("proxies/*/*"):
        files |= pages_of(proxy, f"{top}proxies/{proxy.parent.name}/{proxy.name}/")
    return files


def pages_of(proxy: Path, below: str) -> dict[str, bytes]:
    """What a bug-report holds of one proxy."""
    return {
        below + "certs": b"{}",
        below + "clusters": as_text(json.loads((proxy / "clusters.json").read_bytes())),
        below + "config_dump?include_eds": (proxy / "config_dump.json").read_bytes(),
        below + "istio-proxy.log": b"2026-11-21T09:54:55.000000Z\tinfo\tEnvoy proxy is ready\n",
        below + "server_info": b'{"hot_restart_version": "disabled"}',
        below + "stats/prometheus": b"envoy_server_live{} 1\n",
    }


def must_gather_of(folder: Path, top: str = "must-gather.local.1/quay-io-image/") -> dict[str, bytes]:
    """The files of a must-gather of the same."""
    crds = top + "cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions/"
    files = {
        crds + f"{plural}.networking.istio.io.yaml": b"---\nkind: CustomResourceDefinition\n" for plural in NETWORKING
    }
    files["must-gather.local.1/timestamp"] = b"2026-11-21 09:55:01.63 +0000 UTC m=+0.1\n"
    for plural in (*NETWORKING, *CORE, "namespaces"):
        objects: dict[str, list[bytes]] = {}
        for item in items_of(folder / "resources" / f"{plural}.yaml"):
            objects.setdefault(field(item, "namespace") or field(item, "name"), []).append(item)
        for namespace, items in objects.items():
            below = f"{top}namespaces/{namespace}/"
            if plural in CORE:
                files[f"{below}core/{plural}.yaml"] = b"---\napiVersion: v1\nitems:\n" + b"".join(items) + FOOT
            for item in items if plural not in CORE else ():
                name = f"networking.istio.io/{plural}/{field(item, 'name')}" if plural in NETWORKING else namespace
                files[f"{below}{name}.yaml"] = b"---\n" + b"\n".join(line[2:] for line in item.split(b"\n"))
    for proxy in folder.glob("proxies/*/*"):
        below = f"{top}namespaces/{proxy.parent.name}/pods/{proxy.name}/"
        files[below + "config_dump_proxy.json"] = (proxy / "config_dump.json").read_bytes()
        files[below + "config_dump_istiod.json"] = b'{"configs": []}'
        files[below + "proxy_stats"] = b"server.live: 1\n"
        files[below + "istio-proxy/istio-proxy/logs/current.log"] = b"ready\n"
    return files


def listed(folder: Path, plurals: Iterable[str]) -> bytes:
    """One List of several kinds, as `kubectl get kind,kind -o yaml` prints it."""
    items = b"".join(item for plural in plurals for item in items_of(folder / "resources" / f"{plural}.yaml"))
    return b"apiVersion: v1\nitems:" + (b"\n" + items if items else b" []\n") + FOOT


def items_of(file: Path) -> list[bytes]:
    """The items' texts of a capture's List, each with its dash."""
    text = file.read_bytes()
    if b"items: []" in text:
        return []
    start, end = text.index(b"items:\n") + len(b"items:"), text.rindex(b"kind: List\n")
    return [b"- " + item.rstrip(b"\n") + b"\n" for item in text[start:end].split(b"\n- ")[1:]]


def field(item: bytes, name: str) -> str:
    """A field of an item's metadata, empty where it has none."""
    lines = item.partition(b"\n  metadata:\n")[2].split(b"\n")
    start = f"    {name}: ".encode()
    return next((line.removeprefix(start).decode() for line in lines if line.startswith(start)), "")


def as_text(page: Mapping[str, Any]) -> bytes:
    """The JSON of /clusters as Envoy writes it where nobody asks for JSON."""
    lines = []
    for cluster in page["cluster_statuses"]:
        name = cluster["name"]
        lines += [f"{name}::observability_name::{name};", f"{name}::default_priority::max_connections::1024"]
        for host in cluster.get("host_statuses", ()):
            address = host["address"]
            inet = address.get("socket_address", {})
            told = f"{inet['address']}:{inet['port_value']}" if inet else address["pipe"]["path"]
            told = f"[{inet['address']}]:{inet['port_value']}" if ":" in inet.get("address", "") else told
            lines += [f"{name}::{told}::{key}::0" for key in ("cx_active", "cx_total", "rq_error")]
            lines.append(f"{name}::{told}::hostname::{host.get('hostname', '')}")
            lines.append(f"{name}::{told}::health_flags::healthy")
            lines.append(f"{name}::{told}::region::")
        lines.append(f"{name}::added_via_api::true")
    return "\n".join(lines).encode() + b"\n"

"""Where the line runs between damaged evidence and another world that is as possible as the first.

A world: what Kubernetes, istiod and Envoy could have written just so, as a list with an item less, or an optional field
that is not set. Damage: what they never write, as a field that they require or always set left out, or what the rest
of the capture shows to be missing, as a cluster that a route names.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.invariants.captures import HeldCapture
from tests.invariants.trees import Path, at

ONE_OF = frozenset({"cluster", "weighted_clusters", "cluster_header"})
SECTIONS = (
    "dynamic_listeners",
    "dynamic_active_listeners",
    "dynamic_active_clusters",
    "dynamic_route_configs",
    "dynamic_endpoint_configs",
    "static_listeners",
    "static_clusters",
    "static_route_configs",
    "static_endpoint_configs",
)
FILTER = frozenset({"name", "typed_config"})
DUMP: dict[str, frozenset[str]] = {
    "": frozenset({"configs"}),
    "configs": frozenset({"bootstrap", *SECTIONS}),
    "bootstrap": frozenset({"node"}),
    "node": frozenset({"id"}),
    "dynamic_listeners": frozenset({"name", "active_state"}),
    "active_state": frozenset({"listener"}),
    "static_listeners": frozenset({"listener"}),
    "dynamic_active_listeners": frozenset({"listener"}),
    "static_clusters": frozenset({"cluster"}),
    "dynamic_active_clusters": frozenset({"cluster"}),
    "static_route_configs": frozenset({"route_config"}),
    "dynamic_route_configs": frozenset({"route_config"}),
    "static_endpoint_configs": frozenset({"endpoint_config"}),
    "dynamic_endpoint_configs": frozenset({"endpoint_config"}),
    "listener": frozenset({"name", "address", "filter_chains"}),
    "address": frozenset({"socket_address"}),
    "socket_address": frozenset({"address", "port_value"}),
    "prefix_ranges": frozenset({"address_prefix"}),
    "filters": FILTER,
    "http_filters": FILTER,
    "listener_filters": FILTER,
    "transport_socket": FILTER,
    "rds": frozenset({"route_config_name"}),
    "typed_config": ONE_OF | {"rds", "route_config"},
    "config": ONE_OF | {"rds", "route_config"},
    "route_config": frozenset({"name"}),
    "virtual_hosts": frozenset({"name", "domains"}),
    "routes": frozenset({"match", "route", "redirect", "direct_response"}),
    "match": frozenset({"prefix", "path", "safe_regex", "path_separated_prefix"}),
    "route": ONE_OF,
    "weighted_clusters": frozenset({"clusters"}),
    "clusters": frozenset({"name"}),
    "headers": frozenset({"name"}),
    "cluster": frozenset({"name"}),
    "load_assignment": frozenset({"cluster_name"}),
    "endpoint_config": frozenset({"cluster_name"}),
    "lb_endpoints": frozenset({"endpoint"}),
    "endpoint": frozenset({"address"}),
}
"""By the name of an object: the members that are always there, or of which always one is there. `@type` always is."""

PAGE: dict[str, frozenset[str]] = {
    "": frozenset({"cluster_statuses"}),
    "cluster_statuses": frozenset({"name"}),
    "host_statuses": frozenset({"address"}),
    "address": frozenset({"socket_address"}),
    "socket_address": frozenset({"address", "port_value"}),
}

OBJECTS: dict[str, frozenset[str]] = {
    "": frozenset({"apiVersion", "kind", "items"}),
    "items": frozenset({"apiVersion", "kind", "metadata", "spec"}),
    "items.metadata": frozenset({"name", "namespace"}),
    "containers": frozenset({"name"}),
    "initContainers": frozenset({"name"}),
    "env": frozenset({"name"}),
    "configMapKeyRef": frozenset({"name", "key"}),
    "destination": frozenset({"host"}),
    "subsets": frozenset({"name"}),
    "egress": frozenset({"hosts"}),
    "servers": frozenset({"port", "hosts"}),
}
OF_SPEC: dict[str, dict[str, frozenset[str]]] = {
    "serviceentries": {"spec": frozenset({"hosts"}), "ports": frozenset({"number", "name"})},
    "virtualservices": {
        "spec": frozenset({"hosts"}),
        "tls": frozenset({"match", "route"}),
        "tcp": frozenset({"route"}),
        "route": frozenset({"destination"}),
        "match": frozenset({"sniHosts"}),
    },
    "destinationrules": {"spec": frozenset({"host"})},
    "pods": {"spec": frozenset({"containers"})},
    "services": {"spec": frozenset({"clusterIP"}), "ports": frozenset({"port"})},
}
WITHOUT = {"namespaces": {"spec", "namespace"}, "configmaps": {"spec"}}
ANSWERS: dict[str, frozenset[str]] = {"": frozenset({"answers"})}
ALWAYS_SENT = {
    "virtualOutbound",
    "virtualInbound",
    "BlackHoleCluster",
    "PassthroughCluster",
    "InboundPassthroughCluster",
}
"""What istiod sends to every sidecar (pilot/pkg/networking/core)."""


def plural(document: str) -> str:
    """`pods` of `resources/pods.yaml`; empty for other documents."""
    return document.split("/")[1].split(".")[0] if document.startswith("resources/") else ""


def is_required(document: str, path: Path) -> bool:
    """Whether a member of an object is always there."""
    if not path or isinstance(path[-1], int):
        return False
    names = [key for key in path[:-1] if isinstance(key, str)]
    key, parent = path[-1], names[-1] if names else ""
    if key == "@type":
        return True
    for ending, table in (("config_dump.json", DUMP), ("clusters.json", PAGE), ("dns.json", ANSWERS)):
        if document.endswith(ending):
            return key in table.get(parent, ())
    kind = plural(document)
    if key in WITHOUT.get(kind, ()):
        return False
    tables = (OBJECTS, OF_SPEC.get(kind, {}))
    return any(key in table.get(".".join(names[-2:]), ()) or key in table.get(parent, ()) for table in tables)


class Witnesses:
    """What one part of a capture says about another."""

    def __init__(self, capture: HeldCapture, trees: dict[str, Any]) -> None:
        self.capture = capture
        self.dumps = "\n".join(
            data.decode(errors="replace") for path, data in capture.files.items() if path.endswith("config_dump.json")
        )
        self._dumps_without_hyphens = self.dumps.replace("-", "")
        """Istio's metadata says `virtual-service` for a VirtualService."""
        pods = trees.get("resources/pods.yaml")
        items = pods.get("items") if isinstance(pods, dict) else None
        metadata = [one["metadata"] for one in items or () if isinstance(one, dict) and "metadata" in one]
        self.pods = {f"{one.get('namespace')}/{one.get('name')}" for one in metadata}

    def show(self, document: str, path: Path, tree: Any) -> bool:
        """Whether the entry of a list at `path` would be missed, were it not there."""
        item, names = at(tree, path), [key for key in path if isinstance(key, str)]
        if not isinstance(item, dict):
            return False
        if document.startswith("resources/") and names == ["items"]:
            return self._object(plural(document), item)
        if document.endswith("clusters.json") and names == ["cluster_statuses"]:
            return f'"{item.get("name")}"' in self.dumps
        if document.endswith("config_dump.json") and names == ["configs"]:
            return (
                re.search(r"\.(Bootstrap|Clusters|Endpoints|Listeners|Routes)ConfigDump$", item.get("@type", ""))
                is not None
            )
        if document.endswith("config_dump.json") and len(names) == 2 and names[0] == "configs":
            return self._entry(item, names[1], self.capture.files[document].decode())
        return False

    def _object(self, kind: str, item: dict[str, Any]) -> bool:
        metadata, spec = item.get("metadata") or {}, item.get("spec") or {}
        name, namespace = metadata.get("name"), metadata.get("namespace")
        if kind == "serviceentries":
            return any(f"||{host}" in self.dumps for host in spec.get("hosts") or ())
        if kind == "services":
            return f"||{name}.{namespace}.svc" in self.dumps
        if kind == "pods":
            return any(path.startswith(f"proxies/{namespace}/{name}/") for path in self.capture.files)
        if kind == "namespaces":
            return any(key.startswith(f"{name}/") for key in self.pods)
        named = f"/namespaces/{namespace}/{item.get('kind', '').lower()}/{name}"
        return named.replace("-", "") in self._dumps_without_hyphens

    @staticmethod
    def _entry(item: dict[str, Any], section: str, dump: str) -> bool:
        """An entry of a section: whether istiod always sends it, or the same dump refers to it elsewhere."""
        state = item.get("active_state") or item
        own: dict[str, Any] = next(
            (state[key] for key in ("listener", "cluster", "route_config", "endpoint_config") if key in state), {}
        )
        name = own.get("name") or own.get("cluster_name") or item.get("name") or ""
        if name in ALWAYS_SENT:
            return True
        if "listener" in section:
            named = re.findall(r'"(?:cluster|route_config_name)": ?"([^"]+)"', json.dumps(own))
            return any(dump.count(f'"{one}"') > json.dumps(own).count(f'"{one}"') for one in named)
        return bool(name) and dump.count(f'"{name}"') > json.dumps(item).count(f'"{name}"')

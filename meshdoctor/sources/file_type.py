"""Tells what one file is by its first bytes, without parsing a dump of 33 MB to learn that it is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum


class FileType(Enum):
    """What a loose file holds."""

    CONFIG_DUMP = "config_dump"
    """GET /config_dump of any Envoy, or `istioctl proxy-config all -o json`."""
    BOOTSTRAP = "bootstrap"
    """`istioctl proxy-config bootstrap -o json`."""
    LISTENERS = "listeners"
    """`istioctl proxy-config listeners -o json`, a bare array in camelCase; so are the next three."""
    CLUSTERS = "clusters"
    ROUTES = "routes"
    ENDPOINTS = "endpoints"
    CLUSTER_STATUS = "cluster_status"
    """GET /clusters?format=json, `clusters.json` beside a config dump."""
    CLUSTER_TEXT = "clusters_text"
    """GET /clusters: plain text, known by its name `clusters.txt` alone."""
    SERVER_INFO = "server_info"
    """GET /server_info."""
    STATS = "stats"
    """GET /stats?usedonly: plain text, known by its name `stats.txt` alone."""
    DNS = "dns"
    """The dns.json of a capture."""
    RESOURCES = "resources"
    """Kubernetes objects as YAML or JSON."""


_OBJECT_KEYS = {
    "configs": FileType.CONFIG_DUMP,
    "bootstrap": FileType.BOOTSTRAP,
    "cluster_statuses": FileType.CLUSTER_STATUS,
    "clusterStatuses": FileType.CLUSTER_STATUS,
    "hot_restart_version": FileType.SERVER_INFO,
    "command_line_options": FileType.SERVER_INFO,
    "answers": FileType.DNS,
    "apiVersion": FileType.RESOURCES,
    "kind": FileType.RESOURCES,
}
_ELEMENT_KEYS = {
    **dict.fromkeys(("apiVersion", "kind"), FileType.RESOURCES),
    **dict.fromkeys(
        ("filterChains", "filter_chains", "address", "listenerFilters", "trafficDirection"), FileType.LISTENERS
    ),
    **dict.fromkeys(("virtualHosts", "virtual_hosts", "validateClusters", "validate_clusters"), FileType.ROUTES),
    **dict.fromkeys(
        ("hostStatuses", "host_statuses", "addedViaApi", "clusterName", "cluster_name"), FileType.ENDPOINTS
    ),
    **dict.fromkeys(
        ("type", "clusterType", "connectTimeout", "connect_timeout", "lbPolicy", "lb_policy"), FileType.CLUSTERS
    ),
    **dict.fromkeys(("edsClusterConfig", "eds_cluster_config", "loadAssignment", "circuitBreakers"), FileType.CLUSTERS),
}
"""Keys by which the elements of a pasted array differ. `name` says nothing."""

_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*(:?)|([\[{])|([\]}])', re.DOTALL)
_YAML_OBJECT = re.compile(rb"^(?:- )?(?:apiVersion|kind) *:", re.MULTILINE)
_NAMED = {shape.value: shape for shape in (FileType.LISTENERS, FileType.CLUSTERS, FileType.ROUTES, FileType.ENDPOINTS)}


def file_type(head: bytes, name: str) -> FileType | None:
    """What a file is that starts with `head`, None where it is nothing meshdoctor reads.

    `name`, the file's own, decides only for an empty array, which `istioctl` prints where there is nothing to list.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"{":
        return _first(_OBJECT_KEYS, _keys(text, 1))
    if text[:1] == b"[":
        if text[1:].strip() == b"]":
            return next((shape for word, shape in _NAMED.items() if word.rstrip("s") in name.lower()), None)
        return _first(_ELEMENT_KEYS, _keys(text, 2))
    return FileType.RESOURCES if _YAML_OBJECT.search(text) else None


def _first(shapes: dict[str, FileType], keys: Iterator[str]) -> FileType | None:
    return next((shapes[key] for key in keys if key in shapes), None)


def _keys(text: bytes, wanted_depth: int) -> Iterator[str]:
    """The keys that stand `wanted_depth` brackets deep, in order; tolerates text that is cut short."""
    depth = 0
    for token in _TOKEN.finditer(text):
        key, colon, opens, closes = token.groups()
        if opens:
            depth += 1
        elif closes:
            depth -= 1
        elif colon and depth == wanted_depth:
            yield key.decode("utf-8", "replace")

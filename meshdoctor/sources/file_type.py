"""Recognises the type of a file by its first bytes, without parsing it: a dump may have 33 MB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum


class FileType(Enum):
    """What a file contains."""

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
"""Keys that identify the elements of a pasted array. All have a `name`."""

_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*(:?)|([\[{])|([\]}])', re.DOTALL)
_YAML_OBJECT = re.compile(rb"^(?:- )?(?:apiVersion|kind) *:", re.MULTILINE)
_NAMED = {kind.value: kind for kind in (FileType.LISTENERS, FileType.CLUSTERS, FileType.ROUTES, FileType.ENDPOINTS)}


def file_type(head: bytes, name: str) -> FileType | None:
    """The type of a file that starts with `head`, None where meshdoctor does not read it.

    The file's `name` counts only for an empty array, which `istioctl` prints where there is nothing to list.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"{":
        return _first(_OBJECT_KEYS, _keys(text, 1))
    if text[:1] == b"[":
        if text[1:].strip() == b"]":
            return next((kind for word, kind in _NAMED.items() if word.rstrip("s") in name.lower()), None)
        return _first(_ELEMENT_KEYS, _keys(text, 2))
    return FileType.RESOURCES if _YAML_OBJECT.search(text) else None


def _first(types: dict[str, FileType], keys: Iterator[str]) -> FileType | None:
    return next((types[key] for key in keys if key in types), None)


def _keys(text: bytes, at_depth: int) -> Iterator[str]:
    """The keys inside `at_depth` brackets, in order; tolerates text that is cut short."""
    depth = 0
    for token in _TOKEN.finditer(text):
        key, colon, opens, closes = token.groups()
        if opens:
            depth += 1
        elif closes:
            depth -= 1
        elif colon and depth == at_depth:
            yield key.decode("utf-8", "replace")

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
_ENVOY_KEYS = {key: _OBJECT_KEYS[key] for key in ("configs", "bootstrap")}
"""Keys that identify YAML of istioctl."""
_YAML_INDENT = 2
"""Columns before the keys of a list's items, as every YAML printer in Go writes them."""
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
_YAML_KEY = re.compile(rb"""^(?P<at>-? *)["']?(?P<key>[@\w]+)["']?:(?=[ \r\n])""", re.MULTILINE)
_SECTION_TYPE = re.compile(rb"""["']?@type["']?\s*:\s*["']?[\w.]+/envoy\.admin\.v\w+\.\w+ConfigDump\b""")
"""The type of a section of a config dump."""
_NAMED = {kind.value: kind for kind in (FileType.LISTENERS, FileType.CLUSTERS, FileType.ROUTES, FileType.ENDPOINTS)}


def file_type(head: bytes, name: str) -> FileType | None:
    """The type of a file that starts with `head`, None where meshdoctor does not read it.

    The file's `name` counts only for an empty array, which `istioctl` prints where there is nothing to list.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"{":
        return _first(_OBJECT_KEYS, keys_of(text, 1)) or _of_section(text)
    if text[:1] == b"[":
        if text[1:].strip() == b"]":
            return next((kind for word, kind in _NAMED.items() if word.rstrip("s") in name.lower()), None)
        return _of_elements(text, keys_of(text, 2))
    if _YAML_OBJECT.search(text):
        return FileType.RESOURCES
    # `istioctl proxy-config -o yaml`: keys of the document, or of the items of its list
    of_document = (found["key"].decode() for found in _YAML_KEY.finditer(text) if not found["at"])
    if (known := _first(_ENVOY_KEYS, of_document)) is not None:
        return known
    inside = (found["key"].decode() for found in _YAML_KEY.finditer(text) if len(found["at"]) == _YAML_INDENT)
    return _of_elements(text, inside) if text.removeprefix(b"---").lstrip().startswith(b"- ") else None


def is_yaml(head: bytes) -> bool:
    """Whether a file that starts with `head` is YAML, where its type is known."""
    return head.lstrip()[:1] not in (b"{", b"[")


def has_configs(head: bytes) -> bool:
    """Whether a config dump has its outermost key; without it, it is one section or an array of them."""
    text = head.lstrip()
    if is_yaml(text):
        return any(found["key"] == b"configs" and not found["at"] for found in _YAML_KEY.finditer(text))
    return text[:1] == b"{" and "configs" in keys_of(text, 1)


def _of_elements(text: bytes, keys: Iterator[str]) -> FileType | None:
    """The type of an array; one of sections is what `jq .configs` prints of a dump."""
    return _first(_ELEMENT_KEYS, keys) or _of_section(text)


def _of_section(text: bytes) -> FileType | None:
    return FileType.CONFIG_DUMP if _SECTION_TYPE.search(text) else None


def _first(types: dict[str, FileType], keys: Iterator[str]) -> FileType | None:
    return next((types[key] for key in keys if key in types), None)


def keys_of(text: bytes, at_depth: int) -> Iterator[str]:
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

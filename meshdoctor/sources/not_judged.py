"""Names files that meshdoctor recognises and cannot give a verdict from, with what to give instead.

Sources: istioctl's writers (istioctl/pkg/writer), Envoy's admin pages (envoy.admin.v3), xDS
(envoy.service.discovery.v3).
"""

from __future__ import annotations

import re

from meshdoctor.sources.file_type import FileType, keys_of

DUMP_INSTEAD = (
    "Give the whole dump: kubectl exec POD -c istio-proxy -- pilot-agent request GET 'config_dump?include_eds', "
    "or istioctl proxy-config all POD -o json"
)

_ZTUNNEL = {"workloads", "certificates", "workloadState"}
"""Top-level keys of a ztunnel's /config_dump (ztunnel src/admin.rs)."""
_KEYS = (
    ({"versionInfo", "version_info", "typeUrl", "type_url", "nonce"}, "an xDS DiscoveryResponse: what was sent once"),
    (
        {"listener_statuses", "listenerStatuses"},
        "GET /listeners?format=json: addresses of listeners without their filter chains",
    ),
    (
        {"cluster_statuses", "clusterStatuses"},
        "GET /clusters?format=json: endpoints of clusters, which belong beside a dump",
    ),
    ({"dynamic_active_secrets", "dynamicActiveSecrets"}, "a list of secrets"),
    ({"ecds_filters", "ecdsFilters"}, "a list of extension configurations (ECDS)"),
    ({"syncz", "cluster_status", "proxy_status"}, "istiod's list of proxies"),
)
_TEXT = (
    (
        re.compile(rb"ADDRESS(?:ES)?\s+PORT\b|(?:LISTENER|NAME)\s+ADDRESS\b"),
        "the table of istioctl proxy-config listeners",
    ),
    (re.compile(rb"SERVICE FQDN\s+PORT\b"), "the table of istioctl proxy-config clusters"),
    (
        re.compile(rb"(?:NAME\s+)?(?:VHOST NAME\s+)?(?:NAME\s+)?DOMAINS\s+MATCH\b"),
        "the table of istioctl proxy-config routes",
    ),
    (re.compile(rb"ENDPOINT\s+STATUS\b"), "the table of istioctl proxy-config endpoints"),
    (re.compile(rb"RESOURCE NAME\s+TYPE\s+STATUS\b"), "the table of istioctl proxy-config secret"),
    (re.compile(rb"NAME\s+CLUSTER\s+(?:ISTIOD|CDS|TYPE)\b|NAME\s+CDS\s+LDS\b"), "the table of istioctl proxy-status"),
    (re.compile(rb"NAME(?:SPACE)?\s+(?:\S+ ?\S*\s{2,}){1,}AGE\b|NAME\s+AGE\b"), "a table of kubectl get"),
    (re.compile(rb"[^\s:][^\n]*::(?:observability_name|default_priority|added_via_api)::"), "GET /clusters as text"),
    (re.compile(rb"\S+::(?:\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):\d+\s*$", re.MULTILINE), "GET /listeners as text"),
    (re.compile(rb"(?:[\w.|;~*-]+: \d+\n){3}"), "GET /stats as text"),
)
_TABLE = (
    "which leaves out what decides. Give JSON: the same command with -o json, or better, istioctl proxy-config all POD "
    "-o json"
)
_SECTION = re.compile(rb"envoy\.admin\.v\w+\.(\w+?)ConfigDump\b")
SHOWS_ITSELF = frozenset({b"Bootstrap", b"Listeners", b"Clusters", b"Routes"})
"""Sections of a dump of which at least one is needed: the bootstrap names the proxy, so that it can be counted."""


def what_it_is(head: bytes) -> str:
    """What a file of no usable type is, and what to give instead; empty where that is not known."""
    text = head.lstrip()
    if text[:1] in (b"{", b"["):
        keys = set(keys_of(text, 1 if text[:1] == b"{" else 2))
        if len(keys & _ZTUNNEL) > 1:
            return (
                "is the dump of a ztunnel, not of an Envoy: its connections are not judged. Give the dump of a sidecar"
            )
        found = next((what for marks, what in _KEYS if keys & marks), "")
        return found and f"is {found}. {DUMP_INSTEAD}"
    found = next((what for pattern, what in _TEXT if pattern.match(text)), "")
    if found.startswith(("the table of istioctl proxy-config", "GET")):
        return f"is {found}, {_TABLE}"
    return found and f"is {found}. {DUMP_INSTEAD}"


def lacks_sections(data: bytes) -> str:
    """What a config dump is that has no section to judge; empty where it has one, or names its sections otherwise."""
    names = set(_SECTION.findall(data))
    if not names or names & SHOWS_ITSELF:
        return ""
    said = ", ".join(sorted(name.decode() for name in names))
    return f"is a config dump without listeners, clusters and routes: it has only {said}. {DUMP_INSTEAD}"


def is_only_about(types: frozenset[FileType]) -> str:
    """What pasted files of one proxy are that give no verdict; empty where one of them does."""
    if types == {FileType.BOOTSTRAP}:
        return f"is a bootstrap: it names the proxy, and has no listeners, clusters and routes. {DUMP_INSTEAD}"
    if types and types <= {FileType.BOOTSTRAP, FileType.ENDPOINTS}:
        return f"is a list of endpoints, without listeners, clusters and routes. {DUMP_INSTEAD}"
    return ""

"""Istio's names for Envoy objects: clusters, and the resources named in metadata."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from meshdoctor.model.mesh import Ref

PASSTHROUGH = "PassthroughCluster"
BLACKHOLE = "BlackHoleCluster"
"""Both: what a sidecar has for hosts not registered (istio pilot/pkg/networking/util/util.go)."""


class ClusterName(NamedTuple):
    """The parts of `outbound|443|v1|github.com` (istio pilot/pkg/model/service.go BuildSubsetKey)."""

    direction: str
    port: int
    subset: str
    host: str


@lru_cache(maxsize=65536)
def cluster_name(name: str) -> ClusterName | None:
    """The parts of an Istio cluster name, or None for other names. Reads the SNI-DNAT form as well."""
    parts = name.split("|")
    if len(parts) != 4:
        parts = name.split("_.", 3)
        if len(parts) != 4:
            return None
        parts[1:3] = [part.strip("_.") for part in parts[1:3]]
    direction, port, subset, host = parts
    if not port.isdigit():
        return None
    return ClusterName(direction, int(port), subset, host.lower())


_CONFIG = re.compile(r"/apis/networking(?:\.istio\.io)?/[^/]+/namespaces/(?P<ns>[^/]+)/(?P<kind>[^/]+)/(?P<name>.+)")
_KINDS = {
    "virtual-service": "VirtualService",
    "destination-rule": "DestinationRule",
    "gateway": "Gateway",
    "service-entry": "ServiceEntry",
    "sidecar": "Sidecar",
    "envoy-filter": "EnvoyFilter",
}


@lru_cache(maxsize=4096)
def config_ref(path: str) -> Ref | None:
    """The resource of metadata `istio.config`, or None where the path is empty or of another form."""
    match = _CONFIG.match(path)
    if match is None:
        return None
    return Ref(_KINDS.get(match["kind"], match["kind"]), match["ns"], match["name"])


def slug(host: str) -> str:
    """A host as the name of a Kubernetes object: `db.payments.example` is `db-payments-example`."""
    return re.sub(r"[^a-z0-9]+", "-", host.lower().replace("*", "any")).strip("-")[:60].strip("-") or "external"

"""Istio's names for Envoy objects: clusters, and the resources named in metadata."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from functools import lru_cache
from typing import NamedTuple

from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.ip_addresses import address

PASSTHROUGH = "PassthroughCluster"
BLACKHOLE = "BlackHoleCluster"
"""Both: what a sidecar has for hosts not registered (istio pilot/pkg/networking/util/util.go)."""


CLUSTER_TYPES = {"NONE": "ORIGINAL_DST", "STATIC": "EDS", "DNS": "STRICT_DNS", "DNS_ROUND_ROBIN": "LOGICAL_DNS"}
"""The type of a sidecar's cluster by the resolution of its entry (core/cluster.go, convertResolution)."""


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


_SLUG = 60

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
def config_ref(path: str) -> ObjectRef | None:
    """The resource of metadata `istio.config`, or None where the path is empty or of another form."""
    match = _CONFIG.match(path)
    if match is None:
        return None
    return ObjectRef(_KINDS.get(match["kind"], match["kind"]), match["ns"], match["name"])


def config_path(ref: ObjectRef) -> str:
    """The path of metadata `istio.config` for a resource: what `config_ref` reads."""
    kind = next(word for word, kind in _KINDS.items() if kind == ref.kind)
    return f"/apis/networking.istio.io/v1/namespaces/{ref.namespace}/{kind}/{ref.name}"


def slug(host: str) -> str:
    """A host as part of an object's name: `db.payments.example` is `db-payments-example`.

    Two hosts have the same slug only where a `-`, `*` or `_` stands for a dot: IPv6 addresses are written out, and of a
    long name the end gives way to a digest.
    """
    parsed = address(host)
    groups = parsed.exploded.split(":") if parsed and parsed.version == 6 else ()
    words = ":".join(f"{int(group, 16):x}" for group in groups) or host
    made = re.sub(r"[^a-z0-9]+", "-", words.lower().replace("*", "any")).strip("-") or "external"
    if len(made) <= _SLUG:
        return made
    return f"{made[: _SLUG - 9].rstrip('-')}-{hashlib.sha256(host.lower().encode()).hexdigest()[:8]}"


def object_name(*parts: object, taken: Container[str] = ()) -> str:
    """A name for an object that is made: the parts' slugs joined by `-`, with `-2`, `-3` ... where that is taken.

    A DNS label of RFC 1123, so that it is fit for any kind.
    """
    name = "-".join(slug(str(part)) for part in parts)
    name = name if len(name) <= _SLUG else slug(name)
    more = 2
    made = name
    while made in taken:
        made = f"{name[: _SLUG - len(str(more)) - 1].rstrip('-')}-{more}"
        more += 1
    return made

"""The shape of Envoy's /clusters page."""

from __future__ import annotations

from typing import Any

from msgspec import field

from meshdoctor.facts.envoy.wire import Address, Wire


class HostStatus(Wire):
    """admin.v3.HostStatus of /clusters?format=json."""

    address: Address | None = None
    health_status: dict[str, Any] = field(default_factory=dict)
    hostname: str = ""


class ClusterStatus(Wire):
    """admin.v3.ClusterStatus."""

    name: str = ""
    host_statuses: list[HostStatus] = field(default_factory=list)


class ClustersPage(Wire):
    """admin.v3.Clusters."""

    cluster_statuses: list[ClusterStatus] = field(default_factory=list)

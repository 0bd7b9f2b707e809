"""Envoy's /clusters page in its text form, as `istioctl bug-report` saves it, read into the structs of the JSON form.

    outbound|443||api.example.com::observability_name::outbound|443||api.example.com;
    outbound|443||api.example.com::203.0.113.7:443::hostname::api.example.com
    outbound|443||api.example.com::203.0.113.7:443::health_flags::/failed_active_hc

Source: source/server/admin/clusters_handler.cc and source/common/upstream/host_utility.cc of Envoy.
"""

from __future__ import annotations

import re
from typing import Any

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy import wire, wire_statuses

_HEAD = re.compile(r"(.+?)::(?:observability_name|default_priority::max_connections)::")
"""The first line of a cluster: its name, or in older Envoys its first circuit breaker setting."""
_HOST = re.compile(r"(\[[^\]]*\](?::\d+)?|(?:(?!::).)+)::(hostname|health_flags)::(.*)")
_INET = re.compile(r"\[?([^\[\]]+)\]?:(\d+)\Z")

_EDS = {"failed_eds_health": "UNHEALTHY", "degraded_eds_health": "DEGRADED", "eds_status_draining": "DRAINING"}
_JSON_NAMES = {"failed_active_hc": "failed_active_health_check", "degraded_active_hc": "failed_active_degraded_check"}
"""Flags with another name in admin.v3.HostHealthStatus; all others have the same name there."""


def clusters_of_text(data: bytes) -> dict[str, wire_statuses.ClusterStatus]:
    """Statuses by cluster name; a cluster without hosts has none. Raises `Unreadable` where no cluster is named."""
    hosts: dict[str, dict[str, dict[str, str]]] = {}
    prefix = ""
    for line in data.decode("utf-8", "replace").splitlines():
        if not prefix or not line.startswith(prefix):
            head = _HEAD.match(line)
            if head is None:
                continue
            prefix = head[1] + "::"
            hosts.setdefault(head[1], {})
        if not line.endswith("::") and (host := _HOST.match(line, len(prefix))):
            hosts[prefix[:-2]].setdefault(host[1], {})[host[2]] = host[3]
    if not hosts:
        raise Unreadable("no line of it names a cluster")
    return {
        name: wire_statuses.ClusterStatus(name, [_status(*host) for host in found.items()])
        for name, found in hosts.items()
    }


def _status(text: str, said: dict[str, str]) -> wire_statuses.HostStatus:
    inet = _INET.match(text) if "/" not in text else None
    socket = wire.SocketAddress(inet[1], int(inet[2])) if inet else None
    address = wire.Address(socket, None if socket else wire.Pipe(text))
    # one field per flag as in health_status, the EDS status separately
    health: dict[str, Any] = {"eds_health_status": "HEALTHY"}
    for flag in said.get("health_flags", "").removeprefix("healthy").split("/"):
        if flag in _EDS:
            health["eds_health_status"] = _EDS[flag]
        elif flag:
            health[_JSON_NAMES.get(flag, flag)] = True
    return wire_statuses.HostStatus(address, health, said.get("hostname", ""))

"""Which IP versions a pod has addresses of, which decides what it dials and what istiod sends to its sidecar.

istio pilot/pkg/model/context.go, DiscoverIPMode: the proxy's own addresses, in its metadata's INSTANCE_IPS.
"""

from __future__ import annotations

from meshdoctor.model.mesh import Pod
from meshdoctor.model.proxy import Node
from meshdoctor.semantics.ip_addresses import address


def ip_families(node: Node | None, pod: Pod | None) -> tuple[int, ...]:
    """IP versions of the pod's own addresses; empty where none is known. Loopback says nothing."""
    instance_ips = str(node.metadata.get("INSTANCE_IPS", "")).split(",") if node else []
    own = (pod.ip, *pod.ips) if pod else ()
    parsed = [address(ip) for ip in (*instance_ips, *own) if ip]
    return tuple(sorted({ip.version for ip in parsed if ip is not None and not (ip.is_loopback or ip.is_link_local)}))

"""What istiod sends to every proxy of its kind: a section of a dump without it is not whole, or was never sent.

Sources, in istio/istio pilot/pkg/networking/core: cluster.go, BuildClusters (BlackHoleCluster); listener_builder.go,
buildVirtualOutboundListener (none where the interception mode is NONE; called `virtual` before Istio 1.5).
"""

from __future__ import annotations

from collections.abc import Iterable

from meshdoctor.semantics.istio.resource_names import BLACKHOLE

VIRTUAL_OUTBOUND = ("virtualOutbound", "virtual")
"""The listener that iptables redirects outbound connections to."""

POLICY_CHAINS = ("PassthroughFilterChain", "virtualOutbound-catchall-tcp")
"""Filter chains for connections that match no other: the outbound policy's (core/listener.go)."""

_WITH_CLUSTERS = ("sidecar", "gateway")


def lacks_clusters(kind: str, names: Iterable[str]) -> str:
    """The cluster that istiod sends to every proxy of this kind, where it is not there; else empty."""
    return BLACKHOLE if kind in _WITH_CLUSTERS and BLACKHOLE not in names else ""


def lacks_listeners(kind: str, names: Iterable[str], interception_mode: str) -> str:
    """The same for listeners. `interception_mode` is that of the node's metadata."""
    is_sent = kind == "sidecar" and interception_mode != "NONE"
    return VIRTUAL_OUTBOUND[0] if is_sent and set(VIRTUAL_OUTBOUND).isdisjoint(names) else ""

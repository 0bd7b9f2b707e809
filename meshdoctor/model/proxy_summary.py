"""Many proxies, of which few are in memory: what stays known of each, and a mapping that reads the rest when asked.

The dump of one sidecar of a large mesh weighs tens of megabytes, and such a mesh has a thousand of them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping

from msgspec import Struct, structs

from meshdoctor.model.coverage import Coverage
from meshdoctor.model.proxy import Listener, Node, Proxy, section_coverage


class ProxySummary(Struct, frozen=True):
    """What stays known of a proxy after its dump was put away."""

    role: str
    namespace: str
    version: str
    sections: frozenset[str]
    knows_endpoints: bool
    """Its endpoints were read: by EDS, or from the /clusters page."""
    document: str
    notes: tuple[str, ...] = ()
    node: Node = Node()
    """Who it is, with the part of its metadata that decides what istiod tells it."""
    unmatched: str = ""
    """The cluster that gets what no listener takes; empty where the dump does not tell."""
    inspection_timeout: float = 0.0
    """Seconds its outbound listeners wait for the client's first bytes; 0 is for ever."""
    gaps: dict[str, Coverage] = {}
    """As `Proxy.gaps`."""
    documents: dict[str, str] = {}
    """As `Proxy.documents`."""
    kind: str = "sidecar"
    """As `Proxy.kind`."""
    control_plane: str = ""
    """As `Proxy.control_plane`."""

    def coverage(self, section: str) -> Coverage:
        """How much of a section was read."""
        return section_coverage(section, self.sections, self.gaps)


KEPT_METADATA = ("DNS_CAPTURE", "DNS_AUTO_ALLOCATE", "INSTANCE_IPS", "INTERCEPTION_MODE", "LABELS")


def summary_of(proxy: Proxy) -> ProxySummary:
    """The brief of a proxy at hand."""
    node = proxy.node
    knows = proxy.live_endpoints is not None or "endpoints" in proxy.sections
    outbound = [one for one in proxy.listeners.values() if one.traffic_direction not in ("INBOUND", "1")]
    return ProxySummary(
        role=node.role,
        namespace=node.namespace,
        version=node.version,
        sections=proxy.sections,
        knows_endpoints=knows,
        document=proxy.document,
        notes=tuple(proxy.notes),
        node=reduced_node(node),
        unmatched=next((_unmatched(one) for one in outbound if one.use_original_dst), ""),
        inspection_timeout=next((one.listener_filters_timeout for one in outbound if one.listener_filters), 0.0),
        gaps=dict(proxy.gaps),
        documents=dict(proxy.documents),
        kind=proxy.kind,
        control_plane=proxy.control_plane,
    )


def reduced_node(node: Node) -> Node:
    """The node with the metadata that istiod uses, and Istio's annotations only: others may be of any size."""
    kept = {name: node.metadata[name] for name in KEPT_METADATA if name in node.metadata}
    annotations = node.metadata.get("ANNOTATIONS")
    if isinstance(annotations, dict):
        kept["ANNOTATIONS"] = {k: v for k, v in annotations.items() if "istio.io/" in str(k)}
    return structs.replace(node, metadata=kept)


def _unmatched(catch_all: Listener) -> str:
    chains = (c for c in reversed(catch_all.chains()) if c.tcp is not None and not c.match.destination_port)
    return next((c.tcp.clusters[0].name for c in chains if c.tcp and c.tcp.clusters), "")


class Proxies(Mapping[str, Proxy]):
    """Proxies by `namespace/pod`. One whose dump cannot be read is not in it, which only a look at the dump tells."""

    @property
    @abstractmethod
    def names(self) -> Collection[str]:
        """The pods that have a dump, whether or not it can be read. Opens none."""

    @abstractmethod
    def summary(self, key: str) -> ProxySummary | None:
        """What is known of a proxy, reading its dump where that was not done yet; None where it cannot be read."""

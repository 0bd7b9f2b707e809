"""Many proxies, of which few are in memory: what stays known of each, and a mapping that reads the rest when asked.

The dump of one sidecar of a large mesh weighs tens of megabytes, and such a mesh has a thousand of them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping

from msgspec import Struct

from meshdoctor.model.proxy import Proxy


class Brief(Struct, frozen=True):
    """What stays known of a proxy after its dump was put away."""

    role: str
    namespace: str
    version: str
    sections: frozenset[str]
    knows_endpoints: bool
    """Its endpoints were read: by EDS, or from the /clusters page."""
    document: str
    notes: tuple[str, ...] = ()


def brief_of(proxy: Proxy) -> Brief:
    """The brief of a proxy at hand."""
    node = proxy.node
    knows = proxy.live_endpoints is not None or "endpoints" in proxy.sections
    return Brief(node.role, node.namespace, node.version, proxy.sections, knows, proxy.document, tuple(proxy.notes))


class Proxies(Mapping[str, Proxy]):
    """Proxies by `namespace/pod`. One whose dump cannot be read is not in it, which only a look at the dump tells."""

    @property
    @abstractmethod
    def names(self) -> Collection[str]:
        """The pods that have a dump, whether or not it can be read. Opens none."""

    @abstractmethod
    def brief(self, key: str) -> Brief | None:
        """What is known of a proxy, reading its dump where that was not done yet; None where it cannot be read."""

"""The sheet of a mesh: each list of joined facts, made when a rule first selects it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from meshdoctor.facts.joined.claims import claims
from meshdoctor.facts.joined.connections import connections
from meshdoctor.facts.joined.entry_ports import entry_ports
from meshdoctor.facts.joined.gateways import gateway_hops
from meshdoctor.facts.joined.hosts_twice import duplicates
from meshdoctor.facts.joined.leaks import leaks
from meshdoctor.facts.joined.pod_facts import credential_facts, pod_views
from meshdoctor.facts.joined.proxy_case import ProxyCase
from meshdoctor.facts.joined.proxy_state import policies, rejections
from meshdoctor.facts.joined.references import dangling, faults, virtual_service_hosts
from meshdoctor.facts.joined.upstreams import upstreams
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.sheet import Fact
from meshdoctor.semantics.registry import Registry

PER_SIDECAR: dict[str, Callable[[ProxyCase], Iterator[Fact]]] = {
    "claims": claims,
    "connections": connections,
    "dangling": dangling,
    "duplicates": duplicates,
    "entry_ports": entry_ports,
    "faults": faults,
    "gateway_hops": gateway_hops,
    "leaks": leaks,
    "policies": policies,
    "upstreams": upstreams,
    "virtual_service_hosts": virtual_service_hosts,
}
"""Lists made sidecar by sidecar. Gateways have no outbound side of their own to judge."""


class Sheet:
    """Facts by list name, each list made once. `namespaces` limits them to pods of these namespaces."""

    def __init__(self, mesh: Mesh, namespaces: Sequence[str] = ()) -> None:
        self.mesh = mesh
        self.registry = Registry(mesh)
        self._namespaces = frozenset(namespaces)
        self._made: dict[str, Sequence[Fact]] = {}

    @cached_property
    def proxies(self) -> list[ProxyCase]:
        """Every proxy looked at, gateways included."""
        return [ProxyCase(self.mesh, self.registry, key) for key in self.mesh.proxies if self.is_asked(key)]

    @property
    def sidecars(self) -> list[ProxyCase]:
        """Proxies that serve one application's outbound traffic."""
        return [case for case in self.proxies if case.viewer.is_sidecar]

    def is_asked(self, key: str) -> bool:
        """Whether a pod is in the namespaces looked at."""
        return not self._namespaces or key.split("/", 1)[0] in self._namespaces

    def facts(self, name: str) -> Sequence[Fact]:
        """One list of the sheet."""
        if name not in self._made:
            self._made[name] = [f for f in self._make(name) if not f.pod or self.is_asked(f.pod)]
        return self._made[name]

    def _make(self, name: str) -> Iterator[Fact]:
        if name in PER_SIDECAR:
            for case in self.sidecars:
                yield from PER_SIDECAR[name](case)
        elif name == "rejections":
            for case in self.proxies:
                yield from rejections(case)
        elif name == "credentials":
            yield from credential_facts(self.mesh)
        elif name == "pods":
            yield from pod_views(self.mesh, self.registry)

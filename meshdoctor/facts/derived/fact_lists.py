"""The sheet of a mesh: lists of derived facts, per proxy, each computed when a rule first selects it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from meshdoctor.facts.derived.claims import claims
from meshdoctor.facts.derived.connections import connections
from meshdoctor.facts.derived.disagreements import disagreements
from meshdoctor.facts.derived.duplicate_entries import duplicates
from meshdoctor.facts.derived.entry_ports import entry_ports
from meshdoctor.facts.derived.gateway_hops import gateway_hops
from meshdoctor.facts.derived.ineffective_objects import unapplied_rules, unmatched_ports
from meshdoctor.facts.derived.leaks import leaks
from meshdoctor.facts.derived.pod_facts import credential_facts, pod_views
from meshdoctor.facts.derived.proxied import proxied_dependencies
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.proxy_state import not_received, policies, rejections
from meshdoctor.facts.derived.references import dangling, faults, virtual_service_hosts
from meshdoctor.facts.derived.replicas import proxies_to_check
from meshdoctor.facts.derived.upstreams import upstreams
from meshdoctor.model.fact import Fact
from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.istio.registry import Registry
from meshdoctor.semantics.kubernetes.label_selectors import fits, read_selector

PER_SIDECAR: dict[str, Callable[[ProxyContext], Iterator[Fact]]] = {
    "claims": claims,
    "connections": connections,
    "dangling": dangling,
    "disagreements": disagreements,
    "duplicates": duplicates,
    "entry_ports": entry_ports,
    "faults": faults,
    "gateway_hops": gateway_hops,
    "leaks": leaks,
    "not_received": not_received,
    "policies": policies,
    "proxied": proxied_dependencies,
    "unapplied_rules": unapplied_rules,
    "unmatched_ports": unmatched_ports,
    "upstreams": upstreams,
    "virtual_service_hosts": virtual_service_hosts,
}
"""Lists computed per sidecar; gateways have no outbound traffic of their own."""


OF_ANY_PROXY = "rejections"
"""The list that gateways and waypoints have too."""

PER_POD: dict[str, Callable[[Mesh, Registry], Iterator[Fact]]] = {
    "credentials": lambda mesh, registry: credential_facts(mesh),
    "pods": pod_views,
}
"""Lists that need no sidecar's configuration."""


class ProxyFacts:
    """The lists of one proxy, each computed once."""

    def __init__(self, case: ProxyContext) -> None:
        self._case = case
        self._made: dict[str, Sequence[Fact]] = {}

    def facts(self, name: str) -> Sequence[Fact]:
        """This proxy's part of one list; empty for lists about pods."""
        if name not in self._made:
            per_sidecar = PER_SIDECAR.get(name) if self._case.viewer.is_sidecar else None
            is_istio = self._case.proxy.kind != "envoy"
            make = rejections if name == OF_ANY_PROXY and is_istio else per_sidecar
            self._made[name] = tuple(make(self._case)) if make else ()
        return self._made[name]


class FactSheet:
    """The mesh as rules see it, limited to pods of these namespaces that match a label selector."""

    def __init__(self, mesh: Mesh, namespaces: Sequence[str] = (), labels: str = "") -> None:
        self.mesh = mesh
        self.registry = Registry(mesh)
        self._namespaces = frozenset(namespaces)
        self._labels = read_selector(labels)

    @property
    def names(self) -> list[str]:
        """Pods in scope that have a config dump, gateways included, in the order of the capture."""
        return [key for key in self.mesh.proxy_names if self.is_asked(key)]

    def is_asked(self, key: str) -> bool:
        """Whether a pod is in scope. A pod known only by its dump has no known labels."""
        if self._namespaces and key.split("/", 1)[0] not in self._namespaces:
            return False
        pod = self.mesh.pods.get(key)
        return fits(self._labels, pod.labels if pod else {})

    def of_pods(self, name: str) -> list[Fact]:
        """A list about pods, which needs no dump; empty for the others."""
        made = PER_POD[name](self.mesh, self.registry) if name in PER_POD else ()
        return [fact for fact in made if not fact.pod or self.is_asked(fact.pod)]

    def facts(self, name: str) -> list[Fact]:
        """One list for the whole mesh. Reads every dump; to evaluate all rules, compute all lists proxy by proxy."""
        if name in PER_POD:
            return self.of_pods(name)
        cases = (look.case for look in proxies_to_check(self.mesh, self.registry, self.names, alone=True))
        return [fact for case in cases if case for fact in ProxyFacts(case).facts(name)]

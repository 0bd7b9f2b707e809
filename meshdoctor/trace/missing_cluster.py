"""Why a proxy has no cluster that a route or filter chain names, as far as the objects say."""

from __future__ import annotations

from meshdoctor.model.mesh import DestinationRule, ServiceEntry
from meshdoctor.semantics.istio.destination_rules import labels_text, names_host, rule_for, why_not
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Registry, Viewer
from meshdoctor.semantics.istio.resource_names import ClusterName, cluster_name
from meshdoctor.semantics.kubernetes.manifests import objects_in
from meshdoctor.trace.proxy_entries import ProxyEntries


class ClusterCauses:
    """Explains clusters that are not there, or have no endpoint, for one proxy."""

    def __init__(self, registry: Registry, entries: ProxyEntries, viewer: Viewer) -> None:
        self._registry = registry
        self._mesh = registry.mesh
        self._entries = entries
        self._viewer = viewer

    def why_missing(self, name: str) -> str:
        """Why the cluster is not there, as a clause; empty where the objects do not say."""
        at = cluster_name(name)
        if at is None or "serviceentries" not in self._mesh.kinds_read:
            return ""
        return self._no_subset(at) if at.subset else self._no_host(at)

    def explanation(self, name: str) -> str:
        """The same as the end of a sentence, after `: `; empty where there is none."""
        why = self.why_missing(name)
        return f": {why}" if why else ""

    def rule_for(self, host: str) -> DestinationRule | None:
        """The DestinationRule that applies to a host in this proxy."""
        namespace, config = self._namespace_of(host), self._mesh.mesh_config
        return rule_for(self._mesh.destination_rules, host, namespace, self._viewer, config)

    def passed_over(self, host: str, rule: DestinationRule) -> str:
        """Why a rule for the host does not apply, as a clause; empty where it does."""
        namespace, config = self._namespace_of(host), self._mesh.mesh_config
        return why_not(rule, self.rule_for(host), namespace, self._viewer, config)

    def no_labels(self, at: ClusterName) -> str:
        """That no endpoint has the labels of a subset, as a clause; empty where the rule that applies has none."""
        rule = self.rule_for(at.host)
        subset = _subset(rule, at.subset) if rule is not None and at.subset else None
        labels = subset.get("labels") if subset else None
        if rule is None or not isinstance(labels, dict) or not labels:
            return ""
        return f"no endpoint has the labels {labels_text(labels)} of subset {at.subset} ({rule.ref})"

    def _no_subset(self, at: ClusterName) -> str:
        if "destinationrules" not in self._mesh.kinds_read:
            return ""
        rule = self.rule_for(at.host)
        if rule is not None and _subset(rule, at.subset) is not None:
            return self.no_labels(at)
        others = (r for r in self._mesh.destination_rules if names_host(r, at.host) and _subset(r, at.subset))
        for other in others:
            return f"{other.ref} defines subset {at.subset}, but {self.passed_over(at.host, other)}"
        return f"no DestinationRule for {at.host} defines subset {at.subset}"

    def _no_host(self, at: ClusterName) -> str:
        found = self._entries.registration(at.host, at.port)
        if found.hidden:
            hidden = found.hidden[0]
            return f"{hidden.entry.ref} is not visible to this pod ({hidden.visibility.field})"
        everywhere = self._entries_of(at.host)
        declaring = [e for e in everywhere if any(p.number == at.port for p in e.ports)]
        other = next((e for e in everywhere if e not in declaring), None)
        if declaring and other is not None:
            return f"port {at.port} is declared by {declaring[0].ref} only, and {other.ref} is the one in force"
        if declaring:
            return ""
        if everywhere:
            numbers = ", ".join(str(p.number) for p in everywhere[0].ports)
            return f"{everywhere[0].ref} registers {at.host} on port {numbers} only"
        if at.host.endswith(CLUSTER_LOCAL):
            is_known = any(service.host == at.host for service in self._mesh.services)
            return "" if is_known or "services" not in self._mesh.kinds_read else f"there is no Service {at.host}"
        return f"no ServiceEntry registers {at.host}"

    def _entries_of(self, host: str) -> list[ServiceEntry]:
        return [e for e in self._registry.entries(host) if host in (name.lower() for name in e.hosts)]

    def _namespace_of(self, host: str) -> str:
        """The namespace of the host's service in this proxy, by its clusters, else by its entries or its name."""
        made = self._entries.namespaces_of(host)
        if made:
            return made[0]
        if host.endswith(CLUSTER_LOCAL):
            return host.removesuffix(CLUSTER_LOCAL).rpartition(".")[2]
        found = self._entries_of(host)
        return found[0].ref.namespace if found else ""


def _subset(rule: DestinationRule, name: str) -> dict[str, object] | None:
    return next((s for s in objects_in(rule.subsets) if s.get("name") == name), None)

"""Which DestinationRule a sidecar applies to a host, and why it does not apply another.

pilot/pkg/model/push_context.go of istio/istio (setDestinationRules, destinationRule) and pilot/pkg/model/sidecar.go
(DestinationRule): the first of the client's, the service's and the root namespace that has a rule for the host; there
the rules with the most specific host. Of these a workloadSelector that selects the pod comes first, then the oldest
without one. A rule with a workloadSelector counts in its own namespace only; there it hides those of the other
namespaces from the pods that it does not select, too.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshdoctor.model.mesh import DestinationRule, MeshConfig
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.precedence import export_tier
from meshdoctor.semantics.istio.registry import Viewer, long_host
from meshdoctor.semantics.istio.visibility import DEFAULT_ROOT_NAMESPACE


def is_exported_rule(rule: DestinationRule, namespace: str, config: MeshConfig | None) -> bool:
    """Whether the rule is exported to the namespace. Of the mesh's default istiod honours `.`; all else exports to
    every namespace."""
    is_private = config is not None and "." in config.default_destination_rule_export_to
    exports = rule.export_to or ((".",) if is_private else ("*",))
    return export_tier(exports, rule.ref.namespace, namespace) is not None


def names_host(rule: DestinationRule, host: str) -> bool:
    """Whether the rule is for this host, by its name, a short name or a wildcard."""
    return covers(long_host(rule.host, rule.ref.namespace), host)


def rule_for(
    rules: Iterable[DestinationRule], host: str, namespace: str, viewer: Viewer, config: MeshConfig | None
) -> DestinationRule | None:
    """The rule that applies to a host whose service is in `namespace`."""
    fitting = [r for r in rules if names_host(r, host) and is_exported_rule(r, viewer.namespace, config)]
    for owner in _lookup_path(namespace, viewer, config):
        is_own = owner == viewer.namespace
        there = [r for r in fitting if r.ref.namespace == owner and (is_own or r.workload_selector is None)]
        if there:
            nearest = min(map(_specificity, there))
            used = (r for r in there if _specificity(r) == nearest and not _excluded(r, viewer, config))
            return min(used, key=_rank, default=None)
    return None


def why_not(
    rule: DestinationRule, applied: DestinationRule | None, namespace: str, viewer: Viewer, config: MeshConfig | None
) -> str:
    """Why a rule for a host does not apply, as a clause; `applied` is the one that does. Empty where this one does."""
    if applied is not None and applied.ref == rule.ref:
        return ""
    path = _lookup_path(namespace, viewer, config)
    if rule.ref.namespace not in path:
        others = ", ".join(name for name in path if name != viewer.namespace or name == namespace)
        return f"it lies outside the lookup path (the client's namespace, {others})"
    return _excluded(rule, viewer, config) or (f"{applied.ref} comes before it" if applied else "")


def _lookup_path(namespace: str, viewer: Viewer, config: MeshConfig | None) -> tuple[str, ...]:
    """The client's, the service's and the root namespace."""
    root = config.root_namespace if config else DEFAULT_ROOT_NAMESPACE
    return tuple(dict.fromkeys(name for name in (viewer.namespace, namespace, root) if name))


def _excluded(rule: DestinationRule, viewer: Viewer, config: MeshConfig | None) -> str:
    """Why the rule applies to no host for this viewer; empty where it may."""
    if not is_exported_rule(rule, viewer.namespace, config):
        return "it is not exported to the client's namespace"
    selector = rule.workload_selector
    if selector is None:
        return ""
    if rule.ref.namespace != viewer.namespace:
        return "it has a workloadSelector, which counts for pods of its own namespace only"
    if not selector.items() <= viewer.labels.items():
        return f"its workloadSelector ({labels_text(selector)}) does not select this pod"
    return ""


def labels_text(labels: dict[str, str]) -> str:
    """`app=web, version=v1`."""
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def _specificity(rule: DestinationRule) -> tuple[bool, int]:
    name = long_host(rule.host, rule.ref.namespace)
    return name.startswith("*"), -len(name)


def _rank(rule: DestinationRule) -> tuple[bool, str, str]:
    return rule.workload_selector is None, rule.created, rule.ref.name

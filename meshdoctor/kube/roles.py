"""The ClusterRoles that meshdoctor needs, generated from the list of kinds it reads."""

from __future__ import annotations

from typing import Any

from meshdoctor import yamlio
from meshdoctor.kube.read_kinds import CHANGED, CONFIG_MAPS, LISTED, PODS
from meshdoctor.semantics.istio.egress_kinds import NETWORKING_GROUP

_WHY = {
    "list": "# Lists the objects of the mesh. Secrets are never read.",
    "config": "# Reads ConfigMaps by name: those in the environments of pods, and Istio's mesh configuration.",
    "forward": "# Port-forward to Envoy's admin port. It needs the verb get, and since Kubernetes 1.35 also create.",
    "exec": "# Runs pilot-agent and getent in istio-proxy. Exec is a powerful right: it covers every container.",
    "logs": "# Reads the access log of istio-proxy.",
    "change": "# Applies and undoes fixes. Nothing else is ever written.",
}


def render(*, apply: bool, exec_: bool, namespace: str) -> str:
    """ServiceAccount, ClusterRole and ClusterRoleBinding as YAML for kubectl."""
    name = "meshdoctor-apply" if apply else "meshdoctor-read"
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    explained: set[str] = set()
    rules = ""
    for why, rule in _rules(apply=apply, exec_=exec_):
        rules += ("" if why in explained else f"{_WHY[why]}\n") + yamlio.dump([rule])
        explained.add(why)
    subject = {"kind": "ServiceAccount", "name": "meshdoctor", "namespace": namespace}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [subject],
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "meshdoctor", "namespace": namespace}}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    parts = [yamlio.dump(space), yamlio.dump(account), f"{yamlio.dump(role)}rules:\n{rules}", yamlio.dump(binding)]
    return "---\n".join(parts)


def _rules(*, apply: bool, exec_: bool) -> list[tuple[str, dict[str, Any]]]:
    groups: dict[str, list[str]] = {}
    for kind in (PODS, *LISTED):
        groups.setdefault(kind.group, []).append(kind.plural)
    rules = [("list", _rule(group, plurals, ["list"])) for group, plurals in groups.items()]
    rules.append(("config", _rule(CONFIG_MAPS.group, [CONFIG_MAPS.plural], ["get"])))
    rules.append(("forward", _rule("", ["pods/portforward"], ["get", "create"])))
    rules.append(("logs", _rule("", ["pods/log"], ["get"])))
    if exec_:
        rules.append(("exec", _rule("", ["pods/exec"], ["get", "create"])))
    if apply:
        changed = [kind.plural for kind in CHANGED.values()]
        rules.append(("change", _rule(NETWORKING_GROUP, changed, ["get", "create", "patch", "delete"])))
    return rules


def _rule(group: str, resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}

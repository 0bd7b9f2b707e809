"""DestinationRules with only one port's TLS changed.

A port's settings inherit nothing from the rest of the policy (GetPortLevelTrafficPolicy in
pilot/pkg/networking/util/util.go of istio/istio), so what the rule says for all ports is copied to the port. A rule for
several hosts is not changed: a second one for this host takes precedence over it, and differs in TLS only.
"""

from __future__ import annotations

import copy
from collections.abc import Container
from typing import Any

from meshdoctor.model.mesh import DestinationRule
from meshdoctor.semantics.istio.resource_names import object_name
from meshdoctor.semantics.istio.traffic_policy import port_number, port_settings
from meshdoctor.semantics.kubernetes.manifests import objects_in

Manifest = dict[str, Any]
OFF = {"mode": "DISABLE"}
_OF_A_PORT = ("connectionPool", "loadBalancer", "outlierDetection")


def with_tls(rule: DestinationRule, host: str, port: int, tls: Manifest, taken: Container[str] = ()) -> Manifest:
    """The rule with these TLS settings for one port of `host`; for a rule of other hosts as well, one for this alone.

    `taken` are names of rules in its namespace. `{}` where the rule was not read.
    """
    if not rule.manifest:
        return {}
    made = copy.deepcopy(rule.manifest)
    if rule.host.lower().rstrip(".") != host.lower():
        kept = {key: made["metadata"][key] for key in ("namespace",) if key in made["metadata"]}
        made["metadata"] = {"name": object_name(f"{rule.ref.name}-{host}", taken=taken), **kept}
        made["spec"]["host"] = host
    spec = made.setdefault("spec", {})
    spec["trafficPolicy"] = policy = spec.get("trafficPolicy") or {}
    _set_tls(policy, port, tls)
    for subset in objects_in(spec.get("subsets")):
        own = subset.get("trafficPolicy")
        # a subset's own TLS settings would go before the rule's
        if isinstance(own, dict) and (
            "tls" in own or any(port_number(s) == port and "tls" in s for s in port_settings(own))
        ):
            _set_tls(own, port, tls)
    return made


def moved_tls(rule: DestinationRule, old: int, new: int) -> Manifest:
    """The rule with the settings of one port given to another; `{}` where that one has settings of its own."""
    made = copy.deepcopy(rule.manifest)
    settings = port_settings(made.get("spec", {}).get("trafficPolicy") or {})
    if any(port_number(setting) == new for setting in settings):
        return {}
    for setting in settings:
        if port_number(setting) == old:
            setting["port"]["number"] = new
            return made
    return {}


def _set_tls(policy: Manifest, port: int, tls: Manifest) -> None:
    for setting in port_settings(policy):
        if port_number(setting) == port:
            setting["tls"] = dict(tls)
            return
    inherited = {key: copy.deepcopy(policy[key]) for key in _OF_A_PORT if key in policy}
    policy["portLevelSettings"] = [
        *port_settings(policy),
        {"port": {"number": port}, **inherited, "tls": dict(tls)},
    ]

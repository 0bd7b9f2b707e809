"""Port settings of DestinationRules (GetPortLevelTrafficPolicy in pilot/pkg/networking/util/util.go of istio/istio)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshdoctor.model.mesh import DestinationRule
from meshdoctor.semantics.kubernetes.manifests import objects_in


def port_settings(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The portLevelSettings of a traffic policy."""
    return objects_in(policy.get("portLevelSettings"))


def port_number(setting: Mapping[str, Any]) -> Any:
    """The port to which an item of portLevelSettings applies."""
    return (setting.get("port") or {}).get("number")


def tls_settings(rule: DestinationRule, port: int) -> Mapping[str, Any]:
    """The TLS settings that apply to a port: its portLevelSettings replace the general ones."""
    levels = (setting for setting in port_settings(rule.traffic_policy) if port_number(setting) == port)
    return next(levels, rule.traffic_policy).get("tls") or {}

"""Port and TLS settings of DestinationRules (GetPortLevelTrafficPolicy in pilot/pkg/networking/util/util.go and
setAutoSniAndAutoSanValidation in pilot/pkg/networking/core/cluster_tls.go of istio/istio)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meshdoctor.model.mesh import DestinationRule
from meshdoctor.semantics.istio.versions import VERIFIES_BY_DEFAULT, is_since
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


def verifying_tls(host: str, *, is_http: bool, version: str) -> dict[str, Any]:
    """TLS settings with which a sidecar of this version originates TLS to the host and verifies the certificate's name.

    istiod has Envoy take server name and name to verify from the Host header where neither `sni` nor `subjectAltNames`
    is set. `sni` alone ends the verification, and Envoy has no Host header for TCP.
    """
    if is_http and is_since(version, VERIFIES_BY_DEFAULT):
        return {"mode": "SIMPLE"}
    return {"mode": "SIMPLE", "sni": host, "subjectAltNames": [host]}

"""The sheet's fact about an external cluster and its TLS."""

from __future__ import annotations

from typing import Any

from meshdoctor.model.entry_view import EntryView
from meshdoctor.model.fact import Fact
from meshdoctor.model.field_types import ObjectPlace


class Upstream(Fact, frozen=True):
    """An external cluster of a proxy: its TLS, its endpoints, and the traffic sent to it."""

    cluster: str
    type: str
    client: str
    """Traffic sent to it: `tls` (SNI-matched or declared TLS), `http`, `opaque`, `connect` (the sidecar asks it, a
    forward proxy, for a tunnel), or empty where none."""
    originates_tls: bool
    mutual: bool
    """Istio mutual TLS (mesh certificate)."""
    external: bool
    from_entry: bool
    """A ServiceEntry (not a Kubernetes Service) made it."""
    sni: str
    sends_sni: bool
    """A server name is sent: a fixed one, or for HTTP clients the request's host."""
    verifies_chain: bool
    """The certificate must come from a CA that is given or the system's."""
    verifies_name: bool
    """The certificate must be for a given name, or for HTTP clients for the request's host."""
    endpoint_ports: tuple[int, ...]
    endpoints_known: bool
    endpoint_count: int
    """Usable endpoints, where known."""
    tls_port: bool
    """An endpoint has a port that usually carries TLS (443, 8443, 636 ...)."""
    plain_port: bool
    """Every endpoint has a port that usually carries plain text (80)."""
    ignored_credential: str
    """credentialName of a DestinationRule that a sidecar ignores for want of a workloadSelector; else empty."""
    other_port_tls: int
    """Port for which a DestinationRule's portLevelSettings originate TLS though it is not the routed one; else 0."""
    destination_rule: ObjectPlace
    """`namespace/name` of the DestinationRule in force, empty where none."""
    destination_rule_manifest: dict[str, Any]
    with_tls: dict[str, Any]
    """A DestinationRule that originates TLS (SIMPLE, verifying the certificate's name) on this port: the one in force
    changed where it is for this host alone, else a new, more specific one. Empty where TLS is originated already."""
    moved_tls: dict[str, Any]
    """The DestinationRule of `other_port_tls` with that port's settings given to this port."""
    on_tls_port: dict[str, Any]
    """The entry's manifest with targetPort 443 on this port, where TLS is originated to it."""
    without_tls: dict[str, Any]
    """A DestinationRule for exactly this host with TLS switched off for this port: the one in force changed where it is
    for this host alone, else a new, more specific one in its namespace. Empty where no DestinationRule is in force."""
    entry: EntryView
    reason: str
    """Why it has no usable endpoint, where that is known."""
    used: bool
    not_applied: str = ""
    """A DestinationRule that would originate TLS here, and why it does not apply, as a clause after `; `; empty where
    there is none."""
    routed_http: bool = False
    """A VirtualService sends HTTP of this host, on any port, to this port: TLS is originated here on purpose."""
    via_gateway: bool = False
    """A VirtualService sends this host, on some port, to an in-cluster gateway."""
    destination_rule_host: str = ""
    """The host, perhaps a wildcard, of the DestinationRule in force; empty where it was not read."""
    missing_secrets: tuple[str, ...] = ()
    """SDS secrets that its TLS needs and the proxy waits for: `kubernetes://client-cert`, `file-root:/etc/ca.pem`."""
    namespace: str = ""
    """Of the pod."""
    refused_because: str = ""
    """In brackets what Envoy says of one that it refused; empty where it was sent none."""
    protocol_mismatch: bool = False
    """`protocol-mismatch` already names this port of the host (HTTP declared on 443)."""

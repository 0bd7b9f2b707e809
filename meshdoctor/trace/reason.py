"""Finds the reason of an outcome: the rule that names its cause, and the advice.

The order of causes is that of model.rule.CAUSES, so that `trace` and `check` name the same cause.
"""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.trace import Destination, Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.ip_addresses import bare, covered
from meshdoctor.semantics.istio.protocols import EXCLUSIVE, protocol_class
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Registration, Viewer
from meshdoctor.semantics.istio.resource_names import cluster_name, config_ref
from meshdoctor.trace.arrival import WILDCARDS
from meshdoctor.trace.conditions import conditions
from meshdoctor.trace.walk import Outcome, Walk


class MeshContext(Struct, frozen=True):
    """What the mesh says about one connection: the pod, and the entries for its destination."""

    pod: str
    viewer: Viewer
    found: Registration
    entries_read: bool
    """ServiceEntries were read: where none is found, there is none."""
    owner_protocols: frozenset[str] = frozenset()
    """Protocols that the entries of the reached cluster declare for this port, upper case."""


ADVICE = {
    "own": "The sidecar sends the connection to the right host. If it still fails, check the firewall, the server and "
    "its certificate.",
    "missing-service-entry": "Register {host}:{port} with a ServiceEntry that is visible in this pod's namespace.",
    "egress-proxy": "No ServiceEntry registers {host}:{port}: {owner}, the egressProxy of the outbound policy, decides "
    "what becomes of the connection.",
    "not-registered-here": "This proxy has no configuration for {host}:{port}, and ServiceEntries were not read. Check "
    "whether a ServiceEntry exists and whether it is visible in {namespace}.",
    "not-matched": "The proxy has a cluster for {host}, but no filter chain or route sends this connection to it. "
    "Compare the address, server name and protocol with what the listener matches.",
    "virtual-address-not-used": "With DNS capture, the entry has a listener on its virtual address only: dial {host}, "
    "not {ip}.",
    "virtual-address-dead": "In this pod, {host} resolves to a virtual address that no listener takes on port {port}. "
    "Register {host}:{port} in the entry that has the address.",
    "direct-response": "A VirtualService answers for {host}. If this is not intended, remove its directResponse.",
    "redirect": "A VirtualService redirects {host}. If this is not intended, remove its redirect.",
    "no-workload": "{entry} has resolution NONE and a workloadSelector: only the addresses of the workloads that it "
    "selects in its namespace have a listener. Add a WorkloadEntry with {ip}, or set another resolution.",
    "service-entry-not-visible": "Make the entry visible in {namespace}: widen {field}.",
    "config-rejected": "Envoy has rejected the newest configuration for port {port}. Correct the object that "
    "meshdoctor check names with the error.",
    "config-stale": "exportTo and Sidecar show {entry} to {namespace}, but this proxy has not received it: apply it if "
    "it is only in a file, see istioctl proxy-status, and fetch the config dump again if it is older than the entry.",
    "incomplete-address-list": "Add {ip} to spec.addresses of {entry}: TCP is matched by address, not by host.",
    "tcp-port-clash": "Declare protocol TLS, so that the server name tells the hosts apart, or give each entry its "
    "addresses.",
    "port-hijacked": "Give {host}:{port} a listener of its own: a ServiceEntry with spec.addresses.",
    "resolution-none-leak": "In the ServiceEntry of {owner} set spec.addresses (for TCP), or resolution DNS (for "
    "TLS and HTTP).",
    "protocol-mismatch": "In {entry}, declare the protocol that the application speaks on port {port}.",
    "route-to-unknown-cluster": "Correct the destination in the VirtualService, or register that host and subset.",
    "double-tls": "Remove the TLS settings for this port from the DestinationRule, or let the application send plain "
    "HTTP.",
    "mtls-to-external": "Narrow or delete the DestinationRule that asks for ISTIO_MUTUAL, or set mode SIMPLE or "
    "DISABLE for {host}: servers outside the mesh do not accept mesh certificates.",
    "upstream-unresolved": "Correct the host or the endpoints of the ServiceEntry: Envoy has no usable endpoint.",
    "tls-origination-mismatch": "Use TLS origination together with targetPort 443, or neither of the two.",
    "fault-injected": "Remove the fault injection from the VirtualService.",
    "sidecar-bypassed": "If the connection should go through the sidecar, change {field}.",
    "egress-gateway-broken": "Check the egress gateway, first the endpoints of its Service.",
    "no-sni": "Let the client send a server name (SNI), or add spec.addresses to the entry.",
    "sni-differs": "No filter chain of this port matches the server name sent: register that name, or send {host}.",
    "address-unknown": "Give the address with --ip, or a dns.json with the addresses of the host.",
    "interface-unknown": "Run `ip route get {ip}` in the pod: if it names an interface that {field} excludes, the "
    "connection bypasses the sidecar; else it is redirected.",
    "group-unknown": "Run `id -g` in the container: {field} says which groups are redirected.",
    "config-missing": "istiod has sent this sidecar no listeners: look at `istioctl proxy-status`, at the log of "
    "istio-proxy, and whether the pod reaches istiod on port 15012.",
    "secret-missing": "See which secret istio-proxy waits for: istioctl proxy-config secret. Create it in the pod's "
    "namespace and let the pod's service account read it, or mount the files that the DestinationRule names.",
    "http-version": "Let the client speak HTTP/1.1 (nginx: proxy_http_version 1.1), or declare the port TCP.",
    "upgrade-refused": "Declare the port TCP, so that the sidecar forwards the upgrade without reading it.",
    "path-refused": "Send another path, or change meshConfig.pathNormalization.",
    "not-modelled": "meshdoctor does not work out what is named here. Mostly an EnvoyFilter put it there: kubectl get "
    "envoyfilters -A. Try the connection itself.",
    "evidence-missing": "Fetch what is missing, in istio-proxy: pilot-agent request GET 'config_dump?include_eds'.",
}
"""What to do, by reason; empty for a reason that is not here."""


def explain(walk: Walk, outcome: Outcome, around: MeshContext) -> Trace:
    """The finished trace of one connection."""
    destination = walk.destination
    reason = _reason(walk, outcome, around)
    cluster = walk.cluster_name if outcome.kind not in ("hang", "inspector-timeout") else None
    return Trace(
        pod=around.pod,
        destination=destination,
        verdict=outcome.verdict,
        reason=reason,
        because=outcome.because + _maker(walk, outcome),
        advice=_advice(reason, walk, around),
        listener=walk.listener.name if walk.listener else None,
        filter_chain=(walk.chain.name or None) if walk.chain else None,
        route=walk.route_name,
        cluster=cluster or None,
        endpoint=walk.endpoint,
        expect=outcome.expect,
        steps=tuple(walk.steps),
        missing=outcome.missing,
        owner=_owner(walk.cluster_name),
        conditions=conditions(walk, around.found.protocols(destination.port))
        if outcome.verdict is Verdict.DELIVERED
        else (),
    )


def _maker(walk: Walk, outcome: Outcome) -> str:
    """The VirtualService whose route or filter chain decides, in brackets, where the connection fails by it."""
    if outcome.kind not in ("direct-response", "redirect", "no-route", "fault", "unknown-cluster"):
        return ""
    routes = walk.virtual_host.routes if walk.virtual_host is not None and walk.route is None else ()
    ref = config_ref(walk.config or next((route.config for route in routes if route.config), ""))
    return f" ({ref})" if ref is not None else ""


def _owner(cluster: str | None) -> str:
    parsed = cluster_name(cluster or "")
    return parsed.host if parsed else ""


def _advice(reason: str, walk: Walk, around: MeshContext) -> str:
    destination, found = walk.destination, around.found
    entries = (*found.visible, *(h.entry for h in found.hidden), *found.not_received, *found.other_ports)
    return ADVICE.get(reason, "").format(
        host=destination.host,
        port=destination.port,
        ip=destination.ip or "the address",
        namespace=around.viewer.namespace or "the pod's namespace",
        field=found.hidden[0].visibility.field if found.hidden else walk.setting or "the capture settings",
        entry=str(entries[0].ref) if entries else "the ServiceEntry",
        owner=_owner(walk.cluster_name) or "the other host",
    )


def _reason(walk: Walk, outcome: Outcome, around: MeshContext) -> str:
    simple = REASONS.get(outcome.kind)
    if simple is not None:
        return simple
    if walk.destination.method == "CONNECT" and outcome.kind in ("no-route", "not-http"):
        return "protocol-mismatch"  # a forward proxy's port has to be TCP: Istio forwards no CONNECT
    if outcome.kind in ("blackhole", "passthrough", "block-all", "no-filter-chain", "no-virtual-host", "no-route"):
        return _unmatched(walk, around)
    if outcome.kind == "egress-proxy":
        found = _unmatched(walk, around)
        return "egress-proxy" if found in ("missing-service-entry", "not-registered-here") else found
    if outcome.kind in ("hang", "not-http", "inspector-timeout"):
        declared = {protocol_class(p.protocol) for p in around.found.ports(walk.destination.port)}
        return "protocol-mismatch" if declared & {"http", "tls", "auto"} else "port-hijacked"
    if outcome.kind == "no-endpoints":
        # A VirtualService sends the host to an in-cluster Service: an egress gateway.
        is_gateway = bool(walk.config) and _owner(walk.cluster_name).endswith(CLUSTER_LOCAL)
        return "egress-gateway-broken" if is_gateway else "upstream-unresolved"
    if outcome.kind in ("other-cluster", "original-dst"):
        return _elsewhere(walk, outcome, around)
    return outcome.kind if outcome.kind in _UNKNOWN else "evidence-missing"


_NOT_MODELLED = (
    "guard",
    "filter",
    "require-tls",
    "route-match",
    "tls-terminated",
    "tunnel",
    "cluster-type",
    "chain-undecided",
    "fault-unknown",
)
"""Kinds of outcome that depend on something that was read, and that meshdoctor does not work out."""
_UNKNOWN = ("address-unknown", "interface-unknown", "group-unknown")
REASONS = dict.fromkeys(_NOT_MODELLED, "not-modelled") | {
    "own": "own",
    "bypassed": "sidecar-bypassed",
    "unknown-cluster": "route-to-unknown-cluster",
    "not-received": "config-missing",
    "listener-not-active": "config-rejected",
    "fault": "fault-injected",
    "plain-to-tls": "tls-origination-mismatch",
    "tls-to-plain": "tls-origination-mismatch",
    "mtls-to-external": "mtls-to-external",
    "double-tls": "double-tls",
    "direct-response": "direct-response",
    "redirect": "redirect",
    "path-redirect": "redirect",
    "gateway": "egress-gateway-broken",
    "virtual-address-dead": "virtual-address-dead",
    "secret-missing": "secret-missing",
    "http-1.0": "http-version",
    "upgrade-refused": "upgrade-refused",
    "path-refused": "path-refused",
}
"""Kinds of outcome that have one reason."""


def _unmatched(walk: Walk, around: MeshContext) -> str:
    """Why nothing but the outbound policy matches the connection."""
    destination, found = walk.destination, around.found
    names = {f"{bind}_{destination.port}" for bind in (*WILDCARDS, destination.ip)}
    if any(r.kind == "listener" and r.state == "error" and r.name in names for r in walk.proxy.rejections):
        return "config-rejected"  # Envoy refused the newest version of the listener for this destination
    if not found.visible or _only_for_workloads(found):
        return _unregistered(walk, around)
    families = {protocol_class(p.protocol) for p in found.ports(destination.port)}
    if destination.protocol == "tls" and "tls" in families and destination.sni == "":
        return "no-sni"
    if _is_mismatch(destination, families):
        return "protocol-mismatch"
    listed = [a for e in found.visible for a in e.addresses]
    if destination.ip is not None and "http" not in families:
        if listed and not covered(destination.ip, listed):
            return "incomplete-address-list"
        if around.viewer.dns_capture and not listed:
            return "virtual-address-not-used"
    other_name = destination.sni and destination.sni.lower() != destination.host.lower()
    return "sni-differs" if destination.protocol == "tls" and other_name else "not-matched"


def _is_mismatch(destination: Destination, families: set[str]) -> bool:
    """Whether the port is declared for another protocol than the client speaks; for CONNECT it has to be TCP."""
    if destination.method == "CONNECT":
        return not families.isdisjoint({"http", "auto"})
    protocol = destination.protocol
    return ("http" in families and protocol != "http") or (families == {"tls"} and protocol != "tls")


def _unregistered(walk: Walk, around: MeshContext) -> str:
    """No entry is visible: it is hidden, there is none, or the resources were not read. Or it is for workloads only."""
    if _only_for_workloads(around.found):
        return "no-workload"
    destination = walk.destination
    own = f"outbound|{destination.port}||{destination.host.lower()}"
    if own in walk.proxy.clusters:
        return "not-matched"
    if not around.entries_read:
        return "not-registered-here"
    if around.found.hidden:
        return "service-entry-not-visible"
    return "config-stale" if around.found.not_received else "missing-service-entry"


def _elsewhere(walk: Walk, outcome: Outcome, around: MeshContext) -> str:
    """Why the cluster of another host takes the connection."""
    found = around.found
    if not found.visible and (found.hidden or found.not_received):
        return "service-entry-not-visible" if found.hidden else "config-stale"
    return "resolution-none-leak" if outcome.kind == "original-dst" else _misrouted(walk, around)


def _misrouted(walk: Walk, around: MeshContext) -> str:
    """Another host's cluster: a conflict of two TCP entries, or a port whose listener another host owns."""
    destination = walk.destination
    own = around.found.ports(destination.port)
    if _only_for_workloads(around.found):
        return "no-workload"
    if own and EXCLUSIVE & (around.found.protocols(destination.port) ^ around.owner_protocols):
        return "port-hijacked"
    opaque = any(protocol_class(p.protocol) in ("tcp", "auto") for p in own)
    active_is_entry = not _owner(walk.cluster_name).endswith(CLUSTER_LOCAL)
    has_cluster = f"outbound|{destination.port}||{destination.host.lower()}" in walk.proxy.clusters
    opaque_chain = walk.chain is not None and walk.chain.tcp is not None
    if active_is_entry and (opaque or (not own and has_cluster)) and opaque_chain and _same_bind(walk, around.found):
        return "tcp-port-clash"
    return "port-hijacked"


def _only_for_workloads(found: Registration) -> bool:
    """Resolution NONE with a workloadSelector: istiod makes a listener for each workload's address, and no other
    (core/listener.go, buildSidecarOutboundListeners)."""
    return bool(found.visible) and all(
        e.resolution == "NONE" and e.workload_selector is not None and not e.addresses for e in found.visible
    )


def _same_bind(walk: Walk, found: Registration) -> bool:
    """Whether the host's entries need the listener of this connection: the shared one, or one on their own address."""
    binds = {bind for bind, _ in walk.listener.addresses} if walk.listener else set()
    if not binds.isdisjoint(WILDCARDS):
        return True
    allocated = (a for e in found.visible for addresses in e.status_addresses.values() for a in addresses)
    return any(bare(a) in binds for e in found.visible for a in e.addresses) or any(a in binds for a in allocated)

"""From a walk's outcome to the reason a person can act on: which rule names the cause, and what to do.

The order of causes is that of model.rule.CAUSES, so that trace and check never name different culprits.
"""

from __future__ import annotations

from msgspec import Struct

from meshdoctor.model.trace import Trace
from meshdoctor.semantics.ip_addresses import bare, covered
from meshdoctor.semantics.istio.protocols import EXCLUSIVE, protocol_class
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Registration, Viewer
from meshdoctor.semantics.istio.resource_names import cluster_name
from meshdoctor.trace.arrival import WILDCARDS
from meshdoctor.trace.walk import Outcome, Walk


class MeshContext(Struct, frozen=True):
    """What is known around one walk: who looks, which entries it has for the destination, and how far to trust that."""

    pod: str
    viewer: Viewer
    found: Registration
    entries_read: bool
    """ServiceEntries were read, so that none found means that there is none."""
    owner_protocols: frozenset[str] = frozenset()
    """Protocols that the entries of the cluster reached declare for this port, upper case."""


ADVICE = {
    "own": "The sidecar does its part. If it still fails, look beyond it: firewall, the server, its certificate.",
    "missing-service-entry": "Register {host}:{port} with a ServiceEntry that this pod's namespace sees.",
    "not-registered-here": "This proxy knows nothing of {host}:{port}. ServiceEntries were not read: is there none, or "
    "does one exist that {namespace} does not see?",
    "not-matched": "The proxy has a cluster for {host}, but no chain or route took this connection to it: compare the "
    "address, server name and protocol with what the listener matches.",
    "virtual-address-not-used": "With DNS capture the entry answers on its virtual address: dial the name, not {ip}.",
    "virtual-address-sent-out": "In this pod {host} means a virtual address, made by an entry without port {port}. "
    "Register {host}:{port} there too.",
    "direct-response": "A VirtualService answers for {host} itself; change its directResponse if that is not meant.",
    "redirect": "A VirtualService redirects {host}; change its redirect if that is not meant.",
    "service-entry-not-visible": "Let {namespace} see the entry: widen {field}.",
    "incomplete-address-list": "Add {ip} to spec.addresses of {entry}: for TCP the address decides, not the host.",
    "tcp-port-clash": "Declare TLS, so that the server name tells the two apart, or give each entry its addresses.",
    "port-hijacked": "Give {host}:{port} a listener of its own: a ServiceEntry with its addresses.",
    "resolution-none-leak": "Add addresses to {owner}'s entry, or another resolution than NONE.",
    "protocol-mismatch": "Declare in {entry} the protocol the application speaks on port {port}.",
    "route-to-unknown-cluster": "Correct the destination of the VirtualService, or register that host and subset.",
    "double-tls": "Drop the DestinationRule's TLS for this port, or let the application speak plain HTTP.",
    "mtls-to-external": "Set TLS mode DISABLE or SIMPLE for {host}; mesh certificates mean nothing outside.",
    "upstream-unresolved": "Give the entry a host that resolves, or endpoints that are there.",
    "tls-origination-mismatch": "Match TLS and port: targetPort 443 with TLS origination, or neither.",
    "fault-injected": "Remove the fault from the VirtualService.",
    "sidecar-bypassed": "If the sidecar should see it, change {field}.",
    "egress-gateway-broken": "Follow the gateway's hops: endpoints of its Service first.",
    "no-sni": "The client must send a server name (SNI), or the entry needs addresses.",
    "sni-differs": "The server name sent is not one this port's chains know; register it, or send {host}.",
    "address-unknown": "Give the address with --ip, or a dns.json with the host's addresses.",
    "evidence-missing": "Fetch what is missing: curl localhost:15000/config_dump?include_eds in the pod.",
}
"""What to do, by reason. Text for a reason that is not here is empty."""


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
        because=outcome.because,
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
    )


def _owner(cluster: str | None) -> str:
    parsed = cluster_name(cluster or "")
    return parsed.host if parsed else ""


def _advice(reason: str, walk: Walk, around: MeshContext) -> str:
    destination, found = walk.destination, around.found
    entries = (*found.visible, *(h.entry for h in found.hidden), *found.other_ports)
    return ADVICE.get(reason, "").format(
        host=destination.host,
        port=destination.port,
        ip=destination.ip or "the address",
        namespace=around.viewer.namespace or "the pod's namespace",
        field=found.hidden[0].visibility.field if found.hidden else walk.setting or "the capture settings",
        entry=str(entries[0].ref) if entries else "the ServiceEntry",
        owner=_owner(walk.cluster_name) or "the other",
    )


def _reason(walk: Walk, outcome: Outcome, around: MeshContext) -> str:
    simple = REASONS.get(outcome.kind)
    if simple is not None:
        return simple
    if outcome.kind in ("blackhole", "passthrough", "block-all", "no-filter-chain", "no-virtual-host", "no-route"):
        return _unmatched(walk, around)
    if outcome.kind in ("hang", "not-http", "inspector-timeout"):
        return "protocol-mismatch" if _declares_inspected(walk, around.found) else "port-hijacked"
    if outcome.kind == "no-endpoints":
        return "egress-gateway-broken" if _by_way_of_gateway(walk) else "upstream-unresolved"
    if outcome.kind in ("other-cluster", "original-dst") and around.found.hidden and not around.found.visible:
        return "service-entry-not-visible"
    if outcome.kind == "original-dst":
        return "resolution-none-leak"
    if outcome.kind == "other-cluster":
        return _misrouted(walk, around)
    return "address-unknown" if outcome.kind == "address-unknown" else "evidence-missing"


REASONS = {
    "own": "own",
    "bypassed": "sidecar-bypassed",
    "unknown-cluster": "route-to-unknown-cluster",
    "fault": "fault-injected",
    "plain-to-tls": "tls-origination-mismatch",
    "tls-to-plain": "tls-origination-mismatch",
    "mtls-to-external": "mtls-to-external",
    "double-tls": "double-tls",
    "direct-response": "direct-response",
    "redirect": "redirect",
    "virtual-address-sent-out": "virtual-address-sent-out",
}
"""Outcomes that are their own reason."""


def _unmatched(walk: Walk, around: MeshContext) -> str:
    """Why a connection fell through to the outbound policy."""
    destination, found = walk.destination, around.found
    if _refused(walk):
        return "config-rejected"
    if not found.visible:
        return _unregistered(walk, around)
    families = {protocol_class(p.protocol) for p in found.ports(destination.port)}
    if destination.protocol == "tls" and "tls" in families and destination.sni == "":
        return "no-sni"
    if _speaks_otherwise(families, destination.protocol):
        return "protocol-mismatch"
    listed = [a for e in found.visible for a in e.addresses]
    if destination.ip is not None and "http" not in families:
        if listed and not covered(destination.ip, listed):
            return "incomplete-address-list"
        if around.viewer.dns_capture and not listed:
            return "virtual-address-not-used"
    other_name = destination.sni and destination.sni.lower() != destination.host.lower()
    return "sni-differs" if destination.protocol == "tls" and other_name else "not-matched"


def _refused(walk: Walk) -> bool:
    """Envoy refused the newest version of the listener that would have answered for this destination."""
    destination = walk.destination
    wanted = {f"{bind}_{destination.port}" for bind in (*WILDCARDS, destination.ip)}
    return any(r.kind == "listener" and r.state == "error" and r.name in wanted for r in walk.proxy.rejections)


def _unregistered(walk: Walk, around: MeshContext) -> str:
    """No visible entry: there is a hidden one, there is none, or nobody knows for want of the resources."""
    destination = walk.destination
    if not around.entries_read:
        own = f"outbound|{destination.port}||{destination.host.lower()}"
        return "not-matched" if own in walk.proxy.clusters else "not-registered-here"
    return "service-entry-not-visible" if around.found.hidden else "missing-service-entry"


def _speaks_otherwise(families: set[str], protocol: str) -> bool:
    """The entry declares HTTP, or TLS alone, and the client speaks something else."""
    return ("http" in families and protocol != "http") or (families == {"tls"} and protocol != "tls")


def _declares_inspected(walk: Walk, found: Registration) -> bool:
    """The entry for this very port asked for the inspection that the client cannot stand."""
    return any(protocol_class(p.protocol) in ("http", "tls", "auto") for p in found.ports(walk.destination.port))


def _by_way_of_gateway(walk: Walk) -> bool:
    """The cluster is an in-cluster Service that a VirtualService sends an outside host to."""
    return bool(walk.config) and _owner(walk.cluster_name).endswith(CLUSTER_LOCAL)


def _misrouted(walk: Walk, around: MeshContext) -> str:
    """Another's cluster: a clash of two TCP entries, or a port that somebody else holds."""
    destination = walk.destination
    own = around.found.ports(destination.port)
    if own and EXCLUSIVE & (around.found.protocols(destination.port) ^ around.owner_protocols):
        return "port-hijacked"
    opaque = any(protocol_class(p.protocol) in ("tcp", "auto") for p in own)
    winner_is_entry = not _owner(walk.cluster_name).endswith(CLUSTER_LOCAL)
    has_cluster = f"outbound|{destination.port}||{destination.host.lower()}" in walk.proxy.clusters
    opaque_chain = walk.chain is not None and walk.chain.tcp is not None
    if winner_is_entry and (opaque or (not own and has_cluster)) and opaque_chain and _same_bind(walk, around.found):
        return "tcp-port-clash"
    return "port-hijacked"


def _same_bind(walk: Walk, found: Registration) -> bool:
    """Whether the host's entries ask for the listener the connection is in: the shared one, or their own address's."""
    binds = {bind for bind, _ in walk.listener.addresses} if walk.listener else set()
    if not binds.isdisjoint(WILDCARDS):
        return True
    allocated = (a for e in found.visible for addresses in e.status_addresses.values() for a in addresses)
    return any(bare(a) in binds for e in found.visible for a in e.addresses) or any(a in binds for a in allocated)

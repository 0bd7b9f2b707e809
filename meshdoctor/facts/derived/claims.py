"""Claims: which TCP entries conflict over a (bind address, port), which one is active, and why.

istiod gives each (bind, port) one opaque chain per equal match; the first service in order of precedence keeps it and
the others do not appear in the listener (pilot/pkg/networking/core/listener.go, conflictsWith). The sign in a dump is a
cluster that exists and that no chain of the listener names.
"""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived import entry_edits
from meshdoctor.facts.derived.dns_capture import NOT_OFFERED, dns_capture
from meshdoctor.facts.derived.known_addresses import addresses_taken, dns_answers, entry_answers
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import cidrs, cluster_view, entry_view, seen_at, service_view, view_role
from meshdoctor.model.entry_view import EntryView
from meshdoctor.model.mesh import Port, ServiceEntry
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.proxy import FilterChain, Listener
from meshdoctor.model.sheet import Claim
from meshdoctor.semantics.ip_addresses import bare, is_single
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.precedence import order_key, why_first
from meshdoctor.semantics.istio.protocols import protocol_class
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL
from meshdoctor.semantics.istio.resource_names import cluster_name

WILDCARD = "0.0.0.0"


def claims(case: ProxyContext) -> Iterator[Claim]:
    """One fact per (entry port, bind) with an opaque chain, active or shadowed."""
    yield from _claims_of_dump(case)
    for entry, host, port in case.entry_ports:
        if not case.tracer.entries.in_force(entry, host):
            continue
        family = protocol_class(port.protocol)
        if family not in ("tcp", "auto", "tls") or case.own_cluster(host, port.number) is None:
            continue
        if entry.resolution == "NONE" and entry.workload_selector is not None and not entry.addresses:
            continue  # a listener for each address of its workloads, which no other entry has
        # a listener per address, a filter chain per range, else the wildcard
        for address in case.registry.used_addresses(entry, host, case.viewer) or ("",):
            bind, match = (bare(address), "") if is_single(address) else (WILDCARD, address)
            if family != "tls" or bind != WILDCARD:
                yield from _claim(case, entry, host, port, bind, match)


def _claim(case: ProxyContext, entry: ServiceEntry, host: str, port: Port, bind: str, cidr: str) -> Iterator[Claim]:
    listener = _listener_at(case, bind, port.number)
    if listener is None:
        return
    own = f"outbound|{port.number}||{host}"
    chain = _opaque_chain(listener, cidr)
    if _named_in(listener, own) or chain is None or chain.tcp is None:
        yield _fact(case, entry, host, port, bind, listener, chain, entry_view(entry), host, "active")
        return
    holder = cluster_name(chain.tcp.clusters[0].name)
    # a wildcard entry that covers the host delivers it
    if holder is None or covers(holder.host, host) or _is_sent_by(case, listener, chain, host):
        return
    if _is_partly_read(listener):
        return
    if any(not use.is_http and use.made_by for use in case.uses.get(own, ())):
        return
    if bind == WILDCARD and (answers := dns_answers(case, host)[0]):
        # another entry of the same host, with addresses, may give each of its DNS answers a listener that leads to it
        found = [_listener_at(case, answer, port.number) for answer in answers]
        if all(at is not None and _named_in(at, own) for at in found):
            return
    winner = _winner(case, holder.host, port.number)
    yield _fact(case, entry, host, port, bind, listener, chain, winner, holder.host, "shadowed")


def _listener_at(case: ProxyContext, bind: str, port: int) -> Listener | None:
    if bind == WILDCARD:
        return case.wildcard_listener(port)
    index = case.tracer.index
    return index.by_address.get((bind, port)) if index else None


def _is_partly_read(listener: Listener) -> bool:
    """Whether a part of it that was not read may name the cluster."""
    return bool(listener.unread) or any(chain.unread for chain in listener.chains())


def _named_in(listener: Listener, cluster: str) -> bool:
    return any(cluster in chain.tcp_clusters for chain in listener.chains())


def _opaque_chain(listener: Listener, cidr: str) -> FilterChain | None:
    """The filter chain with the same match: this range, or no range."""
    ranges = (cidr,) if cidr else ()
    for chain in listener.chains():
        match = chain.match
        if chain.tcp is None or match.server_names or match.application_protocols:
            continue
        if cidrs(match.prefix_ranges) == cidrs(ranges):
            return chain
    return None


def _is_sent_by(case: ProxyContext, listener: Listener, chain: FilterChain, host: str) -> bool:
    """Whether a VirtualService made the chain that is about this host, or was not read."""
    return case.registry.sent_by(case.maker_of(listener, chain, host), host) is not False


def _winner(case: ProxyContext, host: str, port: int) -> EntryView:
    if host.endswith(CLUSTER_LOCAL):
        return service_view(host)
    found = [e for e in case.tracer.entries.registration(host, port).visible if host in e.hosts]
    if not found:
        cluster = case.own_cluster(host, port)
        return cluster_view(host, cluster.services[0][1] if cluster and cluster.services else "")
    return entry_view(min(found, key=lambda e: order_key(e, case.viewer.namespace, case.mesh.mesh_config, host)))


def _fact(
    case: ProxyContext,
    entry: ServiceEntry,
    host: str,
    port: Port,
    bind: str,
    listener: Listener,
    chain: FilterChain | None,
    winner: EntryView,
    winner_host: str,
    outcome: str,
) -> Claim:
    view, active = entry_view(entry), _object(case, winner)
    evidence = [case.evidence(chain.path if chain else listener.path, winner_host)]
    capture = dns_capture(case, entry) if outcome == "shadowed" else NOT_OFFERED
    if entry.pointer.document:
        evidence.append(seen_at(entry.pointer, str(entry.ref)))
    return Claim(
        pod=case.key,
        host=host,
        port=port.number,
        policy=case.policy,
        resources=(*view_role(winner, "active"), *view_role(view, "shadowed")) if outcome == "shadowed" else (),
        evidence=tuple(evidence),
        bind=bind,
        protocol=port.protocol.upper(),
        protocol_family="tcp",
        outcome=outcome,
        reason=_reason(case, entry, host, winner, winner_host) if outcome == "shadowed" else "",
        entry=view,
        active=winner,
        active_host=winner_host,
        listener=listener.name,
        listener_in_error=listener.name in case.rejected_listeners,
        own_addresses=entry_edits.listable(entry, _answers(case, entry, host)),
        addresses_taken=addresses_taken(case, host),
        active_addresses=entry_edits.listable(active, _answers(case, active, winner_host)) if active else (),
        as_tls=entry_edits.as_tls(entry, port.number),
        dns_capture=capture.manifest,
        workload=capture.workload,
        restart=capture.restart,
        active_as_tls=entry_edits.as_tls(active, port.number) if active else {},
        has_pods_at_home=any(key.startswith(f"{entry.ref.namespace}/") for key in case.mesh.pod_names),
    )


def _object(case: ProxyContext, view: EntryView) -> ServiceEntry | None:
    names = (view.namespace, view.name)
    return next((e for e in case.mesh.service_entries if (e.ref.namespace, e.ref.name) == names), None)


def _answers(case: ProxyContext, entry: ServiceEntry, host: str) -> tuple[str, ...]:
    return entry_answers(case, entry, host, dns_answers(case, host)[0])


def _reason(case: ProxyContext, loser: ServiceEntry, host: str, winner: EntryView, winner_host: str) -> str:
    if winner.kind != "ServiceEntry":
        return f"the in-cluster Service {winner.namespace}/{winner.name} owns the port"
    entry = _object(case, winner)
    if entry is not None:
        return why_first(entry, loser, case.viewer.namespace, case.mesh.mesh_config, winner_host, host)
    return f"the entry for {winner_host} owns the port; the reason is unknown without the resources"


def _claims_of_dump(case: ProxyContext) -> Iterator[Claim]:
    """External clusters of hosts without an entry that nothing references, on a port whose match-all chain leads to
    another host."""
    used = case.uses
    if not (case.proxy.coverage("listeners").is_whole and case.proxy.coverage("routes").is_whole):
        return  # what was not read may name the cluster
    for parsed, cluster in case.external_clusters:
        if parsed.subset or cluster.name in used or case.registry.entries(parsed.host):
            continue
        listener = case.wildcard_listener(parsed.port)
        chain = _opaque_chain(listener, "") if listener else None
        if listener is None or chain is None or chain.tcp is None:
            continue
        holder = cluster_name(chain.tcp.clusters[0].name)
        # a VirtualService's chain may match the host by server name, then no opaque chain is shadowed
        by_name = any(parsed.host in c.match.server_names for c in listener.chains())
        if (
            holder is None
            or covers(holder.host, parsed.host)
            or _is_sent_by(case, listener, chain, parsed.host)
            or by_name
        ):
            continue
        ref = ObjectRef("ServiceEntry", cluster.services[0][1] if cluster.services else "", f"(for {parsed.host})")
        loser = ServiceEntry(ref, (parsed.host,), (Port(parsed.port),))
        winner = _winner(case, holder.host, parsed.port)
        yield _fact(
            case, loser, parsed.host, Port(parsed.port), WILDCARD, listener, chain, winner, holder.host, "shadowed"
        )

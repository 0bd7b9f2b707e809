"""Leaks: filter chains and routes to an ORIGINAL_DST cluster, which connects to any address the client uses."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived import entry_edits
from meshdoctor.facts.derived.known_addresses import addresses_taken, dns_answers, entry_answers
from meshdoctor.facts.derived.proxy_context import ClusterUse, ProxyContext
from meshdoctor.facts.derived.resource_views import NO_ENTRY, entry_view, seen_at, service_view, view_role
from meshdoctor.model.sheet import Leak
from meshdoctor.semantics.ip_addresses import is_wide, network
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL
from meshdoctor.semantics.istio.resource_names import ClusterName
from meshdoctor.trace.arrival import WILDCARDS


def leaks(case: ProxyContext) -> Iterator[Leak]:
    """One fact per ORIGINAL_DST cluster reachable through a wildcard listener, with its weakest restriction."""
    for name, parsed in case.cluster_names.items():
        if case.proxy.cluster_types[name] != "ORIGINAL_DST":
            continue
        uses = [u for u in case.uses.get(name, ()) if any(b in WILDCARDS for b, _ in u.listener.addresses)]
        if not uses:
            continue
        guarded = [(guard_of(use), use) for use in uses]
        (guard, widest), use = min(guarded, key=lambda g: ORDER.index(g[0][0]))
        yield _leak(case, parsed, use, guard, widest)


ORDER = ("none", "cidr-wide", "http-host", "sni", "cidr")
"""Restrictions, the weakest first."""


def guard_of(use: ClusterUse) -> tuple[str, str]:
    """(restriction, widest range) of one use. A narrow range restricts more than a name; 0.0.0.0/0 restricts
    nothing."""
    match = use.chain.match
    networks = [n for n in map(network, match.prefix_ranges) if n is not None]
    widest = ""
    if all(n.prefixlen for n in networks):
        widest = str(min(networks, key=lambda n: n.prefixlen - n.max_prefixlen, default=""))
    if widest and not is_wide(widest):
        return "cidr", widest
    if use.is_http:
        return "http-host", widest
    if match.server_names:
        return "sni", widest
    return ("cidr-wide" if widest else "none"), widest


def _leak(case: ProxyContext, parsed: ClusterName, use: ClusterUse, guard: str, widest: str) -> Leak:
    visible = case.tracer.entries.registration(parsed.host, parsed.port).visible
    entry = next((e for e in visible if parsed.host in e.hosts), None)
    in_cluster = parsed.host.endswith(CLUSTER_LOCAL)
    view = service_view(parsed.host) if in_cluster else entry_view(entry)
    evidence = [
        case.evidence(use.path, use.cluster),
        case.evidence(case.proxy.clusters[use.cluster].path, "ORIGINAL_DST"),
    ]
    if entry is not None:
        evidence.append(seen_at(entry.pointer, f"resolution {entry.resolution}", ".spec"))
    known = dns_answers(case, parsed.host)[0]
    answers = entry_answers(case, entry, parsed.host, known) if entry else ()
    return Leak(
        pod=case.key,
        host=parsed.host,
        port=parsed.port,
        policy=case.policy,
        resources=view_role(view, "owner"),
        evidence=tuple(evidence),
        guard=guard,
        limit=_LIMITS.get(guard, f"only the range {widest} restricts it"),
        range=widest,
        listener=use.listener.name,
        cluster=use.cluster,
        entry=entry_view(entry) if entry else NO_ENTRY,
        owner_kind=view.kind,
        fixed_addresses=entry_edits.listable(entry, answers) if entry else (),
        addresses_taken=addresses_taken(case, parsed.host) if answers else "",
        as_tls=entry_edits.as_tls(entry, parsed.port, resolve=True) if entry else {},
    )


_LIMITS = {
    "none": "nothing restricts it",
    "sni": "only the server name the client sends restricts it",
    "http-host": "only the Host header the client sends restricts it",
}
"""The restriction in words; all others are ranges."""

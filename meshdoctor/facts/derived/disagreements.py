"""Hosts on which a config dump and the ServiceEntries that were read do not agree."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import entry_view, role, seen_at
from meshdoctor.model.sheet import Disagreement


def disagreements(case: ProxyContext) -> Iterator[Disagreement]:
    """One fact per host:port of an entry that the proxy has not received, and of a cluster that no entry explains."""
    if not (case.mesh.coverage("serviceentries").is_whole and case.proxy.names_all_clusters):
        return
    seen: set[tuple[str, int]] = set()
    for _, host, port in case.entry_ports:
        place = (host, port.number)
        for entry in case.tracer.entries.registration(*place).not_received if place not in seen else ():
            seen.add(place)
            yield Disagreement(
                pod=case.key,
                host=host,
                port=port.number,
                policy=case.policy,
                resources=(role(entry.ref, "cause"),),
                evidence=(seen_at(entry.pointer, str(entry.ref)),),
                entry=entry_view(entry),
                cluster="",
                said=f"exportTo and Sidecar show {entry.ref} to {case.viewer.namespace}, but the sidecar has no "
                "cluster of it: it was not applied, not pushed or rejected, or the config dump is older",
                used=place in case.dependencies,
            )
    for parsed, cluster in case.external_clusters:
        place = (parsed.host, parsed.port)
        if place in seen or case.registry.entries(parsed.host):
            continue
        seen.add(place)
        yield Disagreement(
            pod=case.key,
            host=parsed.host,
            port=parsed.port,
            policy=case.policy,
            evidence=(case.evidence(cluster.path, cluster.name),),
            entry=entry_view(None),
            cluster=cluster.name,
            said=f"the sidecar has cluster {cluster.name}, but no ServiceEntry that was read names the host",
            used=place in case.dependencies,
        )

"""Dependencies that a pod reaches by a forward proxy, and what the pod's sidecar does with the connection to that."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived.connections import MAX_SEEN
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import seen_at
from meshdoctor.model.mesh import Dependency
from meshdoctor.model.proxied_dependency import ProxiedDependency
from meshdoctor.semantics.istio.host_names import host_port


def proxied_dependencies(case: ProxyContext) -> Iterator[ProxiedDependency]:
    """One fact per dependency that a client of the pod asks a forward proxy for."""
    for dependency in case.proxied:
        yield _proxied(case, dependency)


def _proxied(case: ProxyContext, dependency: Dependency) -> ProxiedDependency:
    port = dependency.port or 0
    traced = case.tracer.by_proxy(dependency)
    proxy = dependency.proxied[0].proxy
    by = traced.forward_proxy
    decided = [step.evidence for step in traced.steps if step.evidence is not None]
    seen = [seen_at(sighting.pointer, sighting.where) for sighting in dependency.seen[:2]]
    return ProxiedDependency(
        pod=case.key,
        host=dependency.host,
        port=port,
        policy=case.policy,
        evidence=(*reversed(decided[-2:]), *seen),
        seen=tuple(sighting.where for sighting in dependency.seen[:MAX_SEEN]),
        proxy=host_port(by.host, by.port) if by else host_port(proxy.host, proxy.port) if proxy.host else "",
        setting=proxy.setting,
        method=by.method if by else "",
        verdict=traced.verdict,
        reason=traced.reason,
        because=traced.because,
        missing=traced.missing,
    )

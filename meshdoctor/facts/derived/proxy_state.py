"""Facts about a proxy as a whole: rejected and missing configuration, and its outbound policy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import structs

from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import role
from meshdoctor.model.evidence import Evidence
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.proxy import Rejection
from meshdoctor.model.sheet import NotReceived, ProxyPolicy, Rejected
from meshdoctor.semantics.istio.resource_names import cluster_name, config_ref

_WILDCARD_PORT = re.compile(r"_(\d+)$")


_BY_FILTER = re.compile(r"lua|script|wasm|registered implementation|extension", re.IGNORECASE)
"""Errors about a filter's own configuration, of which EnvoyFilters are the usual source."""


def rejections(case: ProxyContext) -> Iterator[Rejected]:
    """One fact per resource that this proxy rejected or that is warming, and dependency that fails by it."""
    for rejection in case.proxy.rejections:
        at = _WILDCARD_PORT.search(rejection.name) if rejection.kind == "listener" else None
        port = int(at[1]) if at else 0
        # Envoy rejects an entry's partial wildcard as a server name (semantics: S19)
        named = (e for e, host, p in case.entry_ports if p.number == port and host.startswith("*") and host[1:2] != ".")
        suspects = tuple(dict.fromkeys(role(entry.ref, "suspect") for entry in named))
        made_from = _made_from(case, rejection, port)
        lost = [host for host, number in case.dependencies if number == port and _is_lost(case, host, port)]
        common = Rejected(
            pod=case.key,
            host="",
            port=port,
            policy=case.policy,
            resources=tuple(dict.fromkeys([*suspects, *made_from])),
            evidence=(Evidence(rejection.document or case.proxy.document, rejection.path, rejection.details[:300]),),
            object_kind=rejection.kind,
            object_name=rejection.name,
            state=rejection.state,
            details=rejection.details,
            has_active=rejection.has_active,
            suspects=", ".join(map(str, suspects)),
            made_from=", ".join(map(str, made_from)),
        )
        yield from (structs.replace(common, host=host) for host in lost or [""])


def _is_lost(case: ProxyContext, host: str, port: int) -> bool:
    return case.tracer.assess(host, port).reason == "config-rejected"


def _made_from(case: ProxyContext, rejection: Rejection, port: int) -> tuple[ObjectRef, ...]:
    """The objects behind what was rejected: those that its metadata names, or the EnvoyFilters that patch it."""
    if not _BY_FILTER.search(rejection.details):
        named = (config_ref(path) for path in rejection.configs)
        return tuple(role(ref, "suspect") for ref in named if ref is not None)
    pod = case.mesh.pods.get(case.key)
    filters = case.registry.envoy_filters(case.viewer, pod.labels if pod else case.proxy.node.labels)
    patched = (one for one in filters if not port or any(number in (None, port) for number in one.ports))
    return tuple(role(one.ref, "suspect") for one in patched)


def not_received(case: ProxyContext) -> Iterator[NotReceived]:
    """One fact where istiod has sent this sidecar nothing of a section that every sidecar gets."""
    sections = case.proxy.not_received
    if sections:
        yield NotReceived(
            pod=case.key,
            host="",
            port=0,
            policy=case.policy,
            evidence=(Evidence(case.proxy.document, "$.configs", f"no {' and no '.join(sections)} from istiod"),),
            sections=sections,
            named=" and ".join(sections),
            everything=len(sections) > 1,
        )


def policies(case: ProxyContext) -> Iterator[ProxyPolicy]:
    """The one fact about this proxy's outbound policy."""
    evidence = case.policy_evidence
    proxy = cluster_name(evidence.value) if evidence else None
    yield ProxyPolicy(
        pod=case.key,
        host="",
        port=0,
        policy=case.policy,
        evidence=(evidence,) if evidence else (),
        decided_by=evidence.value if evidence else "nothing that was read",
        sidecar_role=case.viewer.is_sidecar,
        egress_proxy=proxy.host if proxy else "",
    )

"""Facts about a proxy as a whole: rejected and missing configuration, and its outbound policy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import role
from meshdoctor.model.evidence import Evidence
from meshdoctor.model.sheet import NotReceived, ProxyPolicy, Rejected

_WILDCARD_PORT = re.compile(r"_(\d+)$")


def rejections(case: ProxyContext) -> Iterator[Rejected]:
    """One fact per resource that this proxy rejected or that is warming."""
    for rejection in case.proxy.rejections:
        at = _WILDCARD_PORT.search(rejection.name) if rejection.kind == "listener" else None
        port = int(at[1]) if at else 0
        # Envoy rejects an entry's partial wildcard as a server name (semantics: S19)
        named = (e for e, host, p in case.entry_ports if p.number == port and host.startswith("*") and host[1:2] != ".")
        suspects = tuple(dict.fromkeys(role(entry.ref, "suspect") for entry in named))
        yield Rejected(
            pod=case.key,
            host="",
            port=port,
            policy=case.policy,
            resources=suspects,
            evidence=(Evidence(rejection.document or case.proxy.document, rejection.path, rejection.details[:300]),),
            object_kind=rejection.kind,
            object_name=rejection.name,
            state=rejection.state,
            details=rejection.details,
            has_active=rejection.has_active,
            suspects=", ".join(f"{r.kind} {r.namespace}/{r.name}" for r in suspects),
        )


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
    yield ProxyPolicy(
        pod=case.key,
        host="",
        port=0,
        policy=case.policy,
        evidence=(evidence,) if evidence else (),
        decided_by=evidence.value if evidence else "nothing that was read",
        sidecar_role=case.viewer.is_sidecar,
    )

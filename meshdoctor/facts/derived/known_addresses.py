"""Addresses that hosts are known to resolve to, with their source and time."""

from __future__ import annotations

from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.model.mesh import ServiceEntry
from meshdoctor.semantics.ip_addresses import is_ip


def dns_answers(case: ProxyContext, host: str) -> tuple[tuple[str, ...], bool]:
    """(addresses a host is known to resolve to, whether any source was read for it).

    dns.json, what Envoy resolved the host itself to, and IPs that stand beside it in env. Addresses of STATIC entries
    and of ORIGINAL_DST clusters are no DNS answers.
    """
    mesh = case.mesh
    upstream = (mesh.dns or {}).get(host, ())
    resolved = case.tracer.resolved(host)
    beside = mesh.ips_beside.get(host, ())
    found = tuple(dict.fromkeys([*upstream, *resolved, *beside]))
    return tuple(a for a in found if is_ip(a)), bool(upstream or resolved or beside)


def entry_answers(case: ProxyContext, entry: ServiceEntry, host: str, answers: tuple[str, ...]) -> tuple[str, ...]:
    """`answers` of `host` with those of the entry's other hosts; empty where one of them is not known.

    spec.addresses apply to every host of an entry: a list without one host's addresses blocks that host.
    """
    others = [dns_answers(case, other.lower())[0] for other in entry.hosts if other.lower() != host]
    return tuple(dict.fromkeys([*answers, *(a for found in others for a in found)])) if all((answers, *others)) else ()


def addresses_taken(case: ProxyContext, host: str) -> str:
    """Source and time of a host's addresses, as a sentence; empty where none are known.

    It belongs to a fix's trade-off, not to the object: a time in the object would make equal objects differ, and would
    become outdated there.
    """
    mesh = case.mesh
    by = f"resolved from {mesh.dns_from}" if mesh.dns_from else "from dns.json"
    words = (
        ((mesh.dns or {}).get(host), by),
        (case.tracer.resolved(host), "resolved by the sidecar"),
        (mesh.ips_beside.get(host), "from the pod's environment"),
        (mesh.dialled.get((case.key, host)), "from the pod's access log"),
    )
    source = next((said for found, said in words if found), "")
    when = f"at {mesh.captured_at}" if mesh.captured_at else "time not recorded"
    return f"Addresses {source}, {when}." if source else ""

"""Connections: each host:port that is a dependency or registered, and what the pod's sidecar does with it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from meshdoctor.facts.derived import entry_edits
from meshdoctor.facts.derived.known_addresses import addresses_taken, entry_answers
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import cidrs, entry_view, role, seen_at
from meshdoctor.model.entry_view import HiddenEntry
from meshdoctor.model.evidence import Evidence
from meshdoctor.model.mesh import Dependency, EgressListener, ServiceEntry, Sidecar
from meshdoctor.model.sheet import Connection
from meshdoctor.model.trace import Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.semantics.ip_addresses import is_ip
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.istiod_push import POLICY_CHAINS
from meshdoctor.semantics.istio.protocols import (
    EXCLUSIVE,
    is_server_first,
    known_protocol,
    protocol_class,
    scheme_protocol,
)
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Hidden, Registration
from meshdoctor.semantics.istio.resource_names import cluster_name, object_name, slug

MAX_SEEN, MAX_OWNERS = 5, 20


def connections(case: ProxyContext) -> Iterator[Connection]:
    """One fact per host:port of this pod, its dependencies first."""
    dependencies = case.dependencies
    for (host, port), dependency in dependencies.items():
        yield connection(case, host, port, dependency)
    for host, port in registered(case):
        if (host, port) not in dependencies:
            yield connection(case, host, port, None)


def registered(case: ProxyContext) -> list[tuple[str, int]]:
    """host:port pairs registered for this proxy, without wildcards."""
    pairs = [(host, port.number) for _, host, port in case.entry_ports if port.protocol.upper() != "UDP"]
    pairs += [(at.host, at.port) for at, _ in case.external_clusters if not case.registry.entries(at.host)]
    return list(dict.fromkeys(p for p in pairs if not p[0].startswith("*")))


def connection(case: ProxyContext, host: str, port: int, dependency: Dependency | None) -> Connection:
    """The fact for one host:port."""
    traced = case.tracer.dialled(host, port)
    found = case.tracer.entries.registration(host, port)
    declared = next((p.protocol.upper() for p in found.ports(port)), "")
    own = case.own_cluster(host, port)
    addresses = case.tracer.known_addresses(host, port) or ((host,) if is_ip(host) else ())
    owners = case.owners_of(traced.listener or "")
    owner_kind = "Service" if any(o.endswith(CLUSTER_LOCAL) for o in owners) else "ServiceEntry" if owners else ""
    named = next((e for e in found.other_ports if host in e.hosts), None)
    unlisted = next((e for e in found.visible if host in e.hosts and not e.addresses), None)
    known = (scheme_protocol(dependency.scheme) if dependency else "") or known_protocol(port)
    registered_now = bool(found.visible) or (own is not None and not case.registry.entries(host))
    is_proxy = dependency is not None and bool(dependency.asked)
    protocol, resolution = _entry_shape(traced.destination.protocol, host, is_proxy=is_proxy)
    return Connection(
        pod=case.key,
        host=host,
        port=port,
        policy=case.policy,
        resources=tuple(
            [role(e.ref, "registers") for e in found.visible] + [role(h.entry.ref, "hidden") for h in found.hidden]
        ),
        evidence=_evidence(traced, dependency, found),
        used=dependency is not None,
        seen=tuple(s.where for s in dependency.seen[:MAX_SEEN]) if dependency else (),
        protocol=traced.destination.protocol,
        declared=declared,
        verdict=traced.verdict,
        reason=traced.reason,
        because=traced.because,
        hangs=traced.expect.hangs,
        listener=traced.listener or "",
        cluster=traced.cluster or "",
        cluster_host=traced.owner,
        registered=registered_now,
        registered_host=registered_now or bool(found.other_ports),
        hidden=tuple(_hidden_entry(case, h, host, port) for h in found.hidden),
        not_received=tuple(entry_view(e) for e in found.not_received),
        entries=tuple(entry_view(e) for e in (*found.visible, *found.other_ports)),
        own_cluster_exists=own is not None,
        own_cluster_used=own is not None and own.name in case.uses,
        listener_owners=owners[:MAX_OWNERS],
        listener_owner_kind=owner_kind,
        addresses=addresses,
        address_cidrs=cidrs(addresses),
        slug=slug(host),
        addresses_taken=addresses_taken(case, host) if addresses else "",
        new_name=entry_name(case, host, port),
        namespace=case.viewer.namespace,
        known_server_first=declared == "MYSQL" or is_server_first(known),
        is_ip=is_ip(host),
        entry_protocol=protocol,
        entry_resolution=resolution,
        with_port=entry_edits.with_port(named, port, protocol, _complete(case, named, host, port)) if named else {},
        with_addresses=entry_edits.with_addresses(unlisted, _complete(case, unlisted, host, port)) if unlisted else {},
        missing=traced.missing,
        crowded_out=_crowded_out(case, traced, declared) or _lost_its_tcp_side(case, traced, found),
        near="" if registered_now or found.other_ports else _near(case, host),
    )


def _near(case: ProxyContext, host: str) -> str:
    """The entry that its author may have taken for one of this host: `*.a.example` does not cover `a.example`
    (pkg/config/host/name.go, Matches), and `a.example` no name below it."""
    parent = host.partition(".")[2]
    for pattern, why in ((f"*.{host}", f"which does not cover {host} itself"), (parent, "without names below it")):
        for entry in case.registry.entries(pattern) if "." in pattern.removeprefix("*.") else ():
            named = pattern in (name.lower() for name in entry.hosts)
            if named and case.registry.visibility(entry, pattern, None, case.viewer).ok:
                return f"; {entry.ref} registers {pattern}, {why}"
    return ""


def entry_name(case: ProxyContext, host: str, port: int) -> str:
    """A name for a new ServiceEntry in the pod's namespace."""
    return object_name(*(("ip",) if is_ip(host) else ()), host, port, taken=case.entry_names)


def _complete(case: ProxyContext, entry: ServiceEntry, host: str, port: int) -> tuple[str, ...]:
    """Addresses of all the entry's hosts; of the host itself those to which a client in this pod connects."""
    known = case.tracer.known_addresses(host, port)
    return entry_answers(case, entry, host, tuple(a for a in known if not case.registry.is_virtual(a)))


def _crowded_out(case: ProxyContext, traced: Trace, declared: str) -> bool:
    """Whether its cluster exists without a reference, and its port's listener belongs to an owner of another
    protocol."""
    host, port = traced.destination.host, traced.destination.port
    own = case.own_cluster(host, port)
    listener = case.wildcard_listener(port)
    if own is None or own.name in case.uses or listener is None or not declared:
        return False
    if traced.reason in ("evidence-missing", "own"):
        return False
    chains = [c for c in listener.chains() if c.name not in POLICY_CHAINS]
    holders = {n.host for c in chains for n in map(cluster_name, c.tcp_clusters) if n}
    protocols = frozenset[str]().union(*(case.tracer.entries.registration(h, port).protocols(port) for h in holders))
    if declared in EXCLUSIVE:
        return bool(protocols - {declared}) or any(c.http for c in chains)
    return bool(protocols & EXCLUSIVE) and declared not in protocols


def _lost_its_tcp_side(case: ProxyContext, traced: Trace, found: Registration) -> bool:
    """Whether a port without protocol comes after an HTTP one: istiod keeps its virtual host and drops its TCP chain.

    istio pilot/pkg/networking/core/listener.go up to 1.31; what is not HTTP is blocked then under REGISTRY_ONLY.
    """
    host, port = traced.destination.host, traced.destination.port
    unset = any(protocol_class(p.protocol) == "auto" for p in found.ports(port))
    if (
        not unset
        or (traced.verdict, traced.reason) != (Verdict.BLOCKED, "not-matched")
        or traced.destination.protocol == "http"
    ):
        return False
    uses = case.uses.get(f"outbound|{port}||{host}", ())
    return bool(uses) and all(use.is_http for use in uses)


def _evidence(traced: Trace, dependency: Dependency | None, found: Registration) -> tuple[Evidence, ...]:
    """The deciding step of the trace first, then where the dependency is configured, then the entries."""
    decided = {s.evidence.path: s.evidence for s in traced.steps if s.evidence is not None}
    pieces = list(reversed(decided.values()))[:2]
    pieces += [seen_at(s.pointer, s.where) for s in (dependency.seen[:2] if dependency else ())]
    pieces += [seen_at(h.entry.pointer, h.visibility.because) for h in found.hidden]
    return tuple(pieces)


def _entry_shape(protocol: str, host: str, *, is_proxy: bool) -> tuple[str, str]:
    """Protocol and resolution for a new entry. Envoy refuses CONNECT on an HTTP port, so a forward proxy's is TCP."""
    protocol = "tcp" if is_proxy and protocol == "http" else protocol
    if is_ip(host):
        return ("HTTP" if protocol == "http" else "TCP"), "STATIC"
    return {"http": ("HTTP", "DNS"), "tls": ("TLS", "DNS")}.get(protocol, ("TCP", "NONE"))


def _hidden_entry(case: ProxyContext, hidden: Hidden, host: str, port: int) -> HiddenEntry:
    """A hidden entry with the changes that together make it visible; none where none would."""
    entry, found = hidden.entry, hidden.visibility
    by_export, by_sidecar = "exportto" in found.field.lower(), found.field.startswith("Sidecar ")
    named = next((h for h in entry.hosts if covers(h, host)), host)
    own, here = entry.ref.namespace, case.viewer.namespace
    config = case.mesh.mesh_config
    exported = entry.export_to or (config.default_service_export_to if config else ())
    kept = [e for e in exported if e not in ("~", "*")] or [own]
    exports = tuple(dict.fromkeys([*kept, "." if here == own and own not in kept else here]))
    sidecar: dict[str, Any] = {}
    helps = by_export or by_sidecar
    if helps and not _gets(case, case.viewer.sidecar, entry, named, port):
        sidecar = _widened(case, entry, named, port)
        helps = bool(sidecar)
    return HiddenEntry(
        kind="ServiceEntry",
        namespace=entry.ref.namespace,
        name=entry.ref.name,
        field=found.field,
        because=found.because,
        entry=entry_view(entry),
        fixed_export_to=exports if by_export and helps else (),
        sidecar=sidecar,
    )


def _gets(case: ProxyContext, sidecar: Sidecar | None, entry: ServiceEntry, host: str, port: int) -> bool:
    return case.registry.imports(entry, host, port, replace(case.viewer, sidecar=sidecar)).ok


def _widened(case: ProxyContext, entry: ServiceEntry, host: str, port: int) -> dict[str, Any]:
    """The pod's Sidecar with the entry's host added to its egress; `{}` where that would not help.

    The host is added to the egress listener without a port, or to a new one. A `~` exclusion prevents it.
    """
    sidecar = case.viewer.sidecar
    egress = sidecar.manifest.get("spec", {}).get("egress") if sidecar else None
    if sidecar is None or not isinstance(egress, list) or len(egress) != len(sidecar.egress):
        return {}
    named = f"{entry.ref.namespace}/{host}"
    numbers = [listener.port.number if listener.port else 0 for listener in sidecar.egress]
    at = next((numbers.index(number) for number in (port, 0) if number in numbers), None)
    made = copy.deepcopy(sidecar.manifest)
    listeners = list(sidecar.egress)
    if at is None:
        made["spec"]["egress"].append({"hosts": [named]})
        listeners.append(EgressListener((named,)))
    else:
        kept = [h for h in made["spec"]["egress"][at].get("hosts") or [] if h != "~/*"]
        made["spec"]["egress"][at]["hosts"] = [*kept, named]
        listeners[at] = replace(listeners[at], hosts=(*kept, named))
    return made if _gets(case, replace(sidecar, egress=tuple(listeners)), entry, host, port) else {}

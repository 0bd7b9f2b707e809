"""Entry ports: each host and port of a visible ServiceEntry, with its addresses and protocol compared with actual
traffic."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived import entry_edits
from meshdoctor.facts.derived.dns_capture import NOT_OFFERED, dns_capture
from meshdoctor.facts.derived.known_addresses import addresses_taken, dns_answers, entry_answers
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import cidrs, entry_view, role, seen_at
from meshdoctor.model.evidence import Evidence
from meshdoctor.model.mesh import Port, ServiceEntry
from meshdoctor.model.sheet import EntryPort
from meshdoctor.model.trace import Trace
from meshdoctor.model.verdict import UNREACHED, Verdict
from meshdoctor.semantics.ip_addresses import covered, is_of, is_single
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.protocols import (
    behaviour,
    is_server_first,
    is_tls_port,
    known_protocol,
    protocol_class,
    scheme_protocol,
)
from meshdoctor.trace.arrival import WILDCARDS, active_filters
from meshdoctor.trace.upstream_cluster import tls_towards

TLS_ON_SAME_PORT = frozenset(
    {"mongodb", "redis", "kafka", "cassandra", "mqtt", "nats", "amqp", "memcached", "zookeeper"}
)
"""Protocols that often use TLS from the first byte on their usual port, so that declaring TLS is correct."""


def entry_ports(case: ProxyContext) -> Iterator[EntryPort]:
    """One fact per (visible entry, host, port) that this proxy has a cluster for; also for dependencies under `*.`."""
    for entry, host, port in case.entry_ports:
        if not case.tracer.entries.in_force(entry, host):
            continue
        if protocol_class(port.protocol) == "udp":
            continue
        if case.lacks_cluster(host, port.number):
            continue
        yield _entry_port(case, entry, host, port)
        for name, dependency_port in case.dependencies if host.startswith("*.") else ():
            is_under = dependency_port == port.number and name != host and covers(host, name)
            if is_under and _best_pattern(case, name, port.number) == host:
                yield _entry_port(case, entry, host, port, name)


def _best_pattern(case: ProxyContext, name: str, port: int) -> str:
    """The most specific registered host that covers a name, as Envoy matches server names and domains."""
    found = case.tracer.entries.registration(name, port).visible
    patterns = (h.lower() for e in found for h in e.hosts if covers(h, name))
    return max(patterns, key=lambda h: (not h.startswith("*"), len(h)), default="")


def _entry_port(case: ProxyContext, entry: ServiceEntry, pattern: str, port: Port, name: str = "") -> EntryPort:
    """The fact for a host as the entry names it, or for a `name` under its wildcard."""
    host = name or pattern
    family = protocol_class(port.protocol)
    used = case.registry.used_addresses(entry, pattern, case.viewer)
    answers, known = dns_answers(case, host)
    complete = entry_answers(case, entry, host, answers)
    dependency = case.dependencies.get((host, port.number))
    # a forward proxy's requests are HTTP, and its port has to be TCP
    scheme = dependency.scheme if dependency and not dependency.asked else ""
    uncovered = tuple(a for a in _uncovered(case, entry, answers) if not _gets_there(case, host, port.number, a))
    elsewhere = _resolved_elsewhere(case, host, uncovered)
    real = scheme_protocol(scheme) or known_protocol(port.number)
    if port.protocol.upper() == "MYSQL":
        real = "mysql"
    # an http:// URL shows that the client speaks HTTP, whatever the port
    says_plain = family == "http" and port.number != 443 and scheme_protocol(scheme) == "http"
    mismatch, breaks, traced = ("", False, None) if says_plain else _mismatch(case, host, pattern, port, real)
    fixed = {"http": "HTTP", "tls": "TLS"}.get(behaviour(real), "TCP")
    shared = not name and _is_shared(case, pattern, port.number)
    capture = dns_capture(case, entry) if shared else NOT_OFFERED
    return EntryPort(
        pod=case.key,
        host=host,
        port=port.number,
        policy=case.policy,
        resources=(role(entry.ref, "owner"),),
        evidence=_evidence(case, entry, pattern, port, traced),
        entry=entry_view(entry),
        protocol=port.protocol.upper(),
        family=family,
        addresses_used=used,
        addresses=entry.addresses,
        dns_answers=answers,
        dns_known=known,
        uncovered=uncovered,
        dns_from=elsewhere,
        as_resolved=f" (as resolved from {elsewhere})" if elsewhere else "",
        uncovered_cidrs=cidrs(uncovered),
        fixed_addresses=tuple(
            dict.fromkeys([*entry.addresses, *entry_edits.listable(entry, uncovered if entry.addresses else complete)])
        ),
        addresses_taken=addresses_taken(case, host),
        shared=shared,
        used=dependency is not None,
        resolution=entry.resolution,
        known_protocol=real,
        mismatch=mismatch,
        client=traced.destination.protocol if traced and mismatch else "",
        breaks=breaks,
        listener=(traced.listener if traced else None) or _own_listener(case, pattern, port.number),
        fixed_protocol=fixed,
        fixed_manifest=entry_edits.with_protocol(entry, port.number, fixed, complete) if mismatch else {},
        as_tls=entry_edits.as_tls(entry, port.number),
        dns_capture=capture.manifest,
        workload=capture.workload,
        restart=capture.restart,
        by_wildcard=pattern.startswith("*"),
        because=_why(mismatch, port, real, traced),
    )


def _own_listener(case: ProxyContext, host: str, port: int) -> str:
    """The listener that leads to the host's cluster, else the one on the wildcard address."""
    uses = case.uses.get(f"outbound|{port}||{host}", ())
    shared = case.wildcard_listener(port)
    return uses[0].listener.name if uses else (shared.name if shared else f"0.0.0.0_{port}")


def _why(mismatch: str, port: Port, known: str, traced: Trace | None) -> str:
    """The mismatch in words: the usual protocol of the port, and what happens to such a connection."""
    becomes = traced.because if traced and traced.verdict is not Verdict.DELIVERED else "such connections still succeed"
    if mismatch == "http-on-tls-port":
        return f"clients of port {port.number} speak TLS, which no HTTP filter chain matches; {becomes}"
    if mismatch == "declared-differs":
        return f"port {port.number} usually serves {known}, not {port.protocol.upper()}; {becomes}"
    if mismatch == "forward-proxy":
        return f"clients use it as a forward proxy, whose requests Envoy routes by the host that they name; {becomes}"
    if mismatch == "server-first-inspected":
        return f"with {known} the server sends first, and the listener waits for the client's first bytes; {becomes}"
    if mismatch == "tcp-inspected":
        return "the listener waits for the client's first bytes; if the server sends first here, the client waits too"
    return ""


def _uncovered(case: ProxyContext, entry: ServiceEntry, answers: tuple[str, ...]) -> list[str]:
    """DNS answers outside spec.addresses that the pod has an IP version for. With DNS capture clients get the entry's
    addresses, so there are none."""
    captured = case.viewer.dns_capture and any(is_single(a) for a in entry.addresses)
    dialled = [a for a in answers if is_of(a, case.viewer.families)]
    return [] if captured or not entry.addresses else [a for a in dialled if not covered(a, entry.addresses)]


def _resolved_elsewhere(case: ProxyContext, host: str, addresses: tuple[str, ...]) -> str:
    """Where DNS was resolved outside the mesh, if only that shows some of the addresses.

    With split-horizon DNS a laptop gets other addresses than a pod.
    """
    confirmed = {*case.tracer.resolved(host), *case.mesh.ips_beside.get(host, ())}
    return case.mesh.dns_from_elsewhere if set(addresses) - confirmed else ""


def _gets_there(case: ProxyContext, host: str, port: int, ip: str) -> bool:
    """Whether another entry of the same host sends this address to the host's cluster."""
    return case.tracer.assess(host, port, ip=ip).verdict is Verdict.DELIVERED


def _is_shared(case: ProxyContext, host: str, port: int) -> bool:
    """Whether a filter chain on the wildcard address, without a range or server name, leads to the host's cluster."""
    return any(
        not use.is_http
        and not use.chain.match.prefix_ranges
        and not use.chain.match.server_names
        and any(bind in WILDCARDS for bind, _ in use.listener.addresses)
        for use in case.uses.get(f"outbound|{port}||{host}", ())
    )


Mismatch = tuple[str, bool, Trace | None]


def _mismatch(case: ProxyContext, host: str, pattern: str, port: Port, known: str) -> Mismatch:
    """The mismatch between declared and actual protocol, whether it breaks connections, and the trace that shows it."""
    number, family = port.number, protocol_class(port.protocol)
    if host.startswith("*"):
        return "", False, None
    dependency = case.dependencies.get((host, number))
    if dependency is not None and dependency.asked and family in ("http", "auto"):
        traced = case.tracer.assess(host, number)
        return ("forward-proxy", True, traced) if traced.verdict in UNREACHED else ("", False, None)
    own = case.own_cluster(pattern, number)
    # plain HTTP from the application is intended then
    originates = own is not None and tls_towards(case.proxy, own) is not None
    if family == "http" and (is_tls_port(number) or known == "https") and not originates:
        return _tried(case, host, number, "tls", "http-on-tls-port")
    if family in ("http", "tls") and known and not _fits(family, known):
        return _tried(case, host, number, behaviour(known), "declared-differs")
    if family in ("tcp", "auto"):
        return _inspected(case, host, number, known)
    return "", False, None


def _fits(family: str, known: str) -> bool:
    """Whether a known protocol may be declared as this family."""
    does = behaviour(known)
    return does == family or (family == "tls" and known in TLS_ON_SAME_PORT) or (family == "http" and does == "tls")


def _tried(case: ProxyContext, host: str, port: int, protocol: str, name: str) -> Mismatch:
    traced = case.tracer.assess(host, port, protocol=protocol)
    return name, traced.verdict in UNREACHED, traced


def _inspected(case: ProxyContext, host: str, port: int, known: str) -> Mismatch:
    """The mismatch of a TCP port in a listener with an inspector: it breaks server-first protocols, else it may."""
    if known and not is_server_first(known):
        return "", False, None
    traced = case.tracer.assess(host, port, protocol="server-first")
    listener = case.proxy.listeners.get(traced.listener or "")
    catch_all = case.tracer.index.catch_all if case.tracer.index else None
    if listener is None or listener is catch_all or not active_filters(listener, port):
        return "", False, None
    return ("server-first-inspected" if known else "tcp-inspected"), traced.expect.hangs, traced


def _evidence(
    case: ProxyContext, entry: ServiceEntry, host: str, port: Port, traced: Trace | None
) -> tuple[Evidence, ...]:
    index = next((i for i, p in enumerate(entry.ports) if p.number == port.number), 0)
    pieces = [seen_at(entry.pointer, port.protocol or "(protocol unset)", f".spec.ports[{index}]")]
    uses = case.uses.get(f"outbound|{port.number}||{host}", ())
    pieces += [case.evidence(use.path, use.cluster) for use in uses[:1]]
    if traced is not None:
        pieces += [
            s.evidence for s in traced.steps if s.evidence is not None and s.at in ("listener", "listener_filters")
        ]
    return tuple(pieces)

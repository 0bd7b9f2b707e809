"""Upstreams: external clusters of a proxy with TLS settings, endpoints, and the clients that reach them."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived import destination_rule_edits, entry_edits
from meshdoctor.facts.derived.entry_edits import Manifest
from meshdoctor.facts.derived.entry_workloads import no_workload
from meshdoctor.facts.derived.proxy_context import ClusterUse, ProxyContext
from meshdoctor.facts.derived.resource_views import entry_view, role, seen_at
from meshdoctor.model.evidence import Evidence
from meshdoctor.model.mesh import DestinationRule, ServiceEntry
from meshdoctor.model.proxy import Cluster, Endpoint, TlsSocket
from meshdoctor.model.upstream import Upstream
from meshdoctor.semantics.istio.destination_rules import names_host
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.protocols import (
    behaviour,
    is_plain_http_port,
    is_tls_port,
    protocol_class,
    scheme_protocol,
)
from meshdoctor.semantics.istio.resource_names import ClusterName, config_ref, is_generated, object_name
from meshdoctor.semantics.istio.route_destinations import destinations
from meshdoctor.semantics.istio.traffic_policy import port_number, port_settings, tls_settings, verifying_tls
from meshdoctor.semantics.istio.versions import is_before
from meshdoctor.semantics.kubernetes.manifests import objects_in
from meshdoctor.trace.upstream_cluster import tls_towards

ORIGINATING = ("SIMPLE", "MUTUAL")
DNS_TYPES = ("STRICT_DNS", "LOGICAL_DNS")


def upstreams(case: ProxyContext) -> Iterator[Upstream]:
    """One fact per external outbound cluster."""
    if not case.viewer.is_sidecar:
        return
    for parsed, cluster in case.external_clusters:
        if parsed.subset and cluster.name not in case.uses:
            continue  # a DestinationRule defines it, and nothing routes to it
        yield _upstream(case, parsed, cluster)


def _upstream(case: ProxyContext, parsed: ClusterName, cluster: Cluster) -> Upstream:
    known = case.proxy.endpoints_of(cluster)
    usable = [e for e in known or () if e.health == "HEALTHY"]
    socket = tls_towards(case.proxy, cluster)
    ports = _ports(cluster, parsed, known)
    uses = [use for use in case.uses.get(cluster.name, []) if not use.is_policy]
    found = case.tracer.entries.registration(parsed.host, parsed.port)
    entry = next((e for e in (*found.visible, *found.other_ports) if parsed.host in e.hosts), None)
    rule = _rule_in_force(case, cluster)
    credential = _ignored_credential(case, parsed, socket)
    misplaced = _misplaced_tls(case, parsed, socket)
    has_host = not uses or any(use.is_http for use in uses)  # auto_sni and auto_san_validation read the Host header
    waiting = case.proxy.awaited_by(socket)
    return Upstream(
        pod=case.key,
        host=parsed.host,
        port=parsed.port,
        policy=case.policy,
        resources=tuple([role(entry.ref, "owner")] if entry else []) + tuple([role(rule.ref, "cause")] if rule else []),
        evidence=_evidence(case, cluster, socket, uses, rule),
        cluster=cluster.name,
        type=cluster.type,
        client=_client(case, uses, entry, parsed),
        originates_tls=socket is not None,
        mutual=socket is not None and socket.istio_mutual,
        external=case.registry.is_external(cluster),
        from_entry=entry is not None or not case.registry.entries(parsed.host),
        sni=socket.sni if socket else "",
        sends_sni=socket is not None and bool(socket.sni or (socket.auto_sni and has_host)),
        verifies_chain=socket is not None and socket.verifies_chain,
        verifies_name=socket is not None and (socket.verifies_name or (socket.auto_san and has_host)),
        endpoint_ports=tuple(ports),
        endpoints_known=known is not None and cluster.type != "ORIGINAL_DST" and not _is_custom(cluster),
        endpoint_count=len(usable),
        tls_port=any(is_tls_port(p) for p in ports),
        plain_port=bool(ports) and all(is_plain_http_port(p) for p in ports),
        ignored_credential=credential,
        other_port_tls=misplaced[1] if misplaced else 0,
        destination_rule=_place(rule) if rule else "",
        destination_rule_manifest=rule.manifest if rule else {},
        destination_rule_host=rule.host if rule else "",
        without_tls=_without_tls(case, rule, parsed) if rule and socket else {},
        with_tls=_originating(case, rule, entry, parsed) if socket is None and not credential else {},
        moved_tls=destination_rule_edits.moved_tls(misplaced[0], misplaced[1], parsed.port) if misplaced else {},
        on_tls_port=_on_tls_port(case, entry, parsed.port) if socket else {},
        entry=entry_view(entry),
        reason=_reason(case, cluster, parsed, known),
        not_applied=_not_applied(case, parsed, socket),
        missing_secrets=tuple(s.name for s in waiting),
        namespace=case.viewer.namespace,
        refused_because=next((f" (Envoy refused what it was sent: {s.because})" for s in waiting if s.because), ""),
        used=(parsed.host, parsed.port) in case.dependencies,
        routed_http=_is_routed_http(case, parsed),
        via_gateway=parsed.host in case.sent_to_gateways,
        protocol_mismatch=socket is None and _declared(case, entry, parsed.port) == "http" and is_tls_port(parsed.port),
    )


def _ports(cluster: Cluster, parsed: ClusterName, known: tuple[Endpoint, ...] | None) -> list[int]:
    if cluster.type == "ORIGINAL_DST" or _is_custom(cluster):
        return [cluster.port_override or parsed.port]
    return sorted({e.port for e in cluster.endpoints or known or ()})


def _rule_in_force(case: ProxyContext, cluster: Cluster) -> DestinationRule | None:
    """The DestinationRule of the cluster's metadata; without host and settings where it was not read."""
    ref = config_ref(cluster.config)
    read = next((d for d in case.mesh.destination_rules if d.ref == ref), None)
    return read or (DestinationRule(ref, "") if ref else None)


def _place(rule: DestinationRule) -> str:
    """`namespace/name`; of a rule that istiod made from a policy of the Gateway API, what the policy is for."""
    if not is_generated(rule.ref):
        return rule.ref.place
    return f"{rule.ref.place}, which istiod makes from a BackendTLSPolicy for {rule.ref.name.partition('~')[0]}"


def _is_custom(cluster: Cluster) -> bool:
    """Whether it has a custom cluster type (dynamic forward proxy), whose hosts come with the requests."""
    return cluster.type not in (*DNS_TYPES, "STATIC", "EDS", "ORIGINAL_DST")


def _client(case: ProxyContext, uses: list[ClusterUse], entry: ServiceEntry | None, parsed: ClusterName) -> str:
    """The protocol of the cluster's clients: TLS where filter chain, declaration or URL says so, HTTP, or opaque
    TCP; CONNECT where the sidecar itself asks the cluster, a forward proxy, for a tunnel."""
    if not uses:
        return ""
    if all(use.chain.tcp is not None and use.chain.tcp.tunnel for use in uses):
        return "connect"
    # a sniffed port (no protocol declared) has both kinds of chain: traffic that is not HTTP uses the TCP one
    sniffed = {use.listener.name for use in uses if not use.is_http}
    if any(use.is_http and use.listener.name not in sniffed for use in uses):
        return "http"
    declared = _declared(case, entry, parsed.port) == "tls"
    by_chain = any(u.chain.match.server_names or u.chain.match.transport_protocol == "tls" for u in uses)
    dependency = case.dependencies.get((parsed.host, parsed.port))
    by_url = dependency is not None and behaviour(scheme_protocol(dependency.scheme)) == "tls"
    return "tls" if declared or by_chain or by_url else "opaque"


def _is_routed_http(case: ProxyContext, at: ClusterName) -> bool:
    """Whether an HTTP route of a VirtualService for the mesh leads from this host to this port of it."""
    for service in case.mesh.virtual_services:
        if "mesh" not in service.gateways or not any(covers(name, at.host) for name in service.hosts):
            continue
        if any((at.host, at.port) in destinations(rule) for rule in objects_in(service.http)):
            return True
    return False


def _declared(case: ProxyContext, entry: ServiceEntry | None, number: int) -> str:
    """Istio's class of the protocol the entry declares for a port; empty where no entry does."""
    ports = entry.ports if entry else ()
    return next((protocol_class(port.protocol) for port in ports if port.number == number), "")


def _rules_for(case: ProxyContext, host: str) -> list[DestinationRule]:
    return [d for d in case.mesh.destination_rules if names_host(d, host)]


def _ignored_credential(case: ProxyContext, parsed: ClusterName, socket: TlsSocket | None) -> str:
    """A credentialName that a sidecar ignores because there is no workloadSelector (core/cluster_tls.go)."""
    if socket is not None:
        return ""
    for rule in _rules_for(case, parsed.host):
        tls = tls_settings(rule, parsed.port)
        name = str(tls.get("credentialName", ""))
        if (
            tls.get("mode") in ORIGINATING
            and name
            and not name.startswith("configmap://")
            and not rule.workload_selector
        ):
            return name
    return ""


def _misplaced_tls(
    case: ProxyContext, parsed: ClusterName, socket: TlsSocket | None
) -> tuple[DestinationRule, int] | None:
    """A DestinationRule that originates TLS for another port than this one, which has none, and that port."""
    if socket is not None:
        return None
    for rule in _rules_for(case, parsed.host):
        if tls_settings(rule, parsed.port):
            continue
        for setting in port_settings(rule.traffic_policy):
            number = port_number(setting)
            if (
                (setting.get("tls") or {}).get("mode") in ORIGINATING
                and isinstance(number, int)
                and number != parsed.port
            ):
                served = case.own_cluster(parsed.host, number)
                if served is None or served.name not in case.uses:
                    return rule, number
    return None


def _without_tls(case: ProxyContext, rule: DestinationRule, at: ClusterName) -> Manifest:
    if is_generated(rule.ref) or (at.host.startswith("*") and rule.host != at.host):
        return {}
    return destination_rule_edits.with_tls(
        rule, at.host, at.port, destination_rule_edits.OFF, _rule_names(case, rule.ref.namespace)
    )


def _originating(
    case: ProxyContext, rule: DestinationRule | None, entry: ServiceEntry | None, at: ClusterName
) -> Manifest:
    """A DestinationRule that originates TLS on this port, with the settings of an existing one for the host."""
    is_http = _declared(case, entry, at.port) == "http"
    tls = verifying_tls(at.host, is_http=is_http, version=case.proxy.node.version)
    if at.host.startswith("*"):
        return {}
    if rule is not None:
        return destination_rule_edits.with_tls(rule, at.host, at.port, tls, _rule_names(case, rule.ref.namespace))
    if entry is None:
        return {}
    namespace = entry.ref.namespace
    name = object_name(f"{entry.ref.name}-tls-{at.port}", taken=_rule_names(case, namespace))
    spec = {"host": at.host, "trafficPolicy": {"portLevelSettings": [{"port": {"number": at.port}, "tls": tls}]}}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _rule_names(case: ProxyContext, namespace: str) -> set[str]:
    return {rule.ref.name for rule in case.mesh.destination_rules if rule.ref.namespace == namespace}


def _on_tls_port(case: ProxyContext, entry: ServiceEntry | None, number: int) -> Manifest:
    """The entry with targetPort 443 on this port; `{}` where Envoy would not connect to it.

    With resolution NONE a targetPort counts since Istio 1.22 (core/cluster.go, upstream_port_override).
    """
    if entry is None or (entry.resolution == "NONE" and is_before(case.proxy.node.version, (1, 22))):
        return {}
    return entry_edits.with_target_port(entry, number, 443)


def _reason(case: ProxyContext, cluster: Cluster, parsed: ClusterName, known: tuple[Endpoint, ...] | None) -> str:
    if known:
        unhealthy = next((e for e in known if e.health != "HEALTHY"), None)
        return f"no endpoint is healthy: {unhealthy.health}" if unhealthy else ""
    if cluster.type in DNS_TYPES:
        names = ", ".join(dict.fromkeys(e.address for e in cluster.endpoints)) or parsed.host
        return f"DNS returns no address for {names}"
    if cluster.type != "EDS":
        return ""
    found = case.tracer.entries.registration(parsed.host, parsed.port).visible
    entry = next((e for e in found if parsed.host in (host.lower() for host in e.hosts)), None)
    selected = no_workload(case, entry) if entry is not None else ""
    return selected or case.causes.no_labels(parsed) or "the entry has no endpoint that serves this port"


def _not_applied(case: ProxyContext, at: ClusterName, socket: TlsSocket | None) -> str:
    """A DestinationRule that would originate TLS for this port, and why it does not apply; empty where none would."""
    for rule in _rules_for(case, at.host) if socket is None else ():
        why = case.causes.passed_over(at.host, rule)
        if why and tls_settings(rule, at.port).get("mode") in ORIGINATING:
            return f"; {rule.ref} sets TLS for {rule.host}, but {why}"
    return ""


def _evidence(
    case: ProxyContext, cluster: Cluster, socket: TlsSocket | None, uses: list[ClusterUse], rule: DestinationRule | None
) -> tuple[Evidence, ...]:
    pieces = [case.evidence(secret.path, secret.name) for secret in case.proxy.awaited_by(socket)]
    pieces.append(case.evidence(socket.path if socket else cluster.path, cluster.name))
    pieces += [case.evidence(use.path, use.cluster) for use in uses[:1]]
    if rule is not None and rule.pointer.document:
        pieces.append(seen_at(rule.pointer, str(rule.ref), ".spec.trafficPolicy"))
    return tuple(pieces)

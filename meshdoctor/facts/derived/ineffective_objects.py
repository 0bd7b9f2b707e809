"""ServiceEntries and DestinationRules of external hosts whose fields have no effect, or not the one that is meant."""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import entry_view, role, seen_at
from meshdoctor.model.mesh import DestinationRule
from meshdoctor.model.route_facts import UnappliedRule, UnmatchedPort
from meshdoctor.semantics.istio.destination_rules import is_exported_rule, why_not
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.registry import is_external_host


def unmatched_ports(case: ProxyContext) -> Iterator[UnmatchedPort]:
    """One fact per host and port of a visible entry with an endpoint that maps another, unknown port name instead.

    Such an endpoint is called on targetPort, else on the entry's own port
    (pilot/pkg/serviceregistry/serviceentry/conversion.go of istio/istio, convertEndpoint).
    """
    for entry, host, port in case.entry_ports:
        if not case.tracer.entries.in_force(entry, host) or case.lacks_cluster(host, port.number):
            continue
        names = {one.name for one in entry.ports}
        for index, endpoint in enumerate(entry.endpoints):
            unknown = tuple(name for name in endpoint.ports if name not in names)
            if unknown and port.name not in endpoint.ports:
                yield UnmatchedPort(
                    pod=case.key,
                    host=host,
                    port=port.number,
                    policy=case.policy,
                    resources=(role(entry.ref, "cause"),),
                    evidence=tuple(
                        seen_at(entry.pointer, name, f".spec.endpoints[{index}].ports.{name}") for name in unknown
                    ),
                    entry=entry_view(entry),
                    address=endpoint.address,
                    unknown=unknown,
                    name=port.name,
                    called=port.target_port or port.number,
                    meant=tuple(endpoint.ports[name] for name in unknown),
                    verdict=case.tracer.dialled(host, port.number).verdict,
                )
                break


def unapplied_rules(case: ProxyContext) -> Iterator[UnappliedRule]:
    """One fact per DestinationRule for an external host that applies in no sidecar: nobody has the host, or it is of a
    namespace without pods that is not in the lookup path."""
    for rule in case.mesh.destination_rules:
        host = rule.host.lower()
        is_external = host != "*" and is_external_host(host.removeprefix("*."))
        if not is_external or not is_exported_rule(rule, case.viewer.namespace, case.mesh.mesh_config):
            continue
        known = _is_known(case, host)
        because = _outside(case, rule, host) if known else "no ServiceEntry or Service has this host"
        if because:
            yield UnappliedRule(
                pod=case.key,
                host=host,
                port=0,
                policy=case.policy,
                resources=(role(rule.ref, "cause"),),
                evidence=(seen_at(rule.pointer, rule.host, ".spec.host"),),
                namespace=rule.ref.namespace,
                name=rule.ref.name,
                known=known,
                because=because,
            )


def _is_known(case: ProxyContext, host: str) -> bool:
    """Whether an entry or Service has the host, by its name or by a wildcard on either side."""
    if case.registry.related(host):
        return True
    names = (name for one in case.mesh.services for name in (one.host, one.external_name) if name)
    return any(covers(host, name) or covers(name, host) for name in names)


def _outside(case: ProxyContext, rule: DestinationRule, host: str) -> str:
    """Why no sidecar applies the rule of a registered host; empty where one may."""
    homes = {entry.ref.namespace for entry in case.registry.related(host)}
    has_clients = rule.ref.namespace in homes or rule.ref.namespace in case.registry.pod_namespaces
    if len(homes) != 1 or has_clients or not case.mesh.coverage("pods").is_whole:
        return ""
    [home] = homes
    return why_not(rule, None, home, case.viewer, case.mesh.mesh_config)

"""The clusters of the services visible to a sidecar: type, endpoints and TLS.

pilot/pkg/networking/core/cluster.go (convertResolution), cluster_tls.go and destination rules as
pilot/pkg/model/push_context.go (destinationRule) chooses them. A cluster's type says where endpoints come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from meshdoctor.model.mesh import DestinationRule, MeshConfig, Port, Service, ServiceEntry
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.proxy import Cluster, Endpoint, TlsSocket
from meshdoctor.predict.sidecar_services import SidecarService
from meshdoctor.predict.unknown import Unknown
from meshdoctor.semantics.ip_addresses import is_ip
from meshdoctor.semantics.istio.destination_rules import rule_for
from meshdoctor.semantics.istio.registry import Viewer
from meshdoctor.semantics.istio.resource_names import CLUSTER_TYPES, config_path
from meshdoctor.semantics.istio.traffic_policy import tls_settings

_ORIGINATES = ("SIMPLE", "MUTUAL", "ISTIO_MUTUAL")


class Clusters:
    """Clusters by name and their known endpoints. What stays unknown is added to `unknowns`.

    `running` are the endpoints of Services' clusters, as far as a config dump shows them.
    """

    def __init__(
        self,
        rules: Sequence[DestinationRule],
        running: Mapping[str, tuple[Endpoint, ...]],
        viewer: Viewer,
        labels: Mapping[str, str],
        config: MeshConfig | None,
    ) -> None:
        self.made: dict[str, Cluster] = {}
        self.endpoints: dict[str, tuple[Endpoint, ...]] = {}
        self.owners: dict[tuple[str, int], ObjectRef] = {}
        """By host and port, the object the cluster is built from."""
        self.unknowns: list[Unknown] = []
        self._rules = rules
        self._running = running
        self._viewer = structs.replace(viewer, labels=labels)
        self._config = config

    def add(self, members: Sequence[SidecarService]) -> None:
        """Add the clusters of every port of these services, which must be all services of their hosts."""
        by_host: dict[str, list[SidecarService]] = {}
        for member in members:
            if getattr(member.item, "type", "") != "ExternalName":
                by_host.setdefault(member.host, []).append(member)
        for host, same in by_host.items():
            self._add_host(host, same)

    def _add_host(self, host: str, same: Sequence[SidecarService]) -> None:
        first = min(same, key=lambda m: (m.entry is not None, m.order))
        merged = [m for m in same if m is not first and first.entry and m.entry and are_alike(first.entry, m.entry)]
        for member in [first, *merged]:
            for port in member.ports:
                self._add_port(host, member, port)

    def _add_port(self, host: str, member: SidecarService, port: Port) -> None:
        if port.protocol.upper() == "UDP" or f"outbound|{port.number}||{host}" in self.made:
            return
        self.owners[host, port.number] = member.ref
        rule = self._rule_for(host, member.ref.namespace)
        self._add_cluster(host, member, port, "", rule)
        for subset in rule.subsets if rule else ():
            self._add_cluster(host, member, port, str(subset.get("name") or ""), rule)

    def _add_cluster(
        self, host: str, member: SidecarService, port: Port, subset: str, rule: DestinationRule | None
    ) -> None:
        name = f"outbound|{port.number}|{subset}|{host}"
        kind = CLUSTER_TYPES.get(_resolution(member), "")
        if not kind:
            self.unknowns.append(Unknown(f"resolution {_resolution(member)} of {member.ref} is not read", None, host))
            return
        endpoints = _endpoints(member, host, port)
        if kind == "EDS" and endpoints is None and member.entry is None:
            endpoints = self._running.get(name)
        if kind == "EDS" and endpoints is not None:
            self.endpoints[name] = endpoints
        inline = endpoints or () if kind in ("STRICT_DNS", "LOGICAL_DNS") else ()
        self.made[name] = Cluster(
            name=name,
            type=kind,
            endpoints=inline,
            tls=self._tls(port, rule, _subject_alt_names(member)),
            external=member.entry is not None and member.entry.location != "MESH_INTERNAL",
            services=((host, member.ref.namespace),),
            config=config_path(rule.ref) if rule else "",
            port_override=port.target_port if kind == "ORIGINAL_DST" else None,
            path=f"$.predicted.{name}",
        )

    def _tls(self, port: Port, rule: DestinationRule | None, own_names: object) -> TlsSocket | None:
        """The TLS socket by the rule's settings; where it has no subjectAltNames, with the entry's `own_names`."""
        settings = tls_settings(rule, port.number) if rule else {}
        mode = str(settings.get("mode") or "").upper()
        if mode not in _ORIGINATES:
            return None
        if settings.get("credentialName") and rule is not None and rule.workload_selector is None:
            return None
        is_verified = not settings.get("insecureSkipVerify")
        names = settings.get("subjectAltNames")
        sni = str(settings.get("sni") or "")
        return TlsSocket(
            sni=sni,
            auto_sni=not sni,
            verifies_chain=is_verified,
            verifies_name=is_verified and bool(names or own_names),
            auto_san=is_verified and not sni and not names,
            istio_mutual=mode == "ISTIO_MUTUAL",
        )

    def _rule_for(self, host: str, namespace: str) -> DestinationRule | None:
        return rule_for(self._rules, host, namespace, self._viewer, self._config)


def _resolution(member: SidecarService) -> str:
    if isinstance(member.item, ServiceEntry):
        return member.item.resolution
    return "STATIC" if member.addresses else "NONE"


def are_alike(one: ServiceEntry, other: ServiceEntry) -> bool:
    """Whether Istio merges two entries of one host: resolution, labels, selector and exportTo must be equal."""
    return _shape(one) == _shape(other)


def _shape(entry: ServiceEntry) -> tuple[object, ...]:
    labels = entry.manifest.get("metadata", {}).get("labels") or {}
    return entry.resolution, sorted(labels.items()), entry.workload_selector, sorted(entry.export_to)


def _endpoints(member: SidecarService, host: str, port: Port) -> tuple[Endpoint, ...] | None:
    """Endpoints from the resources; None where they are pods, whose readiness these resources do not show."""
    item = member.item
    if isinstance(item, Service) or item.workload_selector is not None:
        return None
    number = port.target_port or port.number
    given = tuple(Endpoint(e.address, e.ports.get(port.name, number)) for e in item.endpoints)
    if item.resolution == "STATIC":
        return tuple(e for e in given if is_ip(e.address))
    return given or (Endpoint(host, number),)


def _subject_alt_names(member: SidecarService) -> object:
    """The entry's subjectAltNames, which istiod uses where the DestinationRule has none."""
    spec = member.entry.manifest.get("spec") if member.entry else None
    return spec.get("subjectAltNames") if isinstance(spec, dict) else None

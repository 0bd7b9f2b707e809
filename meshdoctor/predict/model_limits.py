"""Limits of the prediction: settings, versions and objects for which a sidecar's configuration may differ from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from meshdoctor.model.mesh import ServiceEntry, Sidecar
from meshdoctor.predict.predicted_clusters import are_alike
from meshdoctor.predict.predicted_listeners import PortClaims
from meshdoctor.predict.sidecar_services import SidecarService
from meshdoctor.predict.unknown import Unknown
from meshdoctor.semantics.istio.protocols import protocol_class
from meshdoctor.semantics.istio.registry import Registry, Viewer, is_allocated
from meshdoctor.semantics.istio.versions import minor_version

NEEDED = ("serviceentries", "services", "virtualservices", "destinationrules", "sidecars")
"""Kinds without which nothing can be predicted."""

OLDEST = (1, 15)
"""Before this version, listeners were merged differently (release notes of 1.3, 1.8 and 1.14.4)."""
UNIFIED = (1, 24)
"""From this version on, the namespace of a host is chosen in the same way with and without a Sidecar
(PILOT_UNIFIED_SIDECAR_SCOPE)."""


def model_limits(
    registry: Registry,
    viewer: Viewer,
    labels: Mapping[str, str],
    version: str,
    visible: Sequence[SidecarService],
    port_claims: Iterable[PortClaims],
) -> Iterator[Unknown]:
    """What makes the configuration of this sidecar, of a pod with these labels, unknown."""
    mesh = registry.mesh
    for kind in NEEDED:
        if kind not in mesh.kinds_read:
            yield Unknown(f"{kind} were not read")
    if mesh.mesh_config is not None and mesh.mesh_config.has_entry_visibility:
        yield Unknown("meshConfig.serviceEntryVisibility may narrow what the pod sees")
    yield from _of_filters(registry, viewer, labels)
    known = minor_version(version)
    if known is not None and known < OLDEST:
        yield Unknown(f"Istio {version} merges listeners differently")
    yield from _of_ties(visible)
    yield from _of_borrowed_endpoints(visible)
    if viewer.dns_capture:
        yield from _of_virtual_addresses(visible)
    if viewer.sidecar is not None:
        yield from _of_sidecar(viewer.sidecar, port_claims, visible)
    if known is not None and known < UNIFIED:
        yield from _of_old_scope(registry, visible, version)


def _of_filters(registry: Registry, viewer: Viewer, labels: Mapping[str, str]) -> Iterator[Unknown]:
    """EnvoyFilters of the root namespace and of the pod's namespace may change any part of the configuration."""
    for found in registry.envoy_filters(viewer, labels):
        for port in dict.fromkeys(found.ports):
            yield Unknown(f"{found.ref} patches the sidecar's configuration", port)


def _of_ties(visible: Sequence[SidecarService]) -> Iterator[Unknown]:
    """Two different entries for one host, in one namespace and created in the same second: their order is undefined."""
    seen: dict[tuple[object, ...], ServiceEntry] = {}
    for member in visible:
        if member.entry is None:
            continue
        first = seen.setdefault(member.order, member.entry)
        if first is not member.entry and not are_alike(first, member.entry):
            because = f"{first.ref} and {member.ref} were created in the same second, so their order is undefined"
            yield Unknown(because, None, member.host)
            declared = {p.number: p.protocol.upper() for p in first.ports}
            for port in member.ports:
                if declared.get(port.number, port.protocol.upper()) != port.protocol.upper():
                    yield Unknown(because, port.number)


def _of_borrowed_endpoints(visible: Sequence[SidecarService]) -> Iterator[Unknown]:
    """With resolution NONE and no addresses, a listener is created for each endpoint that another entry has for the
    same host and port."""
    for member in visible:
        if member.entry is None or member.entry.resolution != "NONE" or member.addresses:
            continue
        for port in member.ports:
            others = (o for o in visible if o.host == member.host and o.entry and o.entry.resolution != "NONE")
            if protocol_class(port.protocol) != "http" and any(
                p.number == port.number for o in others for p in o.ports
            ):
                because = f"{member.host}:{port.number} is declared with resolution NONE and with another resolution"
                yield Unknown(because, port.number)


def _of_virtual_addresses(visible: Sequence[SidecarService]) -> Iterator[Unknown]:
    for member in visible:
        if member.entry is not None and not member.addresses and is_allocated(member.entry):
            because = f"it is unknown whether this pod connects to a virtual address of {member.host}"
            yield Unknown(because, None, member.host)


def _of_sidecar(
    sidecar: Sidecar, port_claims: Iterable[PortClaims], visible: Sequence[SidecarService]
) -> Iterator[Unknown]:
    for listener in sidecar.egress:
        if listener.port is not None:
            port = listener.port.number
            yield Unknown(f"{sidecar.ref} has a separate egress listener for port {port}", port or None)
        elif listener.bind or listener.capture_mode == "NONE":
            yield Unknown(f"{sidecar.ref} binds an egress listener by itself")
    if sidecar.egress and all(_is_exact(host) for e in sidecar.egress for host in e.hosts):
        yield from _of_exact_hosts(sidecar, port_claims, visible)


def _of_exact_hosts(
    sidecar: Sidecar, port_claims: Iterable[PortClaims], visible: Sequence[SidecarService]
) -> Iterator[Unknown]:
    """Istio 1.31 handles a Sidecar whose hosts are all exact differently (sidecar.go, servicesForExactHosts)."""
    because = f"{sidecar.ref} lists only exact hosts, which Istio 1.31 and later order and merge differently"
    hosts = [member.host for member in visible]
    for member in visible:
        if hosts.count(member.host) > 1 or len(member.addresses) > 1:
            yield Unknown(because, None, member.host)
    for claims in port_claims:
        if claims.shadowed:
            yield Unknown(because, claims.port)


def _of_old_scope(registry: Registry, visible: Sequence[SidecarService], version: str) -> Iterator[Unknown]:
    spaces: dict[str, set[str]] = {}
    for entry in registry.mesh.service_entries:
        for host in entry.hosts:
            spaces.setdefault(host.lower(), set()).add(entry.ref.namespace)
    for member in visible:
        if len(spaces.get(member.host, ())) > 1 or len(member.addresses) > 1:
            yield Unknown(
                f"Istio {version} handles {member.host} differently: several namespaces or addresses",
                host=member.host,
            )


def _is_exact(host: str) -> bool:
    namespace, _, name = host.partition("/")
    return namespace not in ("*", "~") and not namespace.startswith("~") and "*" not in name

"""All that the evidence says about one pod or one external host."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from meshdoctor.diagnosis.events import Pair
from meshdoctor.facts.case import Case
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.model.evidence import Evidence, Pointer, Unread
from meshdoctor.model.mesh import Mesh, ServiceEntry
from meshdoctor.semantics.istio.capture_settings import CaptureSettings
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.registry import Registry
from meshdoctor.trace.outbound import Tracer


class DependencySighting(Struct, frozen=True):
    """One place that names a dependency of a pod."""

    pod: str
    pair: Pair
    where: str
    evidence: Evidence


class Statement(Struct, frozen=True):
    """A setting: its name, its value, where it is set and, if known, the document."""

    name: str
    value: str
    where: str = ""
    evidence: Evidence | None = None


class PodFacts(Struct, frozen=True):
    """One pod."""

    key: str
    workload: str
    labels: dict[str, str]
    ip: str
    version: str
    role: str
    policy: tuple[Statement, ...]
    """The outbound policy in force, then the objects that set one."""
    capture: tuple[Statement, ...]
    """Settings that exclude connections from the sidecar; none: all are captured, or it is not known."""
    dns_capture: bool | None
    """None where the proxy was not read."""
    dependencies: tuple[DependencySighting, ...]
    unread: tuple[Unread, ...]
    pointer: Pointer | None = None


class EntryFacts(Struct, frozen=True):
    """One ServiceEntry that names the host."""

    name: str
    """`ServiceEntry namespace/name`."""
    hosts: tuple[str, ...]
    ports: tuple[str, ...]
    """`443 TLS (https)`."""
    has_port: bool
    """It has the port in question."""
    resolution: str
    location: str
    addresses: tuple[str, ...]
    allocated: tuple[str, ...]
    endpoints: tuple[str, ...]
    export_to: tuple[str, ...]
    created: str
    evidence: Evidence


class HostFacts(Struct, frozen=True):
    """One external host and port."""

    pair: Pair
    entries: tuple[EntryFacts, ...]
    are_entries_known: bool
    rules: tuple[Statement, ...]
    """VirtualServices and DestinationRules for the host."""
    addresses: tuple[tuple[str, str], ...]
    """Each address with its source."""
    dependencies: tuple[DependencySighting, ...]
    unread: tuple[Unread, ...]


def pod_facts(case: Case, key: str) -> PodFacts:
    """The facts of a pod, from its dump too if there is one. A deleted pod has empty facts and a reason in `unread`."""
    mesh = case.mesh
    pod = mesh.pods.get(key)
    proxy = mesh.proxies.get(key)
    if pod is None and proxy is None and key not in mesh.pod_names:
        return PodFacts(key, "", {}, "", "", "", (), (), None, (), (Unread(key, "the pod does not exist any more"),))
    tracer = Tracer(mesh, key)
    policy = tuple(_policy(case, key, tracer)) if proxy is not None and tracer.viewer.is_sidecar else ()
    return PodFacts(
        key,
        f"{pod.workload.kind} {pod.workload.name}" if pod and pod.workload else "",
        dict(pod.labels) if pod else {},
        pod.ip if pod else "",
        proxy.node.version if proxy else "",
        proxy.node.role if proxy else "",
        policy,
        tuple(_capture(tracer.settings)) if pod or proxy else (),
        tracer.viewer.dns_capture if proxy else None,
        tuple(_sightings(mesh, pod=key)),
        tuple(
            _unread(mesh, key, has_proxy=proxy is not None, is_proxied=pod is None or pod.proxy_container is not None)
        ),
        pod.pointer if pod else None,
    )


def _policy(case: Case, key: str, tracer: Tracer) -> Iterator[Statement]:
    found = ProxyContext(case.mesh, tracer.registry, key)
    yield Statement("outbound policy", found.policy, "its own configuration", found.policy_evidence)
    sidecar, config = tracer.viewer.sidecar, case.mesh.mesh_config
    if sidecar is not None:
        value = sidecar.outbound_policy or "not set there"
        yield Statement("set by", value, str(sidecar.ref), _evidence(sidecar.pointer))
    if config is not None and config.outbound_policy and not (sidecar and sidecar.outbound_policy):
        yield Statement("set by", config.outbound_policy, "the mesh config", _evidence(config.pointer))


def _evidence(pointer: Pointer | None) -> Evidence | None:
    return Evidence(pointer.document, pointer.path) if pointer and pointer.document else None


def _capture(settings: CaptureSettings) -> Iterator[Statement]:
    named = (
        ("only these ranges are captured", settings.include_ranges, "*"),
        ("ranges not captured", settings.exclude_ranges, ""),
        ("only these ports are captured", settings.include_ports, ""),
        ("ports not captured", settings.exclude_ports, ""),
        ("interfaces not captured", settings.exclude_interfaces, ""),
        ("interfaces of virtual machines", settings.reroute_interfaces, ""),
        ("only these groups are captured", settings.owner_groups, "*"),
        ("groups not captured", settings.owner_groups_exclude, ""),
    )
    for name, setting, default in named:
        if setting.value != default:
            yield Statement(name, setting.value or "none", setting.field, _evidence(setting.pointer))
    if settings.host_network is not None:
        yield Statement(
            "host network", "nothing is captured", settings.host_network.field, _evidence(settings.host_network.pointer)
        )
    for container, setting in settings.exempt_containers.items():
        yield Statement(
            f"container {container}",
            "runs as the proxy's user or group: not captured",
            setting.field,
            _evidence(setting.pointer),
        )


def _sightings(mesh: Mesh, *, pod: str = "", pair: Pair | None = None) -> Iterator[DependencySighting]:
    for dependency in mesh.dependencies:
        if (pod and dependency.pod != pod) or (pair is not None and (dependency.host, dependency.port) != pair):
            continue
        for seen in dependency.seen:
            piece = Evidence(seen.pointer.document, seen.pointer.path)
            yield DependencySighting(dependency.pod, (dependency.host, dependency.port), seen.where, piece)


def _unread(mesh: Mesh, key: str, *, has_proxy: bool, is_proxied: bool) -> Iterator[Unread]:
    document = f"proxies/{key}/config_dump.json"
    said = [note for note in mesh.unread if note.path.startswith(f"proxies/{key}")]
    yield from said
    if not has_proxy and is_proxied and not said:
        yield Unread(document, mesh.proxies_unread.get(key) or mesh.why_unread(document) or "it was not read")
    yield from _kinds_unread(mesh)


def _kinds_unread(mesh: Mesh) -> Iterator[Unread]:
    for kind in ("serviceentries", "pods"):
        path = f"resources/{kind}.yaml"
        if kind not in mesh.kinds_read:
            yield Unread(path, mesh.why_unread(path) or "it was not read")


def host_facts(case: Case, host: str, port: int | None, tracer: Tracer | None = None) -> HostFacts:
    """The facts of a host; with `tracer`, also the addresses that its sidecar resolved."""
    mesh = case.mesh
    registry = tracer.registry if tracer else Registry(mesh)
    entries = registry.entries(host)
    return HostFacts(
        (host, port),
        tuple(_entry(entry, port) for entry in entries),
        "serviceentries" in mesh.kinds_read,
        tuple(_rules(mesh, host)),
        tuple(_addresses(mesh, host, entries, tracer)),
        tuple(_sightings(mesh, pair=(host, port))),
        (*_kinds_unread(mesh), *(note for note in mesh.unread if note.path == "dns.json" and host in note.because)),
    )


def _entry(entry: ServiceEntry, port: int | None) -> EntryFacts:
    return EntryFacts(
        str(entry.ref),
        entry.hosts,
        tuple(f"{p.number} {p.protocol or 'no protocol'}{f' ({p.name})' if p.name else ''}" for p in entry.ports),
        any(p.number == port for p in entry.ports),
        entry.resolution,
        entry.location,
        entry.addresses,
        tuple(ip for found in entry.status_addresses.values() for ip in found),
        tuple(endpoint.address for endpoint in entry.endpoints),
        entry.export_to,
        entry.created,
        Evidence(entry.pointer.document, entry.pointer.path),
    )


def _rules(mesh: Mesh, host: str) -> Iterator[Statement]:
    for service in mesh.virtual_services:
        if any(covers(name, host) for name in service.hosts):
            kinds = [kind for kind in ("http", "tls", "tcp") if getattr(service, kind)]
            yield Statement(str(service.ref), f"routes {', '.join(kinds) or 'nothing'}", "", _evidence(service.pointer))
    for rule in mesh.destination_rules:
        if covers(rule.host, host):
            settings = ", ".join(rule.traffic_policy) or "no traffic policy"
            yield Statement(str(rule.ref), settings, "", _evidence(rule.pointer))


def _addresses(mesh: Mesh, host: str, entries: list[ServiceEntry], tracer: Tracer | None) -> Iterator[tuple[str, str]]:
    for ip in (mesh.dns or {}).get(host.lower(), ()):
        yield ip, f"DNS, asked from {mesh.dns_from}" if mesh.dns_from else "DNS"
    for entry in entries:
        yield from ((ip, f"spec.addresses of {entry.ref}") for ip in entry.addresses)
        for name, found in entry.status_addresses.items():
            if covers(name, host):
                yield from ((ip, f"allocated for {entry.ref}; used with DNS capture only") for ip in found)
    yield from ((ip, "beside the host in env") for ip in mesh.ips_beside.get(host, ()))
    for (pod, name), found in mesh.dialled.items():
        if name == host:
            yield from ((ip, f"used by {pod}, from its access log") for ip in found)
    if tracer is not None:
        yield from ((ip, f"resolved by the Envoy of {tracer.key}") for ip in tracer.resolved(host))

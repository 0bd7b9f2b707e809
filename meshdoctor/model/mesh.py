"""Kubernetes and Istio resources as the semantics need them, and the mesh that joins them with the proxies.

Names are the APIs' own (networking.istio.io, core/v1). `manifest` is the object as it was read, for fixes; nothing
changes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from meshdoctor.model.coverage import WHOLE, Completeness, Coverage
from meshdoctor.model.evidence import Pointer, Unread
from meshdoctor.model.forward_proxy import ProxiedRequest
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.proxy import Proxy
from meshdoctor.model.proxy_summary import Proxies, ProxySummary, summary_of


class Port(Struct, frozen=True):
    """A port of a ServiceEntry or a Service. `protocol` as written, `""` where unset."""

    number: int
    name: str = ""
    protocol: str = ""
    target_port: int | None = None


class WorkloadEndpoint(Struct, frozen=True):
    """spec.endpoints[] of a ServiceEntry."""

    address: str
    ports: dict[str, int] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


class ServiceEntry(Struct, frozen=True):
    """networking.istio.io ServiceEntry."""

    ref: ObjectRef
    hosts: tuple[str, ...]
    ports: tuple[Port, ...]
    addresses: tuple[str, ...] = ()
    """spec.addresses: IPs and CIDRs."""
    status_addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """status.addresses by host, from the auto-allocation controller (used only with DNS capture)."""
    resolution: str = "NONE"
    location: str = "MESH_EXTERNAL"
    endpoints: tuple[WorkloadEndpoint, ...] = ()
    workload_selector: dict[str, str] | None = None
    export_to: tuple[str, ...] = ()
    """Empty: not set, the mesh's default applies."""
    config_scope: str = ""
    """The `configScope` of 1.1 pre-releases, a no-op in every release."""
    created: str = ""
    pointer: Pointer = Pointer("")
    manifest: dict[str, Any] = field(default_factory=dict)


class WorkloadEntry(Struct, frozen=True):
    """networking.istio.io WorkloadEntry. `labels` are those of its metadata and of its spec."""

    ref: ObjectRef
    address: str
    labels: dict[str, str] = field(default_factory=dict)
    pointer: Pointer = Pointer("")


class VirtualService(Struct, frozen=True):
    """networking.istio.io VirtualService. Route lists stay as written."""

    ref: ObjectRef
    hosts: tuple[str, ...]
    gateways: tuple[str, ...] = ("mesh",)
    export_to: tuple[str, ...] = ()
    http: tuple[dict[str, Any], ...] = ()
    tls: tuple[dict[str, Any], ...] = ()
    tcp: tuple[dict[str, Any], ...] = ()
    created: str = ""
    pointer: Pointer = Pointer("")
    manifest: dict[str, Any] = field(default_factory=dict)


class DestinationRule(Struct, frozen=True):
    """networking.istio.io DestinationRule. `traffic_policy` and `subsets` stay as written."""

    ref: ObjectRef
    host: str
    traffic_policy: dict[str, Any] = field(default_factory=dict)
    subsets: tuple[dict[str, Any], ...] = ()
    workload_selector: dict[str, str] | None = None
    export_to: tuple[str, ...] = ()
    created: str = ""
    pointer: Pointer = Pointer("")
    manifest: dict[str, Any] = field(default_factory=dict)


class EgressListener(Struct, frozen=True):
    """spec.egress[] of a Sidecar."""

    hosts: tuple[str, ...]
    port: Port | None = None
    bind: str = ""
    capture_mode: str = "DEFAULT"


class Sidecar(Struct, frozen=True):
    """networking.istio.io Sidecar. `outbound_policy` is None where the object does not set one."""

    ref: ObjectRef
    selector: dict[str, str] | None = None
    egress: tuple[EgressListener, ...] = ()
    outbound_policy: str | None = None
    created: str = ""
    pointer: Pointer = Pointer("")
    manifest: dict[str, Any] = field(default_factory=dict)


class Service(Struct, frozen=True):
    """core/v1 Service with its mesh host name."""

    ref: ObjectRef
    host: str
    type: str = "ClusterIP"
    cluster_ips: tuple[str, ...] = ()
    external_name: str = ""
    ports: tuple[Port, ...] = ()
    """`protocol` here is Istio's reading: appProtocol, else the prefix of the port's name, else unset."""
    selector: dict[str, str] = field(default_factory=dict)
    export_to: tuple[str, ...] = ()
    created: str = ""
    pointer: Pointer = Pointer("")


class Gateway(Struct, frozen=True):
    """networking.istio.io Gateway. `servers` stay as written."""

    ref: ObjectRef
    selector: dict[str, str] = field(default_factory=dict)
    servers: tuple[dict[str, Any], ...] = ()
    pointer: Pointer = Pointer("")
    manifest: dict[str, Any] = field(default_factory=dict)


class EnvoyFilter(Struct, frozen=True):
    """networking.istio.io EnvoyFilter, as far as it patches outbound configuration."""

    ref: ObjectRef
    selector: dict[str, str] | None = None
    ports: tuple[int | None, ...] = ()
    """The port of each patch of outbound configuration, None for one of every port; empty: it patches none."""
    pointer: Pointer = Pointer("")


class EnvVar(Struct, frozen=True):
    """One environment variable of a container.

    `value` is None where it comes from a Secret, a field, or a ConfigMap that was not read.
    """

    name: str
    value: str | None
    source: str = "literal"
    """`literal`, `configmap`, `secret` or `field`."""
    source_name: str = ""
    pointer: Pointer = Pointer("")


class Container(Struct, frozen=True):
    """A container of a pod."""

    name: str
    args: tuple[str, ...] = ()
    """command and args together."""
    env: tuple[EnvVar, ...] = ()
    run_as_user: int | None = None
    run_as_group: int | None = None
    is_init: bool = False
    restart_always: bool = False
    """A native sidecar: an init container with restartPolicy Always."""
    pointer: Pointer = Pointer("")
    command_length: int = 0
    """How many of `args` come from `command`."""

    def arg_pointer(self, index: int) -> Pointer:
        """Where `args[index]` stands in the pod."""
        own = index - self.command_length
        place = f".args[{own}]" if own >= 0 else f".command[{index}]"
        return Pointer(self.pointer.document, self.pointer.path + place)


class Pod(Struct, frozen=True):
    """core/v1 Pod."""

    namespace: str
    name: str
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    containers: tuple[Container, ...] = ()
    """Init containers included; see `Container.is_init`."""
    host_network: bool = False
    run_as_user: int | None = None
    run_as_group: int | None = None
    workload: ObjectRef | None = None
    """The Deployment, StatefulSet, Job ... that owns it, as far as owner references name it."""
    ip: str = ""
    ips: tuple[str, ...] = ()
    """status.podIPs: one of each IP version in a dual-stack pod."""
    phase: str = ""
    pointer: Pointer = Pointer("")

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def proxy_container(self) -> Container | None:
        """The istio-proxy container, ordinary or native sidecar."""
        return next((c for c in self.containers if c.name == "istio-proxy"), None)


class Namespace(Struct, frozen=True):
    """core/v1 Namespace."""

    name: str
    labels: dict[str, str] = field(default_factory=dict)


class MeshConfig(Struct, frozen=True):
    """The part of istio's MeshConfig that egress depends on. None: not set there."""

    outbound_policy: str | None = None
    default_service_export_to: tuple[str, ...] = ("*",)
    default_virtual_service_export_to: tuple[str, ...] = ("*",)
    default_destination_rule_export_to: tuple[str, ...] = ("*",)
    protocol_detection_timeout: float = 0.0
    """Seconds; 0 waits for ever."""
    root_namespace: str = "istio-system"
    has_entry_visibility: bool = False
    """serviceEntryVisibility is set (Istio 1.31): it may narrow exportTo."""
    pointer: Pointer = Pointer("")


class Dependency(Struct, frozen=True):
    """A host that a pod is configured to call, and where that is configured.

    `port` is None for a bare name: shown by `hosts`, never a finding.
    """

    pod: str
    host: str
    port: int | None
    scheme: str = ""
    """URL scheme or `""`: a hint for the protocol."""
    seen: tuple[Sighting, ...] = ()
    paths: tuple[str, ...] = ()
    """Paths of its HTTP URLs, as far as they name one."""
    proxied: tuple[ProxiedRequest, ...] = ()
    """What clients ask a forward proxy for instead of dialling the host."""
    containers: tuple[str, ...] = ()
    """The containers whose settings name it; empty where an annotation or the access log does."""
    is_dialled: bool = True
    """Whether a client dials the host itself. False where all of them go by a forward proxy."""
    asked: tuple[ProxiedRequest, ...] = ()
    """Where it is a forward proxy itself: what clients ask it for."""


class Sighting(Struct, frozen=True):
    """One place that names a host, in words, with its pointer."""

    where: str
    pointer: Pointer


class PlainCredential(Struct, frozen=True):
    """A literal secret in a container's environment. The value is never kept."""

    pod: Pod
    container: str
    variable: str
    form: str
    """`literal`, or `url` for a URL with a password."""
    pointer: Pointer


class Mesh(Struct):
    """Everything known: resources by kind, pods, proxies, DNS answers. Kinds not in `kinds_read` were not read."""

    service_entries: tuple[ServiceEntry, ...] = ()
    virtual_services: tuple[VirtualService, ...] = ()
    destination_rules: tuple[DestinationRule, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()
    services: Sequence[Service] = ()
    """Parsed at first use, as it is by far the largest kind."""
    gateways: tuple[Gateway, ...] = ()
    envoy_filters: Sequence[EnvoyFilter] = ()
    """Parsed at first use: only a prediction needs them."""
    workload_entries: Sequence[WorkloadEntry] = ()
    """Parsed at first use: only an entry without endpoints needs them."""
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    mesh_config: MeshConfig | None = None
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    """By `namespace/pod`. Access to one may read its dump: iterate once, or use `summaries`."""
    dns: dict[str, tuple[str, ...]] | None = None
    """Upstream DNS answers by host; None where dns.json was not read."""
    dns_from: str | None = None
    """Where they were resolved, in words: `pod shop/web-1`, `this machine, not a pod`; None where it is not known."""
    captured_at: str | None = None
    """When the evidence was taken, ISO 8601; None where it is not known."""
    dependencies: tuple[Dependency, ...] = ()
    kinds_read: frozenset[str] = frozenset()
    """Plural kinds of which something was read, `serviceentries`; an empty List counts as read."""
    gaps: dict[str, Coverage] = field(default_factory=dict)
    """Plural kinds that were read in part or refused. Grows, as kinds are parsed at first use."""
    notes: list[str] = field(default_factory=list)
    """What the user should know of the source although nothing is missing."""
    proxies_unread: dict[str, str] = field(default_factory=dict)
    """Pods whose dump could not be read, and why."""
    unread: list[Unread] = field(default_factory=list)
    """Grows, as kinds that are parsed at first use may be unreadable."""
    ips_beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """IPs beside a host in env, by host."""
    dialled: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """IPs that a pod connects to for a host according to its access log, by pod and host."""
    credentials: tuple[PlainCredential, ...] = ()

    @property
    def dns_from_elsewhere(self) -> str:
        """`dns_from` where that is no pod of the mesh, so that pods may get other answers; else empty."""
        return "" if self.dns_from is None or self.dns_from.startswith("pod ") else self.dns_from

    def coverage(self, kind: str) -> Coverage:
        """How much of a plural kind was read."""
        if kind in self.gaps:
            return self.gaps[kind]
        if kind in self.kinds_read:
            return WHOLE
        path = f"resources/{kind}.yaml"
        return Coverage(Completeness.ABSENT, self.why_unread(path) or f"{kind} were not read", (path,))

    def why_unread(self, path: str) -> str:
        """Why this document could not be read; empty where it is not known."""
        return next((note.because for note in self.unread if note.path == path), "")

    @property
    def proxy_names(self) -> Collection[str]:
        """Pods that have a dump, whether or not it can be read."""
        return self.proxies.names if isinstance(self.proxies, Proxies) else self.proxies

    @property
    def pod_names(self) -> set[str]:
        """Every pod that a resource or a dump names."""
        return {*self.pods, *self.proxy_names, *self.proxies_unread}

    def summary(self, key: str) -> ProxySummary | None:
        """The summary of one proxy; None where there is none, or its dump cannot be read."""
        if isinstance(self.proxies, Proxies):
            return self.proxies.summary(key)
        return summary_of(self.proxies[key]) if key in self.proxies else None

    def summaries(self) -> Iterator[tuple[str, ProxySummary]]:
        """Every proxy that can be read."""
        known = ((key, self.summary(key)) for key in self.proxy_names)
        return ((key, summary) for key, summary in known if summary is not None)

    @property
    def istio_versions(self) -> tuple[str, ...]:
        """The Istio versions of the proxies, sorted."""
        return tuple(sorted({summary.version for _, summary in self.summaries() if summary.version}))

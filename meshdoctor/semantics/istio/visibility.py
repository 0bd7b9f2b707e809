"""Which ServiceEntries are visible to one proxy, and the field that hides one from it.

exportTo follows pilot/pkg/model/push_context.go of istio/istio (initServiceRegistry, IsServiceVisible); the Sidecar and
its egress hosts follow pilot/pkg/model/sidecar.go (convertIstioListenerToWrapper, selectServices, hostClassification)
and pkg/config/host/name.go (SubsetOf). Which of several visible entries takes precedence is in `precedence`.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from meshdoctor.model.mesh import EgressListener, MeshConfig, Service, ServiceEntry, Sidecar

Exported = ServiceEntry | Service

DEFAULT_ROOT_NAMESPACE = "istio-system"


class Visibility(Struct, frozen=True):
    """Whether an entry is visible to a proxy, the field that decides it, and the reason in words."""

    ok: bool
    field: str
    because: str


def visible(entry: Exported, namespace: str, mesh_config: MeshConfig | None = None) -> Visibility:
    """Whether the entry is exported to `namespace`, by its exportTo or else by the mesh's default.

    `configScope` hides nothing here: no release of Istio ever honoured it (see `private_by_config_scope`).
    """
    own = entry.ref.namespace
    if not entry.export_to:
        return _by_default(own, namespace, mesh_config)
    exports = entry.export_to
    field = "spec.exportTo" if isinstance(entry, ServiceEntry) else "annotation networking.istio.io/exportTo"
    if "*" in exports:
        return Visibility(True, field, "it is exported to every namespace")
    if "~" in exports:
        return Visibility(False, field, "exportTo contains ~, so no namespace sees it")
    names = tuple(dict.fromkeys(own if e == "." else e for e in exports))
    if namespace in names:
        return Visibility(True, field, f"it is exported to {namespace}")
    return Visibility(False, field, f"it is exported to {', '.join(names)} only, not to {namespace}")


def private_by_config_scope(entry: ServiceEntry, namespace: str) -> Visibility | None:
    """What `configScope: PRIVATE` would hide, or None where it would hide nothing.

    Only the 1.1 pre-releases snapshot.4 and snapshot.5 honoured the field; a proxy without the entry's cluster is the
    sign of one. Every other release ignores it and the entry is public.
    """
    if entry.config_scope.upper() != "PRIVATE" or entry.export_to or entry.ref.namespace == namespace:
        return None
    return Visibility(
        False, "spec.configScope", f"configScope is PRIVATE, so {entry.ref.namespace} only was meant to see it"
    )


def narrowed(entry: ServiceEntry, namespace: str, mesh_config: MeshConfig | None) -> Visibility | None:
    """What may hide an entry that exportTo and Sidecar show from a proxy without it; None where no setting is known
    to."""
    private = private_by_config_scope(entry, namespace)
    if private is not None:
        return private
    if mesh_config is not None and mesh_config.has_entry_visibility:
        field = "meshConfig.serviceEntryVisibility"
        return Visibility(
            False, field, f"exportTo includes {namespace}; this setting (Istio 1.31) restricts it further"
        )
    return None


def sidecar_for(
    pod_namespace: str,
    labels: dict[str, str],
    sidecars: Iterable[Sidecar],
    root_namespace: str = DEFAULT_ROOT_NAMESPACE,
) -> Sidecar | None:
    """The one Sidecar that applies to a pod, or None.

    In its namespace the oldest whose selector matches, then the oldest without selector; else the oldest without
    selector of the root namespace (push_context.go, initSidecarScopes and getSidecarScope).
    """
    ordered = sorted(sidecars, key=lambda s: (s.created, s.ref.name, s.ref.namespace))
    local = [s for s in ordered if s.ref.namespace == pod_namespace]
    for sidecar in local:
        if sidecar.selector is not None and sidecar.selector.items() <= labels.items():
            return sidecar
    general = [s for s in local if s.selector is None]
    general += [s for s in ordered if s.ref.namespace == root_namespace and s.selector is None]
    return general[0] if general else None


def imported(
    sidecar: Sidecar | None, entry_namespace: str, host: str, port: int | None, proxy_namespace: str
) -> Visibility:
    """Whether a Sidecar's egress includes a host of `entry_namespace`, for one port or (None) for any.

    `proxy_namespace` is what `.` stands for, also in a Sidecar of the root namespace.
    """
    if sidecar is None:
        return Visibility(True, "", "no Sidecar applies, so nothing is filtered")
    field = f"Sidecar {sidecar.ref.namespace}/{sidecar.ref.name} spec.egress"
    if not sidecar.egress:
        return Visibility(True, field, "the Sidecar has no egress list, so nothing is filtered")
    name = host.lower().rstrip(".")
    matching = [e for e in sidecar.egress if _takes(e, entry_namespace, name, proxy_namespace)]
    if any(
        port is None
        or listener.port is None
        or listener.port.number in (0, port)
        or listener.port.protocol.upper() == "HTTP_PROXY"
        for listener in matching
    ):
        return Visibility(True, field, f"its egress hosts include {entry_namespace}/{host}")
    if matching:
        ports = ", ".join(str(e.port.number) for e in matching if e.port)
        return Visibility(False, field, f"its egress includes {host} on port {ports} only, not on {port}")
    if any(_excludes(e, entry_namespace, name, proxy_namespace) for e in sidecar.egress):
        return Visibility(False, field, f"its egress hosts exclude {entry_namespace}/{host} (~)")
    return Visibility(False, field, f"none of its egress hosts includes {entry_namespace}/{host}")


def locked_out(
    sidecar: Sidecar | None, entry_namespace: str, host: str, port: int, proxy_namespace: str
) -> Visibility | None:
    """Where an egress listener of a Sidecar has this port and not this host: istiod builds the listener of all
    addresses on the port for it alone (core/listener.go, `locked`). None where the host is in it, or there is none."""
    listeners = [e for e in sidecar.egress if e.port is not None and e.port.number == port] if sidecar else []
    alone = [e for e in listeners if not e.bind and e.capture_mode != "NONE"]
    name = host.lower().rstrip(".")
    if sidecar is None or not alone or any(_takes(e, entry_namespace, name, proxy_namespace) for e in alone):
        return None
    field = f"Sidecar {sidecar.ref.namespace}/{sidecar.ref.name} spec.egress"
    hosts = ", ".join(dict.fromkeys(host for e in alone for host in e.hosts))
    return Visibility(False, field, f"its egress listener for port {port} includes {hosts} only")


def is_subset(name: str, pattern: str) -> bool:
    """Every host that `name` stands for is one that `pattern` stands for (pkg/config/host/name.go, SubsetOf)."""
    if not pattern.startswith("*"):
        return name == pattern
    if name.startswith("*"):
        return len(name) >= len(pattern) and name[1:].endswith(pattern[1:])
    return name.endswith(pattern[1:])


def _by_default(own: str, namespace: str, mesh_config: MeshConfig | None) -> Visibility:
    """meshConfig.defaultServiceExportTo: `*`, `.`, `~`, or namespaces, as an exportTo (push_context.go,
    serviceExportTo)."""
    field = "meshConfig.defaultServiceExportTo"
    default = mesh_config.default_service_export_to if mesh_config else ("*",)
    if "*" in default or not default:
        return Visibility(True, field, "it has no exportTo, and the mesh's default exports it to every namespace")
    names = [own if export == "." else export for export in default if export != "~"]
    if "~" not in default and namespace in names:
        return Visibility(True, field, f"it has no exportTo, and the mesh's default exports it to {namespace}")
    if names == [own]:
        return Visibility(False, field, f"it has no exportTo, and the mesh's default keeps it in {own}")
    return Visibility(False, field, f"it has no exportTo, and the mesh's default is {', '.join(default)}")


def _takes(listener: EgressListener, entry_namespace: str, host: str, proxy_namespace: str) -> bool:
    """Whether the listener's hosts, minus its exclusions, include the host."""
    return any(
        is_subset(host, pattern)
        for excluded, namespace, pattern in _patterns(listener, proxy_namespace)
        if not excluded and namespace in ("*", entry_namespace)
    ) and not _excludes(listener, entry_namespace, host, proxy_namespace)


def _excludes(listener: EgressListener, entry_namespace: str, host: str, proxy_namespace: str) -> bool:
    return any(
        is_subset(host, pattern)
        for excluded, namespace, pattern in _patterns(listener, proxy_namespace)
        if excluded and namespace in ("*", entry_namespace)
    )


def _patterns(listener: EgressListener, proxy_namespace: str) -> Iterable[tuple[bool, str, str]]:
    """(excluded, namespace, host pattern) of each egress host; `~/x` excludes x of every namespace.

    A host without namespace is not valid, and Istio skips it.
    """
    for written in listener.hosts:
        namespace, slash, pattern = written.partition("/")
        if not slash:
            continue
        excluded = namespace.startswith("~")
        namespace = namespace.removeprefix("~") or "*"
        yield excluded, proxy_namespace if namespace == "." else namespace, pattern.lower().rstrip(".")

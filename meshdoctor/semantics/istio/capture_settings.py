"""The settings of a pod that decide which of its outbound connections are redirected to its sidecar.

They are read from the arguments of istio-init (or istio-validation, where the CNI plugin writes the rules) and its
environment; where neither container is there, from the pod's annotations, as the CNI plugin reads them. Flags and
variables: tools/istio-iptables/pkg/cmd/root.go and tools/common/config of istio/istio; the plugin:
cni/pkg/plugin/sidecar_redirect.go.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Container, Pod
from meshdoctor.model.proxy import Node
from meshdoctor.semantics.istio.ip_families import ip_families

_TRAFFIC = "traffic.sidecar.istio.io/"
INTERCEPTION_MODE = "sidecar.istio.io/interceptionMode"

_FLAGS = {
    "includeOutboundIPRanges": ("-i", "--istio-service-cidr"),
    "excludeOutboundIPRanges": ("-x", "--istio-service-exclude-cidr"),
    "includeOutboundPorts": ("-q", "--istio-outbound-ports"),
    "excludeOutboundPorts": ("-o", "--istio-local-outbound-ports-exclude"),
    "excludeInterfaces": ("-c", "--istio-exclude-interfaces"),
    "rerouteInterfaces": ("-k", "--kube-virt-interfaces"),
    "proxyUID": ("-u", "--proxy-uid"),
    "proxyGID": ("-g", "--proxy-gid"),
    "interceptionMode": ("-m", "--istio-inbound-interception-mode"),
}
CAPTURE_VARIABLES = {long.lstrip("-").replace("-", "_").upper(): name for name, (_, long) in _FLAGS.items()} | {
    "ISTIO_OUTBOUND_OWNER_GROUPS": "ownerGroups",
    "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE": "ownerGroupsExclude",
}
"""Variables of istio-init that set the same where no argument does (istio pkg/flag/flag.go, BindEnv); proxyMetadata is
its environment."""
_NFTABLES = ("--native-nftables", "NATIVE_NFTABLES")
_DUAL_STACK = ("--dual-stack", "DUAL_STACK", "ISTIO_DUAL_STACK")
"""A switch of the rule writer: its flag, and the variables that set it. The CNI plugin reads istio-proxy's."""
_REROUTE = "istio.io/reroute-virtual-interfaces"
_HELM = {
    "includeOutboundIPRanges": "global.proxy.includeIPRanges",
    "excludeOutboundIPRanges": "global.proxy.excludeIPRanges",
    "includeOutboundPorts": "global.proxy.includeOutboundPorts",
    "excludeOutboundPorts": "global.proxy.excludeOutboundPorts",
}
_RULE_WRITERS = ("istio-init", "istio-validation")
ISTIO_CONTAINERS = frozenset({*_RULE_WRITERS, "istio-proxy", "enable-core-dump"})
"""Containers that injection adds to a pod."""


class CaptureSetting(Struct, frozen=True):
    """One capture setting: its value as written, the field that holds it, and where that was read."""

    value: str
    field: str
    pointer: Pointer | None = None


class CaptureSettings(Struct, frozen=True):
    """The settings that decide whether a connection is redirected to the sidecar. A missing setting has Istio's
    default."""

    include_ranges: CaptureSetting = CaptureSetting("*", "")
    exclude_ranges: CaptureSetting = CaptureSetting("", "")
    include_ports: CaptureSetting = CaptureSetting("", "")
    exclude_ports: CaptureSetting = CaptureSetting("", "")
    exclude_interfaces: CaptureSetting = CaptureSetting("", "")
    """Network interfaces: what leaves by one of them is not redirected."""
    reroute_interfaces: CaptureSetting = CaptureSetting("", "")
    """Interfaces of virtual machines in the pod, whose connections are redirected as the container's own are."""
    owner_groups: CaptureSetting = CaptureSetting("*", "")
    """Groups, by name or gid: processes of others are not redirected."""
    owner_groups_exclude: CaptureSetting = CaptureSetting("", "")
    mode: CaptureSetting = CaptureSetting("REDIRECT", "")
    has_ipv6_rules: bool = True
    """False for a dual-stack pod without ISTIO_DUAL_STACK: the rules are those of its first address, the IPv4 one."""
    is_nftables: bool = False
    """The rules are nftables' own (`nft list ruleset`), not iptables' (`iptables-save`)."""
    host_network: CaptureSetting | None = None
    """Set where the pod shares its node's network."""
    app_containers: tuple[str, ...] = ()
    exempt_containers: dict[str, CaptureSetting] = {}
    """App containers that run as the proxy's user or group, whose connections are not redirected."""
    groups: dict[str, int | None] = {}
    """The group of each app container; None where it is the image's own."""
    known: bool = True
    """False where neither the pod nor its node metadata was read, so every setting here is only the default."""


def capture_settings(pod: Pod | None, node: Node | None = None, document: str = "") -> CaptureSettings:
    """Settings of one pod: the Pod's own arguments and annotations, else what its proxy's node metadata holds.

    `document` is the dump's path, for the evidence of settings that only the dump shows.
    """
    if pod:
        annotations, place = pod.annotations, Pointer(pod.pointer.document, pod.pointer.path + ".metadata.annotations")
    else:  # the pod's annotations in its proxy's metadata
        given = node.metadata.get("ANNOTATIONS") if node else None
        annotations = {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
        place = Pointer(document, "$.configs[0].bootstrap.node.metadata.ANNOTATIONS")
    arguments = _arguments(pod)

    def setting(name: str, default: str, annotation: str) -> CaptureSetting:
        annotated = annotation in annotations
        if name in arguments:
            # what a person changes: the annotation where there is one, else the installation's default
            argument = arguments[name]
            helm = f" ({_HELM[name]})" if name in _HELM and argument.flag.startswith("-") else ""
            field = f"annotation {annotation}" if annotated else f"{argument.container} {argument.flag}{helm}"
            return CaptureSetting(argument.value, field, argument.pointer)
        if annotated:
            pointer = Pointer(place.document, f"{place.path}['{annotation}']") if pod or document else None
            return CaptureSetting(annotations[annotation], f"annotation {annotation}", pointer)
        return CaptureSetting(default, "")

    mode_of_node = node.metadata.get("INTERCEPTION_MODE") if node else None
    mode = setting(
        "interceptionMode",
        mode_of_node if isinstance(mode_of_node, str) and mode_of_node else "REDIRECT",
        INTERCEPTION_MODE,
    )
    host_network = None
    if pod is not None and pod.host_network:
        at = Pointer(pod.pointer.document, pod.pointer.path + ".spec.hostNetwork")
        host_network = CaptureSetting("true", "spec.hostNetwork", at)
    uids = _numbers(arguments["proxyUID"].value) if "proxyUID" in arguments else ()
    gids = _numbers(arguments["proxyGID"].value) if "proxyGID" in arguments else uids
    reroute = setting("rerouteInterfaces", "", _TRAFFIC + "kubevirtInterfaces")
    return CaptureSettings(
        include_ranges=setting("includeOutboundIPRanges", "*", _TRAFFIC + "includeOutboundIPRanges"),
        exclude_ranges=setting("excludeOutboundIPRanges", "", _TRAFFIC + "excludeOutboundIPRanges"),
        include_ports=setting("includeOutboundPorts", "", _TRAFFIC + "includeOutboundPorts"),
        exclude_ports=setting("excludeOutboundPorts", "", _TRAFFIC + "excludeOutboundPorts"),
        exclude_interfaces=setting("excludeInterfaces", "", _TRAFFIC + "excludeInterfaces"),
        reroute_interfaces=setting("rerouteInterfaces", reroute.value, _REROUTE)
        if _REROUTE in annotations
        else reroute,
        owner_groups=setting("ownerGroups", "*", ""),
        owner_groups_exclude=setting("ownerGroupsExclude", "", ""),
        mode=mode,
        has_ipv6_rules=pod is None or ip_families(node, pod) != (4, 6) or _is_on(pod, _DUAL_STACK, ("istio-proxy",)),
        is_nftables=_is_on(pod, _NFTABLES),
        host_network=host_network,
        app_containers=tuple(c.name for c in app_containers(pod)),
        exempt_containers=_exempt_containers(pod, uids or (1337,), gids or (1337,)),
        groups={c.name: _group_of(pod, c) for c in app_containers(pod)} if pod else {},
        known=pod is not None or bool(node and node.metadata),
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in (p.strip() for p in text.split(",")) if part.isdigit())


class _Argument(Struct, frozen=True):
    value: str
    flag: str
    container: str
    pointer: Pointer


def _arguments(pod: Pod | None) -> dict[str, _Argument]:
    """Capture arguments of istio-init, else istio-validation, by setting name. Variables are those of istio-init: the
    CNI plugin reads annotations alone."""
    container = _rule_writer(pod)
    if container is None:
        return {}
    named = {CAPTURE_VARIABLES[v.name]: v for v in container.env if v.name in CAPTURE_VARIABLES and v.value}
    own = named if container.name == _RULE_WRITERS[0] else {}
    variables = {name: _Argument(v.value or "", f"env {v.name}", container.name, v.pointer) for name, v in own.items()}
    return variables | _parse(container)


def _rule_writer(pod: Pod | None) -> Container | None:
    containers = {one.name: one for one in (pod.containers if pod else ()) if one.args}
    return next((containers[name] for name in _RULE_WRITERS if name in containers), None)


def _is_on(pod: Pod | None, switch: tuple[str, ...], others: Collection[str] = ()) -> bool:
    """Whether a switch of the rule writer is on, by its flag or by a variable of it or of `others`."""
    writer = _rule_writer(pod)
    flag, *variables = switch
    if writer is not None and not {flag, f"{flag}=true"}.isdisjoint(writer.args):
        return True
    containers = [one for one in (pod.containers if pod else ()) if one is writer or one.name in others]
    given = (one.value for container in containers for one in container.env if one.name in variables)
    return any((value or "").lower() == "true" for value in given)


def _parse(container: Container) -> dict[str, _Argument]:
    """Flags as pflag reads them: `-i v`, `-i=v`, `-iv`, `--long v`, `--long=v`; the last one counts."""
    found: dict[str, _Argument] = {}
    arguments = container.args
    index = 0
    while index < len(arguments):
        for name, (short, long) in _FLAGS.items():
            value = _flag_value(arguments, index, short, long)
            if value is None:
                continue
            text, used = value
            found[name] = _Argument(text, short, container.name, container.arg_pointer(index + used - 1))
            index += used - 1
            break
        index += 1
    return found


def _flag_value(arguments: tuple[str, ...], index: int, short: str, long: str) -> tuple[str, int] | None:
    """A flag's value at `index` and how many arguments it takes, or None where another argument stands there."""
    argument = arguments[index]
    if argument in (short, long):
        return (arguments[index + 1], 2) if index + 1 < len(arguments) else ("", 1)
    if argument.startswith(long + "="):
        return argument[len(long) + 1 :], 1
    if argument.startswith(short) and not argument.startswith("--"):
        return argument[len(short) :].removeprefix("="), 1
    return None


def app_containers(pod: Pod | None) -> tuple[Container, ...]:
    """Containers that run beside the sidecar: not Istio's own, not ordinary init containers."""
    containers = pod.containers if pod else ()
    return tuple(c for c in containers if c.name not in ISTIO_CONTAINERS and (not c.is_init or c.restart_always))


def _exempt_containers(pod: Pod | None, uids: Collection[int], gids: Collection[int]) -> dict[str, CaptureSetting]:
    """App containers that run as one of the proxy's users or groups, with the field that says so."""
    found: dict[str, CaptureSetting] = {}
    for container in app_containers(pod) if pod else ():
        for name, exempt in (("runAsUser", uids), ("runAsGroup", gids)):
            own = container.run_as_user if name == "runAsUser" else container.run_as_group
            given = _user_of(pod, container) if name == "runAsUser" else _group_of(pod, container)
            if pod is not None and given is not None and given in exempt:
                base = container.pointer.path if own is not None else pod.pointer.path + ".spec"
                pointer = Pointer(pod.pointer.document, f"{base}.securityContext.{name}")
                field = f"securityContext.{name} of container {container.name}"
                found.setdefault(container.name, CaptureSetting(str(given), field, pointer))
    return found


def _user_of(pod: Pod | None, container: Container) -> int | None:
    return container.run_as_user if container.run_as_user is not None or pod is None else pod.run_as_user


def _group_of(pod: Pod | None, container: Container) -> int | None:
    """The primary group that its processes have, None where the image decides."""
    return container.run_as_group if container.run_as_group is not None or pod is None else pod.run_as_group

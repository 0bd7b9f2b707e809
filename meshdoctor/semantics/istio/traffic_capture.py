"""Which outbound connections of a pod are redirected to its sidecar.

Settings are read from the arguments of istio-init (or istio-validation, where the CNI plugin writes the rules) and its
environment; where neither container is there, from the pod's annotations, as the CNI plugin reads them. The order of
decisions is that of the chains OUTPUT and ISTIO_OUTPUT: tools/istio-iptables/pkg/capture/run.go, pkg/cmd/root.go and
tools/common/config of istio/istio, and cni/pkg/plugin/sidecar_redirect.go; tools/istio-nftables writes the same rules.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from msgspec import Struct, structs

from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Container, Pod
from meshdoctor.model.proxy import Node
from meshdoctor.semantics.ip_addresses import Address, network

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


class CaptureVerdict(Struct, frozen=True):
    """Whether a connection enters the sidecar.

    `verdict` is True, False, or None where it depends on what nobody knows.
    """

    verdict: bool | None
    because: str
    field: str = ""
    """The setting that decides: an annotation, `spec.hostNetwork`, `runAsUser` ...; empty where it is the default."""
    value: str = ""
    pointer: Pointer | None = None
    depends_on: str = ""
    """Where the verdict is None: `address`, `interface` or `group`."""


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
        is_nftables=_is_nftables(pod),
        host_network=host_network,
        app_containers=tuple(c.name for c in app_containers(pod)),
        exempt_containers=_exempt_containers(pod, uids or (1337,), gids or (1337,)),
        groups={c.name: _group_of(pod, c) for c in app_containers(pod)} if pod else {},
        known=pod is not None or bool(node and node.metadata),
    )


def captured(settings: CaptureSettings, ip: str | None, port: int, container: str = "") -> CaptureVerdict:
    """Whether a connection to `ip`:`port` enters the sidecar. `ip` None: only the name is known.

    `container` is the one that dials; without it, the proxy's own user and the groups decide only where they do for
    every app container.
    """
    grouped = _by_group(settings, container)
    passed = _by_pod(settings, port) or _by_user(settings, container) or (None if _is_open(grouped) else grouped)
    if passed:
        return passed
    address = ipaddress.ip_address(ip) if ip is not None else None
    if address is not None and address.is_loopback:
        return CaptureVerdict(False, f"{ip} is the pod itself; loopback is not redirected")
    found = _by_ranges(settings, address, port)
    if found.verdict is not True:
        return found
    return _by_interface(settings) or grouped or found


def _is_open(found: CaptureVerdict | None) -> bool:
    return found is not None and found.verdict is None


def _by_interface(settings: CaptureSettings) -> CaptureVerdict | None:
    """Interfaces that are excluded come before everything else in OUTPUT; the route decides which one is taken."""
    excluded = settings.exclude_interfaces
    names = [name for part in excluded.value.split(",") if (name := part.strip()) and name != "lo"]
    if not names:
        return None
    because = "whether it is redirected depends on the network interface that its route leaves by: "
    because += f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} excluded"
    return structs.replace(_decided(None, because, excluded), depends_on="interface")


def _by_group(settings: CaptureSettings, container: str) -> CaptureVerdict | None:
    """Owner groups: False where no process that dials is redirected, None inside it where its group is not known."""
    only, never = settings.owner_groups, settings.owner_groups_exclude
    deciding = never if only.value.strip() == "*" else only
    if not deciding.field:
        return None
    dialling = (container,) if container else settings.app_containers
    found = {_is_in_group(settings.groups.get(name), deciding) for name in dialling}
    exempt = deciding is never
    if found == {exempt}:
        because = (
            "processes of this group are not redirected" if exempt else "only processes of some groups are redirected"
        )
        return _decided(False, because, deciding)
    if found == {not exempt}:
        return None
    because = "whether it is redirected depends on the group of the process, which is not known"
    return structs.replace(_decided(None, because, deciding), depends_on="group")


def _is_in_group(gid: int | None, groups: CaptureSetting) -> bool | None:
    """Whether the group is listed; None where the gid is the image's own, or groups are listed by name."""
    listed = [part.strip() for part in groups.value.split(",") if part.strip()]
    if gid is not None and str(gid) in listed:
        return True
    return None if gid is None or not all(map(str.isdigit, listed)) else False


def _by_pod(settings: CaptureSettings, port: int) -> CaptureVerdict | None:
    if settings.host_network:
        return _decided(
            False, "the pod uses its node's network (hostNetwork), where nothing is redirected", settings.host_network
        )
    if settings.mode.value.upper() == "NONE":
        return _decided(False, "interceptionMode is NONE, so nothing is redirected to the sidecar", settings.mode)
    if _holds_port(settings.exclude_ports.value, port):
        return _decided(False, f"port {port} is excluded from redirection", settings.exclude_ports)
    return None


def _by_user(settings: CaptureSettings, container: str) -> CaptureVerdict | None:
    exempt = settings.exempt_containers
    named = container or next(iter(settings.app_containers), "")
    if named not in exempt or (not container and len(exempt) < len(settings.app_containers)):
        return None
    kind = "gid" if "Group" in exempt[named].field else "uid"
    because = f"container {named} runs as {kind} {exempt[named].value}, the sidecar's own, which is never redirected"
    return _decided(False, because, exempt[named])


def _by_ranges(settings: CaptureSettings, address: Address | None, port: int) -> CaptureVerdict:
    excluded = _within(settings.exclude_ranges.value, address)
    if excluded is True:
        return _decided(False, f"{_named(address)} is in an excluded range", settings.exclude_ranges)
    if excluded is None:
        because = "whether it is redirected depends on the address: some ranges are excluded"
        return structs.replace(_decided(None, because, settings.exclude_ranges), depends_on="address")
    if _holds_port(settings.include_ports.value, port):
        return _decided(True, f"port {port} is redirected for every address", settings.include_ports)
    included = _within(settings.include_ranges.value, address)
    if included is True:
        return _decided(True, "it is redirected to the sidecar", settings.include_ranges)
    if included is None:
        because = "whether it is redirected depends on the address: only some ranges are"
        return structs.replace(_decided(None, because, settings.include_ranges), depends_on="address")
    return _decided(False, f"{_named(address)} is outside the redirected ranges", settings.include_ranges)


def _decided(verdict: bool | None, because: str, setting: CaptureSetting) -> CaptureVerdict:
    return CaptureVerdict(verdict, because, setting.field, setting.value, setting.pointer)


def _named(address: object | None) -> str:
    return "any address" if address is None else str(address)


def _within(ranges: str, address: Address | None) -> bool | None:
    """Whether a range list holds the address; None where the address is not known and the list does not settle it."""
    # what is no CIDR is left out, as istio-iptables does
    networks = [found for part in ranges.split(",") if (found := network(part.strip())) is not None]
    if ranges.strip() == "*" or (address is None and any(n.prefixlen == 0 for n in networks)):
        return True
    if address is None:
        return None if networks else False
    return any(address in found for found in networks if found.version == address.version)


def _holds_port(ports: str, port: int) -> bool:
    for part in ports.split(","):
        first, _, last = part.strip().partition(":")
        if first.isdigit() and int(first) <= port <= (int(last) if last.isdigit() else int(first)):
            return True
    return False


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


def _is_nftables(pod: Pod | None) -> bool:
    container = _rule_writer(pod)
    flag, variable = _NFTABLES
    if container is None:
        return False
    by_env = any(one.name == variable and (one.value or "").lower() == "true" for one in container.env)
    return flag in container.args or f"{flag}=true" in container.args or by_env


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

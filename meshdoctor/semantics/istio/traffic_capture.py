"""Which outbound connections of a pod are redirected to its sidecar.

Settings are read from the arguments of istio-init (or istio-validation, where the CNI plugin writes the rules); where
neither is there, from the pod's annotations. The order of decisions is that of the iptables chain ISTIO_OUTPUT:
tools/istio-iptables/pkg/capture/run.go and pkg/cmd/root.go of istio/istio.
"""

from __future__ import annotations

import ipaddress

from msgspec import Struct

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
    "proxyUID": ("-u", "--proxy-uid"),
    "interceptionMode": ("-m", "--istio-inbound-interception-mode"),
}
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
    mode: CaptureSetting = CaptureSetting("REDIRECT", "")
    host_network: CaptureSetting | None = None
    """Set where the pod shares its node's network."""
    app_containers: tuple[str, ...] = ()
    exempt_containers: dict[str, CaptureSetting] = {}
    """App containers that run as the proxy's user, whose connections are not redirected."""
    known: bool = True
    """False where neither the pod nor its node metadata was read, so every setting here is only the default."""


class CaptureVerdict(Struct, frozen=True):
    """Whether a connection enters the sidecar.

    `verdict` is True, False, or None where it depends on an address nobody knows.
    """

    verdict: bool | None
    because: str
    field: str = ""
    """The setting that decides: an annotation, `spec.hostNetwork`, `runAsUser` ...; empty where it is the default."""
    value: str = ""
    pointer: Pointer | None = None


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
            helm = f" ({_HELM[name]})" if name in _HELM else ""
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
    return CaptureSettings(
        include_ranges=setting("includeOutboundIPRanges", "*", _TRAFFIC + "includeOutboundIPRanges"),
        exclude_ranges=setting("excludeOutboundIPRanges", "", _TRAFFIC + "excludeOutboundIPRanges"),
        include_ports=setting("includeOutboundPorts", "", _TRAFFIC + "includeOutboundPorts"),
        exclude_ports=setting("excludeOutboundPorts", "", _TRAFFIC + "excludeOutboundPorts"),
        mode=mode,
        host_network=host_network,
        app_containers=tuple(c.name for c in app_containers(pod)),
        exempt_containers=_exempt_containers(pod, uids or (1337,)),
        known=pod is not None or bool(node and node.metadata),
    )


def captured(settings: CaptureSettings, ip: str | None, port: int, container: str = "") -> CaptureVerdict:
    """Whether a connection to `ip`:`port` enters the sidecar. `ip` None: only the name is known.

    `container` is the one that dials; without it, the proxy's own user decides only where every app container
    runs as that user.
    """
    passed = _by_pod(settings, port) or _by_user(settings, container)
    if passed:
        return passed
    address = ipaddress.ip_address(ip) if ip is not None else None
    if address is not None and address.is_loopback:
        return CaptureVerdict(False, f"{ip} is the pod itself; loopback is not redirected")
    return _by_ranges(settings, address, port)


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
    because = f"container {named} runs as uid {exempt[named].value}, the sidecar's own, which is never redirected"
    return _decided(False, because, exempt[named])


def _by_ranges(settings: CaptureSettings, address: Address | None, port: int) -> CaptureVerdict:
    excluded = _within(settings.exclude_ranges.value, address)
    if excluded is True:
        return _decided(False, f"{_named(address)} is in an excluded range", settings.exclude_ranges)
    if excluded is None:
        because = "whether it is redirected depends on the address: some ranges are excluded"
        return _decided(None, because, settings.exclude_ranges)
    if _holds_port(settings.include_ports.value, port):
        return _decided(True, f"port {port} is redirected for every address", settings.include_ports)
    included = _within(settings.include_ranges.value, address)
    if included is True:
        return _decided(True, "it is redirected to the sidecar", settings.include_ranges)
    if included is None:
        return _decided(
            None, "whether it is redirected depends on the address: only some ranges are", settings.include_ranges
        )
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
    """Capture arguments of istio-init, else istio-validation, by setting name."""
    for writer in _RULE_WRITERS:
        for container in pod.containers if pod else ():
            if container.name == writer and container.args:
                return _parse(container)
    return {}


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


def _exempt_containers(pod: Pod | None, proxy_uids: tuple[int, ...]) -> dict[str, CaptureSetting]:
    found: dict[str, CaptureSetting] = {}
    for container in app_containers(pod):
        own = container.run_as_user is not None
        uid = container.run_as_user if own or pod is None else pod.run_as_user
        if pod is None or uid is None or uid not in proxy_uids:
            continue
        base = container.pointer.path if own else pod.pointer.path + ".spec"
        pointer = Pointer(pod.pointer.document, base + ".securityContext.runAsUser")
        found[container.name] = CaptureSetting(
            str(uid), f"securityContext.runAsUser of container {container.name}", pointer
        )
    return found

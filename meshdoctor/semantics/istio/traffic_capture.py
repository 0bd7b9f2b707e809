"""Which outbound connections of a pod are redirected to its sidecar.

The order of decisions is that of the chains OUTPUT and ISTIO_OUTPUT: tools/istio-iptables/pkg/capture/run.go of
istio/istio; tools/istio-nftables writes the same rules.
"""

from __future__ import annotations

import ipaddress

from msgspec import Struct, structs

from meshdoctor.model.evidence import Pointer
from meshdoctor.semantics.ip_addresses import Address, network
from meshdoctor.semantics.istio.capture_settings import CaptureSetting, CaptureSettings


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
    if address is not None and address.version == 6 and not settings.has_ipv6_rules:
        why = "the pod has an IPv4 address too, and without ISTIO_DUAL_STACK no IPv6 connection is redirected"
        return CaptureVerdict(False, why, "ISTIO_DUAL_STACK", "not set")
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

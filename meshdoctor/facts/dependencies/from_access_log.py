"""Dependencies found in sidecars' access logs, beside those from the pods' configuration.

An entry says that a connection was blocked or passed through at that time; a trace shows what happens to it today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct, structs

from meshdoctor.errors import Unreadable
from meshdoctor.facts.dependencies.from_configuration import IsExternal
from meshdoctor.model.access_log import FILE, RAW_FILE, AccessLog, LogEntry
from meshdoctor.model.evidence import Capture, Pointer, Unread
from meshdoctor.model.mesh import Dependency, Mesh, Sighting
from meshdoctor.semantics.clients.addresses_in_text import canonical_host, is_address, stays_inside
from meshdoctor.semantics.envoy.log_summary import MAX_ENTRIES, decode, digest
from meshdoctor.semantics.ip_addresses import covered
from meshdoctor.semantics.istio.data_plane import is_ztunnel, proxy_kind_of
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL
from meshdoctor.semantics.istio.resource_names import cluster_name
from meshdoctor.text.phrases import count

METADATA_SERVERS = frozenset({"169.254.169.254", "169.254.170.2", "169.254.170.23"})
"""Addresses of cloud metadata services (EC2, GCE and Azure; ECS; EKS pod identity). They are link-local, but a sidecar
blocks them like any unregistered host, and SDKs then hang waiting for credentials."""

STRAY = 0.05
"""Share of lines in no known format that counts as stray output; above it the log has a custom format."""

_VIRTUAL = ("240.0.0.0/4", "2001:2::/48")
"""Ranges from which Istio allocates addresses (istio pilot/pkg/model/service.go); nothing listens there."""


_Place = tuple[str, int]


class PodLog(Struct, frozen=True):
    """One pod's log, and the document it came from."""

    document: str
    log: AccessLog

    def pointer(self, index: int) -> Pointer:
        """Pointer to entry `index`; a log in plain text has only its document."""
        return Pointer(self.document, f"$.entries[{index}]" if self.document.endswith(FILE) else "")


def read_logs(capture: Capture, mesh: Mesh) -> dict[str, PodLog]:
    """The access logs of sidecars by pod, as summaries. What cannot be read is noted in the mesh."""
    found: dict[str, PodLog] = {}
    for key, documents in capture.proxy_documents().items():
        document = documents.get(FILE) or documents.get(RAW_FILE)
        if document is None or not _is_sidecar(key, mesh):
            continue
        try:
            content = document.read()
            log = decode(content, document.path) if document.path.endswith(FILE) else digest(content)
        except (Unreadable, OSError) as problem:
            mesh.unread.append(Unread(document.path, str(problem)))
            continue
        if log.unparsed > STRAY * (log.parsed + log.unparsed):
            why = f"{log.unparsed:,} of {log.lines:,} lines are not in Istio's default access log formats "
            why += "(accessLogFormat?); their connections are unknown"
            mesh.unread.append(Unread(document.path, why))
        found[key] = PodLog(document.path, log)
    return found


def _is_sidecar(key: str, mesh: Mesh) -> bool:
    """Whether the proxy is a sidecar; gateways have no dependencies of their own."""
    pod = mesh.pods.get(key)
    summary = mesh.summary(key) if pod is None else None
    return proxy_kind_of(pod, summary) in ("sidecar", "") and not is_ztunnel(key, pod)


def with_traffic(
    wanted: Iterable[Dependency], logs: Mapping[str, PodLog], mesh: Mesh, is_external: IsExternal
) -> tuple[Dependency, ...]:
    """The dependencies with those from the logs added; a known dependency gains a sighting."""
    by_pod: dict[str, list[Dependency]] = {}
    for dependency in wanted:
        by_pod.setdefault(dependency.pod, []).append(dependency)
    addresses = _Addresses(mesh)
    for key, pod_log in logs.items():
        by_pod[key] = _PodTraffic(key, by_pod.get(key, []), pod_log, addresses, is_external).merged()
    return tuple(dependency for dependencies in by_pod.values() for dependency in dependencies)


def dialled(logs: Mapping[str, PodLog], wanted: Iterable[Dependency]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Addresses to which a pod connected for a dependency, by pod and host."""
    hosts = {(dependency.pod, dependency.host) for dependency in wanted}
    found: dict[tuple[str, str], dict[str, None]] = {}
    for key, pod_log in logs.items():
        for entry in pod_log.log.entries[:MAX_ENTRIES]:
            ip = canonical_host(entry.ip)
            if (key, entry.host) in hosts and ip and ip != entry.host and not _is_virtual(ip):
                found.setdefault((key, entry.host), {})[ip] = None
    return {place: tuple(ips) for place, ips in found.items()}


class _Addresses:
    """To which host, Service or pod an address belongs, as far as the capture shows; computed once for all pods."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._of_clusters: dict[str, frozenset[str]] = {}

    @cached_property
    def _of_pods(self) -> frozenset[str]:
        return frozenset(canonical_host(pod.ip) for pod in self._mesh.pods.values())

    @cached_property
    def _hosts(self) -> dict[str, str]:
        """Hosts by their auto-allocated address."""
        entries = self._mesh.service_entries
        return {ip: host.lower() for e in entries for host, ips in e.status_addresses.items() for ip in ips}

    def is_inside(self, ip: str, key: str, is_external: IsExternal) -> bool:
        """An address of a Service or of a pod."""
        return ip in self._of_pods or not is_external(ip, key.split("/", 1)[0])

    def is_endpoint(self, ip: str, key: str) -> bool:
        """Whether it is an endpoint of a Service in this pod's proxy, which shows pods of namespaces that were not
        read.

        It needs the whole list of endpoints, thousands in a large mesh, so it is the last check.
        """
        if key not in self._of_clusters:
            proxy = self._mesh.proxies.get(key)
            parsed = ((name, cluster_name(name)) for name in (proxy.endpoints if proxy else ()))
            inside = [name for name, found in parsed if found is not None and found.host.endswith(CLUSTER_LOCAL)]
            self._of_clusters[key] = frozenset(e.address for name in inside if proxy for e in proxy.endpoints[name])
        return ip in self._of_clusters[key]

    def allocated_to(self, ip: str) -> str:
        """The host to which Istio allocated this virtual address; `""` where none is known."""
        return canonical_host(self._hosts.get(ip, ""))

    @cached_property
    def _answers(self) -> dict[str, list[str]]:
        """Hosts by the addresses DNS returns for them."""
        found: dict[str, list[str]] = {}
        for host, ips in (self._mesh.dns or {}).items():
            for ip in ips:
                found.setdefault(ip, []).append(host)
        return found

    def hint(self, ip: str) -> str:
        """Hosts that resolve to an address which is no dependency by name, with a leading comma, or empty.

        The client may have meant another host at that address, so this is only a hint.
        """
        names = self._answers.get(ip, ())
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        return f", which DNS returns for {', '.join(names[:2])}{more}" if names else ""

    def known(self, host: str) -> tuple[str, ...]:
        """Addresses the host is known to have: DNS answers, and those beside it in env."""
        return (*(self._mesh.dns or {}).get(host, ()), *self._mesh.ips_beside.get(host, ()))


def _is_virtual(ip: str) -> bool:
    return covered(ip, _VIRTUAL)


class _Traffic:
    """Log entries about one dependency with the same outcome."""

    def __init__(self, pointer: Pointer) -> None:
        self.pointer = pointer
        self.count = 0
        self.last = ""

    def add(self, entry: LogEntry) -> None:
        self.count += entry.count
        self.last = max(self.last, entry.last)

    def sighting(self, outcome: str, ip: str, hint: str) -> Sighting:
        """`access log: blocked 37 times, last 2026-11-21T10:00:00Z`; with the address where only that is known."""
        what = "blocked" if outcome == "blocked" else "passed through"
        times = count(self.count, "time")
        last = f", last {self.last}" if self.last else ""
        return Sighting(f"access log: {ip and ip + ' '}{what} {times}{last}{hint}", self.pointer)


class _PodTraffic:
    """One pod's dependencies and its log."""

    def __init__(
        self, key: str, dependencies: list[Dependency], log: PodLog, addresses: _Addresses, is_external: IsExternal
    ) -> None:
        self.key = key
        self.dependencies = dependencies
        self.log = log
        self.addresses = addresses
        self.is_external = is_external
        self.schemes: dict[_Place, str] = {}
        self.seen: dict[_Place, dict[tuple[str, str], _Traffic]] = {}

    def merged(self) -> list[Dependency]:
        """The dependencies with their log entries, then those only the log shows.

        A bare name to which the pod connected gets the port from the log.
        """
        for index, entry in enumerate(self.log.log.entries[:MAX_ENTRIES]):
            for place, ip in self._places(entry):
                pointer = self.log.pointer(index)
                self.seen.setdefault(place, {}).setdefault((entry.outcome, ip), _Traffic(pointer)).add(entry)
                if entry.protocol != "tcp":
                    self.schemes.setdefault(place, entry.protocol)
        dialled = {host for host, _ in self.seen}
        bare = {
            dependency.host: dependency.seen
            for dependency in self.dependencies
            if dependency.port is None and dependency.host in dialled
        }
        kept = [
            self._completed(dependency)
            for dependency in self.dependencies
            if dependency.host not in bare or dependency.port is not None
        ]
        known = {(dependency.host, dependency.port) for dependency in kept}
        new = [Dependency(self.key, h, p, "", bare.get(h, ())) for h, p in self.seen if (h, p) not in known]
        return [*kept, *map(self._completed, new)]

    def _completed(self, dependency: Dependency) -> Dependency:
        if dependency.port is None or (dependency.host, dependency.port) not in self.seen:
            return dependency
        place = (dependency.host, dependency.port)
        hint = self.addresses.hint(dependency.host)
        sightings = (seen.sighting(*how, hint) for how, seen in self.seen[place].items())
        scheme = dependency.scheme or self.schemes.get(place, "")
        seen = (*dependency.seen, *sightings)
        return structs.replace(dependency, scheme=scheme, seen=seen, is_dialled=True)

    def _places(self, entry: LogEntry) -> list[tuple[_Place, str]]:
        """(host and port of the entry, and its address where only that identifies the host); none for in-cluster
        traffic."""
        ip = canonical_host(entry.ip)
        host = canonical_host(entry.host) or (ip if "." in entry.host else "")
        if ip and _is_virtual(ip) and is_address(host):
            host = self.addresses.allocated_to(ip)
        host = self._forward_proxy(entry, ip) or host
        if not host or self._stays_inside(host) or (ip and self.addresses.is_inside(ip, self.key, self.is_external)):
            return []
        if not is_address(host):
            return [((host, entry.port), "")]
        if names := self._names_of(host, entry.port):
            return [((name, entry.port), host) for name in names]
        return [] if self.addresses.is_endpoint(host, self.key) else [((host, entry.port), "")]

    def _forward_proxy(self, entry: LogEntry, ip: str) -> str:
        """The pod's forward proxy that an HTTP request was sent to, whose authority names another host; else empty."""
        if entry.protocol != "http":
            return ""
        proxies = (one.host for one in self.dependencies if one.asked and one.port == entry.port)
        return next((host for host in proxies if not ip or ip == host or ip in self.addresses.known(host)), "")

    def _names_of(self, ip: str, port: int) -> Iterable[str]:
        """Dependencies of this pod with this port, else without a port, that are known to have this address."""
        for wanted in (port, None):
            named = [w.host for w in self.dependencies if w.port == wanted and ip in self.addresses.known(w.host)]
            if named:
                return dict.fromkeys(named)
        return ()

    def _stays_inside(self, host: str) -> bool:
        if host in METADATA_SERVERS:
            return False
        return stays_inside(host) or not self.is_external(host, self.key.split("/", 1)[0])

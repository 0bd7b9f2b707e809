"""The way in: one connection, or every known address of a host, through one sidecar."""

from __future__ import annotations

from msgspec import structs

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.mesh import Mesh, Pod
from meshdoctor.model.proxy import Proxy
from meshdoctor.model.trace import WORST_FIRST, AddressTrace, Destination, Step, Trace
from meshdoctor.semantics.addresses import is_ip, is_single
from meshdoctor.semantics.capture import Captured, CaptureSettings, capture_settings, captured
from meshdoctor.semantics.protocols import client_protocol
from meshdoctor.semantics.registry import Registry, Viewer
from meshdoctor.trace.arrival import ListenerIndex, arrive, chain_label
from meshdoctor.trace.http import Domains, pass_http
from meshdoctor.trace.reason import explain
from meshdoctor.trace.upstream import judge_cluster
from meshdoctor.trace.walk import Outcome, Walk


class Tracer:
    """Traces connections of one pod; indexes of its proxy are made once."""

    def __init__(self, mesh: Mesh, pod: str, registry: Registry | None = None) -> None:
        self.key = pod
        self.mesh = mesh
        self.registry = registry or Registry(mesh)
        self.proxy: Proxy | None = mesh.proxies.get(pod)
        self.pod: Pod | None = mesh.pods.get(pod)
        self.viewer: Viewer = self.registry.viewer(self.proxy, self.pod)
        self.settings: CaptureSettings = capture_settings(
            self.pod, self.proxy.node if self.proxy else None, self.proxy.document if self.proxy else ""
        )
        self.index = ListenerIndex(self.proxy) if self.proxy else None
        self.domains = Domains()

    def protocol_of(self, host: str, port: int, scheme: str = "") -> str:
        """What a client most likely does: as declared if HTTP or TLS, else what the port is known for, else tcp."""
        found = self.registry.registration(host, port, self.viewer)
        declared = next((p.protocol for e in found.visible for p in e.ports if p.number == port), "")
        return client_protocol(declared, port, scheme)

    def destination(
        self,
        host: str,
        port: int,
        *,
        ip: str | None = None,
        protocol: str | None = None,
        sni: str | None = None,
        authority: str | None = None,
        path: str = "/",
        scheme: str = "",
    ) -> Destination:
        """A Destination with what was not given filled in. An empty `sni` is TLS without server name."""
        kind = protocol or self.protocol_of(host, port, scheme)
        if ip is None and is_ip(host):
            ip = host
        if kind == "tls" and sni is None:
            sni = "" if is_ip(host) else host
        return Destination(host, port, ip, kind, sni if kind == "tls" else None, authority, path)

    def known_addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Addresses a client of this pod may dial for the host, in a stable order.

        With DNS capture the agent answers with the entry's addresses (virtual ones too) where it has any; else DNS
        answers, the entry's own single addresses, and what Envoy resolved the host to.
        """
        found = self.registry.registration(host, port, self.viewer)
        entries = (*found.visible, *found.other_ports)
        used = [a for e in entries for a in self.registry.used_addresses(e, host, self.viewer) if is_single(a)]
        own = list(dict.fromkeys(a.split("/")[0] for a in used))
        if own and self.viewer.dns_capture:
            return tuple(own)
        answers = (self.mesh.dns or {}).get(host.lower(), ())
        return tuple(dict.fromkeys([*answers, *own, *(() if answers else self.resolved(host))]))

    def resolved(self, host: str) -> list[str]:
        """What Envoy's own DNS clusters for the host resolved it to."""
        if self.proxy is None:
            return []
        found = []
        for name, cluster in ((n, self.proxy.clusters[n]) for n in self.proxy.clusters if n.endswith(f"|{host}")):
            if cluster.type in ("STRICT_DNS", "LOGICAL_DNS") and any(e.address == host for e in cluster.endpoints):
                live = self.proxy.live_endpoints
                known = live[name] if live is not None and name in live else self.proxy.endpoints.get(name, ())
                found += [e.address for e in known if is_ip(e.address)]
        return found

    def trace(self, destination: Destination) -> Trace:
        """One connection to one address; `destination.ip` None means nobody knows the address."""
        if self.proxy is None or self.index is None:
            return self._without_proxy(destination)
        walk = Walk(self.proxy, destination)
        outcome = self._captured(walk) or self._walk(walk, self.index)
        if outcome.verdict != "unknown" and destination.ip is None and self._depends_on_address(walk):
            why = f"no address of {destination.host} is known, and the answer depends on it"
            outcome = Outcome("unknown", "address-unknown", why, missing=("dns.json",))
        return explain(walk, outcome, self, self.key)

    def _walk(self, walk: Walk, index: ListenerIndex) -> Outcome:
        if "listeners" not in walk.proxy.sections:
            return Outcome("unknown", "no-listeners", "the dump has no listeners section", missing=("listeners",))
        ended = arrive(walk, index)
        if ended is not None:
            return ended
        chain = walk.chain
        if chain is not None and chain.tcp is not None:
            walk.cluster_name = chain.tcp.clusters[0].name if chain.tcp.clusters else ""
            walk.config = chain.config
            return self._heaviest_or_worst(walk, [c.name for c in chain.tcp.clusters])
        if chain is not None and chain.http is not None:
            answered = pass_http(walk, chain.http, self.domains)
            if answered is not None:
                return answered
            return self._heaviest_or_worst(walk, [c.name for c in walk.route.clusters] if walk.route else [])
        filters = ", ".join(chain.filters) if chain else ""
        why = f"filter chain {chain_label(walk)} has no filter that this version reads ({filters or 'none'})"
        return Outcome("unknown", "filter", why, missing=("network filter",))

    def _heaviest_or_worst(self, walk: Walk, names: list[str]) -> Outcome:
        """Judge the cluster; of several weighted ones the worst counts, for some connections will meet it."""
        if len(names) < 2:
            return judge_cluster(walk, self.registry)
        steps = list(walk.steps)
        judged = []
        for name in names:
            walk.steps, walk.cluster_name, walk.cluster, walk.endpoint = list(steps), name, None, None
            judged.append((judge_cluster(walk, self.registry), name, walk.steps, walk.cluster, walk.endpoint))
        outcome, walk.cluster_name, walk.steps, walk.cluster, walk.endpoint = min(
            judged, key=lambda j: WORST_FIRST.index(j[0].verdict)
        )
        return outcome

    def _captured(self, walk: Walk) -> Outcome | None:
        """The walk's first step: does it enter the sidecar at all?"""
        destination = walk.destination
        found = captured(self.settings, destination.ip, destination.port)
        walk.steps.append(Step("capture", _capture_word(found), _capture_why(found, self.settings), _pointed(found)))
        if found.verdict is False and self.index is not None and self.index.accepts(destination.ip, destination.port):
            walk.step("capture", "dialled directly", "a listener of the sidecar itself is bound to this address and port")
            return None
        if found.verdict is False:
            return Outcome("bypassed", "bypassed", found.because)
        if found.verdict is None:
            return Outcome("unknown", "address-unknown", found.because, missing=("dns.json",))
        return None

    def _depends_on_address(self, walk: Walk) -> bool:
        """Whether another address on this port could end elsewhere."""
        if self.index is None or self.index.bound_addresses(walk.destination.port):
            return True
        listener = walk.listener
        return listener is not None and any(c.match.prefix_ranges for c in listener.filter_chains)

    def _without_proxy(self, destination: Destination) -> Trace:
        because = self.mesh.proxies_unread.get(self.key, "")
        if self.pod is not None and self.pod.proxy_container is None:
            why = "the pod has no sidecar: nothing of Istio's sees the connection"
            step = Step("capture", "no sidecar", why, Evidence(self.pod.pointer.document, self.pod.pointer.path))
            return Trace(self.key, destination, "bypassed", "no-sidecar", why, steps=(step,))
        document = f"proxies/{self.key}/config_dump.json"
        why = because or f"{document} was not read"
        return Trace(self.key, destination, "unknown", "evidence-missing", why, missing=(document,))


def _capture_word(found: Captured) -> str:
    return {True: "redirected to the sidecar", False: "past the sidecar", None: "not known"}[found.verdict]


def _capture_why(found: Captured, settings: CaptureSettings) -> str:
    text = found.because + (f" ({found.field}: {found.value})" if found.field else "")
    return text if settings.known else text + "; the pod's own settings were not read, so Istio's default is assumed"


def _pointed(found: Captured) -> Evidence | None:
    return Evidence(found.pointer.document, found.pointer.path, found.value) if found.pointer else None


def trace_host(tracer: Tracer, destination: Destination) -> Trace:
    """Every known address of the host, the worst verdict counts; with an address given, just that one."""
    if destination.ip is not None:
        return tracer.trace(destination)
    addresses = tracer.known_addresses(destination.host, destination.port)
    if not addresses:
        return tracer.trace(destination)
    traces = [tracer.trace(structs.replace(destination, ip=ip)) for ip in addresses]
    worst = min(traces, key=lambda t: WORST_FIRST.index(t.verdict))
    rows = tuple(
        AddressTrace(ip, t.verdict, t.reason, t.cluster, t.listener) for ip, t in zip(addresses, traces, strict=True)
    )
    return structs.replace(worst, addresses=rows)


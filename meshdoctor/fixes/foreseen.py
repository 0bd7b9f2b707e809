"""One sidecar as the resources would have it: its connections traced through a configuration that is foretold."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct, structs

from meshdoctor.model.mesh import Mesh, Sidecar
from meshdoctor.model.proxy import Endpoint, Node, Proxy
from meshdoctor.model.trace import Destination, Trace
from meshdoctor.semantics.forecast.doubt import doubt_about
from meshdoctor.semantics.forecast.foretold import Foretold, Self, foretell
from meshdoctor.semantics.names import BLACKHOLE, PASSTHROUGH
from meshdoctor.semantics.registry import CLUSTER_LOCAL, Registry
from meshdoctor.trace.outbound import Tracer, trace_host

POLICIES = {"REGISTRY_ONLY": BLACKHOLE, "ALLOW_ANY": PASSTHROUGH}
DEFAULT_POLICY = "ALLOW_ANY"
"""Where the mesh's settings were read and name none (istio pkg/config/mesh/mesh.go)."""


class Seen(Struct, frozen=True):
    """A verdict of `trace`, the host whose cluster is reached, and why; `unknown` where the resources leave it open."""

    verdict: str
    owner: str
    because: str
    reason: str = ""


class Remembering(Tracer):
    """A tracer that is asked the same from many sides, and traces it once."""

    def __init__(self, mesh: Mesh, pod: str) -> None:
        super().__init__(mesh, pod)
        self._traced: dict[Destination, Trace] = {}

    def trace(self, destination: Destination) -> Trace:
        """One connection to one address, as `Tracer.trace` says."""
        if destination not in self._traced:
            self._traced[destination] = super().trace(destination)
        return self._traced[destination]


class Foreseen:
    """One sidecar's foretold configuration for some ports, and the way of connections through it."""

    def __init__(self, mesh: Mesh, who: Self, ports: Collection[int], registry: Registry | None = None) -> None:
        self.foretold: Foretold = foretell(registry or Registry(mesh), who, ports)
        proxies = {who.key: self.foretold.proxy}
        self.mesh: Mesh = structs.replace(mesh, proxies=proxies, dns=_names(mesh, who.resolved))
        self.tracer = Remembering(self.mesh, who.key)

    def seen(self, host: str, port: int, scheme: str = "", ip: str | None = None, protocol: str | None = None) -> Seen:
        """What becomes of a connection as the client most likely opens it, to `ip` or each address it may dial."""
        doubt = doubt_about(self.foretold.doubts, host, port)
        if not doubt:
            seen = seen_by(self.tracer, host, port, scheme, ip, protocol)
            doubt = doubt_about(self.foretold.doubts, seen.owner, port) if seen.owner else ""
        return Seen("unknown", "", doubt) if doubt else seen


def seen_by(
    tracer: Tracer, host: str, port: int, scheme: str = "", ip: str | None = None, protocol: str | None = None
) -> Seen:
    """What a sidecar does with such a connection."""
    destination = tracer.destination(host, port, scheme=scheme, ip=ip, protocol=protocol)
    traced = trace_host(tracer, destination, dialled_only=True)
    return Seen(traced.verdict, traced.owner, traced.because, traced.reason)


def self_of(mesh: Mesh, registry: Registry, key: str) -> Self:
    """What is known of a pod's sidecar: from its brief, else from the mesh's settings and its Sidecar."""
    brief = mesh.brief(key)
    pod = mesh.pods.get(key)
    node = brief.node if brief else Node()
    viewer = registry.viewer(_shell(key, node) if brief else None, pod)
    labels = pod.labels if pod else _labels(node)
    unmatched = brief.unmatched if brief else policy_of(mesh, viewer.sidecar)
    return Self(
        key=key,
        viewer=viewer,
        node=node,
        unmatched=unmatched if unmatched in (BLACKHOLE, PASSTHROUGH) else "",
        labels=labels,
        inspection_timeout=brief.inspection_timeout if brief else 0.0,
    )


def after_change(who: Self, mesh: Mesh, registry: Registry) -> Self:
    """The same sidecar among changed objects: the Sidecar that applies to it may be another, and so its policy."""
    viewer = registry.viewer(_shell(who.key, who.node), mesh.pods.get(who.key))
    before, after = (one.outbound_policy if one else None for one in (who.viewer.sidecar, viewer.sidecar))
    unmatched = who.unmatched if before == after else policy_of(mesh, viewer.sidecar)
    return structs.replace(who, viewer=viewer, unmatched=unmatched)


def with_dump(who: Self, proxy: Proxy) -> Self:
    """The sidecar with what its dump tells of names and pods beyond the mesh's objects."""
    return structs.replace(who, resolved=resolved_by(proxy), running=running_in(proxy))


def policy_of(mesh: Mesh, sidecar: Sidecar | None) -> str:
    """The cluster for unmatched connections by the Sidecar, else the mesh's settings; empty where neither tells."""
    if sidecar is not None and sidecar.outbound_policy is not None:
        return POLICIES.get(sidecar.outbound_policy, "")
    if mesh.mesh_config is None:
        return ""
    return POLICIES.get(mesh.mesh_config.outbound_policy or DEFAULT_POLICY, "")


def _shell(key: str, node: Node) -> Proxy:
    """A proxy of which no more is known than who it is."""
    return Proxy(key, node, {}, {}, {}, {}, (), frozenset(), "")


def _labels(node: Node) -> dict[str, str]:
    given = node.metadata.get("LABELS")
    return {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}


def resolved_by(proxy: Proxy) -> dict[str, tuple[str, ...]]:
    """What a sidecar's DNS clusters of one name each resolve it to, as its /clusters page or EDS tells."""
    found: dict[str, tuple[str, ...]] = {}
    live = proxy.live_endpoints or {}
    for name, kind in proxy.cluster_types.items():
        if kind not in ("STRICT_DNS", "LOGICAL_DNS") or name not in live:
            continue
        inline = {endpoint.address for endpoint in proxy.clusters[name].endpoints}
        if len(inline) == 1:
            found[inline.pop()] = tuple(dict.fromkeys(endpoint.address for endpoint in live[name]))
    return found


def running_in(proxy: Proxy) -> dict[str, tuple[Endpoint, ...]]:
    """The endpoints a sidecar has for in-cluster Services, where it tells them."""
    local = (
        proxy.clusters[n] for n, kind in proxy.cluster_types.items() if kind == "EDS" and n.endswith(CLUSTER_LOCAL)
    )
    found = ((cluster.name, proxy.endpoints_of(cluster)) for cluster in local)
    return {name: endpoints for name, endpoints in found if endpoints is not None}


def _names(mesh: Mesh, resolved: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]] | None:
    """DNS answers, and beside them what the sidecar itself found for names of which there is none."""
    if mesh.dns is None and not resolved:
        return None
    answers = mesh.dns or {}
    return {**{name: ips for name, ips in resolved.items() if ips and not answers.get(name)}, **answers}

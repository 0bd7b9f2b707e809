"""One sidecar with the configuration that is predicted from the objects, and traces through it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Unpack

from msgspec import Struct, structs

from meshdoctor.model.mesh import Mesh, Sidecar
from meshdoctor.model.proxy import Endpoint, Node, Proxy
from meshdoctor.model.proxy_summary import ProxySummary
from meshdoctor.model.trace import ClientOptions, Destination, Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.predict.prediction import Prediction, SidecarIdentity, predict
from meshdoctor.predict.unknown import unknown_about
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL, Registry
from meshdoctor.semantics.istio.resource_names import BLACKHOLE, PASSTHROUGH
from meshdoctor.trace.outbound import Tracer

POLICIES = {"REGISTRY_ONLY": BLACKHOLE, "ALLOW_ANY": PASSTHROUGH}
DEFAULT_POLICY = "ALLOW_ANY"
"""Where the mesh's settings were read and name none (istio pkg/config/mesh/mesh.go)."""


class PredictedVerdict(Struct, frozen=True):
    """A verdict of `trace`, the host that is reached, and why; `unknown` where the objects do not decide it."""

    verdict: Verdict
    owner: str
    because: str
    reason: str = ""


class CachingTracer(Tracer):
    """A tracer that traces each connection once."""

    def __init__(self, mesh: Mesh, pod: str) -> None:
        super().__init__(mesh, pod)
        self._traced: dict[Destination, Trace] = {}

    def trace(self, destination: Destination) -> Trace:
        """One connection to one address, as `Tracer.trace` says."""
        if destination not in self._traced:
            self._traced[destination] = super().trace(destination)
        return self._traced[destination]


class PredictedSidecar:
    """One sidecar's predicted configuration for some ports, and the paths of connections through it."""

    def __init__(
        self, mesh: Mesh, who: SidecarIdentity, ports: Collection[int], registry: Registry | None = None
    ) -> None:
        self.predicted: Prediction = predict(registry or Registry(mesh), who, ports)
        proxies = {who.key: self.predicted.proxy}
        self.mesh: Mesh = structs.replace(mesh, proxies=proxies, dns=_names(mesh, who.resolved))
        self.tracer = CachingTracer(self.mesh, who.key)

    def seen(self, host: str, port: int, **client: Unpack[ClientOptions]) -> PredictedVerdict:
        """The verdict of a connection."""
        unknown = unknown_about(self.predicted.unknowns, host, port)
        if not unknown:
            seen = seen_by(self.tracer, host, port, **client)
            unknown = unknown_about(self.predicted.unknowns, seen.owner, port) if seen.owner else ""
        return PredictedVerdict(Verdict.UNKNOWN, "", unknown) if unknown else seen


def seen_by(tracer: Tracer, host: str, port: int, **client: Unpack[ClientOptions]) -> PredictedVerdict:
    """The verdict of a connection through a traced sidecar."""
    traced = tracer.assess(host, port, **client)
    return PredictedVerdict(traced.verdict, traced.owner, traced.because, traced.reason)


def identity_of(mesh: Mesh, registry: Registry, key: str) -> SidecarIdentity:
    """A pod's sidecar: from its config dump, else from the mesh config and its Sidecar."""
    summary = mesh.summary(key)
    pod = mesh.pods.get(key)
    node = summary.node if summary else Node()
    viewer = registry.viewer(_shell(key, node) if summary else None, pod)
    labels = pod.labels if pod else node.labels
    unmatched = summary.unmatched if summary else policy_of(mesh, viewer.sidecar)
    return SidecarIdentity(
        key=key,
        viewer=viewer,
        node=node,
        unmatched=unmatched if unmatched in (BLACKHOLE, PASSTHROUGH) else "",
        labels=labels,
        inspection_timeout=_inspection_timeout(mesh, summary),
    )


def _inspection_timeout(mesh: Mesh, summary: ProxySummary | None) -> float:
    """meshConfig.protocolDetectionTimeout of the sidecar's listeners, else of the mesh; 0 by default."""
    if summary is not None:
        return summary.inspection_timeout
    return mesh.mesh_config.protocol_detection_timeout if mesh.mesh_config else 0.0


def after_change(who: SidecarIdentity, mesh: Mesh, registry: Registry) -> SidecarIdentity:
    """The same sidecar after a change: another Sidecar may apply to it, with another outbound policy."""
    viewer = registry.viewer(_shell(who.key, who.node), mesh.pods.get(who.key))
    before, after = (one.outbound_policy if one else None for one in (who.viewer.sidecar, viewer.sidecar))
    unmatched = who.unmatched if before == after else policy_of(mesh, viewer.sidecar)
    return structs.replace(who, viewer=viewer, unmatched=unmatched)


def with_dump(who: SidecarIdentity, proxy: Proxy) -> SidecarIdentity:
    """The sidecar with the DNS answers and endpoints of its config dump."""
    return structs.replace(who, resolved=resolved_by(proxy), running=running_in(proxy))


def policy_of(mesh: Mesh, sidecar: Sidecar | None) -> str:
    """The cluster for unmatched connections by the Sidecar, else the mesh's settings; empty where neither is known."""
    if sidecar is not None and sidecar.outbound_policy is not None:
        return POLICIES.get(sidecar.outbound_policy, "")
    if mesh.mesh_config is None:
        return ""
    return POLICIES.get(mesh.mesh_config.outbound_policy or DEFAULT_POLICY, "")


def _shell(key: str, node: Node) -> Proxy:
    """A proxy without configuration."""
    return Proxy(key, node, {}, {}, {}, {}, (), frozenset(), "")


def resolved_by(proxy: Proxy) -> dict[str, tuple[str, ...]]:
    """The addresses that a sidecar's DNS clusters resolved, by name, from its /clusters page or EDS."""
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
    """A sidecar's endpoints of in-cluster Services, where they are known."""
    local = (
        proxy.clusters[n] for n, kind in proxy.cluster_types.items() if kind == "EDS" and n.endswith(CLUSTER_LOCAL)
    )
    found = ((cluster.name, proxy.endpoints_of(cluster)) for cluster in local)
    return {name: endpoints for name, endpoints in found if endpoints is not None}


def _names(mesh: Mesh, resolved: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]] | None:
    """DNS answers, and those of the sidecar for names without one."""
    if mesh.dns is None and not resolved:
        return None
    answers = mesh.dns or {}
    return {**{name: ips for name, ips in resolved.items() if ips and not answers.get(name)}, **answers}

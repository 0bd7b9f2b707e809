"""Compares one group of sidecars before and after a change: claims, connections, regressions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, structs

from meshdoctor.fixes.impact.affected_sidecars import SidecarGroup
from meshdoctor.fixes.impact.change_scope import ChangeScope
from meshdoctor.fixes.impact.changed_mesh import PLACEHOLDERS
from meshdoctor.fixes.impact.predicted_sidecar import (
    PredictedSidecar,
    PredictedVerdict,
    after_change,
    identity_of,
    seen_by,
    with_dump,
)
from meshdoctor.fixes.impact.regressions import regressions_of
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.fix import ClaimChange, PredictedChange, Regression
from meshdoctor.model.forward_proxy import ProxiedRequest
from meshdoctor.model.mesh import Dependency
from meshdoctor.model.verdict import Verdict
from meshdoctor.predict.prediction import Prediction
from meshdoctor.semantics.istio.protocols import behaviour, known_protocol
from meshdoctor.semantics.istio.registry import Registry
from meshdoctor.trace.outbound import Tracer

Ask = tuple[int, Dependency]
"""Port and what a client configures, without its pod."""


class UnknownImpact(Struct, frozen=True):
    """A connection on which the impact of the change is not known."""

    host: str
    port: int
    because: str
    pods: tuple[str, ...]


class Compared(Struct, frozen=True):
    """The impact of a change on a group."""

    claims: tuple[ClaimChange, ...] = ()
    connections: tuple[PredictedChange, ...] = ()
    regressions: tuple[Regression, ...] = ()
    unknown: tuple[UnknownImpact, ...] = ()


class Comparison:
    """Compares groups of sidecars in two meshes, before and after a change."""

    def __init__(self, before: Registry, after: Registry, scope: ChangeScope) -> None:
        self._before = before
        self._after = after
        self._scope = scope

    def of(self, group: SidecarGroup) -> Compared:
        """The impact of the change on a group, predicted for its first pod."""
        before, after = self._predicted_sidecar(group)
        if not self._scope.names_move and _same(before.predicted, after.predicted):
            return Compared()
        proxy = self._before.mesh.proxies.get(group.first)
        if proxy is not None:
            before, after = self._predicted_sidecar(group, with_names=True)
        connections, unknown = self._compare_connections(
            group, before, after, Tracer(self._before.mesh, group.first, self._before)
        )
        return Compared(
            claims=tuple(_claim_changes(before.predicted, after.predicted, group.pods)),
            connections=tuple(connections),
            regressions=tuple(regressions_of(before, after, group, self._scope.ports)),
            unknown=tuple(unknown),
        )

    def _predicted_sidecar(
        self, group: SidecarGroup, with_names: bool = False
    ) -> tuple[PredictedSidecar, PredictedSidecar]:
        mesh = self._before.mesh
        who = identity_of(mesh, self._before, group.first)
        if with_names:
            who = with_dump(who, mesh.proxies[group.first])
        later = after_change(who, self._after.mesh, self._after)
        ports = self._scope.ports
        return PredictedSidecar(mesh, who, ports, self._before), PredictedSidecar(
            self._after.mesh, later, ports, self._after
        )

    def _compare_connections(
        self, group: SidecarGroup, before: PredictedSidecar, after: PredictedSidecar, real: Tracer
    ) -> tuple[list[PredictedChange], list[UnknownImpact]]:
        connections: list[PredictedChange] = []
        unknown: list[UnknownImpact] = []
        for (port, client), pods in self._asks(group, before, after).items():
            host = client.host
            was, becomes = before.seen(host, port, dependency=client), _verdict_after(before, after, port, client)
            if Verdict.UNKNOWN not in (was.verdict, becomes.verdict):
                if _outcome(was) == _outcome(becomes):
                    continue
                contradiction = _contradiction(was, seen_by(real, host, port, dependency=client)) if real.proxy else ""
                if not contradiction:
                    connections.append(predicted_change(host, port, pods, was, becomes))
                    continue
                unknown.append(UnknownImpact(host, port, contradiction, pods))
            else:
                because = becomes.because if becomes.verdict is Verdict.UNKNOWN else was.because
                unknown.append(UnknownImpact(host, port, because, pods))
        return connections, unknown

    def _asks(self, group: SidecarGroup, *predicted_sidecar: PredictedSidecar) -> dict[Ask, tuple[str, ...]]:
        """The connections to trace, with their pods: their dependencies, and the registered hosts for all of them."""
        found: dict[Ask, list[str]] = {}
        dependencies = self._before.dependencies
        pairs = dict.fromkeys(pair for one in predicted_sidecar for pair in registered(one, self._scope.ports))
        for pod in group.pods:
            own = dependencies.get(pod, {})
            for (host, port), dependency in own.items():
                if self._is_in_scope(dependency, host, port):
                    found.setdefault((port, _client(dependency)), []).append(pod)
            for host, port in pairs:
                if (host, port) not in own:
                    found.setdefault((port, Dependency("", host, port)), []).append(pod)
        return {ask: tuple(pods) for ask, pods in found.items()}

    def _is_in_scope(self, dependency: Dependency, host: str, port: int) -> bool:
        """Whether the change may concern the dependency, or a forward proxy that alone leads to it."""
        by = () if dependency.is_dialled else dependency.proxied
        return self._scope.holds(host, port) or any(self._scope.holds(one.proxy.host, one.proxy.port) for one in by)


def _client(dependency: Dependency) -> Dependency:
    """The dependency without what says where it was found, so that those of replicas are equal."""

    def bare(requests: tuple[ProxiedRequest, ...]) -> tuple[ProxiedRequest, ...]:
        proxies = (structs.replace(request.proxy, pointer=Pointer("")) for request in requests)
        return tuple(structs.replace(request, proxy=proxy) for request, proxy in zip(requests, proxies, strict=True))

    proxied, asked = bare(dependency.proxied), bare(dependency.asked)
    return structs.replace(dependency, pod="", seen=(), proxied=proxied, asked=asked)


def _verdict_after(
    before: PredictedSidecar, after: PredictedSidecar, port: int, client: Dependency
) -> PredictedVerdict:
    """The verdict after the change, or that of a client with today's protocol where it is worse.

    A changed `protocol` does not change the client, unless it is now the well-known protocol of the port.
    """
    host = client.host
    seen = after.seen(host, port, dependency=client)
    today, later = (one.tracer.protocol_of(host, port, client.scheme) for one in (before, after))
    declared = before.tracer.entries.registration(host, port).visible
    if today == later or later == behaviour(known_protocol(port)) or not declared:
        return seen
    same = after.seen(host, port, dependency=client, protocol=today)
    if same.verdict.rank >= seen.verdict.rank:
        return seen
    return structs.replace(same, because=f"for a client that speaks {today}: {same.because}")


def registered(predicted_sidecar: PredictedSidecar, ports: Collection[int]) -> Iterator[tuple[str, int]]:
    """host:port pairs that ServiceEntries register for this sidecar, without wildcards, to which no client connects."""
    registry, viewer = predicted_sidecar.tracer.registry, predicted_sidecar.tracer.viewer
    for entry in predicted_sidecar.mesh.service_entries:
        for port in entry.ports:
            if port.number not in ports or port.protocol.upper() == "UDP":
                continue
            for host in entry.hosts:
                if not host.startswith("*") and registry.visibility(entry, host, port.number, viewer).ok:
                    yield host.lower(), port.number


def _same(before: Prediction, after: Prediction) -> bool:
    """Whether both are the same configuration, whichever object made a claim."""
    one, other = before.proxy, after.proxy
    return (
        one.listeners == other.listeners
        and one.routes == other.routes
        and one.clusters == other.clusters
        and one.endpoints == other.endpoints
        and before.unknowns == after.unknowns
    )


def _outcome(seen: PredictedVerdict) -> tuple[Verdict, str]:
    return seen.verdict, seen.owner


def _contradiction(was: PredictedVerdict, real: PredictedVerdict) -> str:
    """How the sidecar's real configuration differs from the prediction for the objects now; empty where it does not."""
    if real.verdict is Verdict.UNKNOWN or _outcome(real) == _outcome(was):
        return ""
    return f"the sidecar now gives {real.verdict}, but the prediction from the objects is {was.verdict}"


def predicted_change(
    host: str, port: int, pods: tuple[str, ...], was: PredictedVerdict, becomes: PredictedVerdict
) -> PredictedChange:
    """The verdicts of a connection before and after."""
    ends = (words(was, host), words(becomes, host))
    return PredictedChange(host, port, pods, *ends, becomes.verdict.is_worse_than(was.verdict), becomes.because)


def words(seen: PredictedVerdict, host: str) -> str:
    """A verdict, with the host that is reached where it is another."""
    return f"{seen.verdict} to {seen.owner}" if seen.owner and seen.owner != host.lower() else seen.verdict


def _claim_changes(before: Prediction, after: Prediction, pods: tuple[str, ...]) -> Iterator[ClaimChange]:
    here, there = _places(before), _places(after)
    yield from (ClaimChange("leaves", *place, pods) for place in here if place not in there)
    yield from (ClaimChange("enters", *place, pods) for place in there if place not in here)


def _places(predicted: Prediction) -> Mapping[tuple[str, int, str], None]:
    return {(claim.host, claim.port, _bind_words(claim.bind, claim.place)): None for claim in predicted.active}


def _bind_words(bind: str, place: str) -> str:
    if bind.startswith((PLACEHOLDERS, "2001:2::ffff:")):
        return place.replace(bind, "a virtual address that Istio will allocate")
    return place


Pods = TypeVar("Pods", ClaimChange, PredictedChange, Regression, UnknownImpact)


def merged(compared: Sequence[Compared]) -> Compared:
    """Combines the impact on several groups: equal items become one, with all their pods."""
    return Compared(
        claims=_gathered([claim for one in compared for claim in one.claims]),
        connections=_gathered([effect for one in compared for effect in one.connections]),
        regressions=_gathered([fault for one in compared for fault in one.regressions]),
        unknown=_gathered([found for one in compared for found in one.unknown]),
    )


def _gathered(items: Sequence[Pods]) -> tuple[Pods, ...]:
    found: dict[Pods, list[str]] = {}
    for item in items:
        found.setdefault(structs.replace(item, pods=()), []).extend(item.pods)
    return tuple(structs.replace(item, pods=tuple(sorted(pods))) for item, pods in found.items())

"""One group of sidecars before and after a change: claims that move, connections that turn, rules newly broken."""

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
from meshdoctor.model.fix import ClaimChange, PredictedChange, Regression
from meshdoctor.model.verdict import Verdict
from meshdoctor.predict.prediction import Prediction
from meshdoctor.semantics.istio.protocols import behaviour, known_protocol
from meshdoctor.semantics.istio.registry import Registry
from meshdoctor.trace.outbound import Tracer

Ask = tuple[str, int, str]
"""Host, port and URL scheme of a connection."""


class Open(Struct, frozen=True):
    """Connections of which it is not known what the change does to them."""

    host: str
    port: int
    because: str
    pods: tuple[str, ...]


class Compared(Struct, frozen=True):
    """What a change does to one group."""

    claims: tuple[ClaimChange, ...] = ()
    connections: tuple[PredictedChange, ...] = ()
    regressions: tuple[Regression, ...] = ()
    open: tuple[Open, ...] = ()


class Comparison:
    """Two meshes, before and after, as groups of sidecars would have them."""

    def __init__(self, before: Registry, after: Registry, reach: ChangeScope) -> None:
        self._before = before
        self._after = after
        self._reach = reach

    def of(self, group: SidecarGroup) -> Compared:
        """What the change does to the group, judged by its first pod."""
        before, after = self._predicted_sidecar(group)
        if not self._reach.names_move and _same(before.predicted, after.predicted):
            return Compared()
        proxy = self._before.mesh.proxies.get(group.first)
        if proxy is not None:
            before, after = self._predicted_sidecar(group, with_names=True)
        effects, unsettled = self._effects(group, before, after, Tracer(self._before.mesh, group.first, self._before))
        return Compared(
            claims=tuple(_moves(before.predicted, after.predicted, group.pods)),
            connections=tuple(effects),
            regressions=tuple(regressions_of(before, after, group, self._reach.ports)),
            open=tuple(unsettled),
        )

    def _predicted_sidecar(
        self, group: SidecarGroup, with_names: bool = False
    ) -> tuple[PredictedSidecar, PredictedSidecar]:
        mesh = self._before.mesh
        who = identity_of(mesh, self._before, group.first)
        if with_names:
            who = with_dump(who, mesh.proxies[group.first])
        later = after_change(who, self._after.mesh, self._after)
        ports = self._reach.ports
        return PredictedSidecar(mesh, who, ports, self._before), PredictedSidecar(
            self._after.mesh, later, ports, self._after
        )

    def _effects(
        self, group: SidecarGroup, before: PredictedSidecar, after: PredictedSidecar, real: Tracer
    ) -> tuple[list[PredictedChange], list[Open]]:
        effects: list[PredictedChange] = []
        unsettled: list[Open] = []
        for (host, port, scheme), pods in self._asks(group, before, after).items():
            was, becomes = before.seen(host, port, scheme), _becomes(before, after, (host, port, scheme))
            if Verdict.UNKNOWN not in (was.verdict, becomes.verdict):
                if _turn(was) == _turn(becomes):
                    continue
                contradiction = _contradiction(was, seen_by(real, host, port, scheme)) if real.proxy else ""
                if not contradiction:
                    effects.append(predicted_change(host, port, pods, was, becomes))
                    continue
                unsettled.append(Open(host, port, contradiction, pods))
            else:
                because = becomes.because if becomes.verdict is Verdict.UNKNOWN else was.because
                unsettled.append(Open(host, port, because, pods))
        return effects, unsettled

    def _asks(self, group: SidecarGroup, *predicted_sidecar: PredictedSidecar) -> dict[Ask, tuple[str, ...]]:
        """The connections to trace, with their pods: the pods' dependencies, and what is registered for all of them."""
        found: dict[Ask, list[str]] = {}
        dependencies = self._before.dependencies
        pairs = dict.fromkeys(pair for one in predicted_sidecar for pair in registered(one, self._reach.ports))
        for pod in group.pods:
            own = dependencies.get(pod, {})
            for (host, port), dependency in own.items():
                if self._reach.holds(host, port):
                    found.setdefault((host, port, dependency.scheme), []).append(pod)
            for host, port in pairs:
                if (host, port) not in own:
                    found.setdefault((host, port, ""), []).append(pod)
        return {ask: tuple(pods) for ask, pods in found.items()}


def _becomes(before: PredictedSidecar, after: PredictedSidecar, ask: Ask) -> PredictedVerdict:
    """What becomes of a connection, or of one by the client of today where that is worse.

    A declaration that changes does not change the client, unless it comes to what the port is known for.
    """
    host, port, scheme = ask
    seen = after.seen(host, port, scheme)
    today, later = (one.tracer.protocol_of(host, port, scheme) for one in (before, after))
    declared = before.tracer.registration(host, port).visible
    if today == later or later == behaviour(known_protocol(port)) or not declared:
        return seen
    same = after.seen(host, port, scheme, protocol=today)
    if same.verdict.rank >= seen.verdict.rank:
        return seen
    return structs.replace(same, because=f"for a client that speaks {today}: {same.because}")


def registered(predicted_sidecar: PredictedSidecar, ports: Collection[int]) -> Iterator[tuple[str, int]]:
    """host:port pairs that ServiceEntries register for this sidecar, wildcards left out: nobody dials those."""
    registry, viewer = predicted_sidecar.tracer.registry, predicted_sidecar.tracer.viewer
    for entry in predicted_sidecar.mesh.service_entries:
        for port in entry.ports:
            if port.number not in ports or port.protocol.upper() == "UDP":
                continue
            for host in entry.hosts:
                if not host.startswith("*") and registry.visibility(entry, host, port.number, viewer).ok:
                    yield host.lower(), port.number


def _same(before: Prediction, after: Prediction) -> bool:
    """Whether both give one configuration. Who made a claim is not part of it."""
    one, other = before.proxy, after.proxy
    return (
        one.listeners == other.listeners
        and one.routes == other.routes
        and one.clusters == other.clusters
        and one.endpoints == other.endpoints
        and before.unknowns == after.unknowns
    )


def _turn(seen: PredictedVerdict) -> tuple[Verdict, str]:
    return seen.verdict, seen.owner


def _contradiction(was: PredictedVerdict, real: PredictedVerdict) -> str:
    """Why the model is not believed: the dump says otherwise of what is there now."""
    if real.verdict is Verdict.UNKNOWN or _turn(real) == _turn(was):
        return ""
    return f"today its sidecar has it {real.verdict}, where the objects alone would make it {was.verdict}"


def predicted_change(
    host: str, port: int, pods: tuple[str, ...], was: PredictedVerdict, becomes: PredictedVerdict
) -> PredictedChange:
    """What the pods' connection turns from and to."""
    ends = (words(was, host), words(becomes, host))
    return PredictedChange(host, port, pods, *ends, becomes.verdict.is_worse_than(was.verdict), becomes.because)


def words(seen: PredictedVerdict, host: str) -> str:
    """A verdict, with whose cluster is reached where that is another host's."""
    return f"{seen.verdict} to {seen.owner}" if seen.owner and seen.owner != host.lower() else seen.verdict


def _moves(before: Prediction, after: Prediction, pods: tuple[str, ...]) -> Iterator[ClaimChange]:
    here, there = _places(before), _places(after)
    yield from (ClaimChange("leaves", *place, pods) for place in here if place not in there)
    yield from (ClaimChange("enters", *place, pods) for place in there if place not in here)


def _places(predicted: Prediction) -> Mapping[tuple[str, int, str], None]:
    return {(claim.host, claim.port, _bind_words(claim.bind, claim.place)): None for claim in predicted.active}


def _bind_words(bind: str, place: str) -> str:
    if bind.startswith((PLACEHOLDERS, "2001:2::ffff:")):
        return place.replace(bind, "a virtual address that Istio will give it")
    return place


Pods = TypeVar("Pods", ClaimChange, PredictedChange, Regression, Open)


def merged(compared: Sequence[Compared]) -> Compared:
    """What several groups come to: like things are told once, with all their pods."""
    return Compared(
        claims=_gathered([claim for one in compared for claim in one.claims]),
        connections=_gathered([effect for one in compared for effect in one.connections]),
        regressions=_gathered([fault for one in compared for fault in one.regressions]),
        open=_gathered([found for one in compared for found in one.open]),
    )


def _gathered(items: Sequence[Pods]) -> tuple[Pods, ...]:
    found: dict[Pods, list[str]] = {}
    for item in items:
        found.setdefault(structs.replace(item, pods=()), []).extend(item.pods)
    return tuple(structs.replace(item, pods=tuple(sorted(pods))) for item, pods in found.items())

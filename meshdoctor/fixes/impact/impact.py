"""Whom a fix touches, predicted from the objects before anything is changed."""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.fixes.impact.affected_sidecars import AffectedSidecars, SidecarGroup
from meshdoctor.fixes.impact.change_scope import reach_of
from meshdoctor.fixes.impact.changed_mesh import applied
from meshdoctor.fixes.impact.comparison import Comparison, Open, merged
from meshdoctor.fixes.impact.predicted_sidecar import identity_of
from meshdoctor.model.fix import Change, Impact
from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.istio.registry import Registry

NAMED = 3
"""Pods named in a sentence; more are counted."""


def impact_of(mesh: Mesh, changes: Sequence[Change], now: str = "") -> Impact:
    """What the changed objects would do to every pod that sees them.

    Claims, effects and faults are in the order host, port; `unknown` names what the objects do not settle. A created
    object counts as the youngest: as of `now` (RFC 3339), or the clock. One dump is read per group of like pods that
    the change touches, to hold the objects against what their sidecars really have. Nothing in `mesh` is changed.
    """
    done = applied(mesh, changes, now)
    if not done.moved:
        return Impact(unknown=done.unknown)
    before, after = Registry(mesh), Registry(done.mesh)
    affected_sidecars = AffectedSidecars(before, after, done.moved)
    pods = affected_sidecars.pods()
    comparison = Comparison(before, after, reach_of(done.moved, mesh, done.mesh))
    found = merged([comparison.of(group) for group in groups_of(affected_sidecars, before, pods)])
    return Impact(
        pods=tuple(pods),
        claims=tuple(sorted(found.claims, key=lambda c: (c.host, c.port, c.move, c.bind))),
        connections=tuple(sorted(found.connections, key=lambda e: (not e.is_worse, e.host, e.port, e.pods))),
        regressions=tuple(sorted(found.regressions, key=lambda f: (f.host, f.port, f.rule, f.pods))),
        unknown=(*done.unknown, *_unread(mesh), *sorted(_sentences(found.open))),
    )


def _unread(mesh: Mesh) -> list[str]:
    """Kinds without which the prediction holds but for what they might do."""
    return (
        [] if "envoyfilters" in mesh.kinds_read else ["EnvoyFilters were not read; what they patch is not predicted."]
    )


def groups_of(affected_sidecars: AffectedSidecars, registry: Registry, pods: Sequence[str]) -> list[SidecarGroup]:
    """The pods in groups that see alike; a pod whose dump was read stands for each group that has one."""
    mesh = registry.mesh
    found: dict[tuple[object, ...], list[str]] = {}
    for key in pods:
        who = identity_of(mesh, registry, key)
        found.setdefault(affected_sidecars.outlook(who, mesh.pods.get(key)), []).append(key)
    return [SidecarGroup(next((k for k in keys if mesh.summary(k)), keys[0]), tuple(keys)) for keys in found.values()]


def _sentences(unsettled: Sequence[Open]) -> list[str]:
    """What is open, one sentence for each reason."""
    by_reason: dict[str, list[Open]] = {}
    for one in unsettled:
        by_reason.setdefault(one.because, []).append(one)
    return [_sentence(because, found) for because, found in by_reason.items()]


def _sentence(because: str, found: Sequence[Open]) -> str:
    pairs = list(dict.fromkeys(f"{one.host}:{one.port}" for one in found))
    pods = list(dict.fromkeys(pod for one in found for pod in one.pods))
    return f"What becomes of {listed(pairs)} for {counted(pods)} is not known: {because}."


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def counted(pods: Sequence[str]) -> str:
    """The pod where it is one, else how many."""
    return pods[0] if len(pods) == 1 else f"{len(pods)} pods"

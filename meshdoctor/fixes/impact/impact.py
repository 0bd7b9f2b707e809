"""The impact of a fix, predicted from the objects before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshdoctor.fixes.impact.affected_sidecars import AffectedSidecars, SidecarGroup
from meshdoctor.fixes.impact.change_scope import scope_of
from meshdoctor.fixes.impact.changed_mesh import applied
from meshdoctor.fixes.impact.comparison import Comparison, UnknownImpact, merged
from meshdoctor.fixes.impact.predicted_sidecar import identity_of
from meshdoctor.model.fix import Change, Impact
from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.istio.registry import Registry
from meshdoctor.text.phrases import some

NAMED = 3
"""Pods named in a sentence; more are counted."""


def impact_of(mesh: Mesh, changes: Sequence[Change], now: str = "") -> Impact:
    """The impact of changed objects on every pod that receives them. `mesh` stays as it is.

    Created objects get the creation time `now` (RFC 3339; default the clock). One config dump is read per group of
    affected pods, to compare the prediction with the real configuration.
    """
    done = applied(mesh, changes, now)
    if not done.moved:
        return Impact(unknown=done.unknown)
    before, after = Registry(mesh), Registry(done.mesh)
    affected_sidecars = AffectedSidecars(before, after, done.moved)
    pods = affected_sidecars.pods()
    comparison = Comparison(before, after, scope_of(done.moved, mesh, done.mesh))
    found = merged([comparison.of(group) for group in groups_of(affected_sidecars, before, pods)])
    patches = "EnvoyFilters were not read: their patches are not predicted."
    unread = () if "envoyfilters" in mesh.kinds_read else (patches,)
    return Impact(
        pods=tuple(pods),
        claims=tuple(sorted(found.claims, key=lambda c: (c.host, c.port, c.move, c.bind))),
        connections=tuple(sorted(found.connections, key=lambda e: (not e.is_worse, e.host, e.port, e.pods))),
        regressions=tuple(sorted(found.regressions, key=lambda f: (f.host, f.port, f.rule, f.pods))),
        unknown=(*done.unknown, *unread, *sorted(_sentences(found.unknown))),
    )


def groups_of(affected_sidecars: AffectedSidecars, registry: Registry, pods: Sequence[str]) -> list[SidecarGroup]:
    """The pods in groups with the same configuration, each represented by a pod whose dump was read, if any."""
    mesh = registry.mesh
    found: dict[tuple[object, ...], list[str]] = {}
    for key in pods:
        who = identity_of(mesh, registry, key)
        found.setdefault(affected_sidecars.group_key(who, mesh.pods.get(key)), []).append(key)
    return [SidecarGroup(next((k for k in keys if mesh.summary(k)), keys[0]), tuple(keys)) for keys in found.values()]


def _sentences(unknown: Sequence[UnknownImpact]) -> Iterator[str]:
    """One sentence for each reason."""
    by_reason: dict[str, list[UnknownImpact]] = {}
    for one in unknown:
        by_reason.setdefault(one.because, []).append(one)
    for because, found in by_reason.items():
        pairs = list(dict.fromkeys(f"{one.host}:{one.port}" for one in found))
        pods = list(dict.fromkeys(pod for one in found for pod in one.pods))
        yield f"The impact on {some(pairs, NAMED)} for {counted(pods)} is not known: {because}."


def counted(pods: Sequence[str]) -> str:
    """The pod where it is one, else how many."""
    return pods[0] if len(pods) == 1 else f"{len(pods)} pods"

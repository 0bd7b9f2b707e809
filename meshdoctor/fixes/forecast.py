"""Whom a mend touches, foretold from the objects before anything is changed."""

from __future__ import annotations

from collections.abc import Sequence

from meshdoctor.fixes.applied import applied
from meshdoctor.fixes.comparison import Comparison, Open, merged
from meshdoctor.fixes.foreseen import self_of
from meshdoctor.fixes.onlookers import Group, Onlookers
from meshdoctor.fixes.reach import reach_of
from meshdoctor.model.mend import Change, Touched
from meshdoctor.model.mesh import Mesh
from meshdoctor.semantics.registry import Registry

NAMED = 3
"""Pods named in a sentence; more are counted."""


def forecast(mesh: Mesh, changes: Sequence[Change], now: str = "") -> Touched:
    """What the changed objects would do to every pod that sees them.

    Claims, effects and faults are in the order host, port; `unknown` names what the objects do not settle. A created
    object counts as the youngest: as of `now` (RFC 3339), or the clock. One dump is read per group of like pods that
    the change touches, to hold the objects against what their sidecars really have. Nothing in `mesh` is changed.
    """
    done = applied(mesh, changes, now)
    if not done.moved:
        return Touched(unknown=done.unknown)
    before, after = Registry(mesh), Registry(done.mesh)
    onlookers = Onlookers(before, after, done.moved)
    pods = onlookers.pods()
    comparison = Comparison(before, after, reach_of(done.moved, mesh, done.mesh))
    found = merged([comparison.of(group) for group in groups_of(onlookers, before, pods)])
    return Touched(
        pods=tuple(pods),
        claims=tuple(sorted(found.claims, key=lambda c: (c.host, c.port, c.move, c.bind))),
        effects=tuple(sorted(found.effects, key=lambda e: (not e.worse, e.host, e.port, e.pods))),
        faults=tuple(sorted(found.faults, key=lambda f: (f.host, f.port, f.rule, f.pods))),
        unknown=(*done.unknown, *_unread(mesh), *sorted(_sentences(found.open))),
    )


def _unread(mesh: Mesh) -> list[str]:
    """Kinds without which the forecast holds but for what they might do."""
    return [] if "envoyfilters" in mesh.kinds_read else ["EnvoyFilters were not read; what they patch is not foretold."]


def groups_of(onlookers: Onlookers, registry: Registry, pods: Sequence[str]) -> list[Group]:
    """The pods in groups that see alike; a pod whose dump was read stands for each group that has one."""
    mesh = registry.mesh
    found: dict[tuple[object, ...], list[str]] = {}
    for key in pods:
        who = self_of(mesh, registry, key)
        found.setdefault(onlookers.outlook(who, mesh.pods.get(key)), []).append(key)
    return [Group(next((k for k in keys if mesh.brief(k)), keys[0]), tuple(keys)) for keys in found.values()]


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

"""Whose a host and port is: the object that a sidecar has it from, before a fix and after its undo.

Of several objects that want one host, or one place of a listener, the oldest of the most private ones has it
(`semantics.precedence`). What an undo makes anew is the youngest, so that it may not get back what was its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from meshdoctor.fixes.impact.affected_sidecars import AffectedSidecars
from meshdoctor.fixes.impact.change_scope import reach_of
from meshdoctor.fixes.impact.changed_mesh import PLACEHOLDERS, MovedAddress, applied
from meshdoctor.fixes.impact.impact import groups_of
from meshdoctor.fixes.impact.predicted_sidecar import PredictedSidecar, identity_of
from meshdoctor.model.fix import Change, Ownership, OwnershipChange
from meshdoctor.model.mesh import Mesh, ServiceEntry
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.predict.prediction import Prediction
from meshdoctor.semantics.istio.registry import Registry


def made_anew(changes: Sequence[Change]) -> tuple[ObjectRef, ...]:
    """The ServiceEntries that an undo has to make anew: those the changes delete."""
    return tuple(change.key for change in changes if change.after is None and change.key.kind == "ServiceEntry")


def ownership_of(mesh: Mesh, keys: Collection[ObjectRef]) -> tuple[Ownership, ...]:
    """For every sidecar that sees one of these ServiceEntries: whose each host and port is that they have a part in.

    By the objects alone. Addresses that Istio allocates are left out: they are others each time.
    """
    names = {(key.namespace, key.name) for key in keys}
    entries = [entry for entry in mesh.service_entries if (entry.ref.namespace, entry.ref.name) in names]
    if not entries:
        return ()
    moved = [MovedAddress(entry, entry) for entry in entries]
    registry = Registry(mesh)
    affected_sidecars = AffectedSidecars(registry, registry, moved)
    ports = reach_of(moved, mesh, mesh).ports
    found = []
    for group in groups_of(affected_sidecars, registry, affected_sidecars.pods()):
        predicted = PredictedSidecar(mesh, identity_of(mesh, registry, group.first), ports, registry).predicted
        found += [Ownership(*owned, group.pods) for owned in _held(predicted, registry, entries)]
    return tuple(found)


def ownership_changes_of(before: Iterable[Ownership], after: Iterable[Ownership]) -> tuple[OwnershipChange, ...]:
    """What is another's than before, for pods that are in both; by host and port."""
    now = {(pod, owned.where, owned.port): owned for owned in after for pod in owned.pods}
    there = {pod for pod, _, _ in now}
    turned: dict[tuple[str, int, str, str], list[str]] = {}
    for owned in before:
        for pod in owned.pods:
            heir = now.get((pod, owned.where, owned.port))
            if pod in there and (heir is None or heir.owner != owned.owner):
                becomes = "nobody" if heir is None else heir.owner
                turned.setdefault((owned.host, owned.port, owned.owner, becomes), []).append(pod)
    return tuple(
        OwnershipChange(*turn, tuple(sorted(set(pods))))
        for turn, pods in sorted(turned.items(), key=lambda item: (item[0][0], item[0][1], item[0][2:]))
    )


def not_restored(mesh: Mesh, changes: Sequence[Change], now: str = "") -> tuple[OwnershipChange, ...]:
    """What would be another's once the changes were applied and undone; empty where it all comes back.

    What is made anew is as young as `now` (RFC 3339; the clock's, if empty). Nothing in `mesh` is changed.
    """
    keys = made_anew(changes)
    if not keys:
        return ()
    back = [Change(key=change.key, before=change.after, after=change.before) for change in reversed(changes)]
    later = applied(applied(mesh, changes, now).mesh, back, now).mesh
    return ownership_changes_of(ownership_of(mesh, keys), ownership_of(later, keys))


def _held(
    predicted: Prediction, registry: Registry, entries: Sequence[ServiceEntry]
) -> Iterator[tuple[str, int, str, str]]:
    """(host, port, where, owner) of the hosts of these entries, and of the places that are wanted on their ports."""
    hosts = {host.lower() for entry in entries for host in entry.hosts}
    ports = {port.number for entry in entries for port in entry.ports}
    for (host, port), ref in predicted.owners.items():
        if host in hosts:
            yield host, port, f"host {host}", str(ref)
    for claim in predicted.active:
        is_virtual = claim.bind.startswith(PLACEHOLDERS) or registry.is_virtual(claim.bind)
        if not is_virtual and (claim.host in hosts or claim.port in ports):
            yield claim.host, claim.port, claim.place, str(claim.member.ref)

"""The owner of a host and port: the object that a sidecar has it from, before a fix and after its undo.

Of several objects for one host, or one address of a listener, the oldest of the most private ones owns it
(`semantics.istio.precedence`). An object that an undo creates again is the newest, so it may lose what it owned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from meshdoctor.fixes.impact.affected_sidecars import AffectedSidecars
from meshdoctor.fixes.impact.change_scope import scope_of
from meshdoctor.fixes.impact.changed_mesh import PLACEHOLDERS, ChangedObject, applied
from meshdoctor.fixes.impact.impact import groups_of
from meshdoctor.fixes.impact.predicted_sidecar import PredictedSidecar, identity_of
from meshdoctor.model.fix import Change, Ownership, OwnershipChange
from meshdoctor.model.mesh import Mesh, ServiceEntry
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.predict.prediction import Prediction
from meshdoctor.semantics.istio.registry import Registry


def deleted_entries(changes: Sequence[Change]) -> tuple[ObjectRef, ...]:
    """The ServiceEntries that the changes delete, and that an undo creates again."""
    return tuple(change.key for change in changes if change.after is None and change.key.kind == "ServiceEntry")


def ownership_of(mesh: Mesh, keys: Collection[ObjectRef]) -> tuple[Ownership, ...]:
    """The owners of the hosts and ports of these ServiceEntries, for every sidecar that receives one of them.

    Predicted from the objects, without addresses that Istio allocates, which differ each time.
    """
    names = {(key.namespace, key.name) for key in keys}
    entries = [entry for entry in mesh.service_entries if (entry.ref.namespace, entry.ref.name) in names]
    if not entries:
        return ()
    moved = [ChangedObject(entry, entry) for entry in entries]
    registry = Registry(mesh)
    affected_sidecars = AffectedSidecars(registry, registry, moved)
    ports = scope_of(moved, mesh, mesh).ports
    found = []
    for group in groups_of(affected_sidecars, registry, affected_sidecars.pods()):
        predicted = PredictedSidecar(mesh, identity_of(mesh, registry, group.first), ports, registry).predicted
        found += [Ownership(*owned, group.pods) for owned in _owned(predicted, registry, entries)]
    return tuple(found)


def ownership_changes_of(before: Iterable[Ownership], after: Iterable[Ownership]) -> tuple[OwnershipChange, ...]:
    """Hosts and ports with another owner than before, for pods that are in both."""
    now = {(pod, owned.where, owned.port): owned for owned in after for pod in owned.pods}
    there = {pod for pod, _, _ in now}
    changed: dict[tuple[str, int, str, str], list[str]] = {}
    for owned in before:
        for pod in owned.pods:
            later = now.get((pod, owned.where, owned.port))
            if pod in there and (later is None or later.owner != owned.owner):
                becomes = "nobody" if later is None else later.owner
                changed.setdefault((owned.host, owned.port, owned.owner, becomes), []).append(pod)
    return tuple(
        OwnershipChange(*turn, tuple(sorted(set(pods))))
        for turn, pods in sorted(changed.items(), key=lambda item: (item[0][0], item[0][1], item[0][2:]))
    )


def not_restored(mesh: Mesh, changes: Sequence[Change], now: str = "") -> tuple[OwnershipChange, ...]:
    """Hosts and ports with another owner after the changes are applied and undone.

    Objects that the undo creates again get the creation time `now` (RFC 3339; default the clock).
    """
    keys = deleted_entries(changes)
    if not keys:
        return ()
    undo = [Change(key=change.key, before=change.after, after=change.before) for change in reversed(changes)]
    undone = applied(applied(mesh, changes, now).mesh, undo, now).mesh
    return ownership_changes_of(ownership_of(mesh, keys), ownership_of(undone, keys))


def _owned(
    predicted: Prediction, registry: Registry, entries: Sequence[ServiceEntry]
) -> Iterator[tuple[str, int, str, str]]:
    """(host, port, where, owner) of the hosts of these entries, and of the claims on their ports."""
    hosts = {host.lower() for entry in entries for host in entry.hosts}
    ports = {port.number for entry in entries for port in entry.ports}
    for (host, port), ref in predicted.owners.items():
        if host in hosts:
            yield host, port, f"host {host}", str(ref)
    for claim in predicted.active:
        is_virtual = claim.bind.startswith(PLACEHOLDERS) or registry.is_virtual(claim.bind)
        if not is_virtual and (claim.host in hosts or claim.port in ports):
            yield claim.host, claim.port, claim.place, str(claim.member.ref)

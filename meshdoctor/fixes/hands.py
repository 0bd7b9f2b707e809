"""Whose a host and port is: the object that a sidecar has it from, before a mend and after its undo.

Of several objects that want one host, or one place of a listener, the oldest of the most private ones has it
(`semantics.precedence`). What an undo makes anew is the youngest, so that it may not get back what was its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from meshdoctor.fixes.applied import PLACEHOLDERS, Moved, applied
from meshdoctor.fixes.forecast import groups_of
from meshdoctor.fixes.foreseen import Foreseen, self_of
from meshdoctor.fixes.onlookers import Onlookers
from meshdoctor.fixes.reach import reach_of
from meshdoctor.model.mend import Change, Hand, Handover, ObjectKey
from meshdoctor.model.mesh import Mesh, ServiceEntry
from meshdoctor.semantics.forecast.foretold import Foretold
from meshdoctor.semantics.registry import Registry


def made_anew(changes: Sequence[Change]) -> tuple[ObjectKey, ...]:
    """The ServiceEntries that an undo has to make anew: those the changes delete."""
    return tuple(change.key for change in changes if change.after is None and change.key.kind == "ServiceEntry")


def hands(mesh: Mesh, keys: Collection[ObjectKey]) -> tuple[Hand, ...]:
    """For every sidecar that sees one of these ServiceEntries: whose each host and port is that they have a part in.

    By the objects alone. Addresses that Istio allocates are left out: they are others each time.
    """
    names = {(key.namespace, key.name) for key in keys}
    entries = [entry for entry in mesh.service_entries if (entry.ref.namespace, entry.ref.name) in names]
    if not entries:
        return ()
    moved = [Moved(entry, entry) for entry in entries]
    registry = Registry(mesh)
    onlookers = Onlookers(registry, registry, moved)
    ports = reach_of(moved, mesh, mesh).ports
    found = []
    for group in groups_of(onlookers, registry, onlookers.pods()):
        foretold = Foreseen(mesh, self_of(mesh, registry, group.first), ports, registry).foretold
        found += [Hand(*hand, group.pods) for hand in _held(foretold, registry, entries)]
    return tuple(found)


def handovers(before: Iterable[Hand], after: Iterable[Hand]) -> tuple[Handover, ...]:
    """What is another's than before, for pods that are in both; by host and port."""
    now = {(pod, hand.where, hand.port): hand for hand in after for pod in hand.pods}
    there = {pod for pod, _, _ in now}
    turned: dict[tuple[str, int, str, str], list[str]] = {}
    for hand in before:
        for pod in hand.pods:
            heir = now.get((pod, hand.where, hand.port))
            if pod in there and (heir is None or heir.owner != hand.owner):
                becomes = "nobody" if heir is None else heir.owner
                turned.setdefault((hand.host, hand.port, hand.owner, becomes), []).append(pod)
    return tuple(
        Handover(*turn, tuple(sorted(set(pods))))
        for turn, pods in sorted(turned.items(), key=lambda item: (item[0][0], item[0][1], item[0][2:]))
    )


def after_undo(mesh: Mesh, changes: Sequence[Change], now: str = "") -> tuple[Handover, ...]:
    """What would be another's once the changes were applied and undone; empty where it all comes back.

    What is made anew is as young as `now` (RFC 3339; the clock's, if empty). Nothing in `mesh` is changed.
    """
    keys = made_anew(changes)
    if not keys:
        return ()
    back = [Change(key=change.key, before=change.after, after=change.before) for change in reversed(changes)]
    later = applied(applied(mesh, changes, now).mesh, back, now).mesh
    return handovers(hands(mesh, keys), hands(later, keys))


def _held(
    foretold: Foretold, registry: Registry, entries: Sequence[ServiceEntry]
) -> Iterator[tuple[str, int, str, str]]:
    """(host, port, where, owner) of the hosts of these entries, and of the places that are wanted on their ports."""
    hosts = {host.lower() for entry in entries for host in entry.hosts}
    ports = {port.number for entry in entries for port in entry.ports}
    for (host, port), ref in foretold.owners.items():
        if host in hosts:
            yield host, port, f"host {host}", str(ref)
    for claim in foretold.held:
        is_virtual = claim.bind.startswith(PLACEHOLDERS) or registry.is_virtual(claim.bind)
        if not is_virtual and (claim.host in hosts or claim.port in ports):
            yield claim.host, claim.port, claim.place, str(claim.member.ref)

"""A mesh's dumps shared out: what other processes learn of them comes back to this one's mesh."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from meshdoctor.diagnosis.workers import spread
from meshdoctor.facts.proxy_files import DumpProxies, ProxyNotes
from meshdoctor.model.evidence import Unread
from meshdoctor.model.mesh import Mesh

Result = TypeVar("Result")


def over_dumps(
    mesh: Mesh, names: Collection[str], work: Callable[[Collection[str]], Result], workers: int = 0
) -> list[Result]:
    """What `work` gives for shares of the proxies, as `workers.spread` makes them."""
    proxies = mesh.proxies
    if not isinstance(proxies, DumpProxies):
        return [work(names)]

    def told(share: Collection[str]) -> tuple[Result, ProxyNotes, list[Unread]]:
        return work(share), proxies.learnt(), list(mesh.unread)

    results = []
    for result, learnt, unread in spread(names, proxies.size, told, workers):
        results.append(result)
        proxies.learn(learnt)
        mesh.unread += [note for note in unread if note not in mesh.unread]
    return results


def in_order(mesh: Mesh) -> tuple[Unread, ...]:
    """`mesh.unread` in the same order however the work was shared out: dumps, then their pages, in the capture's."""
    order = {name: place for place, name in enumerate([*mesh.proxies_unread, *mesh.proxy_names])}
    places = {f"proxies/{name}": (1, place) for name, place in order.items() if name in mesh.proxies_unread}
    places |= {f"proxies/{name}/clusters.json": (2, place) for name, place in order.items()}
    return tuple(sorted(mesh.unread, key=lambda note: places.get(note.path, (0, 0))))

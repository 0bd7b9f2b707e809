"""How far a change reaches: the ports and hosts whose connections it may turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from meshdoctor.fixes.applied import Item, Moved
from meshdoctor.model.mesh import DestinationRule, Mesh, ServiceEntry, Sidecar
from meshdoctor.semantics.forecast.routes import UNREGISTERED_PORT
from meshdoctor.semantics.hosts import covers


class Reach(Struct, frozen=True):
    """Every port in question, and the hosts that are in question on any port."""

    ports: frozenset[int]
    hosts: frozenset[str]

    def holds(self, host: str, port: int) -> bool:
        """Whether a connection may turn."""
        return port in self.ports or any(covers(pattern, host) for pattern in self.hosts)


def reach_of(moved: Iterable[Moved], before: Mesh, after: Mesh) -> Reach:
    """The ports of each changed object and of whatever else shares one of its hosts, in either mesh."""
    items = [item for one in moved for item in (one.before, one.after) if item is not None]
    entries = [*before.service_entries, *after.service_entries]
    hosts = frozenset(host for item in items for host in _hosts(item))
    everywhere = any(isinstance(item, Sidecar) for item in items)
    ports = {p.number for e in entries if everywhere or _shares(e, hosts) for p in e.ports}
    if everywhere:
        ports |= {wish.port for wish in before.wanted if wish.port is not None}
        ports |= {port.number for service in before.services for port in service.ports}
    else:
        ports |= {w.port for w in before.wanted if w.port is not None and any(covers(h, w.host) for h in hosts)}
    return Reach(frozenset(ports) | _own_ports(items), hosts)


def _hosts(item: Item) -> Iterator[str]:
    if isinstance(item, Sidecar):
        return
    for host in (item.host,) if isinstance(item, DestinationRule) else item.hosts:
        yield host.lower().rstrip(".")


def _shares(entry: ServiceEntry, hosts: frozenset[str]) -> bool:
    return any(covers(h, own) or covers(own, h) for own in entry.hosts for h in hosts)


def _own_ports(items: Iterable[Item]) -> frozenset[int]:
    found: set[int] = set()
    for item in items:
        if isinstance(item, ServiceEntry):
            found |= {port.number for port in item.ports}
        elif not isinstance(item, Sidecar | DestinationRule) and item.http:
            found.add(UNREGISTERED_PORT)
    return frozenset(found)

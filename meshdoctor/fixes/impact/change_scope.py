"""The ports and hosts whose connections a change may affect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from meshdoctor.fixes.impact.changed_mesh import ChangedObject, Item
from meshdoctor.model.mesh import DestinationRule, Mesh, ServiceEntry, Sidecar, VirtualService
from meshdoctor.predict.predicted_routes import UNREGISTERED_PORT
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.route_destinations import destinations
from meshdoctor.semantics.kubernetes.manifests import objects_in


class ChangeScope(Struct, frozen=True):
    """Ports, and hosts that may be affected on any port."""

    ports: frozenset[int]
    hosts: frozenset[str]
    names_move: bool = False
    """Addresses of an entry change, so that clients may connect to others."""

    def holds(self, host: str, port: int) -> bool:
        """Whether the change may affect a connection."""
        return port in self.ports or any(covers(pattern, host) for pattern in self.hosts)


def scope_of(moved: Sequence[ChangedObject], before: Mesh, after: Mesh) -> ChangeScope:
    """The scope of the changed objects and of the entries that share one of their hosts, before or after."""
    items = [item for one in moved for item in (one.before, one.after) if item is not None]
    entries = [*before.service_entries, *after.service_entries]
    named = frozenset(host for item in items for host in _hosts(item))
    hosts = named | frozenset(_sent_to(named, [*before.virtual_services, *after.virtual_services]))
    everywhere = any(isinstance(item, Sidecar) for item in items)
    ports = {p.number for e in entries if everywhere or _shares(e, hosts) for p in e.ports}
    if everywhere:
        ports |= {dependency.port for dependency in before.dependencies if dependency.port is not None}
    else:
        ports |= {d.port for d in before.dependencies if d.port is not None and any(covers(h, d.host) for h in hosts)}
    return ChangeScope(frozenset(ports) | _own_ports(items), hosts, any(map(_moves_names, moved)))


def _moves_names(one: ChangedObject) -> bool:
    entries = [item for item in (one.before, one.after) if isinstance(item, ServiceEntry)]
    names = [(e.addresses, e.status_addresses) for e in entries if e.addresses or e.status_addresses]
    return len(names) == 1 or (len(names) == 2 and names[0] != names[1])


def _sent_to(hosts: frozenset[str], services: Iterable[VirtualService]) -> Iterator[str]:
    """Hosts whose VirtualService sends them to one of these."""
    for service in services:
        rules = objects_in((*service.http, *service.tls, *service.tcp))
        if any(covers(host, to) for rule in rules for to, _ in destinations(rule) for host in hosts):
            yield from (host.lower().rstrip(".") for host in service.hosts)


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

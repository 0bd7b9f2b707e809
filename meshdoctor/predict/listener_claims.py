"""Claims: the match on a listener that each service needs, before conflicts between services are resolved.

Where a claim is bound and what it matches follows pilot/pkg/networking/core/listener.go (buildSidecarOutboundListener)
and tls.go: HTTP is always on the wildcard address; opaque ports are bound to their addresses, matched by their ranges,
and without either match the whole port (TCP) or their server name (TLS).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from meshdoctor.model.mesh import Port
from meshdoctor.model.routes import WeightedCluster
from meshdoctor.predict.sidecar_services import SidecarService
from meshdoctor.predict.virtual_services import VirtualServices
from meshdoctor.semantics.ip_addresses import bare, is_single, network
from meshdoctor.semantics.istio.protocols import protocol_class


class ListenerClaim(Struct, frozen=True):
    """One match on one bind address and port, and the clusters it leads to.

    `family` is http, tcp or tls. A port without protocol makes two claims: one for what turns out to be HTTP, one for
    the rest.
    """

    member: SidecarService
    port: int
    protocol: str
    family: str
    bind: str
    """`""` is the wildcard address."""
    ranges: tuple[str, ...] = ()
    """As written; 0.0.0.0/0 matches all and yet counts as a match of its own."""
    names: tuple[str, ...] = ()
    """Server names."""
    clusters: tuple[WeightedCluster, ...] = ()
    config: str = ""
    """Path of the VirtualService that made it."""

    @property
    def host(self) -> str:
        """The host of the service that makes the claim."""
        return self.member.host

    @property
    def is_sniffed(self) -> bool:
        """Its port declares no protocol."""
        return protocol_class(self.protocol) == "auto"

    @property
    def match(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The match that two claims of one listener must not share: ranges with host bits cleared, and server names."""
        return tuple(sorted(str(network(r)) for r in self.ranges)), tuple(sorted(self.names))

    @property
    def place(self) -> str:
        """The match in words, for messages."""
        where = self.bind or "0.0.0.0"
        if self.family == "http":
            return f"{where}, Host header {self.host}"
        words = [*(f"addresses {r}" for r in self.ranges), *(f"server name {n}" for n in self.names)]
        return f"{where}, {' and '.join(words) or 'any address'}" if words or not self.bind else where


def claims_of(members: Iterable[SidecarService], ports: Iterable[int], virtual: VirtualServices) -> list[ListenerClaim]:
    """The claims on these ports, service by service, in the order of precedence."""
    numbers = frozenset(ports)
    return [c for m in members for p in m.ports if p.number in numbers for c in _claims(m, p, virtual)]


def _claims(member: SidecarService, port: Port, virtual: VirtualServices) -> Iterator[ListenerClaim]:
    family = protocol_class(port.protocol)
    protocol = port.protocol.upper()
    if family == "udp" or getattr(member.item, "type", "") == "ExternalName":  # an alias of another service
        return
    if family == "http":
        yield ListenerClaim(member, port.number, protocol, family, "")
        return
    if member.per_endpoint:
        return
    binds = [(bare(a), ()) if is_single(a) else ("", (a,)) for a in member.addresses] or [("", ())]
    for bind, ranges in binds:
        for route in virtual.opaque_routes(member, port, family, sni=not bind):
            yield ListenerClaim(
                member=member,
                port=port.number,
                protocol=protocol,
                family="tls" if family == "tls" else "tcp",
                bind=bind,
                ranges=route.subnets or ranges,
                names=route.names,
                clusters=route.clusters,
                config=route.config,
            )
        if family == "auto":
            yield ListenerClaim(member, port.number, protocol, "http", bind)

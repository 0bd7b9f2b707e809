"""Manifests of entries with one change, for the rules' fixes.

Admission refuses CIDRs where the resolution is DNS, so addresses are written as plain IPs there and as CIDRs for NONE
and STATIC. A change that admission would newly reject is not made, so that a rule can offer another fix.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable
from typing import Any

from meshdoctor.model.mesh import ServiceEntry
from meshdoctor.semantics.ip_addresses import as_cidr, bare, is_single
from meshdoctor.semantics.istio.admission import refusals
from meshdoctor.semantics.istio.protocols import behaviour, known_protocol, protocol_class
from meshdoctor.semantics.kubernetes.manifests import objects_in

Manifest = dict[str, Any]


def listable(entry: ServiceEntry, addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses in the form that admission accepts with this entry's resolution."""
    as_written = bare if entry.resolution.startswith("DNS") else as_cidr
    return tuple(dict.fromkeys(as_written(a) for a in addresses))


def with_addresses(entry: ServiceEntry, addresses: Iterable[str]) -> Manifest:
    """The entry with these addresses added to its own; `{}` where there is nothing to add."""
    added = listable(entry, addresses)
    if not entry.manifest or not added:
        return {}
    made = copy.deepcopy(entry.manifest)
    made["spec"]["addresses"] = list(dict.fromkeys([*entry.addresses, *added]))
    return _admitted(entry, made)


def with_protocol(entry: ServiceEntry, number: int, protocol: str, addresses: Iterable[str]) -> Manifest:
    """The entry with one port's protocol replaced; TCP comes with addresses, or not at all."""
    opaque = protocol_class(protocol) == "tcp"
    made = with_addresses(entry, addresses) if opaque and not entry.addresses else copy.deepcopy(entry.manifest)
    for port in _ports(made):
        if port.get("number") == number:
            # only people read the name: its protocol part follows the protocol
            head, dash, rest = str(port.get("name", "")).partition("-")
            better = protocol.lower() + dash + rest
            taken = {p.get("name") for p in _ports(made)}
            if head == str(port.get("protocol", "")).lower() and better not in taken:
                port["name"] = better
            port["protocol"] = protocol
            return _admitted(entry, made)
    return {}


def as_tls(entry: ServiceEntry, number: int, resolve: bool = False) -> Manifest:
    """The entry with the port declared TLS; `{}` unless clients of that port are known to speak TLS.

    With a single address the port would be matched by that alone, the server name counts for nothing there.
    `resolve` sets resolution DNS as well, which a wildcard host cannot have, and drops the addresses: the server name
    decides then, and DNS admits no ranges.
    """
    if behaviour(known_protocol(number)) != "tls" or (resolve and any(h.startswith("*") for h in entry.hosts)):
        return {}
    if not resolve and any(is_single(address) for address in entry.addresses):
        return {}
    made = with_protocol(entry, number, "TLS", ())
    if made and resolve:
        made["spec"]["resolution"] = "DNS"
        made["spec"].pop("addresses", None)
    return _admitted(entry, made) if made else {}


def with_port(entry: ServiceEntry, number: int, protocol: str, addresses: Iterable[str]) -> Manifest:
    """The entry with one more port. A TCP port needs the entry to have addresses; `{}` where none are known."""
    opaque = protocol_class(protocol) == "tcp"
    made = with_addresses(entry, addresses) if opaque and not entry.addresses else copy.deepcopy(entry.manifest)
    if not made:
        return {}
    name = free_name(protocol.lower(), number, {p.get("name") for p in _ports(made)})
    made["spec"]["ports"] = [*_ports(made), {"number": number, "name": name, "protocol": protocol}]
    return _admitted(entry, made)


def with_target_port(entry: ServiceEntry, number: int, target: int) -> Manifest:
    """The entry with one port's targetPort set, and what its endpoints say of that port as well: they go before it."""
    made = copy.deepcopy(entry.manifest)
    for port in _ports(made):
        if port.get("number") == number:
            port["targetPort"] = target
            for endpoint in objects_in(made["spec"].get("endpoints")):
                if port.get("name") in (endpoint.get("ports") or {}):
                    endpoint["ports"][port["name"]] = target
            return _admitted(entry, made)
    return {}


def _admitted(entry: ServiceEntry, made: Manifest) -> Manifest:
    return made if set(refusals(made)) <= set(refusals(entry.manifest)) else {}


def free_name(name: str, number: Any, taken: Container[Any]) -> str:
    """A port name unique in the entry, as admission requires."""
    tries = (name, f"{name}-{number}", *(f"{name}-{number}-{more}" for more in range(2, 300)))
    return next(one for one in tries if one not in taken)


def _ports(manifest: Manifest) -> list[Manifest]:
    return objects_in(manifest.get("spec", {}).get("ports"))

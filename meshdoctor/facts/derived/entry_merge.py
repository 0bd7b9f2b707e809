"""Merges several entries of one namespace for one host: what is active stays, what was shadowed takes effect.

Of two entries the proxy uses the first one's resolution and endpoints, and adds the other's ports where these are equal
(istio pilot/pkg/model/sidecar.go). One entry has these settings for all ports, so not every pair can be merged: where
workload selectors differ, or endpoints differ by port, nothing is offered.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from meshdoctor.facts.derived import entry_edits
from meshdoctor.facts.derived.resource_views import entry_view
from meshdoctor.model.entry_view import EntryView
from meshdoctor.model.mesh import ServiceEntry
from meshdoctor.semantics.istio.admission import refusals
from meshdoctor.semantics.istio.protocols import protocol_class

Manifest = dict[str, Any]


class Merge(Struct, frozen=True):
    """The merged entry for the host, and what happens to the others."""

    manifest: Manifest = {}
    """The active entry with everything merged in; empty where one entry cannot express it."""
    trimmed: tuple[Manifest, ...] = ()
    """Shadowed entries that also have other hosts, without this host."""
    deleted: tuple[EntryView, ...] = ()
    """Shadowed entries whose hosts are all in the merged entry."""
    price: str = ""
    """The trade-offs, in sentences; empty where there are none."""


def merge(
    host: str,
    winner: ServiceEntry,
    losers: Sequence[ServiceEntry],
    answers: Sequence[str],
    default_exports: Sequence[str] = ("*",),
) -> Merge:
    """Merge the entries for `host`. `answers`: its addresses by DNS; `default_exports`: the mesh's default exportTo."""
    if not winner.manifest or any(not _joins(winner, loser) for loser in losers):
        return Merge()
    made = copy.deepcopy(winner.manifest)
    for loser in losers:
        _add(made["spec"], loser, winner.resolution)
    exports = _exports((winner, *losers), default_exports)
    if exports is not None:
        made["spec"]["exportTo"] = exports
    made = _with_addresses(winner, losers, made, answers)
    whole = {h.lower() for h in winner.hosts}
    trimmed = [loser for loser in losers if {h.lower() for h in loser.hosts} - whole]
    kept = [copy.deepcopy(loser.manifest) for loser in trimmed]
    for manifest in kept:
        manifest["spec"]["hosts"] = [host for host in manifest["spec"]["hosts"] if host.lower() not in whole]
    if not made or refusals(made):
        return Merge()
    return Merge(
        made,
        tuple(kept),
        tuple(entry_view(loser) for loser in losers if loser not in trimmed),
        " ".join(_price(host, winner, losers, made, exports is not None)),
    )


def _joins(winner: ServiceEntry, loser: ServiceEntry) -> bool:
    """Whether one entry can express both, with the active entry's resolution for all ports."""
    if loser.ref.namespace != winner.ref.namespace or not loser.manifest:
        return False
    if winner.workload_selector != loser.workload_selector:
        return False
    if winner.resolution != loser.resolution:
        return True
    ours, theirs = _addresses_of(winner), _addresses_of(loser)
    if ours == theirs:
        return True
    # the union serves every port from every endpoint; without endpoints DNS has one, the host itself
    same_ports = {p.number for p in winner.ports} == {p.number for p in loser.ports}
    return same_ports and (winner.resolution == "STATIC" or bool(ours and theirs))


def _addresses_of(entry: ServiceEntry) -> set[str]:
    return {endpoint.address for endpoint in entry.endpoints}


def _add(spec: Manifest, loser: ServiceEntry, resolution: str) -> None:
    """Add the missing ports, and endpoints where both have the same resolution."""
    ports = spec.setdefault("ports", [])
    names = {port.get("number"): port.get("name") for port in ports}
    renamed: dict[str, str] = {}
    theirs = loser.manifest.get("spec", {})
    for port in theirs.get("ports") or []:
        number, name = port.get("number"), port.get("name")
        if number not in names:
            names[number] = entry_edits.free_name(str(name), number, set(names.values()))
            ports.append({**port, "name": names[number]})
        renamed[name] = names[number]
    if loser.resolution != resolution:
        return
    known = {endpoint.get("address") for endpoint in spec.get("endpoints") or []}
    for endpoint in theirs.get("endpoints") or []:
        if endpoint.get("address") not in known:
            added = copy.deepcopy(endpoint)
            if isinstance(added.get("ports"), dict):
                added["ports"] = {renamed.get(name, name): number for name, number in added["ports"].items()}
            spec.setdefault("endpoints", []).append(added)


def _exports(entries: Sequence[ServiceEntry], default: Sequence[str]) -> list[str] | None:
    """exportTo that makes the merged entry visible wherever one of the entries was; None where the first one's does
    already."""
    sets = []
    for entry in entries:
        exports = entry.export_to or default
        named_there = {entry.ref.namespace if e == "." else e for e in exports}
        sets.append({"*"} if "*" in exports else named_there)
    union = set().union(*sets)
    if union == sets[0]:
        return None
    named = sorted(union - {"~"})
    own = entries[0].ref.namespace
    return ["*"] if "*" in union else ["." if name == own else name for name in named]


def _with_addresses(
    winner: ServiceEntry, losers: Sequence[ServiceEntry], made: Manifest, answers: Sequence[str]
) -> Manifest:
    """The manifest with the addresses of all entries where it has any; a new opaque port needs them, else there is no
    merge."""
    own = {port.number for port in winner.ports}
    added_ports = [port for port in made["spec"]["ports"] if port.get("number") not in own]
    opaque = any(protocol_class(str(port.get("protocol", ""))) in ("tcp", "auto") for port in added_ports)
    if not winner.addresses and not opaque:
        return made
    listed = [address for loser in losers for address in loser.addresses]
    added = entry_edits.listable(winner, listed if winner.addresses else [*listed, *answers])
    if not winner.addresses and not added:
        return {}
    made["spec"]["addresses"] = list(dict.fromkeys([*winner.addresses, *added]))
    return made


def _price(host: str, winner: ServiceEntry, losers: Sequence[ServiceEntry], made: Manifest, widened: bool) -> list[str]:
    tradeoffs = []
    for loser in losers:
        if loser.resolution != winner.resolution:
            what = f"Resolution {loser.resolution}" + (" and the endpoints" if loser.endpoints else "")
            tradeoffs.append(
                f"{what} of {loser.ref} no longer appl{'y' if loser.endpoints else 'ies'}: {winner.resolution} is kept."
            )
        for port in loser.ports:
            ours = next((p for p in winner.ports if p.number == port.number), None)
            if ours is not None and ours.protocol.upper() != port.protocol.upper():
                tradeoffs.append(f"Port {port.number} keeps protocol {ours.protocol.upper() or '(none)'}.")
    own = {port.number for port in winner.ports}
    added_ports = [str(port["number"]) for port in made["spec"]["ports"] if port["number"] not in own]
    others = [h for h in winner.hosts if any(h not in loser.hosts for loser in losers)]
    if added_ports and others:
        tradeoffs.append(f"{', '.join(others)} also get{'' if len(others) > 1 else 's'} port {', '.join(added_ports)}.")
    if made["spec"].get("addresses") and not winner.addresses:
        tradeoffs.append("The addresses apply to every port and must follow DNS.")
    if widened:
        tradeoffs.append("The entry is visible wherever one of them was.")
    return list(dict.fromkeys(tradeoffs))

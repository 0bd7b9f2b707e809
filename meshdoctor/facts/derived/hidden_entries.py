"""Entries hidden from a proxy, with the change that makes them visible: in exportTo, the Sidecar's egress, or both."""

from __future__ import annotations

import copy
from typing import Any

from msgspec.structs import replace

from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.derived.resource_views import entry_view
from meshdoctor.model.entry_view import HiddenEntry
from meshdoctor.model.mesh import EgressListener, ServiceEntry, Sidecar
from meshdoctor.semantics.istio.host_names import covers
from meshdoctor.semantics.istio.registry import Hidden
from meshdoctor.semantics.istio.visibility import imported


def hidden_entry(case: ProxyContext, hidden: Hidden, host: str, port: int) -> HiddenEntry:
    """A hidden entry with the changes that together make it visible; none where none would."""
    entry, found = hidden.entry, hidden.visibility
    by_export, by_sidecar = "exportto" in found.field.lower(), found.field.startswith("Sidecar ")
    named = next((h for h in entry.hosts if covers(h, host)), host)
    own, here = entry.ref.namespace, case.viewer.namespace
    kept = [e for e in entry.export_to if e != "~"] or [own]
    exports = tuple(dict.fromkeys([*kept, "." if here == own and own not in kept else here]))
    sidecar: dict[str, Any] = {}
    helps = by_export or by_sidecar
    if helps and not _gets(case, case.viewer.sidecar, entry, named, port):
        sidecar = _widened(case, entry, named, port)
        helps = bool(sidecar)
    return HiddenEntry(
        kind="ServiceEntry",
        namespace=entry.ref.namespace,
        name=entry.ref.name,
        field=found.field,
        because=found.because,
        entry=entry_view(entry),
        fixed_export_to=exports if by_export and helps else (),
        sidecar=sidecar,
    )


def _gets(case: ProxyContext, sidecar: Sidecar | None, entry: ServiceEntry, host: str, port: int) -> bool:
    return imported(sidecar, entry.ref.namespace, host, port, case.viewer.namespace).ok


def _widened(case: ProxyContext, entry: ServiceEntry, host: str, port: int) -> dict[str, Any]:
    """The pod's Sidecar with the entry's host added to its egress; `{}` where that would not help.

    The host is added to the egress listener without a port, or to a new one. A `~` exclusion prevents it.
    """
    sidecar = case.viewer.sidecar
    egress = sidecar.manifest.get("spec", {}).get("egress") if sidecar else None
    if sidecar is None or not isinstance(egress, list) or len(egress) != len(sidecar.egress):
        return {}
    named = f"{entry.ref.namespace}/{host}"
    at = next((n for n, listener in enumerate(sidecar.egress) if listener.port is None), None)
    made = copy.deepcopy(sidecar.manifest)
    listeners = list(sidecar.egress)
    if at is None:
        made["spec"]["egress"].append({"hosts": [named]})
        listeners.append(EgressListener((named,)))
    else:
        kept = [h for h in made["spec"]["egress"][at].get("hosts") or [] if h != "~/*"]
        made["spec"]["egress"][at]["hosts"] = [*kept, named]
        listeners[at] = replace(listeners[at], hosts=(*kept, named))
    return made if _gets(case, replace(sidecar, egress=tuple(listeners)), entry, host, port) else {}

"""Reads pasted output: the arrays of `istioctl proxy-config listeners|clusters|routes|endpoints -o json`.

They have no `configs`, no bootstrap, and camelCase names. Arrays that were not pasted are missing evidence.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy import wire, wire_statuses
from meshdoctor.facts.envoy.camel_case import NOT_JSON, snake_case
from meshdoctor.facts.envoy.config_dump import key_of, node_of
from meshdoctor.facts.envoy.draft import Draft
from meshdoctor.facts.envoy.extensions import without_nulls
from meshdoctor.facts.envoy.salvage import salvage
from meshdoctor.model.evidence import Document
from meshdoctor.model.proxy import Proxy

PASTED = ("listeners.json", "clusters.json", "routes.json", "endpoints.json", "bootstrap.json")
"""File names under which sources store pasted arrays and the bootstrap object."""

Shape = TypeVar("Shape", bound=wire.Wire)


def read_pasted(documents: dict[str, tuple[str, Document]], key: str) -> Proxy:
    """One proxy from arrays pasted together, by file name: (name to show, document).

    Evidence names the file of its section. Raises `Unreadable` where one of them is not the expected array.
    """
    shown = documents.get("listeners.json") or next(iter(documents.values()))
    draft = Draft(shown[0])
    draft.is_pasted = True
    draft.documents = {name.removesuffix(".json"): origin for name, (origin, _) in documents.items()}
    live: dict[str, wire_statuses.ClusterStatus] | None = None
    for name, (origin, document) in documents.items():
        value = _decode(document, origin)
        if name == "bootstrap.json":
            _bootstrap(draft, value)
            continue
        if not isinstance(value, list):
            raise Unreadable(f"{origin}: expected the array that `istioctl proxy-config ... -o json` prints")
        draft.sections.add(name.removesuffix(".json"))
        items = [snake_case(item) if isinstance(item, dict) else item for item in value]
        if name == "endpoints.json":
            live = _statuses(draft, items)
        else:
            _add(draft, name, items)
    if not draft.node.pod:
        draft.notes.append("pasted from istioctl without bootstrap: pod, version and DNS capture are unknown")
    return draft.finish(key_of(draft.node, key), live)


def _bootstrap(draft: Draft, value: Any) -> None:
    """`istioctl proxy-config bootstrap -o json`: {"bootstrap": {"node": ...}}."""
    whole = (value.get("bootstrap") or value) if isinstance(value, dict) else None
    node = whole.get("node") if isinstance(whole, dict) else None
    if not isinstance(node, dict):
        return
    source, lost = salvage(without_nulls(node), wire.WireNode)
    draft.node = node_of(source)
    draft.sections.add("bootstrap")
    if lost:
        draft.gaps.anything("bootstrap", f"bootstrap: {lost}")


def _decode(document: Document, origin: str) -> Any:
    try:
        return msgspec.json.decode(document.read())
    except NOT_JSON as error:
        raise Unreadable(f"{origin}: incomplete JSON: {error}. Was it cut short while pasting?") from None


def _add(draft: Draft, name: str, items: list[Any]) -> None:
    section = name.removesuffix(".json")
    for index, item in enumerate(items):
        at = f"{'' if section == 'listeners' else section}$[{index}]"
        if section == "listeners":
            listener = _read(item, wire.WireListener)[0]
            if listener.name or not listener.unread:
                draft.add_listener(listener, at, f"listener-{index}")
            else:
                draft.lose_listener("", listener.unread, at)
            continue
        found: wire.WireCluster | wire.WireRouteConfig
        if section == "clusters":
            found = cluster = _read(item, wire.WireCluster)[0]
            draft.clusters[cluster.name] = (cluster, at, "active")
        else:
            found = route = _read(item, wire.WireRouteConfig)[0]
            draft.routes[route.name] = (route, at)
        if found.unread:
            draft.gaps.entry(section, found.name, found.unread, at=at)


def _statuses(draft: Draft, items: list[Any]) -> dict[str, wire_statuses.ClusterStatus]:
    """Hosts by cluster; of one that does not have its shape, none."""
    found: dict[str, wire_statuses.ClusterStatus] = {}
    for index, item in enumerate(items):
        status, lost = _read(item, wire_statuses.ClusterStatus)
        if lost or not status.name:
            draft.gaps.entry("endpoints", status.name, lost or "it names no cluster", at=f"endpoints$[{index}]")
        else:
            found[status.name] = status
    return found


def _read(item: Any, shape: type[Shape]) -> tuple[Shape, str]:
    try:
        return msgspec.json.decode(msgspec.json.encode(item), type=shape, strict=False), ""
    except msgspec.ValidationError:
        return salvage(without_nulls(item), shape)

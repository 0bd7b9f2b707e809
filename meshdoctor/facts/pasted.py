"""What people paste: the arrays of `istioctl proxy-config listeners|clusters|routes|endpoints -o json`.

They have no `configs`, no bootstrap and camelCase names. What was not pasted is missing evidence.
"""

from __future__ import annotations

from typing import Any

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.facts import wire
from meshdoctor.facts.clusters import ClusterStatus
from meshdoctor.facts.dump import Draft
from meshdoctor.facts.listeners import listener
from meshdoctor.facts.spelling import snake_case
from meshdoctor.model.evidence import Document
from meshdoctor.model.proxy import Proxy

PASTED = ("listeners.json", "clusters.json", "routes.json", "endpoints.json")
"""File names under which collect hands over pasted arrays."""


def read_pasted(documents: dict[str, Document], key: str) -> Proxy:
    """One proxy from arrays pasted together. Raises `Unreadable` where none of them is what it should be."""
    first = next(iter(documents.values()))
    draft = Draft(first.path)
    live: dict[str, ClusterStatus] | None = None
    for name, document in documents.items():
        items = _items(document)
        if name == "listeners.json":
            _listeners(draft, items)
        elif name == "clusters.json":
            _clusters(draft, items)
        elif name == "routes.json":
            _routes(draft, items)
        else:
            live = {s.name: s for s in (msgspec.convert(i, ClusterStatus, strict=False) for i in items)}
            draft.sections.add("endpoints")
    draft.notes.append("pasted from istioctl: without bootstrap, so pod, version and DNS capture are not known")
    return draft.finish(key, live)


def _items(document: Document) -> list[Any]:
    try:
        value = msgspec.json.decode(document.read())
    except msgspec.DecodeError as error:
        raise Unreadable(f"{document.path}: not whole JSON: {error}. Was it cut short while pasting?") from None
    if not isinstance(value, list):
        raise Unreadable(f"{document.path}: expected the array that `istioctl proxy-config ... -o json` prints")
    return [snake_case(item) for item in value if isinstance(item, dict)]


def _decoded(item: dict[str, Any], shape: type[wire.Wire]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(item), type=shape, strict=False)


def _listeners(draft: Draft, items: list[Any]) -> None:
    draft.sections.add("listeners")
    for index, item in enumerate(items):
        made = draft.attempt("listener", lambda i=item, n=index: listener(_decoded(i, wire.WireListener), f"$[{n}]"))
        if made is not None:
            draft.listeners[made.name or f"listener-{index}"] = made


def _clusters(draft: Draft, items: list[Any]) -> None:
    draft.sections.add("clusters")
    for index, item in enumerate(items):
        made = draft.attempt("cluster", lambda i=item: _decoded(i, wire.WireCluster))
        if made is not None:
            draft.clusters[made.name] = (made, f"$[{index}]", "active")


def _routes(draft: Draft, items: list[Any]) -> None:
    draft.sections.add("routes")
    for index, item in enumerate(items):
        made = draft.attempt("route", lambda i=item: _decoded(i, wire.WireRouteConfig))
        if made is not None:
            draft.routes[made.name] = (made, f"$[{index}]")

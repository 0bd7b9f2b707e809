"""What people paste: the arrays of `istioctl proxy-config listeners|clusters|routes|endpoints -o json`.

They have no `configs`, no bootstrap and camelCase names. What was not pasted is missing evidence.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.facts import wire
from meshdoctor.facts.dump import Draft
from meshdoctor.facts.spelling import snake_case
from meshdoctor.model.evidence import Document
from meshdoctor.model.proxy import Proxy

PASTED = ("listeners.json", "clusters.json", "routes.json", "endpoints.json")
"""File names under which collect hands over pasted arrays."""


Shape = TypeVar("Shape", bound=wire.Wire)


def read_pasted(documents: dict[str, Document], key: str) -> Proxy:
    """One proxy from arrays pasted together. Raises `Unreadable` where none of them is what it should be."""
    first = next(iter(documents.values()))
    draft = Draft(first.path)
    live: dict[str, wire.ClusterStatus] | None = None
    for name, document in documents.items():
        items = _items(document)
        if name == "listeners.json":
            _listeners(draft, items)
        elif name == "clusters.json":
            _clusters(draft, items)
        elif name == "routes.json":
            _routes(draft, items)
        else:
            live = {s.name: s for s in (msgspec.convert(i, wire.ClusterStatus, strict=False) for i in items)}
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


def _decoded(draft: Draft, kind: str, item: dict[str, Any], shape: type[Shape]) -> Shape | None:
    """The item in its wire shape, None (counted and noted) where it is not one."""
    decode = partial(msgspec.json.decode, msgspec.json.encode(item), type=shape, strict=False)
    made: Shape | None = draft.attempt(kind, decode)
    return made


def _listeners(draft: Draft, items: list[Any]) -> None:
    draft.sections.add("listeners")
    for index, item in enumerate(items):
        source = _decoded(draft, "listener", item, wire.WireListener)
        if source is not None:
            draft.add_listener(source, f"$[{index}]", f"listener-{index}")


def _clusters(draft: Draft, items: list[Any]) -> None:
    draft.sections.add("clusters")
    for index, item in enumerate(items):
        source = _decoded(draft, "cluster", item, wire.WireCluster)
        if source is not None:
            draft.clusters[source.name] = (source, f"$[{index}]", "active")


def _routes(draft: Draft, items: list[Any]) -> None:
    draft.sections.add("routes")
    for index, item in enumerate(items):
        source = _decoded(draft, "route", item, wire.WireRouteConfig)
        if source is not None:
            draft.routes[source.name] = (source, f"$[{index}]")

"""Reads pasted output: the arrays of `istioctl proxy-config listeners|clusters|routes|endpoints -o json`.

They have no `configs`, no bootstrap, and camelCase names. Arrays that were not pasted are missing evidence.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.camel_case import NOT_JSON, snake_case
from meshdoctor.facts.envoy.config_dump import Draft, key_of, node_of
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
    draft.documents = {name.removesuffix(".json"): origin for name, (origin, _) in documents.items()}
    live: dict[str, wire.ClusterStatus] | None = None
    for name, (origin, document) in documents.items():
        if name == "bootstrap.json":
            _bootstrap(draft, document, origin)
            continue
        items = _items(document, origin)
        if name == "listeners.json":
            _listeners(draft, items)
        elif name == "clusters.json":
            _clusters(draft, items)
        elif name == "routes.json":
            _routes(draft, items)
        else:
            statuses = (_decoded(draft, "endpoint", item, wire.ClusterStatus) for item in items)
            live = {s.name: s for s in statuses if s is not None}
            draft.sections.add("endpoints")
    if not draft.node.pod:
        draft.notes.append("pasted from istioctl without bootstrap: pod, version and DNS capture are unknown")
    return draft.finish(key_of(draft.node, key), live)


def _bootstrap(draft: Draft, document: Document, origin: str) -> None:
    """`istioctl proxy-config bootstrap -o json`: {"bootstrap": {"node": ...}}."""
    value = _decode(document, origin)
    whole = (value.get("bootstrap") or value) if isinstance(value, dict) else None
    node = whole.get("node") if isinstance(whole, dict) else None
    if not isinstance(node, dict):
        return
    source = draft.attempt("bootstrap", lambda: msgspec.convert(node, wire.WireNode, strict=False))
    if source is not None:
        draft.node = node_of(source)
        draft.sections.add("bootstrap")


def _decode(document: Document, origin: str) -> Any:
    try:
        return msgspec.json.decode(document.read())
    except NOT_JSON as error:
        raise Unreadable(f"{origin}: incomplete JSON: {error}. Was it cut short while pasting?") from None


def _items(document: Document, origin: str) -> list[Any]:
    value = _decode(document, origin)
    if not isinstance(value, list):
        raise Unreadable(f"{origin}: expected the array that `istioctl proxy-config ... -o json` prints")
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
            draft.clusters[source.name] = (source, f"clusters$[{index}]", "active")


def _routes(draft: Draft, items: list[Any]) -> None:
    draft.sections.add("routes")
    for index, item in enumerate(items):
        source = _decoded(draft, "route", item, wire.WireRouteConfig)
        if source is not None:
            draft.routes[source.name] = (source, f"routes$[{index}]")

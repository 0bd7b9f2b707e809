"""Reads pasted output: the arrays of `istioctl proxy-config listeners|clusters|routes|endpoints -o json`.

They have no `configs`, no bootstrap, and camelCase names. Arrays that were not pasted are missing evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
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
        value = _decode(document, origin)
        if name == "bootstrap.json":
            _bootstrap(draft, value)
            continue
        if not isinstance(value, list):
            raise Unreadable(f"{origin}: expected the array that `istioctl proxy-config ... -o json` prints")
        items = [snake_case(item) for item in value if isinstance(item, dict)]
        draft.sections.add(name.removesuffix(".json"))
        if name == "endpoints.json":
            live = {status.name: status for _, status in _decoded(draft, "endpoint", items, wire.ClusterStatus)}
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
    source = draft.attempt("bootstrap", lambda: msgspec.convert(node, wire.WireNode, strict=False))
    if source is not None:
        draft.node = node_of(source)
        draft.sections.add("bootstrap")


def _decode(document: Document, origin: str) -> Any:
    try:
        return msgspec.json.decode(document.read())
    except NOT_JSON as error:
        raise Unreadable(f"{origin}: incomplete JSON: {error}. Was it cut short while pasting?") from None


def _add(draft: Draft, name: str, items: list[Any]) -> None:
    if name == "listeners.json":
        for index, listener in _decoded(draft, "listener", items, wire.WireListener):
            draft.add_listener(listener, f"$[{index}]", f"listener-{index}")
    elif name == "clusters.json":
        for index, cluster in _decoded(draft, "cluster", items, wire.WireCluster):
            draft.clusters[cluster.name] = (cluster, f"clusters$[{index}]", "active")
    else:
        for index, route in _decoded(draft, "route", items, wire.WireRouteConfig):
            draft.routes[route.name] = (route, f"routes$[{index}]")


def _decoded(draft: Draft, kind: str, items: list[Any], shape: type[Shape]) -> Iterator[tuple[int, Shape]]:
    """Index and wire shape of each item; one that does not have the shape is counted and noted."""
    for index, item in enumerate(items):
        decode = partial(msgspec.json.decode, msgspec.json.encode(item), type=shape, strict=False)
        made: Shape | None = draft.attempt(kind, decode)
        if made is not None:
            yield index, made

"""Proxies that are configured alike, so that one of them is judged for all.

Alike are two pods whose dumps and pages hold the same as far as facts are made of it (`envoy.likeness`), and who look
out from the same place: namespace, Sidecar, DNS capture, capture settings, wishes. Where a pod's own name, address or
documents would show, it is said apart (`model.place`); who is judged alone and who with others makes no difference to
what comes out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from meshdoctor.facts.dumps import DumpProxies, Learnt, Opened, Page
from meshdoctor.facts.envoy.likeness import Shape
from meshdoctor.facts.joined.proxy_case import ProxyCase
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.place import Place
from meshdoctor.model.proxies import Brief, brief_of, told
from meshdoctor.model.proxy import Node, Proxy
from meshdoctor.semantics.capture import capture_settings
from meshdoctor.semantics.registry import Registry


class Look(NamedTuple):
    """One proxy's turn. Either it has to be judged, or `first` is the one that was judged for it."""

    place: Place
    case: ProxyCase | None = None
    first: str = ""


def looks(
    mesh: Mesh, registry: Registry, keys: Collection[str], *, alone: bool = False, groups: Groups | None = None
) -> Iterator[Look]:
    """Every proxy of `keys` that can be read, by name, each opened once; a replica always after its first.

    Notes on a proxy are taken when the next one is asked for. `alone`: nobody is judged for others. `groups`: those of
    the proxies looked at before, where the keys come one by one.
    """
    proxies = mesh.proxies
    if groups is None and len(keys) > 1 and not alone and isinstance(proxies, DumpProxies):
        groups = Groups(mesh, registry, proxies)
    for key in sorted(keys):
        if groups is not None:
            look = groups.look(key)
        else:
            look = Look(Place(key), ProxyCase(mesh, registry, key)) if key in proxies else None
        if look is None:
            continue
        yield look
        if look.case is not None and isinstance(proxies, DumpProxies):
            proxies.learn(Learnt({key: brief_of(look.case.proxy)}, {}))
        del look  # or this dump is held while the next one is read


class Groups:
    """Who was judged so far, and for whom that counts."""

    def __init__(self, mesh: Mesh, registry: Registry, proxies: DumpProxies) -> None:
        self._mesh = mesh
        self._registry = registry
        self._proxies = proxies
        self._firsts: dict[bytes, str] = {}
        """By digest, the pod that was judged."""
        self._last: tuple[Shape, bytes, str] | None = None
        """Shape, outlook and first of the last proxy: replicas sort side by side, and to compare is the quickest."""
        self._broken_pages: dict[str, Page] = {}

    def look(self, key: str) -> Look | None:
        """The turn of one proxy; None where it cannot be read."""
        opened = self._proxies.opened(key)
        if opened is None:
            return None
        shape = opened.shape() if opened.document == f"proxies/{key}/config_dump.json" else None
        if shape is None:
            return self._judged(Place(key), opened)
        pod = self._mesh.pods.get(key)
        like_last = self._last is not None and shape.is_like(self._last[0])
        place = Place(key, f"proxies/{key}/", pod.pointer if pod else Pointer(""), shape.orders)
        first = self._first(place, shape, like_last)
        brief = self._proxies.brief(first) if first != key else None
        if brief is None:
            if opened.page and opened.page.problem:
                self._broken_pages[key] = opened.page
            return self._judged(place, opened)
        self._repeat(first, brief, opened, shape.node)
        return Look(place, None, first)

    def _judged(self, place: Place, opened: Opened) -> Look | None:
        if self._proxies.hold(opened) is None:
            return None
        return Look(place, ProxyCase(self._mesh, self._registry, place.pod))

    def _first(self, place: Place, shape: Shape, like_last: bool) -> str:
        """The first of those that are alike, which may be this one."""
        known = self._last[0] if self._last and like_last else shape
        outlook = _outlook(self._mesh, self._registry, place, shape.node, known.looks_at_source)
        if self._last is None or known is shape or outlook != self._last[1]:
            first = self._firsts.setdefault(known.digest + hashlib.sha256(outlook).digest(), place.pod)
            self._last = (known, outlook, first)
        return self._last[2]

    def _repeat(self, first: str, brief: Brief, opened: Opened, node: Node) -> None:
        """What looking at this one would have left behind: its brief, and that its page is broken if anyone asked."""
        own = structs.replace(brief, version=node.version, document=opened.document, node=told(node))
        self._proxies.learn(Learnt({opened.key: own}, {}))
        page = self._broken_pages.get(first)
        if page is not None and page.is_told and opened.page is not None:
            opened.page.statuses()


def _outlook(mesh: Mesh, registry: Registry, place: Place, node: Node, by_source: bool) -> bytes:
    """What facts take from the pod and its node, own places said without the pod's name."""
    pod = mesh.pods.get(place.pod)
    document = f"{place.folder}config_dump.json"
    bare = Proxy(place.pod, node, {}, {}, {}, {}, (), frozenset(), document)
    viewer = registry.viewer(bare, pod)
    wishes = [
        (w.host, w.port, w.scheme, [(s.where, s.pointer) for s in w.seen])
        for w in registry.wishes.get(place.pod, {}).values()
    ]
    said = {
        "node": (node.role, node.namespace, node.ip if by_source else ""),
        "viewer": (viewer.namespace, viewer.dns_capture, viewer.is_sidecar, viewer.families),
        "sidecar": next((at for at, one in enumerate(mesh.sidecars) if one is viewer.sidecar), None),
        "settings": capture_settings(pod, node, document),
        "wishes": wishes,
    }
    return msgspec.json.encode(_placeless(msgspec.to_builtins(said), place))


def _placeless(value: Any, place: Place) -> Any:
    """The same value, pointers into the pod's own documents and object without what names the pod."""
    if isinstance(value, dict):
        if value.keys() == {"document", "path"}:
            return _without_place(Pointer(value["document"], value["path"]), place)
        return {key: _placeless(one, place) for key, one in value.items()}
    return [_placeless(one, place) for one in value] if isinstance(value, list | tuple) else value


def _without_place(pointer: Pointer, place: Place) -> tuple[str, ...]:
    below = place.under_pointer(pointer)
    if below is not None:
        return ("pod", below)
    if pointer.document.startswith(place.folder):
        return ("folder", pointer.document[len(place.folder) :], pointer.path)
    return ("other", pointer.document, pointer.path)

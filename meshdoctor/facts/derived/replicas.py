"""Replicas: proxies with the same configuration, of which only one is evaluated.

Two pods are replicas if their dumps and /clusters pages are equal in all that facts are derived from
(`envoy.config_fingerprint`), and so are namespace, Sidecar, DNS capture, capture settings and dependencies. A pod's own
name, address and documents are kept separately (`model.pod_evidence`), so the result is the same as for each pod alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.facts.envoy.config_fingerprint import ConfigFingerprint
from meshdoctor.facts.proxy_files import DumpProxies, OpenedDump, ProxyNotes, ProxyPage
from meshdoctor.model.evidence import Pointer
from meshdoctor.model.mesh import Mesh
from meshdoctor.model.pod_evidence import PodEvidence
from meshdoctor.model.proxy import Node, Proxy
from meshdoctor.model.proxy_summary import ProxySummary, reduced_node, summary_of
from meshdoctor.semantics.istio.capture_settings import capture_settings
from meshdoctor.semantics.istio.registry import Registry


class ProxyToCheck(NamedTuple):
    """One proxy to evaluate, or a replica: then `first` is the proxy whose results apply to it."""

    place: PodEvidence
    case: ProxyContext | None = None
    first: str = ""


def proxies_to_check(
    mesh: Mesh, registry: Registry, keys: Collection[str], *, alone: bool = False, groups: ReplicaGroups | None = None
) -> Iterator[ProxyToCheck]:
    """Every readable proxy of `keys`, by name, each opened once; a replica always after its first.

    Notes on a proxy are taken when the next one is requested. `alone`: do not group replicas. `groups`: the groups of
    earlier proxies, where the keys come one by one.
    """
    proxies = mesh.proxies
    if groups is None and len(keys) > 1 and not alone and isinstance(proxies, DumpProxies):
        groups = ReplicaGroups(mesh, registry, proxies)
    for key in sorted(keys):
        if groups is not None:
            found = groups.look(key)
        else:
            found = ProxyToCheck(PodEvidence(key), ProxyContext(mesh, registry, key)) if key in proxies else None
        if found is None:
            continue
        yield found
        if found.case is not None and isinstance(proxies, DumpProxies):
            proxies.learn(ProxyNotes({key: summary_of(found.case.proxy)}, {}))
        del found  # frees this dump before the next one is read


class ReplicaGroups:
    """The proxies evaluated so far, by configuration."""

    def __init__(self, mesh: Mesh, registry: Registry, proxies: DumpProxies) -> None:
        self._mesh = mesh
        self._registry = registry
        self._proxies = proxies
        self._firsts: dict[bytes, str] = {}
        """By digest, the pod that was evaluated."""
        self._last: tuple[ConfigFingerprint, bytes, str] | None = None
        """Fingerprint, surroundings and first of the previous proxy: replicas are neighbours, and comparing is
        fastest."""
        self._broken_pages: dict[str, ProxyPage] = {}

    def look(self, key: str) -> ProxyToCheck | None:
        """One proxy, as new or as a replica; None where it cannot be read."""
        opened = self._proxies.opened(key)
        if opened is None:
            return None
        shape = opened.shape() if opened.document == f"proxies/{key}/config_dump.json" else None
        if shape is None:
            return self._judged(PodEvidence(key), opened)
        pod = self._mesh.pods.get(key)
        like_last = self._last is not None and shape.is_like(self._last[0])
        place = PodEvidence(key, f"proxies/{key}/", pod.pointer if pod else Pointer(""), shape.orders)
        first = self._first(place, shape, like_last)
        summary = self._proxies.summary(first) if first != key else None
        if summary is None:
            if opened.page and opened.page.problem:
                self._broken_pages[key] = opened.page
            return self._judged(place, opened)
        self._repeat(first, summary, opened, shape.node)
        return ProxyToCheck(place, None, first)

    def _judged(self, place: PodEvidence, opened: OpenedDump) -> ProxyToCheck | None:
        if self._proxies.hold(opened) is None:
            return None
        return ProxyToCheck(place, ProxyContext(self._mesh, self._registry, place.pod))

    def _first(self, place: PodEvidence, shape: ConfigFingerprint, like_last: bool) -> str:
        """The first of this proxy's replicas, which may be itself."""
        known = self._last[0] if self._last and like_last else shape
        surroundings = _surroundings(self._mesh, self._registry, place, shape.node, known.looks_at_source)
        if self._last is None or known is shape or surroundings != self._last[1]:
            first = self._firsts.setdefault(known.digest + hashlib.sha256(surroundings).digest(), place.pod)
            self._last = (known, surroundings, first)
        return self._last[2]

    def _repeat(self, first: str, summary: ProxySummary, opened: OpenedDump, node: Node) -> None:
        """Record what evaluating this replica would have recorded: its summary, and that its page cannot be read."""
        own = structs.replace(summary, version=node.version, document=opened.document, node=reduced_node(node))
        self._proxies.learn(ProxyNotes({opened.key: own}, {}))
        page = self._broken_pages.get(first)
        if page is not None and page.is_told and opened.page is not None:
            opened.page.statuses()


def _surroundings(mesh: Mesh, registry: Registry, place: PodEvidence, node: Node, by_source: bool) -> bytes:
    """What facts use of the pod and its node, with the pod's name removed from pointers."""
    pod = mesh.pods.get(place.pod)
    document = f"{place.folder}config_dump.json"
    bare = Proxy(place.pod, node, {}, {}, {}, {}, (), frozenset(), document)
    viewer = registry.viewer(bare, pod)
    dependencies = [
        (w.host, w.port, w.scheme, w.paths, w.proxied, w.is_dialled, w.asked, [(s.where, s.pointer) for s in w.seen])
        for w in registry.dependencies.get(place.pod, {}).values()
    ]
    parts = {
        "node": (node.role, node.namespace, node.ip if by_source else ""),
        "viewer": (viewer.namespace, viewer.dns_capture, viewer.is_sidecar, viewer.families),
        "sidecar": next((at for at, one in enumerate(mesh.sidecars) if one is viewer.sidecar), None),
        "settings": capture_settings(pod, node, document),
        "dependencies": dependencies,
    }
    return msgspec.json.encode(_without_pod_name(msgspec.to_builtins(parts), place))


def _without_pod_name(value: Any, place: PodEvidence) -> Any:
    """The same value, with the pod's name removed from pointers into its own documents and object."""
    if isinstance(value, dict):
        if value.keys() == {"document", "path"}:
            return _pointer_without_pod(Pointer(value["document"], value["path"]), place)
        return {key: _without_pod_name(one, place) for key, one in value.items()}
    return [_without_pod_name(one, place) for one in value] if isinstance(value, list | tuple) else value


def _pointer_without_pod(pointer: Pointer, place: PodEvidence) -> tuple[str, ...]:
    below = place.under_pointer(pointer)
    if below is not None:
        return ("pod", below)
    if pointer.document.startswith(place.folder):
        return ("folder", pointer.document[len(place.folder) :], pointer.path)
    return ("other", pointer.document, pointer.path)

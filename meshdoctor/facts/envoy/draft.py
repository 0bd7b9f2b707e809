"""Collects what a dump or pasted arrays hold, notes what is missing, and makes the proxy of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.cluster_reader import cluster, cluster_type, endpoints, status_endpoints
from meshdoctor.facts.envoy.gaps import Gaps
from meshdoctor.facts.envoy.listener_reader import listener, lost_in, placeholder
from meshdoctor.facts.envoy.route_reader import lost_in_routes, route_config
from meshdoctor.facts.lazy import LazyMap
from meshdoctor.model.proxy import Cluster, Endpoint, Listener, Node, Proxy, Rejection, WaitingSecret
from meshdoctor.model.routes import RouteConfig
from meshdoctor.semantics.envoy.control_planes import control_plane, proxy_kind
from meshdoctor.semantics.istio.istiod_push import lacks_clusters, lacks_listeners

LiveSource = dict[str, wire.ClusterStatus] | Callable[[], dict[str, wire.ClusterStatus]] | None


_MADE_FROM = re.compile(rb'"config": ?"(/apis/[\w./-]{1,600})"')
"""The istio.config metadata of a rejected resource, which is decoded no further: it may be of any shape."""


class Draft:
    """Builder of a proxy: keeps sources by name, so that large objects are decoded on first use."""

    def __init__(self, document: str) -> None:
        self.document = document
        self.documents: dict[str, str] = {}
        self.node = Node()
        self.listeners: dict[str, Listener] = {}
        self.routes: dict[str, tuple[wire.WireRouteConfig, str]] = {}
        self.clusters: dict[str, tuple[wire.WireCluster, str, str]] = {}
        self.endpoints: dict[str, tuple[wire.LoadAssignment, str]] = {}
        self.rejections: list[Rejection] = []
        self.waiting_secrets: dict[str, WaitingSecret] = {}
        self.sections: set[str] = set()
        self.unknown: dict[str, int] = {}
        self.notes: list[str] = []
        self.gaps = Gaps()
        self.is_pasted = False
        """Made of pasted arrays, which may be filtered and do not tell what the bootstrap file holds."""
        self.from_istiod: set[str] = set()
        """Sections with an entry that istiod sent, in whatever state."""

    def reject(self, kind: str, name: str, state: str, error: wire.ErrorState | None, active: bool, path: str) -> None:
        """Record a rejected or warming resource."""
        details = error.details if error else "waiting for its routes, endpoints or secrets"
        named = _MADE_FROM.findall(bytes(error.failed_configuration)) if error else ()
        configs = tuple(dict.fromkeys(text.decode("utf-8", "replace") for text in named))
        self.rejections.append(Rejection(kind, name, state, details, active, path, self.document, configs))

    def add_listener(self, source: wire.WireListener, path: str, name: str, is_static: bool = False) -> None:
        """Add a listener, under `name` where it has none itself."""
        made = listener(source, path, name, is_static)
        self.listeners[made.name] = made
        if lost := lost_in(made):
            self.gaps.entry("listeners", made.name, lost, at=path, may_be_any=not _is_placed(made))

    def lose_listener(self, name: str, because: str, path: str) -> None:
        """A listener of which only the name is known, or not even that: Istio's names hold address and port."""
        made = placeholder(name, because, path)
        if name:
            self.listeners[name] = made
        self.gaps.entry("listeners", name, because, at=path, may_be_any=not _is_placed(made))

    def finish(self, key: str, live: LiveSource) -> Proxy:
        """The proxy under its name; `live` are the statuses of the /clusters page, or a function that loads them."""
        names = (*self.listeners, *self.clusters, *self.endpoints)
        tells = bool(names or self.node.id) and not (self.is_pasted and not self.node.id)
        # istioctl prints arrays of Istio's proxies only, and routes alone do not tell whose they are
        kind = proxy_kind(self.node, names) if tells else "sidecar"
        not_received = () if kind == "envoy" else tuple(self._compare_with_push(kind))
        return Proxy(
            key=key,
            node=self.node,
            listeners=self.listeners,
            routes=LazyMap(self.routes, lambda s: self._route_config(*s)),
            clusters=LazyMap(self.clusters, self._cluster),
            endpoints=LazyMap(self.endpoints, self._endpoints),
            rejections=tuple(self.rejections),
            waiting_secrets=self.waiting_secrets,
            sections=frozenset(self.sections),
            document=self.document,
            documents=self.documents,
            unknown_types=self.unknown,
            live_endpoints=None if live is None else LazyMap(live, status_endpoints),
            notes=self.notes,
            cluster_types=LazyMap(self.clusters, lambda s: cluster_type(s[0])),
            kind=kind,
            control_plane=control_plane(self.node, names) if kind == "envoy" else "",
            not_received=not_received,
            gaps=self.gaps.by_section,
        )

    def _compare_with_push(self, kind: str) -> Iterator[str]:
        """Note where a section lacks what istiod always sends; yields those of which nothing was sent."""
        waiting = {r.name for r in self.rejections if r.kind == "listener"}
        mode = str(self.node.metadata.get("INTERCEPTION_MODE", ""))
        lacking = {
            "listeners": lacks_listeners(kind, {*self.listeners, *waiting}, mode),
            "clusters": lacks_clusters(kind, self.clusters),
        }
        for section, name in lacking.items():
            if not name or section not in self.sections:
                continue
            if section in self.gaps.by_section:
                continue  # what was not read may be it
            is_dump = "bootstrap" in self.sections and not self.is_pasted
            if kind == "sidecar" and is_dump and section not in self.from_istiod:
                yield section
                self.gaps.anything(section, f"istiod has sent this {kind} no {section}")
            else:
                because = (
                    f"{name} is not among the {section}, and istiod sends it to every {kind}: others may be missing"
                )
                self.gaps.anything(section, because)
        if "routes" in self.sections:
            named = (c.http.route_config_name for one in self.listeners.values() for c in one.chains() if c.http)
            absent = tuple(dict.fromkeys(name for name in named if name and name not in self.routes))
            if absent:
                because = "listeners name route configurations that are not among the routes"
                self.gaps.contradicted("routes", because, absent)

    def _route_config(self, source: wire.WireRouteConfig, path: str) -> RouteConfig:
        made = route_config(source, path)
        if lost := lost_in_routes(made):
            self.gaps.entry("routes", made.name, lost, at=path)
        return made

    def _endpoints(self, source: tuple[wire.LoadAssignment, str]) -> tuple[Endpoint, ...]:
        """The endpoints; where they do not decode, none, and the cluster's name is among the gaps."""
        because = source[0].unread
        try:
            found = endpoints(source[0].endpoints, source[1])
        except (msgspec.MsgspecError, ValueError) as error:
            found, because = (), str(error)
        if because:
            self.gaps.entry("endpoints", source[0].cluster_name, because, at=source[1])
        return found

    def _cluster(self, source: tuple[wire.WireCluster, str, str]) -> Cluster:
        made = cluster(*source)
        if made.unread:
            self.gaps.entry("clusters", made.name, made.unread, at=made.path)
        return made


def _is_placed(made: Listener) -> bool:
    """Whether its address is known; else it may be bound to any. An internal listener needs none."""
    return bool(made.addresses) or not made.unread

"""A proxy from its config dump: v3, v2alpha, the map form of Envoy 1.7 and older, partial dumps, pasted arrays.

Sections missing in the dump are missing in `Proxy.sections`; unknown types are counted in `Proxy.unknown_types`. A
malformed entry does not affect the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.camel_case import NOT_JSON, is_camel, snake_case_bytes
from meshdoctor.facts.envoy.cluster_reader import cluster, cluster_type, endpoints, status_endpoints
from meshdoctor.facts.envoy.decode import decode_all
from meshdoctor.facts.envoy.listener_reader import listener
from meshdoctor.facts.envoy.route_reader import route_config
from meshdoctor.facts.lazy import LazyMap
from meshdoctor.model.proxy import Cluster, Listener, Node, Proxy, Rejection

_DUMP = msgspec.json.Decoder(wire.ConfigDump, strict=False)
SECTION_NAMES = {
    "BootstrapConfigDump": "bootstrap",
    "ListenersConfigDump": "listeners",
    "ClustersConfigDump": "clusters",
    "RoutesConfigDump": "routes",
    "EndpointsConfigDump": "endpoints",
}
IGNORED_SECTIONS = ("ScopedRoutesConfigDump", "SecretsConfigDump", "EcdsConfigDump")
"""Sections that do not affect routing."""


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
        self.sections: set[str] = set()
        self.unknown: dict[str, int] = {}
        self.notes: list[str] = []

    def reject(self, kind: str, name: str, state: str, error: wire.ErrorState | None, active: bool, path: str) -> None:
        """Record a rejected or warming resource."""
        details = error.details if error else "waiting for its routes, endpoints or secrets"
        self.rejections.append(Rejection(kind, name, state, details, active, path, self.document))

    def attempt(self, kind: str, make: Callable[[], Any]) -> Any:
        """The result of `make`, or None (counted and noted) where the object does not have the expected shape."""
        try:
            return make()
        except (msgspec.MsgspecError, AttributeError, KeyError, TypeError, ValueError) as error:
            self.unknown[kind] = self.unknown.get(kind, 0) + 1
            self.notes.append(f"a {kind} was skipped: {error}")
            return None

    def add_listener(self, source: wire.WireListener, path: str, name: str, is_static: bool = False) -> None:
        """Add a listener, under `name` where it has none itself."""
        made: Listener | None = self.attempt("listener", lambda: listener(source, path, name, is_static))
        if made is not None:
            self.listeners[made.name] = made

    def finish(self, key: str, live: LiveSource) -> Proxy:
        """The proxy under its name; `live` are the statuses of the /clusters page, or a function that loads them."""
        return Proxy(
            key=key,
            node=self.node,
            listeners=self.listeners,
            routes=LazyMap(self.routes, lambda s: route_config(*s)),
            clusters=LazyMap(self.clusters, self._cluster),
            endpoints=LazyMap(
                self.endpoints, lambda s: self.attempt("endpoint", lambda: endpoints(s[0].endpoints, s[1])) or ()
            ),
            rejections=tuple(self.rejections),
            sections=frozenset(self.sections),
            document=self.document,
            documents=self.documents,
            unknown_types=self.unknown,
            live_endpoints=None if live is None else LazyMap(live, status_endpoints),
            notes=self.notes,
            cluster_types=LazyMap(self.clusters, lambda s: cluster_type(s[0])),
        )

    def _cluster(self, source: tuple[wire.WireCluster, str, str]) -> Cluster:
        """The cluster; if its details do not decode, only its name and type, so that it does not count as missing."""
        made: Cluster | None = self.attempt("cluster", lambda: cluster(*source))
        return made or Cluster(source[0].name, str(source[0].type or "unknown"), state=source[2], path=source[1])


LiveSource = dict[str, wire.ClusterStatus] | Callable[[], dict[str, wire.ClusterStatus]] | None


def read_dump(data: bytes, document: str, key: str = "", live: LiveSource = None) -> Proxy:
    """The proxy of one `/config_dump`.

    `document` is what pointers name, `key` the `namespace/pod`, read from the bootstrap where it is empty. Raises
    `Unreadable` where the bytes are not a config dump.
    """
    draft = Draft(document)
    for index, section in _sections(data, draft):
        _read_section(draft, section, index)
    if not draft.sections:
        raise Unreadable(
            f"{document}: not an Envoy config dump: none of its sections is known. "
            "Expected the output of `curl localhost:15000/config_dump?include_eds`."
        )
    return draft.finish(key or key_of(draft.node, document), live)


def key_of(node: Node, fallback: str) -> str:
    """`namespace/pod` of the node, else `-/` and the name of the document."""
    if node.pod:
        return f"{node.namespace or 'default'}/{node.pod}"
    return f"-/{fallback.rsplit('/', 1)[-1]}"


def _sections(data: bytes, draft: Draft) -> Iterator[tuple[str, wire.Section]]:
    """(path, section) for each section, in any form of the dump."""
    if is_camel(data):
        data = snake_case_bytes(data, draft.document)
        draft.notes.append("camelCase dump: evidence paths are shown in Envoy's snake_case")
    if b'"configs"' in data[:4096] or b'"configs"' in data:
        try:
            dump = decode_all(_DUMP, data)
        except msgspec.ValidationError:
            yield from _tolerant_sections(data, draft)
            return
        except NOT_JSON as error:
            raise Unreadable(_not_json(draft.document, len(data), error)) from None
        if dump.configs:
            for index, section in enumerate(dump.configs):
                yield f"$.configs[{index}]", section
            return
    yield from _tolerant_sections(data, draft)


def _not_json(document: str, size: int, error: Exception) -> str:
    return (
        f"{document}: incomplete JSON ({size:,} bytes read: {error}). Expected an Envoy config dump; "
        "it may have been cut short while copying: fetch it again."
    )


def _tolerant_sections(data: bytes, draft: Draft) -> Iterator[tuple[str, wire.Section]]:
    """Slow decoding, entry by entry, so that only entries that do not decode are skipped and counted. Also reads the
    map form."""
    try:
        value = msgspec.json.decode(data)
    except NOT_JSON as error:
        raise Unreadable(_not_json(draft.document, len(data), error)) from None
    configs = value.get("configs", value) if isinstance(value, dict) else value
    items: list[tuple[str, Any]]
    if isinstance(configs, dict):
        items = [(f"$.configs.{name}", section) for name, section in configs.items()]
    elif isinstance(configs, list):
        items = [(f"$.configs[{index}]", section) for index, section in enumerate(configs)]
    else:
        items = []
    for path, section in items:
        if isinstance(section, dict):
            yield path, _tolerant_section(section, draft)


def _tolerant_section(section: dict[str, Any], draft: Draft) -> wire.Section:
    made = wire.Section(type=str(section.get("@type", "")))
    for name, shape in wire.SECTION_LISTS.items():
        kept = []
        items = section.get(name)
        for item in items if isinstance(items, list) else ():
            try:
                kept.append(msgspec.json.decode(msgspec.json.encode(_without_nulls(item)), type=shape, strict=False))
            except msgspec.ValidationError as error:
                draft.unknown[f"{name} entry"] = draft.unknown.get(f"{name} entry", 0) + 1
                draft.notes.append(f"an entry of {name} was skipped: {error}")
                kept.append(shape())
        setattr(made, name, kept)
    boot = section.get("bootstrap")
    if isinstance(boot, dict):
        node = _without_nulls(boot.get("node"))
        made.bootstrap = draft.attempt(
            "bootstrap", lambda: msgspec.convert({"node": node}, wire.Bootstrap, strict=False)
        )
    return made


def _without_nulls(value: Any) -> Any:
    """The value without null fields: in protobuf's JSON null means absent."""
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _read_section(draft: Draft, section: wire.Section, path: str) -> None:
    kind = section.type.rsplit(".", 1)[-1]
    known = SECTION_NAMES.get(kind) or _by_content(section)
    if known is None:
        if kind not in IGNORED_SECTIONS:
            draft.unknown[section.type or "untyped section"] = draft.unknown.get(section.type, 0) + 1
        return
    draft.sections.add(known)
    READERS[known](draft, section, path)


def _by_content(section: wire.Section) -> str | None:
    """The type of an untyped section: the map form of Envoy 1.7 and older has no @type in some builds."""
    if section.bootstrap is not None:
        return "bootstrap"
    if section.dynamic_active_listeners or section.static_listeners or section.dynamic_listeners:
        return "listeners"
    if section.dynamic_active_clusters or section.static_clusters:
        return "clusters"
    if section.dynamic_route_configs or section.static_route_configs:
        return "routes"
    return "endpoints" if section.dynamic_endpoint_configs else None


_NODE_ID = re.compile(r"(?P<role>[a-z]+)~(?P<ip>[^~]*)~(?P<pod>[^~]+?)(?:\.(?P<namespace>[^.~]+))?~")


def node_of(source: wire.WireNode) -> Node:
    """The proxy's node. node.id is `role~ip~pod.namespace~domain` (istio pkg/model/proxy.go ServiceNode)."""
    metadata = source.metadata
    match = _NODE_ID.match(source.id)
    found = match.groupdict() if match else {}
    version = metadata.get("ISTIO_VERSION") or metadata.get("ISTIO_PROXY_VERSION") or ""
    return Node(
        id=source.id,
        role=found.get("role") or "",
        pod=found.get("pod") or str(metadata.get("NAME", "")),
        namespace=str(metadata.get("NAMESPACE") or found.get("namespace") or ""),
        ip=found.get("ip") or "",
        version=str(version),
        metadata=dict(metadata),
    )


def _bootstrap(draft: Draft, section: wire.Section, path: str) -> None:
    if section.bootstrap is not None and section.bootstrap.node is not None:
        draft.node = node_of(section.bootstrap.node)


def _listeners(draft: Draft, section: wire.Section, path: str) -> None:
    for i, entry in enumerate(section.static_listeners):
        if entry.listener is not None:
            draft.add_listener(entry.listener, f"{path}.static_listeners[{i}].listener", f"static-{i}", True)
    for i, entry in enumerate(section.dynamic_active_listeners):
        if entry.listener is not None:
            draft.add_listener(entry.listener, f"{path}.dynamic_active_listeners[{i}].listener", f"unnamed-{i}")
    for i, entry in enumerate(section.dynamic_warming_listeners):
        if entry.listener is not None:
            at = f"{path}.dynamic_warming_listeners[{i}]"
            draft.reject("listener", entry.listener.name, "warming", None, entry.listener.name in draft.listeners, at)
    for i, entry in enumerate(section.dynamic_listeners):
        _dynamic_listener(draft, entry, f"{path}.dynamic_listeners[{i}]")


def _dynamic_listener(draft: Draft, entry: wire.ListenerEntry, path: str) -> None:
    active = entry.active_state.listener if entry.active_state else None
    if active is not None:
        draft.add_listener(active, f"{path}.active_state.listener", entry.name)
    # Envoy lists a rejected listener once by name and once without.
    details = entry.error_state.details if entry.error_state else ""
    is_repeated = not entry.name and any(r.details == details for r in draft.rejections)
    if entry.error_state is not None and not is_repeated:
        draft.reject("listener", entry.name, "error", entry.error_state, active is not None, f"{path}.error_state")
    elif entry.warming_state is not None:
        draft.reject("listener", entry.name, "warming", None, active is not None, f"{path}.warming_state")


def _clusters(draft: Draft, section: wire.Section, path: str) -> None:
    lists = (
        ("static_clusters", section.static_clusters, "static"),
        ("dynamic_active_clusters", section.dynamic_active_clusters, "active"),
        ("dynamic_warming_clusters", section.dynamic_warming_clusters, "warming"),
    )
    for name, entries, state in lists:
        for i, entry in enumerate(entries):
            at = f"{path}.{name}[{i}]"
            source = entry.cluster
            known = source is not None and source.name in draft.clusters
            if entry.error_state is not None:
                label = source.name if source else ""
                draft.reject("cluster", label, "error", entry.error_state, known, f"{at}.error_state")
            if source is None:
                continue
            if state == "warming":
                draft.reject("cluster", source.name, "warming", None, known, at)
            if not known:
                draft.clusters[source.name] = (source, f"{at}.cluster", state)


def _routes(draft: Draft, section: wire.Section, path: str) -> None:
    """RDS route configurations by name. Static ones are inline in their listener and read there."""
    for i, entry in enumerate(section.dynamic_route_configs):
        at = f"{path}.dynamic_route_configs[{i}]"
        name = entry.route_config.name if entry.route_config else ""
        if entry.error_state is not None:
            draft.reject("route", name, "error", entry.error_state, bool(name), f"{at}.error_state")
        if entry.route_config is not None:
            draft.routes[name] = (entry.route_config, f"{at}.route_config")


def _endpoints(draft: Draft, section: wire.Section, path: str) -> None:
    lists = (
        ("static_endpoint_configs", section.static_endpoint_configs),
        ("dynamic_endpoint_configs", section.dynamic_endpoint_configs),
    )
    for name, entries in lists:
        for i, entry in enumerate(entries):
            source = entry.endpoint_config
            if source is not None and source.cluster_name:
                draft.endpoints[source.cluster_name] = (source, f"{path}.{name}[{i}].endpoint_config.endpoints")


READERS: dict[str, Callable[[Draft, wire.Section, str], None]] = {
    "bootstrap": _bootstrap,
    "listeners": _listeners,
    "clusters": _clusters,
    "routes": _routes,
    "endpoints": _endpoints,
}

"""A proxy from its config dump: v3, v2alpha, the map form of Envoy 1.7 and older, partial dumps, pasted arrays.

Sections missing in the dump are missing in `Proxy.sections`, parts of a section in `Proxy.gaps`; unknown types are
counted in `Proxy.unknown_types`. A malformed entry does not affect the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.camel_case import NOT_JSON, is_camel, snake_case_bytes
from meshdoctor.facts.envoy.decode import decode_all
from meshdoctor.facts.envoy.draft import Draft, LiveSource
from meshdoctor.facts.envoy.extensions import without_nulls
from meshdoctor.facts.envoy.salvage import json_type, salvage
from meshdoctor.model.proxy import Node, Proxy, WaitingSecret

_DUMP = msgspec.json.Decoder(wire.ConfigDump, strict=False)
SECTION_NAMES = {
    "BootstrapConfigDump": "bootstrap",
    "ListenersConfigDump": "listeners",
    "ClustersConfigDump": "clusters",
    "RoutesConfigDump": "routes",
    "EndpointsConfigDump": "endpoints",
}
SECRETS = "SecretsConfigDump"
IGNORED_SECTIONS = ("ScopedRoutesConfigDump", SECRETS, "EcdsConfigDump")
"""Sections that do not affect routing. Of the secrets only the names of those that are waited for are read."""


def read_dump(data: bytes, document: str, key: str = "", live: LiveSource = None) -> Proxy:
    """The proxy of one `/config_dump`.

    `document` is what pointers name, `key` the `namespace/pod`, read from the bootstrap where it is empty. Raises
    `Unreadable` where the bytes are not a config dump.
    """
    draft = Draft(document)
    for path, section in _sections(data, draft):
        _read_section(draft, section, path)
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
            yield path, _tolerant_section(section, path, draft)
        else:
            draft.unknown["section"] = draft.unknown.get("section", 0) + 1
            draft.notes.append(f"{path} was skipped: expected an object, found {json_type(section)}")


def _tolerant_section(section: dict[str, Any], path: str, draft: Draft) -> wire.Section:
    made = wire.Section(type=str(section.get("@type", "")))
    lost = {}
    for name, shape in wire.SECTION_LISTS.items():
        items = section.get(name)
        if isinstance(items, list):
            setattr(made, name, [salvage(without_nulls(item), shape)[0] for item in items])
        elif items is not None:
            lost[name] = f"{name}: expected a list, found {json_type(items)}"
    boot = section.get("bootstrap")
    if boot is not None:
        made.bootstrap, because = salvage(without_nulls(boot), wire.Bootstrap)
        if because:
            lost["bootstrap"] = f"bootstrap: {because}"
    kind = _kind_of(made)
    for name, because in lost.items():
        # a list that Envoy has not got in this section says nothing about it
        if kind is not None and kind.rstrip("s") in name:
            draft.gaps.anything(kind, because, name)
    return made


def _read_section(draft: Draft, section: wire.Section, path: str) -> None:
    known = _kind_of(section)
    if known is None:
        _secrets(draft, section, path)
        if section.type.rsplit(".", 1)[-1] not in IGNORED_SECTIONS:
            draft.unknown[section.type or "untyped section"] = draft.unknown.get(section.type, 0) + 1
        return
    draft.sections.add(known)
    READERS[known](draft, section, path)


def _kind_of(section: wire.Section) -> str | None:
    return SECTION_NAMES.get(section.type.rsplit(".", 1)[-1]) or _by_content(section)


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
    if "bootstrap" not in draft.gaps.by_section and not draft.node.id:
        draft.gaps.anything("bootstrap", "the bootstrap has no node id, so that DNS capture and version are unknown")


NO_STATE = "the entry has no state"


def _listeners(draft: Draft, section: wire.Section, path: str) -> None:
    for i, entry in enumerate(section.static_listeners):
        _plain_listener(draft, entry, f"{path}.static_listeners[{i}]", f"static-{i}", True)
    for i, entry in enumerate(section.dynamic_active_listeners):
        _plain_listener(draft, entry, f"{path}.dynamic_active_listeners[{i}]", f"unnamed-{i}")
    for i, entry in enumerate(section.dynamic_warming_listeners):
        at = f"{path}.dynamic_warming_listeners[{i}]"
        if entry.listener is not None:
            draft.reject("listener", entry.listener.name, "warming", None, entry.listener.name in draft.listeners, at)
        else:
            draft.gaps.entry("listeners", entry.name, entry.unread or NO_STATE, at=at)
    for i, entry in enumerate(section.dynamic_listeners):
        _dynamic_listener(draft, entry, f"{path}.dynamic_listeners[{i}]")
    if section.dynamic_active_listeners or section.dynamic_warming_listeners or section.dynamic_listeners:
        draft.from_istiod.add("listeners")


def _plain_listener(draft: Draft, entry: wire.ListenerEntry, path: str, name: str, is_static: bool = False) -> None:
    """An entry that holds its listener itself."""
    if entry.listener is not None:
        draft.add_listener(entry.listener, f"{path}.listener", name, is_static)
    else:
        draft.lose_listener("", entry.unread or "the entry has no listener", path)


def _dynamic_listener(draft: Draft, entry: wire.ListenerEntry, path: str) -> None:
    active = entry.active_state.listener if entry.active_state else None
    states = (entry.active_state, entry.warming_state, entry.draining_state, entry.error_state)
    if active is not None:
        draft.add_listener(active, f"{path}.active_state.listener", entry.name)
        if entry.unread:
            draft.gaps.entry("listeners", entry.name, entry.unread, at=path)
    elif entry.active_state is not None or entry.unread or all(state is None for state in states):
        draft.lose_listener(entry.name, entry.unread or NO_STATE, path)
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
        if entries and state != "static":
            draft.from_istiod.add("clusters")
        for i, entry in enumerate(entries):
            _cluster_entry(draft, entry, state, f"{path}.{name}[{i}]")


def _cluster_entry(draft: Draft, entry: wire.ClusterEntry, state: str, path: str) -> None:
    source = entry.cluster or wire.WireCluster()
    known = source.name in draft.clusters
    lost = entry.unread or source.unread
    if entry.error_state is not None:
        draft.reject("cluster", source.name, "error", entry.error_state, known, f"{path}.error_state")
    elif not source.name:
        lost = lost or "the entry has no cluster with a name"
    if lost:
        draft.gaps.entry("clusters", source.name, lost, at=path)
    if not source.name:
        return
    if state == "warming":
        draft.reject("cluster", source.name, "warming", None, known, path)
    if not known:
        draft.clusters[source.name] = (source, f"{path}.cluster", state)


def _routes(draft: Draft, section: wire.Section, path: str) -> None:
    """RDS route configurations by name. Static ones are inline in their listener and read there."""
    for i, entry in enumerate(section.dynamic_route_configs):
        at = f"{path}.dynamic_route_configs[{i}]"
        name = entry.route_config.name if entry.route_config else ""
        if entry.error_state is not None:
            draft.reject("route", name, "error", entry.error_state, bool(name), f"{at}.error_state")
        elif not name:
            draft.gaps.entry("routes", "", entry.unread or "the entry has no route configuration with a name", at=at)
        if entry.unread and name:
            draft.gaps.entry("routes", name, entry.unread, at=at)
        if entry.route_config is not None and name:
            draft.routes[name] = (entry.route_config, f"{at}.route_config")


def _endpoints(draft: Draft, section: wire.Section, path: str) -> None:
    lists = (
        ("static_endpoint_configs", section.static_endpoint_configs),
        ("dynamic_endpoint_configs", section.dynamic_endpoint_configs),
    )
    for name, entries in lists:
        for i, entry in enumerate(entries):
            source, at = entry.endpoint_config, f"{path}.{name}[{i}]"
            if source is not None and source.cluster_name:
                draft.endpoints[source.cluster_name] = (source, f"{at}.endpoint_config.endpoints")
            elif entry.error_state is None:
                lost = entry.unread or (source.unread if source else "")
                draft.gaps.entry("endpoints", "", lost or "the entry names no cluster", at=at)


def _secrets(draft: Draft, section: wire.Section, path: str) -> None:
    for i, entry in enumerate(section.dynamic_warming_secrets):
        if entry.name:
            because = entry.error_state.details if entry.error_state else ""
            draft.waiting_secrets[entry.name] = WaitingSecret(
                entry.name, f"{path}.dynamic_warming_secrets[{i}]", because
            )


READERS: dict[str, Callable[[Draft, wire.Section, str], None]] = {
    "bootstrap": _bootstrap,
    "listeners": _listeners,
    "clusters": _clusters,
    "routes": _routes,
    "endpoints": _endpoints,
}

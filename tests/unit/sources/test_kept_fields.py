"""The allow-list of a capture and what is decoded name the same fields."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

from msgspec import Raw, Struct, structs

from meshdoctor.facts.envoy import wire, wire_matches, wire_statuses
from meshdoctor.facts.resources import core_objects, istio_objects
from meshdoctor.semantics.kubernetes import api_objects
from meshdoctor.sources.kept.envoy_fields import CLUSTER_STATUS, DNS_ANSWERS, ENVOY
from meshdoctor.sources.kept.fields import Kept, TextOf
from meshdoctor.sources.kept.object_fields import MESH_CONFIG, OBJECTS

RAW: dict[tuple[type, str], tuple[type, ...]] = {
    (wire.WireRoute, "match"): (wire_matches.WireMatch,),
    (wire.LoadAssignment, "endpoints"): (wire.LocalityEndpoints,),
    (wire.WireCluster, "transport_socket_matches"): (wire.SocketMatch,),
    (wire.NamedFilter, "typed_config"): (wire.WireTcpProxy, wire.WireRedisProxy, wire.WireHcm),
    (wire.NamedFilter, "config"): (wire.WireTcpProxy, wire.WireRedisProxy, wire.WireHcm),
}
"""Shapes of parts that are decoded later."""

ONLY_COMPARED = {
    "StringMatch": "what a header is compared with: equal texts have equal marks",
    "WireHeaderMatch.exact_match": "the same",
    "WireHeaderMatch.prefix_match": "the same",
    "WireHeaderMatch.suffix_match": "the same",
    "WireHeaderMatch.contains_match": "the same",
    "WireHeaderMatch.regex_match": "the same",
    "WireQueryMatch.value": "the same",
    "WireRouteAction.host_rewrite_literal": "only whether there is one",
    "WireRouteAction.host_rewrite": "the same",
    "WireRouteAction.host_rewrite_header": "the same",
    "Regex": "of a header's value; of a path it is kept",
    "Unit.unread": "never part of a dump",
    "Section.type": "the type URL of anything is kept",
    "Pipe.path": "kept",
    "WireContainer.command": "read together with the environment",
    "WireContainer.args": "read together with the environment",
    "WireEnv.value": "read together with the names",
    "WireMetadata.annotations": "each has its own rule",
    "_ConfigMap.data": "each has its own rule",
    "ErrorState.failed_configuration": "a resource of any kind",
}
FILTERS_ONLY_BY_NAME = ("listener_filters", "http_filters")


def texts_of(shape: Any, path: str, seen: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    """(path, field) of every text that is decoded; a path has `*` for any key."""
    origin = get_origin(shape)
    if shape is str:
        yield path, ""
    elif origin in (Union, types.UnionType, list):
        for one in get_args(shape):
            yield from texts_of(one, path, seen)
    elif origin is dict:
        yield from texts_of(get_args(shape)[1], f"{path}.*", seen)
    elif (
        isinstance(shape, type)
        and issubclass(shape, Struct)
        and seen.count(shape) < (2 if shape is wire.NamedFilter else 1)
    ):
        yield from texts_in(shape, path, seen)


def texts_in(shape: type[Struct], path: str, seen: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    hints = get_type_hints(shape)
    is_socket = "transport_socket." in f"{path}."
    for one in structs.fields(shape):
        at = f"{path}.{one.encode_name}"
        names = {f"{shape.__name__}.{one.name}", *(f"{base.__name__}.{one.name}" for base in shape.__mro__)}
        if names & ONLY_COMPARED.keys() or shape.__name__ in ONLY_COMPARED:
            continue
        by_name = any(f".{name}." in f"{path}." for name in FILTERS_ONLY_BY_NAME) and one.name != "name"
        inner: tuple[Any, ...] = (hints[one.name],)
        if hints[one.name] is Raw:
            inner = RAW.get((shape, one.name), ()) if not is_socket else ()
        for each in () if by_name else inner:
            yield from texts_of(each, at, (*seen, shape))


def rule_at(kept: Kept, path: str) -> TextOf:
    for name in path.split(".")[1:]:
        kept = kept.of(name)
    return kept.text


def decoded() -> Iterator[tuple[str, Kept, str]]:
    shapes: list[tuple[str, Any, Kept]] = [
        ("dump", wire.ConfigDump, ENVOY),
        ("page", wire_statuses.ClusterStatus, CLUSTER_STATUS),
        ("mesh", core_objects._MeshConfig, MESH_CONFIG),
        ("dns", core_objects._Dns, DNS_ANSWERS),
        ("pod", api_objects.WirePod, OBJECTS["Pod"]),
        ("config map", core_objects._ConfigMap, OBJECTS["ConfigMap"]),
    ]
    specs = {
        "ServiceEntry": istio_objects._EntrySpec,
        "VirtualService": istio_objects._RoutingSpec,
        "DestinationRule": istio_objects._DestinationSpec,
        "Sidecar": istio_objects._SidecarSpec,
        "Gateway": istio_objects._GatewaySpec,
        "EnvoyFilter": istio_objects._FilterSpec,
        "Service": core_objects._ServiceSpec,
    }
    shapes += [(kind, spec, OBJECTS[kind].of("spec")) for kind, spec in specs.items()]
    for name, shape, kept in shapes:
        for path, _ in texts_of(shape, "$", ()):
            yield f"{name} {path}", kept, path


def test_a_text_that_is_decoded_is_kept() -> None:
    compared = list(decoded())
    assert len(compared) > 1000
    assert [name for name, kept, path in compared if rule_at(kept, path) not in (TextOf.NAME, TextOf.PATH)] == []


def test_values_of_headers_and_bodies_are_not() -> None:
    route = "$.configs.dynamic_route_configs.route_config.virtual_hosts.routes"
    for place in ("match.headers.string_match.exact", "request_headers_to_add.header.value", "direct_response.body"):
        assert rule_at(ENVOY, f"{route}.{place}") is TextOf.NOTHING

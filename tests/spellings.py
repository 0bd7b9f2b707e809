"""A v3 config dump rewritten as older Envoys and other tools spell the same thing."""

from __future__ import annotations

import re
from typing import Any

from tests.dumps import Json

V2_NAMES = {
    "envoy.filters.network.tcp_proxy": "envoy.tcp_proxy",
    "envoy.filters.network.http_connection_manager": "envoy.http_connection_manager",
    "envoy.filters.listener.tls_inspector": "envoy.listener.tls_inspector",
    "envoy.filters.listener.http_inspector": "envoy.listener.http_inspector",
    "envoy.filters.http.fault": "envoy.fault",
}


def v2(dump: Json) -> Json:
    """As a sidecar of Istio 1.1 prints it: v2alpha sections, `config`, `hosts`, `tls_context`, the old field names."""
    return {"configs": [_section(section) for section in dump["configs"]]}


def as_map(dump: Json) -> Json:
    """As Envoy 1.7 and older print it: `configs` is a map by section."""
    return {
        "configs": {s["@type"].rsplit(".", 1)[-1].removesuffix("ConfigDump").lower(): s for s in v2(dump)["configs"]}
    }


def camel(value: Any, within: str = "") -> Any:
    """As istioctl and other Go tools print it: camelCase field names. Users' own words stay as they are.

    `within` is the field that holds the value.
    """
    if isinstance(value, list):
        return [camel(one, within) for one in value]
    is_node_metadata = within == "metadata" and "filter_metadata" not in value if isinstance(value, dict) else False
    if not isinstance(value, dict) or within in ("filter_metadata", "labels") or is_node_metadata:
        return value
    return {_camel_key(key): camel(one, _held_by(key, within)) for key, one in value.items()}


def _held_by(key: str, within: str) -> str:
    return "labels" if (within, key) == ("transport_socket_matches", "match") else key


def _camel_key(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda m: m[1].upper(), name) if name.isidentifier() else name


def _section(section: Json) -> Json:
    made = {key: one for key, one in section.items() if key != "dynamic_listeners"}
    made["@type"] = made["@type"].replace(".v3.", ".v2alpha.")
    if "dynamic_listeners" in section:
        states = [entry["active_state"] for entry in section["dynamic_listeners"]]
        made["dynamic_active_listeners"] = [{"listener": _walk(state["listener"])} for state in states]
    for key in ("dynamic_active_clusters", "dynamic_route_configs"):
        if key in made:
            made[key] = [_walk(entry) for entry in made[key]]
    return made


def _walk(value: Any) -> Any:
    if isinstance(value, list):
        return [_walk(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: _walk(one) for key, one in value.items()}
    for rewrite in (_extension, _cluster, _listener, _route, _header):
        made = rewrite(made)
    return made


def _extension(made: Json) -> Json:
    if "typed_config" not in made or "name" not in made:
        return made
    config = {key: one for key, one in made["typed_config"].items() if key != "@type"}
    rest = {key: one for key, one in made.items() if key not in ("typed_config", "name")}
    return {"name": V2_NAMES.get(made["name"], made["name"]), "config": config, **rest}


def _cluster(made: Json) -> Json:
    if "load_assignment" in made:
        localities = made.pop("load_assignment")["endpoints"]
        made["hosts"] = [e["endpoint"]["address"] for locality in localities for e in locality["lb_endpoints"]]
    if "transport_socket" in made:
        made["tls_context"] = made.pop("transport_socket")["config"]
    return made


def _listener(made: Json) -> Json:
    if "filter_chains" in made and "bind_to_port" in made:
        made["deprecated_v1"] = {"bind_to_port": made.pop("bind_to_port")}
    if made.get("source_type") == "SAME_IP_OR_LOOPBACK":
        made["source_type"] = "LOCAL"
    return made


def _route(made: Json) -> Json:
    if "safe_regex" in made:
        made["regex"] = made.pop("safe_regex")["regex"]
    if "host_rewrite_literal" in made:
        made["host_rewrite"] = made.pop("host_rewrite_literal")
    if "request_mirror_policies" in made:
        made["request_mirror_policy"] = made.pop("request_mirror_policies")[0]
    if "typed_per_filter_config" in made:
        old = made.pop("typed_per_filter_config").items()
        made["per_filter_config"] = {
            V2_NAMES[name]: {k: v for k, v in config.items() if k != "@type"} for name, config in old
        }
    return made


def _header(made: Json) -> Json:
    if "string_match" in made:
        ((kind, value),) = made.pop("string_match").items()
        made["regex_match" if kind == "regex" else f"{kind}_match"] = value
    return made

"""Route configurations: virtual hosts, routes, their matches and destinations."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.extensions import as_dict, istio_config, percent, seconds, unwrap_typed_struct
from meshdoctor.model import proxy

FAULT_FILTERS = ("envoy.filters.http.fault", "envoy.fault")
_ANY_PATH = proxy.RouteMatch(prefix="/")
_PLAIN_PREFIX = (b'{"prefix":"/"}', b'{"prefix": "/"}')
REDIRECTS = {
    "MOVED_PERMANENTLY": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}


def route_config(source: wire.WireRouteConfig, path: str) -> proxy.RouteConfig:
    """A route configuration. `path` points at it."""
    hosts = []
    for i, host in enumerate(source.virtual_hosts):
        at = f"{path}.virtual_hosts[{i}]"
        shared = _per_filter_fault(host.typed_per_filter_config, host.per_filter_config)
        routes = tuple(_route(r, f"{at}.routes[{n}]", shared) for n, r in enumerate(host.routes))
        hosts.append(proxy.VirtualHost(host.name, tuple(host.domains), routes, at))
    return proxy.RouteConfig(source.name, tuple(hosts), source.ignore_port_in_host_matching, path)


def weighted(source: wire.WeightedClusters | None) -> tuple[proxy.WeightedCluster, ...]:
    """Weighted clusters, heaviest first; Envoy never picks one of weight 0."""
    if source is None:
        return ()
    found = [proxy.WeightedCluster(c.name, c.weight or 0) for c in source.clusters if c.weight]
    return tuple(sorted(found, key=lambda c: -c.weight))


def _route(source: wire.WireRoute, path: str, inherited: proxy.Fault | None) -> proxy.Route:
    """The route. One that does not decode counts as matching anything, so that no verdict is based on later routes."""
    try:
        return _decoded(source, path, inherited)
    except (msgspec.MsgspecError, AttributeError, TypeError, ValueError):
        return proxy.Route(source.name, _ANY_PATH, "other", path=path)


def _decoded(source: wire.WireRoute, path: str, inherited: proxy.Fault | None) -> proxy.Route:
    action = source.route
    clusters: tuple[proxy.WeightedCluster, ...] = ()
    kind, status = "other", None
    if action is not None:
        kind = "route"
        clusters = weighted(action.weighted_clusters)
        if not clusters and action.cluster:
            clusters = (proxy.WeightedCluster(action.cluster),)
    elif source.direct_response is not None:
        kind, status = "direct_response", source.direct_response.status
    elif source.redirect is not None:
        code = source.redirect.response_code
        kind, status = "redirect", REDIRECTS.get(str(code or "MOVED_PERMANENTLY"), 301)
    elif source.non_forwarding_action is not None:
        kind = "non_forwarding"
    return proxy.Route(
        name=source.name,
        match=_match(source.match),
        action=kind,
        clusters=clusters,
        cluster_header=action.cluster_header if action else "",
        status=status,
        fault=_per_filter_fault(source.typed_per_filter_config, source.per_filter_config) or inherited,
        config=istio_config(source.metadata),
        path=path,
    )


def _match(raw: Raw) -> proxy.RouteMatch:
    """config.route.v3.RouteMatch; most routes of a mesh are the plain prefix `/`."""
    if not raw or bytes(raw) in _PLAIN_PREFIX:
        return _ANY_PATH
    source = msgspec.json.decode(raw)
    regex = source.get("safe_regex", {}).get("regex") if "safe_regex" in source else source.get("regex")
    if "path_match_policy" in source:
        regex = None
    runtime = source.get("runtime_fraction", {}).get("default_value")
    return proxy.RouteMatch(
        prefix=source.get("prefix"),
        path=source.get("path"),
        path_separated_prefix=source.get("path_separated_prefix"),
        regex=regex,
        connect="connect_matcher" in source,
        case_sensitive=source.get("case_sensitive") is not False,
        headers=tuple(_header(h) for h in source.get("headers", ())),
        query_parameters=tuple(str(q.get("name", "")) for q in source.get("query_parameters", ())),
        runtime_percent=percent(runtime, 100.0),
        grpc="grpc" in source,
    )


_OLD_HEADER_KINDS = {
    "exact_match": "exact",
    "prefix_match": "prefix",
    "suffix_match": "suffix",
    "contains_match": "contains",
    "regex_match": "regex",
}


def _header(source: dict[str, Any]) -> proxy.HeaderMatch:
    """config.route.v3.HeaderMatcher, string_match and the older *_match fields."""
    name, invert = str(source.get("name", "")), bool(source.get("invert_match"))
    string = source.get("string_match")
    if isinstance(string, dict):
        kind = next((kind for kind in ("exact", "prefix", "suffix", "contains") if kind in string), "other")
        value = str(string.get(kind, ""))
        if kind == "other" and "safe_regex" in string:
            kind, value = "regex", str(string["safe_regex"].get("regex", ""))
        missing = bool(source.get("treat_missing_header_as_empty"))
        return proxy.HeaderMatch(name, kind, value, invert, bool(string.get("ignore_case")), missing)
    for key, kind in _OLD_HEADER_KINDS.items():
        if key in source:
            return proxy.HeaderMatch(name, kind, str(source[key]), invert)
    if "safe_regex_match" in source:
        return proxy.HeaderMatch(name, "regex", str(source["safe_regex_match"].get("regex", "")), invert)
    if "range_match" in source:
        return proxy.HeaderMatch(name, "range", "", invert)
    absent = source.get("present_match") is False
    return proxy.HeaderMatch(name, "present", "", invert != absent)


def _per_filter_fault(typed: Raw, old: Raw) -> proxy.Fault | None:
    """The fault of `typed_per_filter_config` (v3) or `per_filter_config` (v2), None where there is none."""
    raw = typed or old
    if not raw or b"fault" not in bytes(raw):
        return None
    configs = as_dict(raw)
    for name in FAULT_FILTERS:
        value = configs.get(name)
        if isinstance(value, dict):
            return fault_of(unwrap_typed_struct(value))
    return None


def fault_of(source: dict[str, Any]) -> proxy.Fault | None:
    """extensions.filters.http.fault.v3.HTTPFault, and v2's; None where it has neither an abort nor a delay."""
    abort, delay = source.get("abort"), source.get("delay")
    if not isinstance(abort, dict) and not isinstance(delay, dict):
        return None
    abort = abort if isinstance(abort, dict) else {}
    delay = delay if isinstance(delay, dict) else {}
    conditional = bool(source.get("headers")) or "header_abort" in abort or "header_delay" in delay
    return proxy.Fault(
        abort_percent=percent(abort.get("percentage", abort.get("percent")), 0.0),
        abort_status=abort.get("http_status"),
        delay_percent=percent(delay.get("percentage", delay.get("percent")), 0.0),
        delay=seconds(delay.get("fixed_delay")),
        by_header=conditional,
    )

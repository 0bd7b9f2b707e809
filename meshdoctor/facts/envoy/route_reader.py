"""Route configurations: virtual hosts, routes, their matches and destinations."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Raw

from meshdoctor.facts.envoy import wire
from meshdoctor.facts.envoy.extensions import (
    UNREADABLE,
    as_dict,
    istio_config,
    object_in,
    percent,
    seconds,
    unwrap_typed_struct,
    without_nulls,
)
from meshdoctor.facts.envoy.wire_matches import StringMatch, WireHeaderMatch, WireMatch, WireQueryMatch
from meshdoctor.model import routes
from meshdoctor.model.limits import RouteLimits

FAULT_FILTERS = ("envoy.filters.http.fault", "envoy.fault")
_ANY_PATH = routes.RouteMatch(prefix="/")
_PLAIN_PREFIX = (b'{"prefix":"/"}', b'{"prefix": "/"}')
REDIRECTS = {
    "MOVED_PERMANENTLY": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}
REQUIRE_TLS = {"EXTERNAL_ONLY": "EXTERNAL_ONLY", "1": "EXTERNAL_ONLY", "ALL": "ALL", "2": "ALL"}
"""config.route.v3.VirtualHost.TlsRequirementType by name and number."""
NOT_FOUND = {"NOT_FOUND": 404, "1": 404, "INTERNAL_SERVER_ERROR": 500, "2": 500}
"""config.route.v3.RouteAction.ClusterNotFoundResponseCode; else SERVICE_UNAVAILABLE, 503."""


def route_config(source: wire.WireRouteConfig, path: str) -> routes.RouteConfig:
    """A route configuration. `path` points at it.

    What cannot be read of it is in `unread` of the innermost object that decides: of the configuration where it decides
    which virtual host is chosen.
    """
    hosts = []
    lost = [source.unread] if source.unread else []
    for i, host in enumerate(source.virtual_hosts):
        at = f"{path}.virtual_hosts[{i}]"
        unread = host.unread
        if not all(host.domains) or not host.domains or "domains" in unread or unread.startswith("expected"):
            lost.append(f"virtual_hosts[{i}].{unread or 'domains: it has none'}")
        shared: routes.Fault | None = None
        try:
            shared = _per_filter_fault(host.typed_per_filter_config, host.per_filter_config)
        except UNREADABLE as error:
            unread = unread or f"typed_per_filter_config: {error}"
        found = tuple(_route(r, f"{at}.routes[{n}]", shared) for n, r in enumerate(host.routes))
        tls = REQUIRE_TLS.get(str(host.require_tls), "")
        hosts.append(routes.VirtualHost(host.name, tuple(host.domains), found, at, require_tls=tls, unread=unread))
    if not hosts and not lost:
        lost.append("it has no virtual hosts")
    return routes.RouteConfig(source.name, tuple(hosts), source.ignore_port_in_host_matching, path, "; ".join(lost[:3]))


def lost_in_routes(config: routes.RouteConfig) -> str:
    """What of a route configuration could not be read; empty where all was."""
    return next(_lost_in(config), "")


def _lost_in(config: routes.RouteConfig) -> Iterator[str]:
    if config.unread:
        yield config.unread
    for host in config.virtual_hosts:
        if host.unread:
            yield f"virtual host {host.name}: {host.unread}"
        for route in host.routes:
            if route.unread:
                yield f"{route.path.removeprefix(f'{config.path}.')}: {route.unread}"


def weighted(source: wire.WeightedClusters | None) -> tuple[routes.WeightedCluster, ...]:
    """Weighted clusters, heaviest first; Envoy never picks one of weight 0."""
    if source is None:
        return ()
    found = [routes.WeightedCluster(c.name, c.weight or 0) for c in source.clusters if c.weight]
    return tuple(sorted(found, key=lambda c: -c.weight))


def _route(source: wire.WireRoute, path: str, inherited: routes.Fault | None) -> routes.Route:
    """The route. One whose match does not decode counts as matching anything, so that no verdict is based on later
    routes."""
    try:
        match = _match(source.match)
    except UNREADABLE as error:
        return routes.Route(source.name, _ANY_PATH, "other", path=path, unread=source.unread or f"match: {error}")
    try:
        return _decoded(source, match, path, inherited)
    except UNREADABLE as error:
        return routes.Route(source.name, match, "other", path=path, unread=source.unread or str(error))


def _decoded(
    source: wire.WireRoute, match: routes.RouteMatch, path: str, inherited: routes.Fault | None
) -> routes.Route:
    action = source.route
    clusters: tuple[routes.WeightedCluster, ...] = ()
    kind, status = "other", None
    if action is not None:
        kind = "route"
        clusters = weighted(action.weighted_clusters)
        if not clusters and action.cluster:
            clusters = (routes.WeightedCluster(action.cluster),)
    elif source.direct_response is not None:
        kind, status = "direct_response", source.direct_response.status
    elif source.redirect is not None:
        code = source.redirect.response_code
        kind, status = "redirect", REDIRECTS.get(str(code or "MOVED_PERMANENTLY"), 301)
    elif source.non_forwarding_action is not None:
        kind = "non_forwarding"
    unread = source.unread
    if not unread and (
        kind == "other" or (kind == "route" and not clusters and not (action and action.cluster_header))
    ):
        unread = "it has no action" if kind == "other" else "route: it has no cluster"
    if any(not one.name for one in clusters):
        raise ValueError("a weighted cluster has no name")
    return routes.Route(
        name=source.name,
        match=match,
        action=kind,
        clusters=clusters,
        cluster_header=action.cluster_header if action else "",
        status=status,
        not_found_status=NOT_FOUND.get(str(action.cluster_not_found_response_code or "") if action else "", 503),
        not_modelled=_fault_of_some(action),
        upgrades={u.upgrade_type.lower(): u.enabled is not False for u in action.upgrade_configs} if action else {},
        limits=_limits(action),
        fault=_per_filter_fault(source.typed_per_filter_config, source.per_filter_config) or inherited,
        config=istio_config(source.metadata),
        path=path,
        unread=unread,
    )


def _fault_of_some(action: wire.WireRouteAction | None) -> str:
    weights = action.weighted_clusters.clusters if action is not None and action.weighted_clusters else []
    named = next((w.name for w in weights if w.weight and b"fault" in bytes(w.typed_per_filter_config)), "")
    return f"the fault of weighted cluster {named}" if named else ""


def _limits(action: wire.WireRouteAction | None) -> RouteLimits:
    if action is None:
        return _NO_LIMITS
    retry = action.retry_policy or {}
    retries = retry.get("num_retries")
    return RouteLimits(
        timeout=seconds(action.timeout),
        idle_timeout=seconds(action.idle_timeout),
        max_duration=seconds((action.max_stream_duration or {}).get("max_stream_duration")),
        per_try_timeout=seconds(retry.get("per_try_timeout")),
        retries=retries if isinstance(retries, int) else None,
        retry_on=str(retry.get("retry_on") or ""),
        rewrites_host=any(
            (action.host_rewrite_literal, action.host_rewrite, action.host_rewrite_header, action.auto_host_rewrite)
        ),
    )


_NO_LIMITS = RouteLimits()
_NOT_MODELLED = ("path_match_policy", "filter_state", "tls_context")
_MATCH = msgspec.json.Decoder(WireMatch, strict=False)


def _match(raw: Raw) -> routes.RouteMatch:
    """config.route.v3.RouteMatch; most routes of a mesh are the plain prefix `/`. Raises where it does not decode."""
    if bytes(raw) in _PLAIN_PREFIX:
        return _ANY_PATH
    if not raw:
        raise ValueError("there is none")
    try:
        source = _MATCH.decode(raw)
    except msgspec.ValidationError:  # null fields are absent
        source = msgspec.convert(without_nulls(msgspec.json.decode(raw)), WireMatch, strict=False)
    regex = source.safe_regex.regex if source.safe_regex is not None else source.regex
    if source.path_match_policy is not None:
        regex = None
    share = percent(source.runtime_fraction.default_value if source.runtime_fraction else None, 100.0)
    return routes.RouteMatch(
        prefix=source.prefix,
        path=source.path,
        path_separated_prefix=source.path_separated_prefix,
        regex=regex,
        connect=source.connect_matcher is not None,
        case_sensitive=source.case_sensitive is not False,
        headers=tuple(map(_header, source.headers)),
        query_parameters=tuple(map(_query, source.query_parameters)),
        runtime_percent=share,
        grpc=source.grpc is not None,
        needs_metadata=bool(source.dynamic_metadata),
        not_modelled=next((name for name in _NOT_MODELLED if getattr(source, name)), "")
        or ("runtime_fraction" if 0 < share < 100 else ""),
    )


_STRING_KINDS = ("exact", "prefix", "suffix", "contains")


def _string(string: StringMatch) -> tuple[str, str]:
    """The kind of a match of strings, and its value."""
    kind = next((kind for kind in _STRING_KINDS if getattr(string, kind) is not None), "other")
    if kind == "other" and string.safe_regex is not None:
        return "regex", string.safe_regex.regex
    return kind, str(getattr(string, kind, ""))


def _query(source: WireQueryMatch) -> routes.QueryMatch:
    if source.string_match is not None:
        kind, value = _string(source.string_match)
        return routes.QueryMatch(source.name, kind, value, source.string_match.ignore_case)
    if source.value:
        return routes.QueryMatch(source.name, "regex" if source.regex else "exact", source.value)
    return routes.QueryMatch(source.name)


def _header(source: WireHeaderMatch) -> routes.HeaderMatch:
    name, invert = source.name, source.invert_match
    string = source.string_match
    if string is not None:
        kind, value = _string(string)
        return routes.HeaderMatch(name, kind, value, invert, string.ignore_case, source.treat_missing_header_as_empty)
    for kind in (*_STRING_KINDS, "regex"):
        old = getattr(source, f"{kind}_match")
        if old is not None:
            return routes.HeaderMatch(name, kind, old, invert)
    if source.safe_regex_match is not None:
        return routes.HeaderMatch(name, "regex", source.safe_regex_match.regex, invert)
    if source.range_match is not None:
        span = f"{source.range_match.get('start', 0)},{source.range_match.get('end', 0)}"
        return routes.HeaderMatch(name, "range", span, invert)
    inverted = invert != (source.present_match is False)
    as_empty = source.treat_missing_header_as_empty
    return routes.HeaderMatch(name, "present", "", inverted, missing_as_empty=as_empty)


def _per_filter_fault(typed: Raw, old: Raw) -> routes.Fault | None:
    """The fault of `typed_per_filter_config` (v3) or `per_filter_config` (v2), None where there is none.

    Raises ValueError where it does not decode.
    """
    raw = typed or old
    if not raw or (b"fault" not in bytes(raw) and bytes(raw)[:1] == b"{"):
        return None
    configs = as_dict(raw)
    return next((_own_fault(object_in(configs, name)) for name in FAULT_FILTERS if name in configs), None)


def _own_fault(source: dict[str, object]) -> routes.Fault:
    """A route's own settings, in a config.route.v3.FilterConfig or not: an empty one ends those of the listener."""
    if str(source.get("@type", "")).endswith(".FilterConfig"):
        if source.get("disabled"):
            return routes.Fault()
        source = object_in(source, "config")
    return fault_of(source) or routes.Fault()


def fault_of(source: dict[str, object]) -> routes.Fault | None:
    """extensions.filters.http.fault.v3.HTTPFault, and v2's; None where it has neither an abort nor a delay.

    Raises ValueError where it does not decode.
    """
    source = unwrap_typed_struct(source)
    abort, delay = object_in(source, "abort"), object_in(source, "delay")
    if (not abort and not delay) or source.get("max_active_faults") == 0:
        return None
    # a local reply with a gRPC status is HTTP 200
    status = 200 if "grpc_status" in abort else abort.get("http_status")
    if status is not None and not isinstance(status, int):
        raise ValueError("http_status: expected a number")
    conditional = bool(source.get("headers")) or "header_abort" in abort or "header_delay" in delay
    return routes.Fault(
        abort_percent=percent(abort.get("percentage", abort.get("percent")), 0.0),
        abort_status=status,
        delay_percent=percent(delay.get("percentage", delay.get("percent")), 0.0),
        delay=seconds(delay.get("fixed_delay")),
        by_header=conditional,
        not_modelled=next((name for name in ("upstream_cluster", "downstream_nodes") if source.get(name)), ""),
    )

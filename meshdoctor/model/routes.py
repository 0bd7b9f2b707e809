"""Route configurations as Envoy has them: virtual hosts, routes, their matches, destinations and faults."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from meshdoctor.model.limits import RouteLimits

GUARDS = ("rbac", "ext_authz", "ext_proc", "jwt_authn", "local_ratelimit", "ratelimit", "lua")
"""Network and HTTP filters that may refuse a connection or request. Only EnvoyFilters put them into outbound chains."""


class WeightedCluster(Struct, frozen=True):
    """A cluster a proxy or route may choose, and its share."""

    name: str
    weight: int = 1


class Fault(Struct, frozen=True):
    """A fault filter's effect. Percentages are 0 to 100; `delay` is seconds."""

    abort_percent: float = 0.0
    abort_status: int | None = None
    delay_percent: float = 0.0
    delay: float | None = None
    by_header: bool = False
    """Conditional on request headers, so a request without them is not touched."""
    not_modelled: str = ""
    """The setting on which it depends whether a request is touched, where meshdoctor does not work that out."""


class RouteMatch(Struct, frozen=True):
    """How a route picks requests. Exactly one of the path criteria is set (none: matches any path)."""

    prefix: str | None = None
    path: str | None = None
    path_separated_prefix: str | None = None
    regex: str | None = None
    connect: bool = False
    case_sensitive: bool = True
    headers: tuple[HeaderMatch, ...] = ()
    query_parameters: tuple[QueryMatch, ...] = ()
    runtime_percent: float = 100.0
    grpc: bool = False
    needs_metadata: bool = False
    """dynamic_metadata: set by a filter such as JWT authentication, which a sidecar's outbound listeners lack."""
    not_modelled: str = ""
    """A criterion whose outcome meshdoctor does not work out: tls_context, filter_state, path_match_policy."""


class HeaderMatch(Struct, frozen=True):
    """config.route.v3.HeaderMatcher. `kind` is exact, prefix, suffix, contains, regex, present, range or other."""

    name: str
    kind: str
    value: str = ""
    invert: bool = False
    ignore_case: bool = False
    missing_as_empty: bool = False


class QueryMatch(Struct, frozen=True):
    """config.route.v3.QueryParameterMatcher. `kind` is exact, prefix, suffix, contains, regex, present or other."""

    name: str
    kind: str = "present"
    value: str = ""
    ignore_case: bool = False


class Route(Struct, frozen=True):
    """One entry of a virtual host."""

    name: str
    match: RouteMatch
    action: str
    """`route`, `redirect`, `direct_response`, `non_forwarding` or `other`."""
    clusters: tuple[WeightedCluster, ...] = ()
    cluster_header: str = ""
    status: int | None = None
    """Status of a direct response, or a redirect."""
    not_found_status: int = 503
    """cluster_not_found_response_code: what the client gets where the proxy lacks the cluster."""
    not_modelled: str = ""
    """A setting that decides and that meshdoctor does not work out: a fault of a weighted cluster."""
    upgrades: dict[str, bool] = {}
    """The route's own upgrade_configs, names in lower case: whether each is enabled."""
    fault: Fault | None = None
    limits: RouteLimits = RouteLimits()
    config: str = ""
    """metadata istio.config: path of the VirtualService that made it."""
    path: str = ""
    unread: str = ""
    """What of it could not be read, and why; what that decides is unknown. Empty where it was read whole."""


class VirtualHost(Struct, frozen=True):
    """config.route.v3.VirtualHost."""

    name: str
    domains: tuple[str, ...]
    routes: tuple[Route, ...]
    path: str = ""
    require_tls: str = ""
    """`ALL` or `EXTERNAL_ONLY` where requests in plain text are redirected to https."""
    unread: str = ""
    """What of it could not be read, and why; what that decides is unknown. Empty where it was read whole."""


class RouteConfig(Struct, frozen=True):
    """config.route.v3.RouteConfiguration as it is in force."""

    name: str
    virtual_hosts: tuple[VirtualHost, ...]
    ignore_port_in_host_matching: bool = False
    path: str = ""
    unread: str = ""
    """What of it could not be read, and why; what that decides is unknown. Empty where it was read whole."""

    @property
    def clusters(self) -> Iterator[str]:
        """Names of the clusters that its routes may pick."""
        return (cluster.name for host in self.virtual_hosts for route in host.routes for cluster in route.clusters)

"""Conditions of a connection that is delivered: timeouts, limits and protocol upgrades that the configuration sets.

What istiod writes where nobody set anything is no condition: route timeout 0, two retries on connect failures, a
connect timeout of 10 s, unlimited circuit breakers (pilot/pkg/networking/core of istio/istio: route/route.go,
route/retry/retry.go, cluster_traffic_policy.go; meshConfig.connectTimeout). Flags are those of Envoy's access log
(%RESPONSE_FLAGS%).
"""

from __future__ import annotations

from collections.abc import Iterator

from meshdoctor.model.routes import Route
from meshdoctor.model.trace import DeliveryCondition
from meshdoctor.semantics.istio.registry import CLUSTER_LOCAL
from meshdoctor.semantics.istio.resource_names import cluster_name
from meshdoctor.trace.walk import Walk

USUAL_RETRIES = 2
USUAL_CONNECT_TIMEOUT = 10.0
HTTP2_PROTOCOLS = frozenset({"HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"})


def conditions(walk: Walk, declared: frozenset[str]) -> tuple[DeliveryCondition, ...]:
    """The conditions of a walk that ends at the host's own cluster. `declared` are the port's protocols, upper case."""
    return (*_of_route(walk), *_of_connection(walk), *_of_cluster(walk, declared))


def _of_route(walk: Walk) -> Iterator[DeliveryCondition]:
    route = walk.route
    if route is None:
        return
    limits, at = route.limits, f"{route.path}.route"
    if limits.timeout:
        yield _condition(
            walk, "route-timeout", _time(limits.timeout), "UT", "a slower response is 504", f"{at}.timeout"
        )
    if limits.per_try_timeout:
        why = "a slower try is given up, and tried again as often as retries allow"
        value = _time(limits.per_try_timeout)
        yield _condition(walk, "per-try-timeout", value, "UT", why, f"{at}.retry_policy.per_try_timeout")
    if limits.idle_timeout:
        why = "a request on which nothing moves for so long is ended"
        yield _condition(walk, "route-idle-timeout", _time(limits.idle_timeout), "SI", why, f"{at}.idle_timeout")
    if limits.max_duration:
        why = "a longer request is ended"
        yield _condition(walk, "max-stream-duration", _time(limits.max_duration), "UMSDR", why, at)
    if limits.retries is not None and limits.retries != USUAL_RETRIES:
        on = f" on {limits.retry_on.replace(',', ', ')}" if limits.retry_on else ""
        why = f"a failed request is sent again{on}, then the last error counts"
        yield _condition(walk, "retries", str(limits.retries), "URX", why, f"{at}.retry_policy")
    yield from _of_headers(walk, route)


def _of_headers(walk: Walk, route: Route) -> Iterator[DeliveryCondition]:
    """Headers that the route requires, and another host that is sent the Host header of this one: many servers answer
    404 or 421 to that."""
    for header in route.match.headers:
        if not header.name.startswith(":"):
            why = f"the route requires header {header.name}; requests that differ take another route, or none"
            yield _condition(walk, "required-header", header.name, "NR", why, f"{route.path}.match")
    owner = cluster_name(walk.cluster_name or "")
    if owner is None or route.limits.rewrites_host or owner.host.endswith(CLUSTER_LOCAL):
        return
    asked = (walk.destination.authority or walk.destination.host).lower()
    if owner.host.lower() != asked.split(":")[0] and not owner.host.startswith("*"):
        why = f"the request goes to {owner.host} and keeps this Host header, because the route has no rewrite.authority"
        yield _condition(walk, "host-header", asked, "", why, f"{route.path}.route")


def _of_connection(walk: Walk) -> Iterator[DeliveryCondition]:
    chain = walk.chain
    if chain is None:
        return
    found = chain.tcp or chain.http
    if found is None:
        return
    if found.limits.idle_timeout:
        why = "a connection on which nothing moves for so long is closed"
        yield _condition(walk, "tcp-idle-timeout", _time(found.limits.idle_timeout), "", why, f"{chain.path}.filters")
    if found.limits.max_duration:
        why = "a connection is closed when it is so old, in use or not"
        value = _time(found.limits.max_duration)
        yield _condition(walk, "max-connection-duration", value, "DT", why, f"{chain.path}.filters")


def _of_cluster(walk: Walk, declared: frozenset[str]) -> Iterator[DeliveryCondition]:
    cluster = walk.cluster
    if cluster is None:
        return
    limits, at = cluster.limits, f"{cluster.path}.circuit_breakers"
    is_http = walk.route is not None
    owner = cluster_name(cluster.name)
    is_service = owner is not None and owner.host.endswith(CLUSTER_LOCAL)
    if limits.max_connections is not None:
        why = "further connections of this sidecar " + ("wait" if is_http else "are closed")
        yield _condition(walk, "max-connections", str(limits.max_connections), "UO", why, at)
    if is_http and limits.max_pending_requests is not None:
        why = "further requests that wait for a connection are 503"
        yield _condition(walk, "max-pending-requests", str(limits.max_pending_requests), "UO", why, at)
    if is_http and limits.max_requests is not None:
        yield _condition(
            walk, "max-requests", str(limits.max_requests), "UO", "further requests at the same time are 503", at
        )
    if limits.connect_timeout and limits.connect_timeout != USUAL_CONNECT_TIMEOUT:
        why = "a server that takes longer to accept the connection is given up"
        value = _time(limits.connect_timeout)
        yield _condition(walk, "connect-timeout", value, "UF", why, f"{cluster.path}.connect_timeout")
    if is_http and limits.speaks_http2 and not is_service and declared and not declared & HTTP2_PROTOCOLS:
        why = f"the port is declared {', '.join(sorted(declared))}, and Envoy speaks HTTP/2 to it: the server must too"
        path = f"{cluster.path}.typed_extension_protocol_options"
        yield _condition(walk, "http2-upgrade", "HTTP/2", "UPE", why, path)
    if limits.ejects:
        why = "endpoints that fail are ejected for a time; while none is left, requests are 503"
        yield _condition(walk, "outlier-ejection", "on", "UH", why, f"{cluster.path}.outlier_detection")


def _condition(walk: Walk, name: str, value: str, flag: str, because: str, path: str) -> DeliveryCondition:
    return DeliveryCondition(name, value, flag, because, walk.proxy.evidence(path, value))


def _time(seconds: float) -> str:
    return f"{seconds:g}s"

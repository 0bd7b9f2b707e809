"""Limits that a configuration sets for connections and requests. Times are seconds; None means that there is none."""

from __future__ import annotations

from msgspec import Struct


class RouteLimits(Struct, frozen=True):
    """config.route.v3.RouteAction."""

    timeout: float | None = None
    """For the whole response, retries included; 0, which istiod writes where nothing is set, is none."""
    idle_timeout: float | None = None
    max_duration: float | None = None
    """max_stream_duration."""
    per_try_timeout: float | None = None
    retries: int | None = None
    retry_on: str = ""
    rewrites_host: bool = False


class ClusterLimits(Struct, frozen=True):
    """config.cluster.v3.Cluster: circuit breakers, and what its connections speak."""

    max_connections: int | None = None
    max_pending_requests: int | None = None
    max_requests: int | None = None
    connect_timeout: float | None = None
    speaks_http2: bool = False
    """explicit_http_config.http2_protocol_options: HTTP/2, whatever the client speaks."""
    ejects: bool = False
    """outlier_detection is set."""


class ConnectionLimits(Struct, frozen=True):
    """Of a connection from the client: tcp_proxy's, or the connection manager's."""

    idle_timeout: float | None = None
    """tcp_proxy's."""
    max_duration: float | None = None

"""Counts of outbound connections to hosts that are not registered, from a sidecar's access log. Never requests.

Also the shape of `proxies/<namespace>/<pod>/access_log.json` in a capture. Paths, queries, headers and clients have no
place in it, so there is nothing to redact.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

FILE = "access_log.json"
"""Its name in a pod's folder."""
RAW_FILE = "istio-proxy.log"
"""The log itself, as bug-reports contain it; a capture never does."""

SCHEMA = 1
"""Of access_log.json. Keys are only ever added."""

Outcome = Literal["blocked", "passthrough"]
Time = Annotated[str, Meta(pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?$")]
"""UTC, `2026-11-21T10:00:00Z`; empty where no line had a time."""


class LogEntry(Struct, frozen=True, kw_only=True):
    """Connections with the same host, port, address, protocol and outcome."""

    host: str
    """Server name of TLS, else the authority of HTTP without its port, else the address dialled. Lower case."""
    port: Annotated[int, Meta(ge=1, le=65535)]
    """The port dialled."""
    ip: str
    """The address dialled; empty where the log has none."""
    protocol: Literal["tls", "http", "tcp"]
    """As Envoy recognised it: `tcp` may be any protocol that it did not inspect."""
    outcome: Outcome
    count: Annotated[int, Meta(ge=1)]
    first: Time = ""
    last: Time = ""
    cluster: str = ""
    """`BlackHoleCluster`, `PassthroughCluster`, or empty where no cluster was chosen."""
    flags: tuple[str, ...] = ()
    """Envoy's response flags on these lines: `UH`, `NR` ..."""


class AccessLog(Struct, frozen=True, kw_only=True):
    """The digest of one pod's log. `lines` is `parsed` + `skipped` + `unparsed`."""

    schema: int = SCHEMA
    since_seconds: int | None = None
    """Window of the log in seconds; None where it was read whole."""
    read_at: str | None = None
    lines: int = 0
    parsed: int = 0
    """Lines of the access log, for any outcome."""
    skipped: int = 0
    """Lines of pilot-agent and of Envoy itself, and incomplete ones at the ends."""
    unparsed: int = 0
    """Lines that look like an access log in a custom format (meshConfig.accessLogFormat)."""
    left_out: int = 0
    """Number of entries that were dropped: the least frequent and oldest."""
    entries: tuple[LogEntry, ...] = ()
    """The most frequent first, of equally frequent ones the most recent."""

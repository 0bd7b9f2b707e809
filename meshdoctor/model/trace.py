"""What a connection is, and what a sidecar does with it."""

from __future__ import annotations

from msgspec import Struct, field

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.verdict import Verdict

PROTOCOLS = ("tcp", "server-first", "tls", "http")
"""What the client does: speaks first in an unknown protocol, waits for a greeting, sends a ClientHello or HTTP."""


class Destination(Struct, frozen=True, omit_defaults=False):
    """A connection an application opens."""

    host: str
    port: int
    ip: str | None = None
    """The address dialled; None where nobody knows it."""
    protocol: str = "tcp"
    sni: str | None = None
    """Server name of the ClientHello; `""` is TLS without SNI, None for other protocols."""
    authority: str | None = None
    """Host header, for http."""
    path: str = "/"
    method: str = "GET"


class Step(Struct, frozen=True, omit_defaults=True):
    """One decision: `at` is capture, listener, listener_filters, filter_chain, route, cluster or endpoint."""

    at: str
    chose: str | None
    because: str
    evidence: Evidence | None = None


class Expect(Struct, frozen=True):
    """What the client and Envoy's access log will show."""

    response_flags: tuple[str, ...] = ()
    http_status: int | None = None
    hangs: bool = False


class AddressTrace(Struct, frozen=True):
    """The verdict for one of several addresses of a host."""

    ip: str
    verdict: Verdict
    reason: str
    cluster: str | None = None
    listener: str | None = None


class Trace(Struct, frozen=True):
    """The whole answer for one connection."""

    pod: str
    destination: Destination
    verdict: Verdict
    reason: str
    """A rule id where one names the cause, else a short slug."""
    because: str = ""
    """The verdict in one sentence."""
    advice: str = ""
    listener: str | None = None
    filter_chain: str | None = None
    """The chain's own name; most chains of Istio's have none."""
    route: str | None = None
    cluster: str | None = None
    endpoint: str | None = None
    expect: Expect = Expect()
    steps: tuple[Step, ...] = ()
    missing: tuple[str, ...] = ()
    """Documents whose absence made the verdict unknown."""
    addresses: tuple[AddressTrace, ...] = field(default_factory=tuple)
    """One per known address, where none was given."""
    owner: str = ""
    """Host the reached cluster belongs to, empty where there is none."""

"""A connection, and what a sidecar does with it."""

from __future__ import annotations

from typing import TypedDict

from msgspec import Struct, field

from meshdoctor.model.evidence import Evidence
from meshdoctor.model.mesh import Dependency
from meshdoctor.model.verdict import Verdict

PROTOCOLS = ("tcp", "server-first", "tls", "http")
"""What the client does: speaks first, lets the server speak first (as in MySQL), sends a ClientHello, sends HTTP."""


class Destination(Struct, frozen=True, omit_defaults=False):
    """A connection an application opens."""

    host: str
    port: int
    ip: str | None = None
    """The address dialled; None where it is not known."""
    protocol: str = "tcp"
    sni: str | None = None
    """Server name of the ClientHello; `""` is TLS without SNI, None for other protocols."""
    authority: str | None = None
    """Host header, for http."""
    path: str = "/"
    """Path and query of the request; for the method CONNECT the authority says all."""
    method: str = "GET"
    http_version: str = "1.1"
    """`1.0`, `1.1` or `2` (with prior knowledge), for http."""
    alpn: tuple[str, ...] = ()
    """Protocols that the ClientHello offers, `h2`, `http/1.1`, for tls."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers of the request, names in lower case."""
    first_bytes: bytes = b""
    """What a tcp client sends before it waits for the server; empty where that is not known."""


class ClientOptions(TypedDict, total=False):
    """What the client does, as far as it is given. The rest is derived from the pod's own configuration, the port and
    its declaration."""

    ip: str | None
    """The address it dials; without it each address that the pod may dial is traced."""
    protocol: str | None
    sni: str | None
    authority: str | None
    path: str | None
    """Path of its HTTP requests; without it each path of the pod's URLs for the host, or else `/`."""
    method: str | None
    http_version: str | None
    alpn: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]
    dependency: Dependency | None
    """The configuration that names the host, where it is not the pod's own."""
    scheme: str | None
    """Scheme of the URL that was asked for: its client goes by the pod's forward proxy."""


class Step(Struct, frozen=True, omit_defaults=True):
    """One decision: `at` is client, redirection, listener, listener_filters, filter_chain, route, cluster, endpoint or
    gateway."""

    at: str
    chose: str | None
    because: str
    evidence: Evidence | None = None


class Expect(Struct, frozen=True):
    """What the client and Envoy's access log will show."""

    response_flags: tuple[str, ...] = ()
    http_status: int | None = None
    hangs: bool = False


class DeliveryCondition(Struct, frozen=True):
    """A limit that the configuration sets for a connection that is delivered."""

    name: str
    """A slug: `route-timeout`, `max-connections`."""
    value: str
    """As it is set: `2s`, `100`."""
    flag: str
    """Envoy's response flag where the limit is met, `UT`; empty where there is none."""
    because: str
    """What happens then, in a sentence."""
    evidence: Evidence | None = None


class AddressTrace(Struct, frozen=True):
    """The verdict for one of the host's addresses."""

    ip: str
    verdict: Verdict
    reason: str
    cluster: str | None = None
    listener: str | None = None


class Trace(Struct, frozen=True):
    """The result of a trace of one connection."""

    pod: str
    destination: Destination
    verdict: Verdict
    reason: str
    """The rule id of the cause, where a rule names it; else a short identifier."""
    because: str = ""
    """The verdict in one sentence."""
    advice: str = ""
    listener: str | None = None
    filter_chain: str | None = None
    """The name of the chain; most chains of Istio have none."""
    route: str | None = None
    cluster: str | None = None
    endpoint: str | None = None
    expect: Expect = Expect()
    steps: tuple[Step, ...] = ()
    missing: tuple[str, ...] = ()
    """Missing documents that made the verdict unknown."""
    addresses: tuple[AddressTrace, ...] = field(default_factory=tuple)
    """One per known address, where none was given."""
    conditions: tuple[DeliveryCondition, ...] = ()
    """Limits under which it is delivered; of other verdicts none."""
    owner: str = ""
    """Host that the cluster belongs to, empty where there is none."""
    forward_proxy: Destination | None = None
    """The connection to a forward proxy, where the client goes by one: that is what was traced."""

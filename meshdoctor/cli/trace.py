"""`meshdoctor trace`: what a pod's sidecar does with one connection."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from meshdoctor.cli import options
from meshdoctor.cli.exit_codes import ExitCode
from meshdoctor.cli.progress import ended
from meshdoctor.cli.source_options import SourceOptions
from meshdoctor.cli.streams import put, say, writer
from meshdoctor.errors import UsageError
from meshdoctor.model.verdict import Verdict

if TYPE_CHECKING:
    from meshdoctor.model.trace import ClientOptions, Trace
    from meshdoctor.semantics.istio.host_port import HostPort


class Protocol(StrEnum):
    """What the client does once it is connected."""

    TCP = "tcp"
    SERVER_FIRST = "server-first"
    TLS = "tls"
    HTTP = "http"


class HttpVersion(StrEnum):
    """The HTTP version that the client speaks in plain text; 2 is with prior knowledge."""

    V1_0 = "1.0"
    V1_1 = "1.1"
    V2 = "2"


_FOR_HTTP = "--authority, --path, --method, --http-version and --header"

PodArgument = Annotated[
    str,
    typer.Argument(
        metavar="POD", help="Pod: name, namespace/name, unique prefix, deploy/name or app=label", show_default=False
    ),
]
Where = Annotated[
    str,
    typer.Argument(
        metavar="HOST:PORT", help="Destination: github.com:443, [2001:db8::20]:443 or a URL", show_default=False
    ),
]
Ip = Annotated[
    str | None, typer.Option("--ip", metavar="IP", help="Address that the client dials (default every known one)")
]
Does = Annotated[
    Protocol | None,
    typer.Option(
        "--protocol",
        metavar="tcp|server-first|tls|http",
        help="What the client speaks (default as declared, else as usual for the port)",
    ),
]
Sni = Annotated[str | None, typer.Option("--sni", metavar="NAME", help='Server name; "" is TLS without one')]
Authority = Annotated[str | None, typer.Option("--authority", metavar="HOST", help="Host header of the request")]
UrlPath = Annotated[
    str | None,
    typer.Option("--path", metavar="PATH", help="Path of the request (default: those of the pod's own URLs, else /)"),
]
Method = Annotated[str | None, typer.Option("--method", metavar="METHOD", help="Method of the request (default GET)")]
Version = Annotated[
    HttpVersion | None,
    typer.Option("--http-version", metavar="1.0|1.1|2", help="HTTP version that the client speaks (default 1.1)"),
]
Alpn = Annotated[
    str | None, typer.Option("--alpn", metavar="LIST", help="ALPN offer of the ClientHello, such as h2,http/1.1")
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="NAME:VALUE", help="Header of the request, may be repeated", show_default=False),
]


@dataclass(frozen=True)
class ClientManner:
    """How the client connects and what it sends, as far as the command line says."""

    ip: Ip = None
    protocol: Does = None
    sni: Sni = None
    authority: Authority = None
    path: UrlPath = None
    method: Method = None
    http_version: Version = None
    alpn: Alpn = None
    header: Headers = None

    def spoken(self, from_url: str | None) -> str | None:
        """The client's protocol: from --protocol, else from other options, else from the scheme of the URL; else None.

        Raises `UsageError` where the options contradict one another.
        """
        tls = self.sni is not None or self.alpn is not None
        http = bool(self.authority or self.path or self.method or self.http_version or self.header)
        if tls and http:
            raise UsageError(f"--sni and --alpn are for TLS, {_FOR_HTTP} for plain HTTP: give those of one")
        implied = "tls" if tls else "http" if http else None
        if self.protocol is not None and implied is not None and self.protocol.value != implied:
            option = "--sni or --alpn" if implied == "tls" else _FOR_HTTP
            raise UsageError(f"{option} requires --protocol {implied}, not --protocol {self.protocol.value}")
        return self.protocol.value if self.protocol is not None else implied or from_url

    def options(self) -> ClientOptions:
        """What the request is like. Raises `UsageError` for a header without a name."""
        given: ClientOptions = {"sni": self.sni, "authority": self.authority}
        if self.method is not None:
            given["method"] = self.method
        if self.http_version is not None:
            given["http_version"] = self.http_version.value
        if self.alpn:
            given["alpn"] = tuple(filter(None, self.alpn.split(",")))
        if self.header:
            given["headers"] = tuple(map(_header, self.header))
        return given


def trace(
    pod: PodArgument,
    where: Where,
    source_options: SourceOptions,
    client: ClientManner,
    json: options.Json = False,
    no_color: options.NoColor = False,
) -> int:
    """Trace one connection through the sidecar of a pod.

    Exit codes:
      0    delivered
      1    any other verdict
      2    wrong usage
      3    nothing to look at
      4    a cluster or file could not be read
      130  interrupted

    Examples:
      # Trace a connection from a pod
      meshdoctor trace ratings-v2 db.example.com:3306

      # Trace a connection to one address, in a capture
      meshdoctor trace shop/web github.com:443 --ip 198.51.100.20 --from capture/

      # Trace TLS without a server name, from a pod of a Deployment
      meshdoctor trace deploy/web api.example.com:443 --sni ""
    """
    from meshdoctor.semantics.ip_addresses import is_ip
    from meshdoctor.semantics.istio.host_port import address, read_host_port

    target = read_host_port(where)
    spoken = client.spoken(target.protocol)
    dialled = None if client.ip is None else address(client.ip)
    source = replace(source_options, logs_since="0").source()
    scheme = _url_scheme(target, spoken, client.protocol)

    from meshdoctor import doctor

    # With an address given, no other has to be resolved.
    case = doctor.open_case(source, pod=pod, hosts=() if dialled or is_ip(target.host) else (target.host,))
    asked = client.options()
    asked["ip"], asked["scheme"], asked["protocol"] = dialled, scheme, None if scheme else spoken
    asked["path"] = client.path or (target.path if spoken == "http" else None)
    chosen = source_options.chosen or None
    result = doctor.trace(case, pod, target.host, target.port, namespaces=chosen, **asked)
    put(_rendered(result, json=json, no_color=no_color))
    return ended(case) or (ExitCode.CLEAN if result.verdict is Verdict.DELIVERED else ExitCode.FOUND)


def _url_scheme(target: HostPort, spoken: str | None, given: Protocol | None) -> str | None:
    """The scheme of a URL whose client is as the URL says: it goes by the pod's forward proxy."""
    if target.scheme is not None:
        say(f"tracing {target.host} port {target.port}" + (f" as {spoken}" if spoken else "") + ", taken from the URL")
    return target.scheme if spoken == target.protocol and given is None else None


def _rendered(result: Trace, *, json: bool, no_color: bool) -> str | bytes:
    if json:
        from meshdoctor.report import json_v1

        return json_v1.trace(result)
    from meshdoctor import doctor
    from meshdoctor.report import text
    from meshdoctor.view import trace as view

    rules = () if result.verdict is Verdict.DELIVERED else {rule.id for rule in doctor.load_catalogue()}
    return text.render(view.report(result, rules=rules), writer(no_color=no_color))


def _header(text: str) -> tuple[str, str]:
    """Name and value of `name: value`. Raises `UsageError` where it has no name."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or name.startswith(":"):
        raise UsageError(f"--header {text}: expected NAME:VALUE, such as x-env:canary")
    return name.strip().lower(), value.strip()

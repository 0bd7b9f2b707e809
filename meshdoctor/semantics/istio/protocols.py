"""What protocol names, port numbers and URL schemes mean to Istio and in general, and which side sends first.

Istio's classes follow pilot/pkg/networking/networking.go (ModelProtocolToListenerProtocol) and
pkg/config/protocol/instance.go; Kubernetes port names follow pkg/config/kube/conversion.go (ConvertProtocol).
Port numbers are those of the IANA registry or of the product's own documentation, and only where a number is
used for hardly anything else: 8080, 9000 or 8000 say nothing.
"""

from __future__ import annotations

_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"})
_TLS = frozenset({"HTTPS", "TLS"})
_TCP = frozenset({"TCP", "MONGO", "REDIS", "MYSQL"})

EXCLUSIVE = frozenset({"MYSQL", "MONGO"})
"""Protocols that share a listener with no other: the later owner is dropped whole
(istio pilot/pkg/networking/core/listener.go)."""

_SERVICE_WELL_KNOWN_TCP = frozenset({25, 53, 3306, 27017})
"""Service ports that Istio takes for TCP where nothing names a protocol."""

_APP_PROTOCOLS = {"kubernetes.io/h2c": "HTTP2", "kubernetes.io/ws": "HTTP", "kubernetes.io/wss": "HTTPS"}

_KNOWN_PORTS = {
    21: "ftp",
    22: "ssh",
    23: "telnet",
    25: "smtp",
    80: "http",
    110: "pop3",
    119: "nntp",
    143: "imap",
    389: "ldap",
    443: "https",
    465: "smtps",
    563: "nntps",
    587: "smtp",
    636: "ldaps",
    853: "dns-over-tls",
    990: "ftps",
    993: "imaps",
    995: "pop3s",
    1433: "mssql",
    1521: "oracle",
    1883: "mqtt",
    2181: "zookeeper",
    2525: "smtp",
    3268: "ldap",
    3269: "ldaps",
    3306: "mysql",
    4222: "nats",
    5432: "postgres",
    5671: "amqps",
    5672: "amqp",
    6379: "redis",
    6443: "https",
    6514: "syslog-tls",
    8443: "https",
    8883: "mqtts",
    9042: "cassandra",
    9092: "kafka",
    11211: "memcached",
    27017: "mongodb",
}

_TLS_PROTOCOLS = frozenset(
    {"https", "smtps", "nntps", "ldaps", "dns-over-tls", "ftps", "imaps", "pop3s", "amqps", "syslog-tls", "mqtts"}
)
"""Protocols whose first byte on the wire is a ClientHello. STARTTLS variants are not among them."""

# SSH is not here: both sides send their identification at once (RFC 4253 section 4.2), so no client waits.
_SERVER_FIRST = frozenset({"mysql", "smtp", "ftp", "pop3", "imap", "nntp", "telnet", "nats"})

_SCHEMES: dict[str, tuple[int | None, str]] = {
    "http": (80, "http"),
    "https": (443, "https"),
    "ws": (80, "http"),
    "wss": (443, "https"),
    "grpc": (None, "http"),
    "grpcs": (None, "https"),
    "mysql": (3306, "mysql"),
    "mysqlx": (33060, ""),
    "mariadb": (3306, "mysql"),
    "postgres": (5432, "postgres"),
    "postgresql": (5432, "postgres"),
    "redis": (6379, "redis"),
    "rediss": (6379, "rediss"),
    "amqp": (5672, "amqp"),
    "amqps": (5671, "amqps"),
    "mongodb": (27017, "mongodb"),
    "mongodb+srv": (None, "mongodb-tls"),
    "smtp": (25, "smtp"),
    "smtps": (465, "smtps"),
    "imap": (143, "imap"),
    "imaps": (993, "imaps"),
    "pop3": (110, "pop3"),
    "pop3s": (995, "pop3s"),
    "ldap": (389, "ldap"),
    "ldaps": (636, "ldaps"),
    "ftp": (21, "ftp"),
    "ftps": (990, "ftps"),
    "sftp": (22, "ssh"),
    "ssh": (22, "ssh"),
    "git": (9418, ""),
    "nats": (4222, "nats"),
    "kafka": (9092, "kafka"),
    "mqtt": (1883, "mqtt"),
    "mqtts": (8883, "mqtts"),
    "sqlserver": (1433, "mssql"),
    "mssql": (1433, "mssql"),
    "oracle": (1521, "oracle"),
    "memcached": (11211, "memcached"),
    "cassandra": (9042, "cassandra"),
    "clickhouse": (9000, ""),
    "zookeeper": (2181, "zookeeper"),
    "zk": (2181, "zookeeper"),
    "bolt": (7687, ""),
    "neo4j": (7687, ""),
    "neo4j+s": (7687, "tls"),
    "bolt+s": (7687, "tls"),
    "stomp": (61613, ""),
    "tls": (None, "tls"),
    "ssl": (None, "tls"),
    "tcp": (None, ""),
    "h2c": (None, "http"),
    "plaintext": (None, ""),
    "sasl_plaintext": (None, ""),
    "sasl_ssl": (None, "tls"),
    "sb": (5671, "amqps"),
}

_CLIENT_TLS = _TLS_PROTOCOLS | {"tls", "rediss", "mongodb-tls"}


def protocol_class(protocol: str) -> str:
    """Istio's class of a ServiceEntry port: `http`, `tls`, `tcp`, `udp`, or `auto` (unset or unknown: sniffed).

    `tls` covers HTTPS and TLS, which Istio treats as TCP chosen by SNI.
    """
    name = protocol.upper()
    if name in _HTTP:
        return "http"
    if name in _TLS:
        return "tls"
    if name in _TCP:
        return "tcp"
    return "udp" if name == "UDP" else "auto"


def service_protocol(number: int, name: str, transport: str, app_protocol: str | None) -> str:
    """Protocol of a Kubernetes Service port as Istio reads it, upper case; `""` means it is sniffed.

    Follows pkg/config/kube/conversion.go, ConvertProtocol: appProtocol, else the port name up to the first `-`.
    """
    if transport.upper() == "UDP":
        return "UDP"
    if app_protocol in _APP_PROTOCOLS:
        return _APP_PROTOCOLS[app_protocol]
    word = (name if app_protocol is None else app_protocol).upper()
    word = "GRPC-WEB" if word.startswith("GRPC-WEB") else word.split("-", 1)[0]
    if word in _HTTP | _TLS | _TCP or word == "UDP":
        return word
    return "TCP" if number in _SERVICE_WELL_KNOWN_TCP else ""


def known_protocol(port: int) -> str:
    """What a port number is known for, lower case (`mysql`, `https`); `""` where it is used for anything."""
    return _KNOWN_PORTS.get(port, "")


def scheme_protocol(scheme: str) -> str:
    """What a URL scheme is known for, in the words of `known_protocol`; `""` where it says nothing."""
    return _SCHEMES.get(scheme.lower(), (None, ""))[1]


def default_port(scheme: str) -> int | None:
    """Port that a URL of this scheme means where it names none; None where the scheme has no such port."""
    return _SCHEMES.get(scheme.lower(), (None, ""))[0]


def is_network_scheme(scheme: str) -> bool:
    """A URL of this scheme opens a connection to its host."""
    return scheme.lower() in _SCHEMES


def is_server_first(known: str) -> bool:
    """The server greets before the client sends anything, so a protocol inspector waits for bytes that never come."""
    return known.lower() in _SERVER_FIRST


def is_tls_port(port: int) -> bool:
    """A server on this port expects a ClientHello as the first bytes: 443, 8443, 636, 6514 and the like."""
    return known_protocol(port) in _TLS_PROTOCOLS


def is_plain_http_port(port: int) -> bool:
    """A server on this port speaks HTTP without TLS."""
    return known_protocol(port) == "http"


def client_protocol(declared: str, port: int, scheme: str = "") -> str:
    """What a client most likely does on the wire: `http`, `tls`, `server-first` or `tcp` (it speaks first).

    A URL's scheme is the client's own word and comes first; then the declared protocol where it says something
    (HTTP, TLS, or a named database), then what the port number is known for.
    """
    named = behaviour(scheme_protocol(scheme))
    if named:
        return named
    family = protocol_class(declared)
    if family in ("http", "tls"):
        return family
    if declared.upper() in ("MYSQL", "MONGO", "REDIS"):
        return "server-first" if declared.upper() == "MYSQL" else "tcp"
    return behaviour(known_protocol(port)) or "tcp"


def behaviour(known: str) -> str:
    """What a client of a known protocol does: `http`, `tls`, `server-first` or `tcp`; `""` where it is not known."""
    if not known:
        return ""
    if known == "http":
        return "http"
    if known in _CLIENT_TLS:
        return "tls"
    return "server-first" if is_server_first(known) else "tcp"

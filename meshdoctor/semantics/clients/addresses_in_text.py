"""Which hosts and ports a piece of configuration text names: URLs, connection strings, `host:port`, lists of them.

Reads the forms that clients read, and ignores text that only looks like a host: file names, versions, Java classes,
image references, e-mail addresses, wildcards, templates with a hole in the host. Names that never leave the cluster or
the machine are left out here; what is a Kubernetes Service is for the caller to know.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from msgspec import Struct, structs

from meshdoctor.semantics.ip_addresses import as_written
from meshdoctor.semantics.istio.protocols import default_port, is_network_scheme
from meshdoctor.text.marks import without_marks
from meshdoctor.text.word_sets import word_set


class NamedHost(Struct, frozen=True):
    """A host that a text names. `port` is None where neither the text nor its scheme gives one."""

    host: str
    port: int | None = None
    scheme: str = ""
    port_written: bool = False
    """Whether the text names the port; else it is the scheme's default, or None."""
    path: str = ""
    """Path of an HTTP URL, without query; empty where the text names none."""


_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}})\Z")

# Every repeat is bounded, because values may be as long as a ConfigMap and are untrusted.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+._-]{0,31}\Z")
_AUTHORITY = re.compile(r"[^\s/?#\"'<>\\`|;]{0,4096}")
_PATH = re.compile(r"/[^\s?#\"'<>\\`|;,]{0,2048}")
_HOLE = re.compile(r"[{$%*]|:[a-z]|\[")
"""What begins a placeholder in the path of a URL: `{id}`, `${ID}`, `%s`, `:id`."""
_HTTP = frozenset({"http", "https", "ws", "wss"})
_SCHEME_TAIL = re.compile(r"[A-Za-z][A-Za-z0-9+._:-]*:\Z")
_GRPC_TARGET = re.compile(r"dns:///([^\s/,]+)\Z")
_ORACLE = re.compile(r"jdbc:oracle:[a-z]{1,16}:[^@\s]{0,512}@(?://)?([^\s/:]{1,253}):(\d{1,5})", re.IGNORECASE)
_TNS = re.compile(r"\(HOST ?= ?([^)\s]{1,253})\)\s?\(PORT ?= ?(\d{1,5})\)", re.IGNORECASE)
_GO_MYSQL = re.compile(r"@tcp\(([^)\s]{1,260})\)/")
_SQL_SERVER = re.compile(r"(?:tcp:)?([^,\s:]+),\s*(\d{2,5})\Z", re.IGNORECASE)

# Names of these schemes are identifiers or local, or the traffic is UDP, which sidecars do not capture.
_NO_DESTINATION = frozenset({"file", "s3", "s3a", "gs", "spiffe", "unix", "oci", "docker", "udp", "syslog", "statsd"})
_IDENTIFIER_HOSTS = frozenset(
    {"www.w3.org", "schemas.xmlsoap.org", "schemas.microsoft.com", "json-schema.org", "java.sun.com", "xmlns.jcp.org"}
)
"""Hosts of XML and JSON namespace identifiers, to which nothing connects."""

_LOCAL_SUFFIXES = (".svc", ".local", ".localhost", ".localdomain", ".docker.internal")

_FILE_SUFFIXES = word_set(
    """
    avsc bak bin cc cfg class conf crt csv css dat dll env exe go gz htm html ini jar java jks jpg js json jsx key
    kt lock log lua mjs mk mod mov pdf pem php pid pkl png properties proto rb scala sock sql sqlite sum svg tar
    tgz tmp tmpl toml tpl ts tsx txt war wasm xml yaml yml zip
    """
)
_ALSO_FILE_SUFFIXES = word_set(
    """
    md pl pm ps py rs sh so tf
    """
)
"""Suffixes that are country domains as well: a file where only two labels and no port are there."""

_REVERSE_DOMAIN = word_set(
    """
    com org net io dev edu gov java javax jakarta kotlin scala sun akka
    """
)
"""First labels of Java packages and the like."""

_TOP_LEVEL = word_set(
    """
    agency ai app asia aws bank biz blog cloud club co com coop corp dev digital edu email example fun google gov
    group health home host info int internal intra intranet invalid jobs lan life link live media mil mobi name
    net network news online org page pay private pro run services shop site software solutions space store systems
    tech test tools top travel world xyz zone
    """
)


def canonical_host(text: str) -> str:
    """Lower case, without brackets and trailing dot; an IP address in its usual spelling. `""` for what is no host.

    A host is an IP address or a name of two labels or more.
    """
    host = text.strip().lower().removesuffix(".")
    address = as_written(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    if address:
        return address
    return host if _NAME.match(host) else ""


def is_address(host: str) -> bool:
    """The (canonical) host is an IP address."""
    return bool(as_written(host))


def stays_inside(host: str) -> bool:
    """Whether a canonical host is never external: cluster-local names, loopback, link-local and the like."""
    address = as_written(host)
    if address:
        ip = ipaddress.ip_address(address)
        return (
            ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast or address == "255.255.255.255"
        )
    return host.endswith(_LOCAL_SUFFIXES) or ".svc.cluster." in host or host in ("kubernetes.default", "localhost")


def targets_in(text: str, *, names_host: bool = False, bare_name: bool = True) -> list[NamedHost]:
    """Every external-looking target that the text names, in its order.

    `names_host`: the setting's name says that this is a host, so an unusual domain is accepted. `bare_name`: whether a
    name without port may be a host.
    """
    text = without_marks(text).strip().strip("\"'")
    found = list(_special(text))
    if "://" in text:
        found += _urls(text)
    elif not found and text[:1] not in ("{", "<") and "\n" not in text:
        found = _listed(text, names_host=names_host, bare_name=bare_name)
    return [t for t in dict.fromkeys(found) if not stays_inside(t.host)]


def _special(text: str) -> Iterator[NamedHost]:
    """Connection strings whose host follows neither a scheme nor a plain colon."""
    for pattern, scheme in ((_ORACLE, "oracle"), (_TNS, "oracle")):
        for match in pattern.finditer(text):
            yield from _made(match.group(1), match.group(2), scheme)
    for match in _GO_MYSQL.finditer(text):
        yield from _authority(match.group(1), "mysql")
    grpc = _GRPC_TARGET.match(text)
    if grpc:
        yield from _authority(grpc.group(1), "dns")


def _urls(text: str) -> list[NamedHost]:
    found: list[NamedHost] = []
    for match in re.finditer("://", text):
        before = _SCHEME.search(text[max(0, match.start() - 32) : match.start()])
        scheme = before.group().lower() if before else ""
        if "+" in scheme and not is_network_scheme(scheme):
            scheme = scheme.split("+")[0]
        authority = _AUTHORITY.match(text, match.end())
        if authority and scheme and scheme not in _NO_DESTINATION:
            parts = _unwrapped(authority.group()).rpartition("@")[2].split(",")
            path = _path(text, authority.end()) if scheme in _HTTP and len(parts) == 1 else ""
            for part in parts:
                named = [] if _SCHEME_TAIL.match(part) else _authority(part, scheme)
                found += [structs.replace(one, path=path) for one in named]
    return [t for t in found if t.host not in _IDENTIFIER_HOSTS]


def _path(text: str, start: int) -> str:
    """The path of the URL whose authority ends here, up to its first placeholder."""
    match = _PATH.match(text, start)
    if match is None:
        return ""
    hole = _HOLE.search(match.group())
    return match.group()[: hole.start()] if hole else _unwrapped(match.group())


def _unwrapped(authority: str) -> str:
    """Without the closing brackets and full stops of a sentence around it."""
    pairs = {")": "(", "]": "[", "}": "{"}
    while authority and (authority[-1] in ".," or pairs.get(authority[-1], "") not in authority):
        authority = authority[:-1]
    return authority


def _authority(text: str, scheme: str) -> Iterator[NamedHost]:
    """`host[:port]` of a URL. Without port, an unknown scheme names no destination."""
    host, port = split_port(text)
    if port == "" and not is_network_scheme(scheme):
        return
    yield from _made(host, port, scheme)


def _made(host: str, port: str, scheme: str = "") -> Iterator[NamedHost]:
    name = canonical_host(host)
    if not name:
        return
    if not port:
        yield NamedHost(name, default_port(scheme), scheme)
    elif (number := port_number(port)) is not None:
        yield NamedHost(name, number, scheme, port_written=True)


def port_number(text: str) -> int | None:
    """A port as text, or None for what is none."""
    text = text.strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return number if 0 < number < 65536 else None


def _listed(text: str, *, names_host: bool, bare_name: bool) -> list[NamedHost]:
    """`host[:port]`, alone or in a list of which every item is one; `key=value` items may follow."""
    match = _SQL_SERVER.match(text)
    if match and canonical_host(match.group(1)):
        return list(_made(match.group(1), match.group(2)))
    listed = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    items = [item.strip("\"'") for item in re.split(r"[,;\s]+", listed) if item]
    found: list[NamedHost] = []
    for position, item in enumerate(items):
        if position and "=" in item:
            continue
        target = _item(item, names_host=names_host)
        if target is None or (target.port is None and not bare_name):
            return []
        found.append(target)
    return found


def _item(item: str, *, names_host: bool) -> NamedHost | None:
    """One `host`, `host:port` or `host:port/path`, or None."""
    head, slash, tail = item.partition("/")
    user, at, head = head.rpartition("@")
    host, port = split_port(head)
    name = canonical_host(host)
    if not name or (at and (not port or not user)) or (slash and re.search(r"[:@]", tail)):
        return None
    if port:
        number = port_number(port)
        believed = number is not None and _is_believable(name, names_host=names_host, with_port=True)
        return NamedHost(name, number, "", port_written=True) if believed else None
    if slash and (not names_host or is_address(name)):
        return None
    return NamedHost(name) if _is_believable(name, names_host=names_host, with_port=False) else None


def _is_believable(name: str, *, names_host: bool, with_port: bool) -> bool:
    """Whether text without a scheme that has the form of a host is one."""
    if is_address(name):
        return names_host or with_port
    labels = name.split(".")
    top = labels[-1]
    known = top in _TOP_LEVEL or len(top) == 2 or top.startswith("xn--")
    if top in _FILE_SUFFIXES or (labels[0] in _REVERSE_DOMAIN and not (known and labels[0] != "com")):
        return False
    if names_host:
        return True
    if top in _ALSO_FILE_SUFFIXES and len(labels) == 2:
        return False
    return known or (with_port and len(labels) > 2)


def split_port(text: str) -> tuple[str, str]:
    """`host:port` in two, as texts; the port is `""` where there is none. A bare IPv6 address is all host."""
    if text.startswith("["):
        host, _, rest = text.partition("]")
        return host + "]", rest.removeprefix(":")
    host, colon, port = text.rpartition(":")
    if not colon or ":" in host:
        return text, ""
    return (host, port) if port else (text, "")

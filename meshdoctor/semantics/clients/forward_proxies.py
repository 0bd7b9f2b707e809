"""Which forward proxy a container's clients send a URL to.

Environment variables as curl, Go, Python and Node.js read them (curl: everything.curl.dev/usingcurl/proxies/env.html;
Go: golang.org/x/net/http/httpproxy; Python: urllib.request, getproxies_environment; Node.js: nodejs.org/api/http.html,
proxyEnv), and the JVM's system properties (docs.oracle.com, "Java Networking and Proxies"). gRPC dials its targets
through HTTPS_PROXY (the documentation of grpc-go, "Proxy"). A setting speaks for its own container alone.

Where clients differ, the reading of most is taken: lower case comes before upper case, an empty value counts as unset,
a name in NO_PROXY covers itself and what is below it, `*.name` only what is below it. Which clients ignore a variable
is said: curl HTTP_PROXY in capitals; Go, Java and Node.js ALL_PROXY.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct, structs

from meshdoctor.model.evidence import Pointer
from meshdoctor.model.forward_proxy import ForwardProxy, ProxiedRequest
from meshdoctor.model.mesh import Container
from meshdoctor.semantics.clients.addresses_in_text import canonical_host, is_address, port_number, split_port
from meshdoctor.semantics.clients.settings import settings_in_arguments
from meshdoctor.semantics.ip_addresses import contains
from meshdoctor.text.marks import is_mark, without_marks

_HTTPS = frozenset({"https", "wss", "grpc", "grpcs", "dns"})
_HTTP = frozenset({"http", "ws"})
_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_PORTS = {"http": 80, "https": 443}
_SOCKS_PORT = 1080
PROPERTY = re.compile(
    r"-D(https?\.(?:proxyHost|proxyPort|nonProxyHosts)|socksProxyHost|socksProxyPort)="
    r"(?:\"([^\"]{0,4096})\"|'([^']{0,4096})'|([^\s\"']{0,4096}))"
)
"""A system property of the JVM about forward proxies: its name, and its value with or without quotes."""
_LABELS = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9])?\Z")
_JVM = re.compile(r"(?:.*/)?java\Z|JAVA_TOOL_OPTIONS\Z|JDK_JAVA_OPTIONS\Z|JAVA_OPTS\Z|_JAVA_OPTIONS\Z")
_FROM_PARTS = ("$(", "${", "{{")


class _Found(Struct, frozen=True):
    """A setting's value, None where it is not known, and where it is."""

    value: str | None
    setting: str
    pointer: Pointer


class ContainerProxies:
    """The forward proxies that the settings of one container name."""

    def __init__(self, container: Container) -> None:
        self._is_jvm = False
        self._variables: dict[str, _Found] = {}
        self._properties: dict[str, _Found] = {}
        of = f" of container {container.name}"
        for variable in container.env:
            source = "ConfigMap" if variable.source == "configmap" else ""
            label = f"env {variable.name}{of}"
            setting = f"{source} {variable.source_name} ({label})" if source and variable.source_name else label
            self._add(variable.name, _Found(variable.value, setting, variable.pointer))
        for found in settings_in_arguments(container.args):
            where = _Found(found.value, f"arg {found.origin + 1}{of}", container.arg_pointer(found.origin))
            if found.name.lower() in _VARIABLES:
                self._variables[found.name] = where
        for index, argument in enumerate(container.args):
            self._add("", _Found(argument, f"arg {index + 1}{of}", container.arg_pointer(index)))
            self._is_jvm = self._is_jvm or any(map(_JVM.match, argument.split()))

    def _add(self, name: str, found: _Found) -> None:
        if name.lower() in _VARIABLES and name in (name.lower(), name.upper()):
            self._variables[name] = found
        self._is_jvm = self._is_jvm or bool(_JVM.match(name))
        for match in PROPERTY.finditer(found.value or ""):
            value = next((group for group in match.groups()[1:] if group is not None), "")
            self._properties[match.group(1)] = structs.replace(found, value=value.replace("\\", ""))

    @property
    def are_set(self) -> bool:
        """Whether any proxy is set."""
        return next(self.named(), None) is not None

    def named(self) -> Iterator[ProxiedRequest]:
        """Every proxy that is set, as a request for no known URL."""
        for family in ("https", "http"):
            proxy = self._java(family) or self._variable(family)
            if proxy is not None:
                yield ProxiedRequest(proxy, scheme=family)
        socks = self._socks()
        if socks is not None:
            yield ProxiedRequest(socks, scheme="https")

    def request(self, scheme: str, host: str, port: int, path: str = "") -> ProxiedRequest | None:
        """What a client asks which proxy for a URL, or for a host:port (no scheme); None where it dials the host
        itself."""
        family = "https" if scheme in _HTTPS else "http" if scheme in _HTTP else ""
        proxy = self._proxy(family, host, port)
        if proxy is None:
            return None
        kind = "http" if scheme == "http" else "https"
        return ProxiedRequest(proxy, host, port, kind, path)

    def _proxy(self, family: str, host: str, port: int) -> ForwardProxy | None:
        java = self._java(family) if family else None
        if java is not None:
            return None if _is_direct_in_java(self._text("http.nonProxyHosts"), host) else java
        socks = self._socks()
        if socks is not None:
            return socks
        variable = self._variable(family) if family else None
        if variable is None:
            return None
        excluded = self._first("no_proxy")
        if excluded is not None and (excluded.value is None or is_mark(excluded.value)):
            why = f"whether {host} is excluded from it is not known: the value of {excluded.setting} was not read"
            return structs.replace(variable, doubt=why)
        return None if excluded is not None and is_excluded(excluded.value or "", host, port) else variable

    def _text(self, name: str) -> str:
        found = self._properties.get(name)
        return found.value or "" if found else ""

    def _java(self, family: str) -> ForwardProxy | None:
        found = self._properties.get(f"{family}.proxyHost")
        if found is None or not found.value:
            return None
        port = port_number(self._text(f"{family}.proxyPort")) or _PORTS[family]
        return _proxy(found.value, found, port)

    def _socks(self) -> ForwardProxy | None:
        found = self._properties.get("socksProxyHost")
        if found is None or not found.value:
            return None
        port = port_number(self._text("socksProxyPort")) or _SOCKS_PORT
        why = "the JVM's sockets use a SOCKS proxy, its channels (NIO) do not, and which of them this client has is "
        return _proxy(f"socks5://{found.value}", found, port, f"{why}not known")

    def _first(self, name: str) -> _Found | None:
        """The variable in lower, else in upper case. An empty one counts as unset."""
        both = (self._variables.get(name), self._variables.get(name.upper()))
        return next((found for found in both if found is not None and found.value != ""), None)

    def _variable(self, family: str) -> ForwardProxy | None:
        own = self._first(f"{family}_proxy")
        found = own or self._first("all_proxy")
        if found is None:
            return None
        skipped = "" if own else "Go, Java and Node.js, which do not read ALL_PROXY,"
        if own is not None and own is self._variables.get("HTTP_PROXY"):
            skipped = "curl, which reads http_proxy in small letters only,"
        doubt = "the JVM itself does not read this variable, and whether the application does is not known"
        return structs.replace(_proxy(found.value, found, 0, doubt if self._is_jvm else ""), skipped_by=skipped)


def is_list_of_direct_hosts(name: str) -> bool:
    """Whether a setting of this name lists the hosts that are dialled without a proxy."""
    return name in ("no_proxy", "NO_PROXY", "http.nonProxyHosts")


def is_proxy_setting(name: str) -> bool:
    """Whether a setting of this name names a forward proxy, or its port."""
    return (
        name.lower() in _VARIABLES
        or re.fullmatch(r"https?\.proxy(?:Host|Port)|socksProxy(?:Host|Port)", name) is not None
    )


def is_excluded(no_proxy: str, host: str, port: int) -> bool:
    """Whether NO_PROXY names the host: `*`, a name, `.suffix`, `*.suffix`, an address, a CIDR, each perhaps with a
    port."""
    for part in re.split(r"[,\s]+", no_proxy.strip().strip("\"'").lower()):
        if part == "*":
            return True
        if "/" in part:
            if is_address(host) and contains(part, host):
                return True
            continue
        name, number = split_port(part)
        if number and port_number(number) != port:
            continue
        if _names(name, host):
            return True
    return False


def _names(pattern: str, host: str) -> bool:
    if is_address(host):
        return canonical_host(pattern) == host
    below = pattern.startswith("*.")
    name = pattern.removeprefix("*").strip(".")
    return bool(name) and ((host == name and not below) or host.endswith("." + name))


def _is_direct_in_java(patterns: str, host: str) -> bool:
    """http.nonProxyHosts, which holds for https too: names between `|`, each with a `*` at its start or end."""
    for pattern in re.split(r"[|]", patterns.lower()):
        name = pattern.strip().strip("[]")
        if not name:
            continue
        if name.startswith("*") and host.endswith(name[1:]):
            return True
        if host == name or (name.endswith("*") and host.startswith(name[:-1])):
            return True
    return False


def _proxy(value: str | None, found: _Found, port: int, doubt: str = "") -> ForwardProxy:
    """The proxy that a value names: `http://user:password@host:port`, `host:port`, `socks5h://host`.

    `port` is the default; 0 takes the scheme's.
    """
    unknown = ForwardProxy("", 0, "http", found.setting, found.pointer, doubt)
    text = without_marks(value or "").strip().strip("\"'")
    if value is None or is_mark(value) or any(hole in text for hole in _FROM_PARTS):
        return unknown
    scheme, marker, rest = text.partition("://")
    if not marker:
        scheme, rest = "http", text
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    name, number = split_port(authority)
    host = canonical_host(name) or name.lower().strip("[].")
    if not is_address(host) and not _LABELS.match(host):
        return unknown
    kind = scheme.lower()
    default = port or (_SOCKS_PORT if kind.startswith("socks") else _PORTS.get(kind, 80))
    return ForwardProxy(host, port_number(number) or default, kind, found.setting, found.pointer, doubt)

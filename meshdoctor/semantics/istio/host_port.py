"""HOST:PORT as people write it: names, addresses, brackets, trailing dots, capital letters, whole URLs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from meshdoctor.errors import UsageError
from meshdoctor.semantics.istio.protocols import client_protocol, default_port, is_network_scheme

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


@dataclass(frozen=True)
class HostPort:
    """Where a connection goes. `protocol` and `path` are what a pasted URL says, else None."""

    host: str
    port: int
    protocol: str | None = None
    path: str | None = None
    scheme: str | None = None
    """Of the URL."""


def read_host_port(text: str) -> HostPort:
    """Read a command line's HOST:PORT.

    Raises:
        UsageError: it names no host or port; one line that says what was read and what to write instead. A URL's
            user and password are never repeated.
    """
    scheme, marker, rest = text.strip().partition("://")
    if marker:
        return _read_url(scheme.lower(), rest)
    if "/" in text or "@" in text:
        raise UsageError("HOST:PORT must not contain `/` or `@`: write github.com:443 or a whole URL")
    host, port = _split(text.strip())
    if port is None:
        raise UsageError(f"{text!r} has no port: write {_shown(host)}:443 for HTTPS, {_shown(host)}:80 for HTTP")
    return HostPort(_host(host), _port(port))


def address(text: str) -> str:
    """An IP address in its usual form. Raises `UsageError` where it is none."""
    try:
        return str(_ip(text))
    except ValueError:
        raise UsageError(f"--ip {text!r} is not an IP address: write 198.51.100.20 or 2001:db8::20") from None


def _read_url(scheme: str, rest: str) -> HostPort:
    if not is_network_scheme(scheme):
        raise UsageError(f"unknown URL scheme {scheme}://: write HOST:PORT, for example github.com:443")
    authority, path = re.fullmatch(r"([^/?#]*)([^#]*).*", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    host, port = _split(authority.rpartition("@")[2])
    number = _port(port) if port else default_port(scheme)
    if number is None:
        raise UsageError(f"{scheme}:// has no default port: write {_shown(host)}:PORT")
    protocol = client_protocol("", number, scheme)
    asked = f"/{path.removeprefix('/')}" if protocol == "http" and path else None
    return HostPort(_host(host), number, protocol, asked, scheme)


def _split(text: str) -> tuple[str, str | None]:
    """Host and port as written. An IPv6 address without brackets has no port."""
    if text.startswith("["):
        host, bracket, after = text[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise UsageError(f"{text!r} is not HOST:PORT: write an IPv6 address as [2001:db8::20]:443")
        return host, after[1:] if after else None
    if text.count(":") > 1:
        return text, None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:6]) <= 65535:
        raise UsageError(f"{text!r} is not a port: give a number from 1 to 65535, as in github.com:443")
    return int(text)


def _host(text: str) -> str:
    """The host as Envoy and Istio write it: lower case, no trailing dot, punycode; addresses in their usual form."""
    try:
        return str(_ip(text))
    except ValueError:
        pass
    name = text.lower().removesuffix(".")
    try:
        name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        raise UsageError(f"{name!r} is not a host name: it cannot be encoded for DNS") from None
    if not name:
        raise UsageError("HOST:PORT has no host: write github.com:443")
    if name.startswith("*"):
        raise UsageError(f"{text!r} is a wildcard: give one host that it covers")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise UsageError(f"{text!r} is not a host name: use letters, digits, `-` and dots, as in api.github.com:443")
    if re.fullmatch(r"[0-9.]+", name):
        raise UsageError(f"{text!r} is neither a host name nor an IPv4 address")
    return name


def _ip(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text.removeprefix("[").removesuffix("]"))

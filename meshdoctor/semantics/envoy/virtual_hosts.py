"""How Envoy picks a virtual host and a route (source/common/router/config_impl.cc, RouteMatcher)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from meshdoctor.model.proxy import HeaderMatch, Route, RouteConfig, RouteMatch, VirtualHost


class Request(Struct, frozen=True):
    """The part of an HTTP request that routes look at."""

    authority: str
    path: str = "/"
    method: str = "GET"
    headers: dict[str, str] = {}


class HostChoice(NamedTuple):
    """A virtual host and the domain of it that matched."""

    virtual_host: VirtualHost
    domain: str


class DomainIndex:
    """The domains of one route configuration, indexed once as Envoy does.

    Order of preference: exact, then the longest `*suffix`, then the longest `prefix*`, then `*`. A wildcard stands
    for one character at least. The first virtual host to name a domain keeps it.
    """

    def __init__(self, config: RouteConfig) -> None:
        self._ignore_port = config.ignore_port_in_host_matching
        self._exact: dict[str, VirtualHost] = {}
        self._suffixes: dict[str, VirtualHost] = {}
        self._prefixes: dict[str, VirtualHost] = {}
        self._any: VirtualHost | None = None
        for host in config.virtual_hosts:
            for domain in host.domains:
                self._add(domain.lower(), host)
        self._suffix_lengths = sorted({len(s) for s in self._suffixes}, reverse=True)
        self._prefix_lengths = sorted({len(p) for p in self._prefixes}, reverse=True)

    def _add(self, domain: str, host: VirtualHost) -> None:
        if domain == "*":
            self._any = self._any or host
        elif domain.startswith("*"):
            self._suffixes.setdefault(domain[1:], host)
        elif domain.endswith("*"):
            self._prefixes.setdefault(domain[:-1], host)
        else:
            self._exact.setdefault(domain, host)

    def names(self, host: str) -> bool:
        """Whether a virtual host names exactly this host."""
        return host in self._exact

    def find(self, authority: str) -> HostChoice | None:
        """The virtual host for a Host header, None where none matches (Envoy answers 404)."""
        host = authority.lower()
        if self._ignore_port:
            host = without_port(host)
        if host in self._exact:
            return HostChoice(self._exact[host], host)
        for length in self._suffix_lengths:
            if length < len(host) and host[-length:] in self._suffixes:
                return HostChoice(self._suffixes[host[-length:]], "*" + host[-length:])
        for length in self._prefix_lengths:
            if length < len(host) and host[:length] in self._prefixes:
                return HostChoice(self._prefixes[host[:length]], host[:length] + "*")
        return HostChoice(self._any, "*") if self._any is not None else None


def without_port(authority: str) -> str:
    """A Host header without its port; an IPv6 literal keeps its brackets."""
    head, colon, port = authority.rpartition(":")
    if colon and port.isdigit() and (":" not in head or head.endswith("]")):
        return head
    return authority


class RouteChoice(NamedTuple):
    """The route, and whether an earlier route might match, depending on something the trace does not know."""

    route: Route
    passed_over: tuple[str, ...]


def choose_route(routes: Sequence[Route], request: Request) -> RouteChoice | None:
    """The first route that matches, None where none does (404)."""
    passed: list[str] = []
    for route in routes:
        if not _path_matches(route.match, request.path, request.method):
            continue
        missing = _unmet(route.match, request)
        if missing:
            passed.append(f"{route.name or 'a route'} requires {missing}")
            continue
        return RouteChoice(route, tuple(passed))
    return None


def _path_matches(match: RouteMatch, path: str, method: str) -> bool:
    bare = path.split("?", 1)[0].split("#", 1)[0]
    if match.connect:
        return method == "CONNECT"
    if match.regex is not None:
        # case_sensitive does not apply to regular expressions (config.route.v3.RouteMatch)
        return _full_match(match.regex, bare)
    wanted = (match.prefix, match.path, match.path_separated_prefix)
    prefix, exact, separated = wanted if match.case_sensitive else tuple(w.lower() if w else w for w in wanted)
    if not match.case_sensitive:
        bare = bare.lower()
    if prefix is not None:
        return bare.startswith(prefix)
    if exact is not None:
        return bare == exact
    if separated is not None:
        return bare == separated or bare.startswith(separated + "/")
    return False


def _full_match(pattern: str, text: str) -> bool:
    """RE2 full match; the syntax RE2 and Python share covers what people write in routes."""
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return False


def _unmet(match: RouteMatch, request: Request) -> str:
    """The condition of this route that the request does not meet, in words; empty where it meets all."""
    for header in match.headers:
        if not _header_matches(header, request):
            return f"header {header.name}"
    if match.query_parameters:
        return f"query parameter {match.query_parameters[0]}"
    if match.grpc and not request.headers.get("content-type", "").startswith("application/grpc"):
        return "a gRPC request"
    return "a runtime fraction of requests" if match.runtime_percent <= 0 else ""


def _header_matches(header: HeaderMatch, request: Request) -> bool:
    pseudo = {":authority": request.authority, ":path": request.path, ":method": request.method, ":scheme": "http"}
    value = pseudo.get(header.name.lower()) or request.headers.get(header.name.lower())
    if value is None and header.missing_as_empty:
        value = ""
    if value is None:
        # an absent header satisfies only an inverted presence match (config.route.v3.HeaderMatcher)
        return header.kind == "present" and header.invert
    return _value_matches(header, value) != header.invert


def _value_matches(header: HeaderMatch, value: str) -> bool:
    wanted = header.value
    if header.ignore_case:
        value, wanted = value.lower(), wanted.lower()
    test = _VALUE_TESTS.get(header.kind)
    return test(value, wanted) if test else False


_VALUE_TESTS: dict[str, Callable[[str, str], bool]] = {
    "exact": lambda value, wanted: value == wanted,
    "prefix": lambda value, wanted: value.startswith(wanted),
    "suffix": lambda value, wanted: value.endswith(wanted),
    "contains": lambda value, wanted: wanted in value,
    "regex": lambda value, wanted: _full_match(wanted, value),
    "present": lambda value, wanted: True,
}

"""How Envoy picks a virtual host and a route (source/common/router/config_impl.cc, RouteMatcher)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import Struct

from meshdoctor.model.routes import HeaderMatch, QueryMatch, Route, RouteConfig, RouteMatch, VirtualHost
from meshdoctor.semantics.envoy.regular_expressions import matches_whole
from meshdoctor.semantics.envoy.request_paths import first_values, split_query
from meshdoctor.text.marks import is_mark, is_redacted


class Request(Struct, frozen=True):
    """The part of an HTTP request that routes look at."""

    authority: str
    path: str = "/"
    """Path and query; CONNECT has none."""
    method: str = "GET"
    headers: dict[str, str] = {}
    """Names in lower case."""

    def header(self, name: str) -> str | None:
        """The value of a header as routes see it, pseudo headers and those that Envoy sets before included."""
        fixed = {":authority": self.authority, "host": self.authority, ":path": self.path, ":method": self.method}
        set_by_envoy = {":scheme": "http", "x-forwarded-proto": "http", "x-request-id": REQUEST_ID}
        return fixed.get(name) or self.headers.get(name) or set_by_envoy.get(name)


REQUEST_ID = "00000000-0000-4000-8000-000000000000"
"""Stands for the one that Envoy makes (generate_request_id)."""


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
    not_modelled: str = ""
    """The criterion on which it depends whether this route or a later one takes the request."""


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
        return RouteChoice(route, tuple(passed), route.match.not_modelled or _left_out(route.match, request))
    return None


def _path_matches(match: RouteMatch, path: str, method: str) -> bool:
    if match.connect or method == "CONNECT":
        # a CONNECT request has no path: only a connect_matcher takes it (ConnectRouteEntryImpl)
        return match.connect and method == "CONNECT"
    if match.not_modelled == "path_match_policy":
        return True
    bare, _ = split_query(path)
    if match.regex is not None:
        # case_sensitive does not apply to regular expressions (config.route.v3.RouteMatch)
        return matches_whole(match.regex, bare)
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


def _left_out(match: RouteMatch, request: Request) -> str:
    """The criterion that compares a value of the request with one that a capture leaves out; empty where none does."""
    for header in match.headers:
        value = request.header(header.name.lower())
        if is_mark(header.value) and value is not None and value != header.value:
            return f"header {header.name}, whose value the capture leaves out"
    given = first_values(request.path)
    for wanted in match.query_parameters:
        value = given.get(wanted.name)
        if is_redacted(request.path) or (is_mark(wanted.value) and value is not None and value != wanted.value):
            return f"query parameter {wanted.name}, whose value the capture leaves out"
    return ""


def _unmet(match: RouteMatch, request: Request) -> str:
    """The condition of this route that the request does not meet, in words; empty where it meets all."""
    for header in match.headers:
        if not _header_matches(header, request):
            return f"header {header.name}"
    given = first_values(request.path) if match.query_parameters else {}
    for wanted in match.query_parameters:
        value = given.get(wanted.name)
        if not is_redacted(request.path) and (value is None or not _value_matches(wanted, value)):
            return f"query parameter {wanted.name}"
    if match.needs_metadata:
        return "dynamic metadata (JWT claims)"
    if match.grpc and not request.headers.get("content-type", "").startswith("application/grpc"):
        return "a gRPC request"
    return "a runtime fraction of requests" if match.runtime_percent <= 0 else ""


def _header_matches(header: HeaderMatch, request: Request) -> bool:
    value = request.header(header.name.lower())
    if value is None and header.missing_as_empty:
        value = ""
    if value is None:
        # an absent header satisfies only an inverted presence match (config.route.v3.HeaderMatcher)
        return header.kind == "present" and header.invert
    return _value_matches(header, value) != header.invert


def _value_matches(match: HeaderMatch | QueryMatch, value: str) -> bool:
    """Whether the value is as wanted, or may be: where a capture leaves out what is wanted, `_left_out` says so."""
    wanted = match.value
    if is_mark(wanted):
        return True
    if match.ignore_case and match.kind != "regex":
        value, wanted = value.lower(), wanted.lower()
    test = _VALUE_TESTS.get(match.kind)
    return test(value, wanted) if test else False


def _is_in_range(value: str, wanted: str) -> bool:
    """Whether the value is a whole number from the first of the two on, before the second."""
    start, end = map(int, wanted.split(","))
    return value.lstrip("-").isdigit() and start <= int(value) < end


_VALUE_TESTS: dict[str, Callable[[str, str], bool]] = {
    "exact": lambda value, wanted: value == wanted,
    "prefix": lambda value, wanted: value.startswith(wanted),
    "suffix": lambda value, wanted: value.endswith(wanted),
    "contains": lambda value, wanted: wanted in value,
    "regex": lambda value, wanted: matches_whole(wanted, value),
    "range": _is_in_range,
    "present": lambda value, wanted: True,
}

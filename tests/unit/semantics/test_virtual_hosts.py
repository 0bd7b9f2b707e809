"""Virtual hosts against a brute force over every domain, and routes in their order, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdoctor.model.routes import HeaderMatch, QueryMatch, Route, RouteConfig, RouteMatch, VirtualHost
from meshdoctor.semantics.envoy.virtual_hosts import DomainIndex, Request, choose_route, without_port
from meshdoctor.text.marks import shape

ALPHABET = "ab.-"
LABELS = st.text(ALPHABET, min_size=1, max_size=6)
DOMAINS = st.one_of(LABELS, LABELS.map(lambda s: "*" + s), LABELS.map(lambda s: s + "*"), st.just("*"))


def config_of(domains: list[str], ignore_port: bool = False) -> RouteConfig:
    """One virtual host a domain, named as the domain."""
    hosts = tuple(VirtualHost(domain, (domain,), ()) for domain in domains)
    return RouteConfig("80", hosts, ignore_port)


def rank(domain: str, host: str) -> tuple[int, int] | None:
    """How well a domain fits, larger is better; None where it does not. Reads RouteMatcher::findVirtualHost anew."""
    pattern = domain.lower()
    if pattern == "*":
        return (0, 0)
    if pattern.startswith("*"):
        return (2, len(pattern)) if host.endswith(pattern[1:]) and len(host) > len(pattern) - 1 else None
    if pattern.endswith("*"):
        return (1, len(pattern)) if host.startswith(pattern[:-1]) and len(host) > len(pattern) - 1 else None
    return (3, 0) if host == pattern else None


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.lists(DOMAINS, min_size=1, max_size=8, unique_by=str.lower), st.text("ab.-AB", min_size=1, max_size=8))
def test_the_virtual_host_is_envoys(domains: list[str], authority: str) -> None:
    ranked = {domain: found for domain in domains if (found := rank(domain, authority.lower())) is not None}
    choice = DomainIndex(config_of(domains)).find(authority)
    if not ranked:
        assert choice is None
    else:
        assert choice is not None
        assert choice.domain == choice.virtual_host.name == max(ranked, key=lambda domain: ranked[domain])


@pytest.mark.parametrize(
    ("authority", "wanted"),
    [
        ("api.example", "api.example"),
        ("API.Example", "api.example"),
        ("www.shop.example", "*.shop.example"),
        ("x-www.shop.example", "*-www.shop.example"),
        (".shop.example", "*.example"),
        ("shop.example", "*.example"),
        ("shop.test", "shop.*"),
        ("shop.", "*"),
        ("elsewhere.test", "*"),
        ("api.example:8080", "*"),
    ],
)
def test_order_of_preference(authority: str, wanted: str) -> None:
    domains = ["*", "shop.*", "*.example", "*.shop.example", "*-www.shop.example", "API.example"]
    choice = DomainIndex(config_of(domains)).find(authority)
    assert choice is not None
    assert choice.domain == wanted


def test_a_suffix_comes_before_a_longer_prefix() -> None:
    choice = DomainIndex(config_of(["*.b", "www.shop.exampl*"])).find("www.shop.example.b")
    assert choice is not None
    assert choice.domain == "*.b"


def test_the_port_counts_unless_it_is_to_be_ignored() -> None:
    domains = ["api.example", "api.example:8080"]
    plain = DomainIndex(config_of(domains)).find("api.example:8080")
    ignoring = DomainIndex(config_of(domains, ignore_port=True)).find("api.example:8080")
    assert plain is not None
    assert ignoring is not None
    assert (plain.domain, ignoring.domain) == ("api.example:8080", "api.example")
    assert DomainIndex(config_of(domains)).find("api.example:9") is None


@pytest.mark.parametrize(
    ("authority", "bare"),
    [
        ("api.example:8080", "api.example"),
        ("api.example", "api.example"),
        ("198.51.100.1:80", "198.51.100.1"),
        ("[2001:db8::1]:80", "[2001:db8::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("2001:db8::1", "2001:db8::1"),
        ("api.example:", "api.example:"),
        ("api.example:x", "api.example:x"),
    ],
)
def test_a_host_without_its_port(authority: str, bare: str) -> None:
    assert without_port(authority) == bare


def route(name: str, headers: tuple[HeaderMatch, ...] = (), **match: Any) -> Route:
    return Route(name, RouteMatch(headers=headers, **match), "route")


def matches(asked: Route, path: str = "/", method: str = "GET", **headers: str) -> bool:
    request = Request("api.example", path, method, {k.replace("_", "-"): v for k, v in headers.items()})
    return choose_route([asked], request) is not None


def test_the_first_route_that_fits_wins() -> None:
    routes = [route("exact", path="/a"), route("prefix", prefix="/a"), route("rest", prefix="/")]
    found = [choose_route(routes, Request("h", path)) for path in ("/a", "/ab", "/b")]
    assert [choice and choice.route.name for choice in found] == ["exact", "prefix", "rest"]
    assert choose_route(routes[:2], Request("h", "/b")) is None


@pytest.mark.parametrize(
    ("match", "path", "wanted"),
    [
        ({"prefix": "/a"}, "/abc?x=1", True),
        ({"prefix": "/a"}, "/A", False),
        ({"prefix": "/a", "case_sensitive": False}, "/ABC", True),
        ({"prefix": "/"}, "/anything", True),
        ({"path": "/a"}, "/a?x=1", True),
        ({"path": "/a"}, "/a/", False),
        ({"path": "/A", "case_sensitive": False}, "/a", True),
        ({"path_separated_prefix": "/api"}, "/api", True),
        ({"path_separated_prefix": "/api"}, "/api/v1", True),
        ({"path_separated_prefix": "/api"}, "/api?x", True),
        ({"path_separated_prefix": "/api"}, "/apis", False),
        ({"path_separated_prefix": "/API", "case_sensitive": False}, "/api/v1", True),
        ({"regex": "/v[0-9]+/.*"}, "/v12/x", True),
        ({"regex": "/v[0-9]+"}, "/v12/x", False),
        ({"regex": "/v[0-9]+"}, "/v12?q=/x", True),
        ({"regex": "/V1", "case_sensitive": False}, "/V1", True),
        ({"regex": "/(unclosed"}, "/(unclosed", False),
        ({}, "/", False),
    ],
)
def test_paths(match: dict[str, Any], path: str, wanted: bool) -> None:
    assert matches(route("r", **match), path) is wanted


def test_connect_is_a_match_of_its_own() -> None:
    assert matches(route("r", connect=True), method="CONNECT")
    assert not matches(route("r", connect=True))
    assert not matches(route("r", prefix="/"), method="CONNECT")


@pytest.mark.parametrize(
    ("pattern", "path", "wanted"),
    [
        ("/[[:digit:]]+", "/12", True),
        (r"/\Qa.b\E", "/a.b", True),
        (r"/\Qa.b\E", "/axb", False),
        (r"/\pN", "/7", True),
        (r"/a\z", "/a", True),
        ("/a(?i)b", "/aB", True),
        ("(?=/)x", "/x", False),
        (r"/([a-z0-9-]+\.?)+!", "/" + "a" * 60, False),
    ],
)
def test_regular_expressions_are_those_of_re2(pattern: str, path: str, wanted: bool) -> None:
    assert matches(route("r", regex=pattern), path) is wanted


@pytest.mark.parametrize(
    ("wanted", "path", "met"),
    [
        (QueryMatch("v", "exact", "2"), "/?v=2", True),
        (QueryMatch("v", "exact", "2"), "/?v=1&v=2", False),
        (QueryMatch("v", "exact", "a b"), "/?v=a%20b", False),
        (QueryMatch("v", "exact", "X", ignore_case=True), "/?v=x", True),
        (QueryMatch("v", "regex", "[0-9]+"), "/?a=b&v=12#c", True),
        (QueryMatch("v", "prefix", "1"), "/?v=12", True),
        (QueryMatch("v"), "/?v", True),
        (QueryMatch("v"), "/v?w=1", False),
        (QueryMatch("v", "exact", ""), "/", False),
    ],
)
def test_query_parameters(wanted: QueryMatch, path: str, met: bool) -> None:
    assert matches(route("r", prefix="/", query_parameters=(wanted,)), path) is met


def test_what_a_capture_leaves_out_is_not_decided() -> None:
    asked = route("r", (HeaderMatch("x-env", "exact", shape("canary")),), prefix="/")
    choice = choose_route([asked], Request("h", headers={"x-env": "canary"}))
    assert choice is not None
    assert choice.not_modelled == "header x-env, whose value the capture leaves out"
    assert choose_route([asked], Request("h")) is None
    by_query = route("r", prefix="/", query_parameters=(QueryMatch("v", "exact", "2"),))
    choice = choose_route([by_query], Request("h", f"/?{shape('v=2')}"))
    assert choice is not None
    assert choice.not_modelled.startswith("query parameter v")


@pytest.mark.parametrize(
    ("header", "met"),
    [
        (HeaderMatch("x-forwarded-proto", "exact", "http"), True),
        (HeaderMatch("x-request-id", "present"), True),
        (HeaderMatch("Host", "exact", "api.example"), True),
    ],
)
def test_headers_that_envoy_sets_before_it_routes(header: HeaderMatch, met: bool) -> None:
    assert matches(route("r", (header,), prefix="/")) is met


@pytest.mark.parametrize(
    ("kind", "value", "header", "wanted"),
    [
        ("exact", "canary", "canary", True),
        ("exact", "canary", "Canary", False),
        ("prefix", "can", "canary", True),
        ("suffix", "ary", "canary", True),
        ("contains", "nar", "canary", True),
        ("contains", "nor", "canary", False),
        ("regex", "c.*y", "canary", True),
        ("regex", "c.*", "a canary", False),
        ("present", "", "anything", True),
        ("range", "1,6", "5", True),
        ("range", "1,5", "5", False),
        ("range", "1,6", "five", False),
    ],
)
def test_header_values(kind: str, value: str, header: str, wanted: bool) -> None:
    asked = HeaderMatch("X-Env", kind, value)
    assert matches(route("r", (asked,), prefix="/"), x_env=header) is wanted
    inverted = HeaderMatch("X-Env", kind, value, invert=True)
    assert matches(route("r", (inverted,), prefix="/"), x_env=header) is not wanted


def test_header_without_regard_to_case() -> None:
    asked = HeaderMatch("x-env", "exact", "Canary", ignore_case=True)
    assert matches(route("r", (asked,), prefix="/"), x_env="cANARY")


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (HeaderMatch("x-env", "exact", "canary"), False),
        (HeaderMatch("x-env", "exact", "canary", invert=True), False),
        (HeaderMatch("x-env", "exact", "canary", invert=True, missing_as_empty=True), True),
        (HeaderMatch("x-env", "exact", "", missing_as_empty=True), True),
        (HeaderMatch("x-env", "present"), False),
        (HeaderMatch("x-env", "present", invert=True), True),
    ],
)
def test_a_header_that_is_missing(header: HeaderMatch, wanted: bool) -> None:
    assert matches(route("r", (header,), prefix="/")) is wanted


@pytest.mark.parametrize(
    ("name", "value"), [(":authority", "api.example"), (":method", "GET"), (":path", "/"), (":scheme", "http")]
)
def test_pseudo_headers(name: str, value: str) -> None:
    assert matches(route("r", (HeaderMatch(name, "exact", value),), prefix="/"))
    assert not matches(route("r", (HeaderMatch(name, "exact", "other"),), prefix="/"))


def test_routes_passed_over_are_named_with_what_they_ask_for() -> None:
    routes = [
        route("canary", (HeaderMatch("x-env", "exact", "canary"),), prefix="/"),
        route("debug", prefix="/", query_parameters=(QueryMatch("debug"),)),
        route("rpc", prefix="/", grpc=True),
        route("share", prefix="/", runtime_percent=0.0),
        route("elsewhere", prefix="/other"),
        route("rest", prefix="/"),
    ]
    choice = choose_route(routes, Request("h"))
    assert choice is not None
    assert choice.route.name == "rest"
    assert [text.split(" ", 1)[0] for text in choice.passed_over] == ["canary", "debug", "rpc", "share"]
    assert "x-env" in choice.passed_over[0]


def test_grpc_routes_take_grpc() -> None:
    assert matches(route("r", prefix="/", grpc=True), content_type="application/grpc+proto")
    assert not matches(route("r", prefix="/", grpc=True), content_type="text/html")

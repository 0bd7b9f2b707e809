"""A request in a connection manager: virtual host, route, what Envoy answers itself, faults."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.model.trace import Trace
from tests.dumps import VIRTUAL_SERVICE, chain, cluster, endpoint, hcm, listener, route, routes, virtual_host
from tests.unit.trace.worlds import own, traced, virtual_service, world

API, OTHER = "api.example", "other.example"
BLOCK_ALL = virtual_host("block_all", ["*"], route(name="block_all", direct_response={"status": 502}))
ALLOW_ANY = virtual_host("allow_any", ["*"], route("PassthroughCluster", name="allow_any"))
API_HOST = virtual_host(f"{API}:80", [API, f"{API}:80"], route(own(API, 80), name="default"))


def request(
    *hosts: dict[str, Any], does: dict[str, Any] | None = None, asked: dict[str, Any] | None = None, **parts: Any
) -> Trace:
    """A GET to api.example on port 80, whose route configuration has these virtual hosts."""
    made = listener("0.0.0.0", 80, chain(does or hcm("80")))
    clusters = [cluster(own(host, 80), "STATIC", endpoint("198.51.100.1", 80)) for host in (API, OTHER)]
    mesh = world([made], clusters=clusters, route_configs=[routes("80", *hosts)], **parts)
    return traced(mesh, API, 80, **{"ip": "198.51.100.1", "protocol": "http", **(asked or {})})


@pytest.mark.parametrize(
    ("hosts", "verdict", "chosen", "status"),
    [
        ((API_HOST, BLOCK_ALL), "delivered", own(API, 80), None),
        ((virtual_host("x", [OTHER], route(own(OTHER, 80))), BLOCK_ALL), "blocked", None, 502),
        ((ALLOW_ANY,), "passthrough", "PassthroughCluster", None),
        ((virtual_host("x", [OTHER], route(own(OTHER, 80))),), "blocked", None, 404),
        ((virtual_host("x", [API], route(own(API, 80), match={"prefix": "/v1"})),), "blocked", None, 404),
        ((virtual_host("x", [API], route(own(OTHER, 80))),), "misrouted", own(OTHER, 80), None),
        ((virtual_host("x", ["*"], route(own(OTHER, 80))),), "misrouted", own(OTHER, 80), None),
        ((virtual_host("x", [API], route(direct_response={"status": 503})),), "misrouted", None, 503),
        (
            (virtual_host("x", [API], route(redirect={"https_redirect": True, "response_code": "FOUND"})),),
            "misrouted",
            None,
            302,
        ),
        ((virtual_host("x", [API], route(route={"cluster_header": "x-to"})),), "unknown", None, None),
        ((virtual_host("x", [API], route(non_forwarding_action={})),), "unknown", None, None),
        ((virtual_host("x", [API], route(own("gone.example", 80))),), "blocked", own("gone.example", 80), 503),
    ],
)
def test_where_a_request_ends(
    hosts: tuple[dict[str, Any], ...], verdict: str, chosen: str | None, status: int | None
) -> None:
    found = request(*hosts)
    assert (found.verdict, found.cluster, found.expect.http_status) == (verdict, chosen, status), found.because


def test_the_host_header_decides_and_not_the_address() -> None:
    other = virtual_host("x", [OTHER], route(own(OTHER, 80)))
    assert request(API_HOST, other, asked={"authority": OTHER}).cluster == own(OTHER, 80)
    assert request(API_HOST, other, asked={"ip": "203.0.113.77"}).verdict == "delivered"


def test_routes_see_the_path() -> None:
    host = virtual_host("x", [API], route(own(OTHER, 80), match={"prefix": "/v1"}), route(own(API, 80)))
    assert request(host).verdict == "delivered"
    assert request(host, asked={"path": "/v1/items"}).verdict == "misrouted"


def test_a_route_passed_over_is_told() -> None:
    canary = {"prefix": "/", "headers": [{"name": "x-env", "string_match": {"exact": "canary"}}]}
    host = virtual_host("x", [API], route(own(OTHER, 80), match=canary, name="canary"), route(own(API, 80)))
    found = request(host)
    assert found.verdict == "delivered"
    assert any("canary requires header x-env" in step.because for step in found.steps)


@pytest.mark.parametrize(
    ("port", "domain", "fields", "verdict"),
    [
        (8080, API, {}, "blocked"),
        (8080, f"{API}:8080", {}, "delivered"),
        (8080, API, {"strip_any_host_port": True}, "delivered"),
        (8080, f"{API}:8080", {"strip_any_host_port": True}, "blocked"),
        (80, API, {}, "delivered"),
    ],
)
def test_the_port_in_the_host_header(port: int, domain: str, fields: dict[str, Any], verdict: str) -> None:
    made = listener("0.0.0.0", port, chain(hcm("r", **fields)))
    target = own(API, port)
    clusters = [cluster(target, "STATIC", endpoint("198.51.100.1", port))]
    mesh = world([made], clusters=clusters, route_configs=[routes("r", virtual_host("x", [domain], route(target)))])
    assert traced(mesh, API, port, ip="198.51.100.1", protocol="http").verdict == verdict


def test_inline_routes() -> None:
    assert request(does=hcm(route_config=routes("inline", API_HOST))).verdict == "delivered"


def test_a_route_configuration_that_is_not_there() -> None:
    found = request(does=hcm("81"))
    # an active listener has its routes (initial_fetch_timeout is 0): they were not pasted, or are left out
    assert (found.verdict, found.missing) == ("unknown", ("route configuration 81",))
    found = request(API_HOST, without=["routes"])
    assert (found.verdict, found.missing) == ("unknown", ("route configuration 80",))


@pytest.mark.parametrize(("protocol", "hangs"), [("server-first", True), ("tls", False), ("tcp", False)])
def test_other_bytes_than_http(protocol: str, hangs: bool) -> None:
    found = request(API_HOST, asked={"protocol": protocol})
    assert (found.verdict, found.expect.hangs) == ("broken", hangs)
    assert (found.reason, found.cluster) == ("port-hijacked", None)


def test_weighted_clusters_the_worst_counts() -> None:
    both = virtual_host("x", [API], route({own(API, 80): 90, own(OTHER, 80): 10}))
    found = request(both)
    assert (found.verdict, found.cluster) == ("misrouted", own(OTHER, 80))
    never = virtual_host("x", [API], route({own(API, 80): 100, own(OTHER, 80): 0}))
    assert request(never).verdict == "delivered"


def test_what_a_virtual_service_for_this_host_sends_elsewhere_is_its_own() -> None:
    config = VIRTUAL_SERVICE.format("api")
    host = virtual_host("x", [API], route(own(OTHER, 80), config=config))
    for_this, for_another = virtual_service("api", API), virtual_service("api", OTHER)
    assert request(host, virtual_services=[for_this]).verdict == "delivered"
    assert request(host, virtual_services=[for_another]).verdict == "misrouted"


def fault_route(percent: int, kind: str = "HUNDRED", **extra: Any) -> dict[str, Any]:
    """A route with an abort for a share of requests, as Istio writes it."""
    abort = {"http_status": 503, "percentage": {"numerator": percent, "denominator": kind}}
    fault = {
        "envoy.filters.http.fault": {"@type": "x/envoy.extensions.filters.http.fault.v3.HTTPFault", "abort": abort}
    }
    fault["envoy.filters.http.fault"].update(extra)
    return virtual_host("x", [API], route(own(API, 80), typed_per_filter_config=fault))


@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        (fault_route(100), "broken"),
        (fault_route(1_000_000, "MILLION"), "broken"),
        (fault_route(50), "delivered"),
        (fault_route(100, "MILLION"), "delivered"),
        (fault_route(100, headers=[{"name": "x-test", "present_match": True}]), "delivered"),
    ],
)
def test_a_fault_on_every_request(host: dict[str, Any], verdict: str) -> None:
    found = request(host)
    assert found.verdict == verdict
    if verdict == "broken":
        assert (found.reason, found.expect.http_status) == ("fault-injected", 503)

"""What only EnvoyFilters make: as Envoy does it, or unknown and named."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.model.trace import Trace
from tests.dumps import chain, cluster, endpoint, hcm, listener, route, routes, tcp, virtual_host
from tests.unit.trace.worlds import own, traced, world

API = "api.example"
FILTER = "envoy.filters.http.fault"
FAULT = "x/envoy.extensions.filters.http.fault.v3.HTTPFault"
ABORT = {"abort": {"http_status": 555, "percentage": {"numerator": 100}}}
DIRECT: dict[str, Any] = {"direct_response": {"status": 200}}


def request(*made: dict[str, Any], host: dict[str, Any] | None = None, **manager: Any) -> Trace:
    """A GET to api.example whose virtual host has these routes."""
    hosts = virtual_host("x", [API], *made) | (host or {})
    clusters = [cluster(own(API, 80), "STATIC", endpoint("198.51.100.1", 80))]
    mesh = world(
        [listener("0.0.0.0", 80, chain(hcm("80", **manager)))], clusters=clusters, route_configs=[routes("80", hosts)]
    )
    return traced(mesh, API, 80, ip="198.51.100.1", protocol="http")


def filters(**fault: Any) -> list[dict[str, Any]]:
    return [{"name": FILTER, "typed_config": {"@type": FAULT, **fault}}, {"name": "envoy.filters.http.router"}]


def with_fault(does: dict[str, Any] | None = None, **fault: Any) -> dict[str, Any]:
    made = route(**does) if does else route(own(API, 80))
    return made | {"typed_per_filter_config": {FILTER: {"@type": FAULT, **fault}}}


WRAPPED: dict[str, Any] = {"@type": "x/envoy.config.route.v3.FilterConfig"}
GRPC = {"abort": {"grpc_status": 14, "percentage": {"numerator": 100}}}


@pytest.mark.parametrize(
    ("made", "manager", "verdict", "status"),
    [
        (with_fault(**ABORT), {}, "broken", 555),
        (with_fault(DIRECT, **ABORT), {}, "broken", 555),
        (with_fault({"redirect": {"host_redirect": "a"}}, **ABORT), {}, "broken", 555),
        (with_fault(**GRPC), {}, "broken", 200),
        (with_fault(**ABORT, max_active_faults=0), {}, "delivered", None),
        (with_fault(**ABORT), {"http_filters": [{"name": "envoy.filters.http.router"}]}, "delivered", None),
        (with_fault(), {"http_filters": filters(**ABORT)}, "delivered", None),
        (route(own(API, 80)), {"http_filters": filters(**ABORT)}, "broken", 555),
        (route(match={"prefix": "/other"}, **DIRECT), {"http_filters": filters(**ABORT)}, "broken", 555),
        (with_fault(**WRAPPED, config={"@type": FAULT, **ABORT}), {}, "broken", 555),
        (with_fault(**WRAPPED, disabled=True), {"http_filters": filters(**ABORT)}, "delivered", None),
    ],
)
def test_faults(made: dict[str, Any], manager: dict[str, Any], verdict: str, status: int | None) -> None:
    found = request(made, **manager)
    assert (found.verdict, found.expect.http_status) == (verdict, status), found.because


WEIGHTED = {"clusters": [{"name": own(API, 80), "weight": 1, "typed_per_filter_config": {FILTER: ABORT}}]}
DISABLED = [filters()[0] | {"disabled": True}, filters()[1]]
FRACTION = {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 1, "denominator": "MILLION"}}}
RBAC = [{"name": "any", "typed_config": {"@type": "x/envoy.extensions.filters.http.rbac.v3.RBAC"}}]


@pytest.mark.parametrize(
    ("made", "manager", "named"),
    [
        (with_fault(**ABORT, upstream_cluster="x"), {}, "upstream_cluster"),
        (with_fault(**ABORT, downstream_nodes=["x"]), {}, "downstream_nodes"),
        (with_fault(**ABORT), {"http_filters": DISABLED}, "disabled"),
        (route(route={"weighted_clusters": WEIGHTED}), {}, "weighted cluster"),
        (route(own(API, 80), match=FRACTION), {}, "runtime_fraction"),
        (route(own(API, 80)), {"http_filters": RBAC}, "rbac"),
    ],
)
def test_what_is_not_worked_out_is_named(made: dict[str, Any], manager: dict[str, Any], named: str) -> None:
    found = request(made, **manager)
    assert found.verdict == "unknown", found.because
    assert named in found.because
    assert found.missing


def test_require_tls() -> None:
    found = request(route(own(API, 80)), host={"require_tls": "ALL"})
    assert (found.verdict, found.expect.http_status) == ("misrouted", 301)
    assert "require_tls" in request(route(own(API, 80)), host={"require_tls": "EXTERNAL_ONLY"}).because
    assert request(route(own(API, 80)), host={"require_tls": "NONE"}).verdict == "delivered"


def test_scoped_routes_are_named() -> None:
    made = listener("0.0.0.0", 80, chain(hcm(scoped_routes={"name": "x"})))
    found = traced(world([made]), API, 80, ip="198.51.100.1", protocol="http")
    assert found.verdict == "unknown"
    assert "scoped_routes" in found.because


@pytest.mark.parametrize("has_rbac", [True, False])
def test_a_network_filter_that_may_refuse(has_rbac: bool) -> None:
    made = chain(tcp(own(API, 80)))
    if has_rbac:
        made["filters"].insert(0, {"name": "envoy.filters.network.rbac"})
    clusters = [cluster(own(API, 80), "STATIC", endpoint("198.51.100.1", 80))]
    found = traced(world([listener("0.0.0.0", 80, made)], clusters=clusters), API, 80, ip="198.51.100.1")
    assert found.verdict == ("unknown" if has_rbac else "delivered")


def test_a_chain_that_ends_tls_itself() -> None:
    made = chain(hcm("443")) | {"transport_socket": {"name": "envoy.transport_sockets.tls"}}
    found = traced(world([listener("0.0.0.0", 443, made)]), API, 443, ip="198.51.100.1", protocol="tls")
    assert (found.verdict, found.missing) == ("unknown", ("downstream TLS",))


@pytest.mark.parametrize(("compat", "chosen"), [(True, "::_80"), (False, "virtualOutbound")])
def test_ipv4_compat(compat: bool, chosen: str) -> None:
    made = listener("::", 80, chain(tcp(own(API, 80))), name="::_80")
    made["address"]["socket_address"]["ipv4_compat"] = compat
    assert traced(world([made]), API, 80, ip="198.51.100.1", protocol="tcp").listener == chosen


@pytest.mark.parametrize(("other", "verdict"), [((), "unknown"), (("10.0.0.0/8",), "delivered")])
def test_a_range_of_all_addresses_beside_a_chain_without_ranges(other: tuple[str, ...], verdict: str) -> None:
    everything = chain(tcp(own(API, 80)), ranges=["0.0.0.0/0"])
    bare = chain(tcp("BlackHoleCluster"), ranges=other, transport_protocol="raw_buffer")
    clusters = [cluster(own(API, 80), "STATIC", endpoint("198.51.100.1", 80))]
    mesh = world([listener("0.0.0.0", 80, everything, bare)], clusters=clusters)
    found = traced(mesh, API, 80, ip="198.51.100.1", protocol="tcp")
    assert found.verdict == verdict, found.because

"""The cluster a connection reaches: whose it is, whether it is there, and whether it can work."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshdoctor.facts.envoy.cluster_reader import live_endpoints
from meshdoctor.facts.envoy.config_dump import read_dump
from meshdoctor.model.mesh import Port, Service
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.trace import Trace
from tests.dumps import (
    BOTH,
    DOCUMENT,
    VIRTUAL_SERVICE,
    assignment,
    catch_all,
    chain,
    cluster,
    dump,
    endpoint,
    hcm,
    listener,
    metadata,
    route,
    routes,
    tcp,
    tls,
    typed,
    virtual_host,
)
from tests.unit.trace.worlds import BLACKHOLE, PASSTHROUGH, entry, own, traced, virtual_service, world

DB, OTHER, IP = "db.example", "other.example", "198.51.100.1"


def to_cluster(name: Any, *clusters: dict[str, Any], asked: dict[str, Any] | None = None, **parts: Any) -> Trace:
    """A connection to db.example:9000 on a listener whose one chain goes to `name`."""
    config = parts.pop("config", "")
    match = parts.pop("match", {})
    made = listener("0.0.0.0", 9000, chain(tcp(name), config=config, **match))
    mesh = world([made], clusters=clusters, **parts)
    return traced(mesh, DB, 9000, **{"ip": IP, "protocol": "tcp", **(asked or {})})


def static(host: str, port: int = 9000, **fields: Any) -> dict[str, Any]:
    return cluster(own(host, 9000), "STATIC", endpoint("203.0.113.5", port), **fields)


@pytest.mark.parametrize(
    ("policy", "verdict", "flags"), [(BLACKHOLE, "blocked", ("UH",)), (PASSTHROUGH, "passthrough", ())]
)
def test_what_nothing_registers_meets_the_policy(policy: str, verdict: str, flags: tuple[str, ...]) -> None:
    found = traced(world(policy=policy), DB, 9000, ip=IP)
    assert (found.verdict, found.reason, found.cluster) == (verdict, "not-registered-here", policy)
    assert found.expect.response_flags == flags


@pytest.mark.parametrize(
    ("name", "clusters", "verdict", "reason"),
    [
        (own(DB, 9000), [static(DB)], "delivered", "own"),
        (own("*.example", 9000), [static("*.example")], "delivered", "own"),
        (own("*.db.example", 9000), [static("*.db.example"), static(DB)], "misrouted", "tcp-port-clash"),
        (own(OTHER, 9000), [static(OTHER), static(DB)], "misrouted", "tcp-port-clash"),
        (own(OTHER, 9000), [static(OTHER)], "misrouted", "config-stale"),
        (own(OTHER, 9000), [cluster(own(OTHER, 9000), "ORIGINAL_DST"), static(DB)], "leaked", "resolution-none-leak"),
        (own(DB, 9000), [cluster(own(DB, 9000), "ORIGINAL_DST")], "delivered", "own"),
        (own(DB, 9000), [], "blocked", "route-to-unknown-cluster"),
        ({own(DB, 9000): 99, own(OTHER, 9000): 1}, [static(DB), static(OTHER)], "misrouted", "tcp-port-clash"),
        ({own(DB, 9000): 99, own("x.example", 9000): 1}, [static(DB)], "blocked", "route-to-unknown-cluster"),
        ({own(DB, 9000): 1, own(OTHER, 9000): 0}, [static(DB)], "delivered", "own"),
        (own(DB, 9000), [static(DB, 443)], "delivered", "own"),
    ],
)
def test_whose_cluster_it_is(name: Any, clusters: list[dict[str, Any]], verdict: str, reason: str) -> None:
    found = to_cluster(name, *clusters, entries=[entry(DB, 9000), entry(OTHER, 9000)])
    assert (found.verdict, found.reason) == (verdict, reason), found.because


def test_a_warming_cluster_is_not_in_use_yet() -> None:
    found = to_cluster(own(DB, 9000), warming=[static(DB)])
    assert (found.verdict, found.expect.response_flags) == ("blocked", ("NC",))
    assert "warming" in found.because


def test_without_a_clusters_section_nobody_knows() -> None:
    found = to_cluster(own(DB, 9000), without=["clusters"])
    assert (found.verdict, found.missing) == ("unknown", (f"cluster {own(DB, 9000)}",))


def test_another_service_that_owns_the_port_is_a_hijack() -> None:
    name = own("mysql.shop.svc.cluster.local", 9000)
    there = cluster(name, "STATIC", endpoint("10.96.0.7", 9000))
    found = to_cluster(name, there, static(DB), entries=[entry(DB, 9000)])
    assert (found.verdict, found.reason) == ("misrouted", "port-hijacked")
    assert found.owner == "mysql.shop.svc.cluster.local"


@pytest.mark.parametrize("dialled", ["mysql", "mysql.shop", "mysql.shop.svc", "mysql.shop.svc.cluster.local"])
def test_the_short_names_of_a_service_are_its_own(dialled: str) -> None:
    name = own("mysql.shop.svc.cluster.local", 9000)
    made = listener("10.96.0.7", 9000, chain(tcp(name)))
    mesh = world([made], clusters=[cluster(name, "STATIC", endpoint("10.244.0.8", 9000))])
    assert traced(mesh, dialled, 9000, ip="10.96.0.7", protocol="tcp").verdict == "delivered"


def test_an_external_name_service_is_an_alias() -> None:
    mesh = world([listener("0.0.0.0", 9000, chain(tcp(own(DB, 9000))))], clusters=[static(DB)])
    host = "db.shop.svc.cluster.local"
    assert traced(mesh, host, 9000, ip=IP, protocol="tcp").verdict == "misrouted"
    ref = ObjectRef("Service", "shop", "db")
    mesh.services = [Service(ref, host, type="ExternalName", external_name=DB, ports=(Port(9000),))]
    assert traced(mesh, host, 9000, ip=IP, protocol="tcp").verdict == "delivered"


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"addresses": (IP,)}, "delivered"),
        ({"addresses": ("198.51.100.0/24",)}, "delivered"),
        ({"addresses": ("203.0.113.0/24",)}, "misrouted"),
    ],
)
def test_a_bare_address_belongs_to_the_entries_that_hold_it(fields: dict[str, Any], verdict: str) -> None:
    mesh = world(
        [listener("0.0.0.0", 9000, chain(tcp(own(DB, 9000))))],
        clusters=[static(DB)],
        entries=[entry(DB, 9000, **fields)],
    )
    assert traced(mesh, IP, 9000, protocol="tcp").verdict == verdict


def test_a_bare_address_on_its_own_listener_or_range() -> None:
    exact = world([listener(IP, 9000, chain(tcp(own(DB, 9000))))], clusters=[static(DB)])
    assert traced(exact, IP, 9000, protocol="tcp").verdict == "delivered"
    wide = world([listener("0.0.0.0", 9000, chain(tcp(own(DB, 9000))))], clusters=[static(DB)])
    assert traced(wide, IP, 9000, protocol="tcp").verdict == "misrouted"


def test_a_virtual_service_for_this_host_makes_the_cluster_its_own() -> None:
    config = VIRTUAL_SERVICE.format("db")
    for hosts, verdict in [((DB,), "delivered"), (("*.example",), "delivered"), ((OTHER,), "misrouted")]:
        services = [virtual_service("db", *hosts)]
        found = to_cluster(own(OTHER, 9000), static(OTHER), config=config, virtual_services=services)
        assert found.verdict == verdict, hosts


def test_without_the_virtual_service_its_server_names_speak_for_it() -> None:
    for name, verdict in [(DB, "delivered"), ("*.example", "delivered"), ("elsewhere.example", "blocked")]:
        made = chain(tcp(own(OTHER, 9000)), config=VIRTUAL_SERVICE.format("db"), server_names=[name])
        rest = {"default_filter_chain": chain(tcp(BLACKHOLE))}
        mesh = world([listener("0.0.0.0", 9000, made, filters=BOTH, **rest)], clusters=[static(OTHER)])
        assert traced(mesh, DB, 9000, ip=IP, protocol="tls").verdict == verdict, name


def eds(*endpoints: dict[str, Any], **parts: Any) -> Trace:
    """db.example's own EDS cluster with these endpoints; Istio switches panic mode off."""
    lb: dict[str, Any] = {"common_lb_config": {"healthy_panic_threshold": {}}}
    name = own(DB, 9000)
    return to_cluster(name, cluster(name, **{**lb, **parts}), assignments=[assignment(name, *endpoints)])


def test_endpoints_of_an_eds_cluster() -> None:
    found = eds(endpoint("203.0.113.5", 9001), endpoint("203.0.113.6", 9001))
    assert (found.verdict, found.endpoint) == ("delivered", "203.0.113.5:9001")
    found = eds(endpoint("203.0.113.5", 9001, "UNHEALTHY"), endpoint("203.0.113.6", 9001))
    assert (found.verdict, found.endpoint) == ("delivered", "203.0.113.6:9001")


def test_no_endpoint_or_none_that_is_healthy() -> None:
    for found in (eds(), eds(endpoint("203.0.113.5", 9001, "UNHEALTHY")), eds(endpoint("203.0.113.5", 9, "DRAINING"))):
        assert (found.verdict, found.reason, found.endpoint) == ("broken", "upstream-unresolved", None)
        assert found.expect.response_flags == ("UH",)


def test_in_panic_mode_envoy_uses_unhealthy_endpoints_too() -> None:
    assert eds(endpoint("203.0.113.5", 9001, "UNHEALTHY"), common_lb_config={}).verdict == "delivered"


def test_endpoints_that_were_not_read_are_unknown() -> None:
    name = own(DB, 9000)
    found = to_cluster(name, cluster(name), without=["endpoints"])
    assert found.verdict == "unknown"
    assert "include_eds" in found.missing[0]


def test_a_gateway_without_endpoints_is_the_gateways_fault() -> None:
    name = own("istio-egressgateway.istio-system.svc.cluster.local", 9000)
    config = VIRTUAL_SERVICE.format("db")
    parts: dict[str, Any] = {"config": config, "virtual_services": [virtual_service("db", DB)]}
    found = to_cluster(name, cluster(name), assignments=[assignment(name)], **parts)
    assert (found.verdict, found.reason) == ("broken", "egress-gateway-broken")


LIVE = b"""{"cluster_statuses": [{"name": "outbound|9000||db.example", "host_statuses": [
{"address": {"socket_address": {"address": "203.0.113.9", "port_value": 9000}}, "health_status": %s}]}]}"""


@pytest.mark.parametrize(
    ("health", "wanted"),
    [
        (b'{"eds_health_status": "HEALTHY"}', "delivered"),
        (b'{"eds_health_status": "UNHEALTHY"}', "broken"),
        (b'{"failed_outlier_check": true}', "broken"),
    ],
)
def test_the_clusters_page_says_what_envoy_resolved(health: bytes, wanted: str) -> None:
    name = own(DB, 9000)
    lb: dict[str, Any] = {"common_lb_config": {"healthy_panic_threshold": {}}}
    made = dump(
        [catch_all(BLACKHOLE), listener("0.0.0.0", 9000, chain(tcp(name)))],
        [cluster(name, "STRICT_DNS", endpoint(DB, 9000), **lb)],
    )
    mesh = world()
    mesh.proxies = {
        "shop/web": read_dump(json.dumps(made).encode(), DOCUMENT, "shop/web", live_endpoints(LIVE % health))
    }
    found = traced(mesh, DB, 9000, ip=IP, protocol="tcp")
    assert found.verdict == wanted
    assert (found.endpoint == "203.0.113.9:9000") is (wanted == "delivered")


def test_original_dst_goes_where_the_client_dialled_but_for_the_port() -> None:
    name = own(DB, 9000)
    plain = to_cluster(name, cluster(name, "ORIGINAL_DST"))
    assert plain.endpoint == f"{IP}:9000"
    moved = to_cluster(name, cluster(name, "ORIGINAL_DST", original_dst_lb_config={"upstream_port_override": 9443}))
    assert moved.endpoint == f"{IP}:9443"


@pytest.mark.parametrize(
    ("ip", "allocated", "verdict"),
    [
        (IP, {}, "delivered"),
        ("240.240.0.55", {}, "broken"),
        ("2001:2::55", {}, "broken"),
        ("100.64.0.7", {OTHER: ("100.64.0.7",)}, "broken"),
        ("100.64.0.7", {OTHER: ("100.64.0.8",)}, "delivered"),
    ],
)
def test_nobody_listens_at_a_virtual_address(ip: str, allocated: dict[str, tuple[str, ...]], verdict: str) -> None:
    """Seen in the lab: the name means a virtual address, and a wildcard of resolution NONE takes the other ports."""
    name = own("*.example", 9000)
    binds = "::" if ":" in ip else "0.0.0.0"
    mesh = world(
        [listener(binds, 9000, chain(tcp(name)))],
        clusters=[cluster(name, "ORIGINAL_DST")],
        entries=[entry(OTHER, 443, status_addresses=allocated)],
    )
    found = traced(mesh, DB, 9000, ip=ip, protocol="tcp")
    assert found.verdict == verdict, found.because
    if verdict == "broken":
        assert (found.reason, found.expect.response_flags) == ("virtual-address-dead", ("UF", "URX"))
        assert f"Register {DB}:9000" in found.advice


def upstream_tls(socket: dict[str, Any] | None, port: int, protocol: str, **fields: Any) -> Trace:
    """db.example's own cluster on a port, with this TLS socket; HTTP through a connection manager."""
    name = own(DB, 9000)
    extra = {"transport_socket": socket} if socket else {}
    made = cluster(name, "STATIC", endpoint("203.0.113.5", port), **extra, **fields)
    does = hcm("9000") if protocol == "http" else tcp(name)
    hosts = virtual_host("x", ["*"], route(name))
    mesh = world([listener("0.0.0.0", 9000, chain(does))], clusters=[made], route_configs=[routes("9000", hosts)])
    return traced(mesh, DB, 9000, ip=IP, protocol=protocol)


MUTUAL = tls(sni="outbound_.9000_._.db.example", sds="default", alpn=["istio"])


@pytest.mark.parametrize(
    ("socket", "port", "protocol", "verdict", "reason"),
    [
        (None, 9000, "tls", "delivered", "own"),
        (None, 9000, "http", "delivered", "own"),
        (None, 443, "http", "broken", "tls-origination-mismatch"),
        (None, 8443, "http", "broken", "tls-origination-mismatch"),
        (None, 443, "tls", "delivered", "own"),
        (None, 443, "tcp", "delivered", "own"),
        (tls(sni=DB), 443, "http", "delivered", "own"),
        (tls(sni=DB), 80, "http", "broken", "tls-origination-mismatch"),
        (tls(sni=DB), 443, "tls", "broken", "double-tls"),
        (tls(sni=DB), 443, "tcp", "delivered", "own"),
        (MUTUAL, 443, "tls", "broken", "mtls-to-external"),
        (MUTUAL, 9000, "tcp", "broken", "mtls-to-external"),
    ],
)
def test_tls_upstream(socket: dict[str, Any] | None, port: int, protocol: str, verdict: str, reason: str) -> None:
    found = upstream_tls(socket, port, protocol)
    assert (found.verdict, found.reason) == (verdict, reason), found.because


def test_mutual_tls_inside_the_mesh_is_fine() -> None:
    name = own("mysql.shop.svc.cluster.local", 9000)
    made = cluster(name, "STATIC", endpoint("10.244.0.8", 9000), transport_socket=MUTUAL)
    mesh = world([listener("10.96.0.7", 9000, chain(tcp(name)))], clusters=[made])
    assert traced(mesh, "mysql.shop", 9000, ip="10.96.0.7", protocol="tcp").verdict == "delivered"


def test_an_entry_says_whether_its_host_is_in_the_mesh() -> None:
    name = own(DB, 9000)
    made = cluster(name, "STATIC", endpoint("10.244.0.8", 9000), transport_socket=MUTUAL)
    for location, verdict in [("MESH_INTERNAL", "delivered"), ("MESH_EXTERNAL", "broken")]:
        found = to_cluster(name, made, entries=[entry(DB, 9000, location=location)])
        assert found.verdict == verdict, location
    marked = made | {"metadata": metadata(external=True)}
    assert to_cluster(name, marked, entries=[entry(DB, 9000, location="MESH_INTERNAL")]).verdict == "broken"


def test_auto_mutual_tls_goes_by_the_endpoints_label() -> None:
    raw = {"name": "envoy.transport_sockets.raw_buffer"}
    matches = [
        {"name": "tlsMode-istio", "match": {"tlsMode": "istio"}, "transport_socket": MUTUAL},
        {"name": "tlsMode-disabled", "match": {}, "transport_socket": raw},
    ]
    name = own(DB, 9000)
    made = cluster(name, transport_socket_matches=matches)
    for mode, verdict in [("istio", "broken"), ("", "delivered")]:
        known = assignment(name, endpoint("203.0.113.5", 9000, tls_mode=mode))
        assert to_cluster(name, made, assignments=[known]).verdict == verdict, mode


def test_the_tunnel_of_ambient_is_for_endpoints_that_have_its_label() -> None:
    plain = {"name": "envoy.transport_sockets.raw_buffer"}
    inner = typed("x.InternalUpstreamTransport", transport_socket=plain)
    tunnel = {"name": "envoy.transport_sockets.internal_upstream", "typed_config": inner}
    hbone = {"name": "hbone", "match": {"tunnel": "http"}, "transport_socket": tunnel}
    name = own(DB, 9000)
    for socket, verdict in [(tls(sni=DB), "delivered"), (plain, "broken")]:
        made = static(DB, 443, transport_socket_matches=[hbone, {"name": "user", "transport_socket": socket}])
        made["type"] = "STRICT_DNS"
        asked = {"protocol": "http"}
        assert to_cluster(name, made, asked=asked, entries=[entry(DB, 9000)]).verdict == verdict
    labelled = endpoint("203.0.113.5", 443)
    labelled["metadata"] = {"filter_metadata": {"envoy.transport_socket_match": {"tunnel": "http"}}}
    made = cluster(name, "STATIC", labelled, transport_socket_matches=[hbone])
    assert to_cluster(name, made, entries=[entry(DB, 9000)]).missing == ("HBONE tunnel",)


def test_every_step_points_into_the_dump() -> None:
    found = to_cluster(own(DB, 9000), static(DB))
    assert [step.at for step in found.steps] == ["redirection", "listener", "filter_chain", "cluster", "endpoint"]
    for step in found.steps[1:]:
        assert step.evidence is not None
        assert step.evidence.document == DOCUMENT
        assert step.evidence.path.startswith("$.configs[")

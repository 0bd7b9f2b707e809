"""What istiod would tell a sidecar: the merge matrix cell by cell, binds, visibility, and what is left open."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from meshdoctor.fixes.impact.predicted_sidecar import PredictedSidecar
from meshdoctor.model.mesh import Mesh
from tests.unit.fixes.small_mesh import MID, NEW, OLD, dependency, entry, item, mesh, pod, predicted_sidecar, service

DNS = {f"{name}.example": (f"198.51.100.{number}",) for number, name in enumerate("abc", 1)}
FIRST: dict[str, dict[str, Any]] = {
    "HTTP": {"protocol": "HTTP"},
    "TCP": {"protocol": "TCP"},
    "TLS": {"protocol": "TLS"},
    "CIDR": {"protocol": "TCP", "addresses": ["198.51.100.0/24"], "resolution": "NONE"},
    "MONGO": {"protocol": "MONGO"},
}


def held(seen: PredictedSidecar) -> list[tuple[str, str, str]]:
    """(host, family, place) of the claims that got their place."""
    return [(claim.host, claim.family, claim.place) for claim in seen.predicted.active]


def two(first: str, second: str) -> Mesh:
    """Two entries for port 9000, the first one older."""
    one, other = FIRST[first], FIRST[second]
    return mesh(entry("a", 9000, **one), entry("b", 9000, created=MID, **other), dns=DNS)


# What a client of b gets, who speaks as b declares, where a was there first.
MATRIX = {
    ("HTTP", "HTTP"): "delivered",
    ("HTTP", "TCP"): "delivered",
    ("HTTP", "TLS"): "delivered",
    ("HTTP", "CIDR"): "delivered",
    ("HTTP", "MONGO"): "blocked",
    ("TCP", "HTTP"): "delivered",
    ("TCP", "TCP"): "misrouted",
    ("TCP", "TLS"): "delivered",
    ("TCP", "CIDR"): "delivered",
    ("TCP", "MONGO"): "misrouted",
    ("TLS", "HTTP"): "delivered",
    ("TLS", "TCP"): "delivered",
    ("TLS", "TLS"): "delivered",
    ("TLS", "CIDR"): "delivered",
    ("TLS", "MONGO"): "blocked",
    ("CIDR", "HTTP"): "leaked",
    ("CIDR", "TCP"): "leaked",
    ("CIDR", "TLS"): "leaked",
    ("CIDR", "CIDR"): "leaked",
    ("CIDR", "MONGO"): "leaked",
    ("MONGO", "HTTP"): "misrouted",
    ("MONGO", "TCP"): "misrouted",
    ("MONGO", "TLS"): "misrouted",
    ("MONGO", "CIDR"): "misrouted",
    ("MONGO", "MONGO"): "misrouted",
}
CLIENTS = {"HTTP": "http", "TLS": "tls"}


@pytest.mark.parametrize(("first", "second"), MATRIX, ids=str)
def test_who_comes_second_on_a_port(first: str, second: str) -> None:
    seen = predicted_sidecar(two(first, second), 9000).seen("b.example", 9000, protocol=CLIENTS.get(second, "tcp"))
    assert seen.verdict == MATRIX[first, second], seen.because


@pytest.mark.parametrize(("first", "second"), MATRIX, ids=str)
def test_who_comes_first_loses_nothing_but_to_a_range(first: str, second: str) -> None:
    """Envoy looks at the destination's address before anything else, so that a range goes before whoever was there."""
    seen = predicted_sidecar(two(first, second), 9000).seen("a.example", 9000, protocol=CLIENTS.get(first, "tcp"))
    taken = second == "CIDR" and first in ("HTTP", "TCP", "TLS")
    assert seen.verdict == ("leaked" if taken else "delivered"), seen.because


def test_an_undeclared_port_claims_twice_and_may_lose_one_of_both() -> None:
    seen = predicted_sidecar(mesh(entry("a", 9000, "TCP"), entry("b", 9000, "", created=MID), dns=DNS), 9000)
    assert held(seen) == [
        ("a.example", "tcp", "0.0.0.0, any address"),
        ("b.example", "http", "0.0.0.0, Host header b.example"),
    ]
    assert seen.seen("b.example", 9000, protocol="http").verdict == "delivered"
    assert seen.seen("b.example", 9000, protocol="tcp").verdict == "misrouted"
    assert seen.seen("a.example", 9000, protocol="server-first").verdict == "broken"


def test_http_beside_an_undeclared_port_is_merged_by_version_and_so_left_open() -> None:
    seen = predicted_sidecar(mesh(entry("a", 9000, "HTTP"), entry("b", 9000, "", created=MID), dns=DNS), 9000)
    assert seen.seen("b.example", 9000).verdict == "unknown"


@pytest.mark.parametrize(
    ("protocol", "given", "place"),
    [
        ("HTTP", {"addresses": ["198.51.100.1"]}, "0.0.0.0, Host header a.example"),
        ("TCP", {}, "0.0.0.0, any address"),
        ("TCP", {"addresses": ["198.51.100.1/32"]}, "198.51.100.1"),
        ("TCP", {"addresses": ["198.51.100.0/24"], "resolution": "NONE"}, "0.0.0.0, addresses 198.51.100.0/24"),
        ("TLS", {}, "0.0.0.0, server name a.example"),
        ("TLS", {"addresses": ["198.51.100.1"]}, "198.51.100.1"),
        (
            "TLS",
            {"addresses": ["198.51.100.0/24"], "resolution": "NONE"},
            "0.0.0.0, addresses 198.51.100.0/24 and server name a.example",
        ),
        ("MYSQL", {}, "0.0.0.0, any address"),
    ],
)
def test_where_a_claim_is_matched(protocol: str, given: dict[str, Any], place: str) -> None:
    assert [p for _, _, p in held(predicted_sidecar(mesh(entry("a", 9000, protocol, **given)), 9000))] == [place]


def test_udp_claims_nothing() -> None:
    assert held(predicted_sidecar(mesh(entry("a", 9000, "UDP")), 9000)) == []


@pytest.mark.parametrize(
    ("exports", "namespace", "sees"),
    [
        (None, "shop", True),
        (["*"], "shop", True),
        (["."], "shop", True),
        (["."], "bank", False),
        (["shop"], "bank", True),
        (["bank"], "shop", False),
        (["~"], "shop", False),
    ],
)
def test_export_to(exports: list[str] | None, namespace: str, sees: bool) -> None:
    given: dict[str, Any] = {"exportTo": exports} if exports else {}
    seen = predicted_sidecar(mesh(entry("a", 443, "TLS", namespace=namespace, **given), dns=DNS), 443).seen(
        "a.example", 443
    )
    assert seen.verdict == ("delivered" if sees else "blocked")


@pytest.mark.parametrize(
    ("hosts", "verdict"),
    [
        (["./*"], "blocked"),
        (["bank/*"], "delivered"),
        (["*/a.example"], "delivered"),
        (["*/*.example"], "delivered"),
        (["bank/b.example", "*/*.test"], "blocked"),
    ],
)
def test_a_sidecar_takes_in_what_it_lists(hosts: list[str], verdict: str) -> None:
    sidecar = item("Sidecar", "default", egress=[{"hosts": hosts}])
    made = mesh(entry("a", 443, "TLS", namespace="bank"), sidecar, dns=DNS)
    assert predicted_sidecar(made, 443).seen("a.example", 443).verdict == verdict


def test_a_sidecar_with_a_port_of_its_own_leaves_that_port_open() -> None:
    port = {"number": 443, "name": "tls", "protocol": "TLS"}
    sidecar = item("Sidecar", "default", egress=[{"hosts": ["*/*"], "port": port}, {"hosts": ["*/*"]}])
    seen = predicted_sidecar(mesh(entry("a", 443, "TLS"), entry("b", 8443, "TLS"), sidecar, dns=DNS), 443, 8443)
    assert (seen.seen("a.example", 443).verdict, seen.seen("b.example", 8443).verdict) == ("unknown", "delivered")


def test_the_sidecar_decides_the_policy() -> None:
    sidecar = item("Sidecar", "default", egress=[{"hosts": ["./*"]}], outboundTrafficPolicy={"mode": "ALLOW_ANY"})
    assert predicted_sidecar(mesh(sidecar), 443).seen("a.example", 443).verdict == "passthrough"
    assert predicted_sidecar(mesh(), 443).seen("a.example", 443).verdict == "blocked"


def test_a_policy_nobody_tells_leaves_all_open() -> None:
    made = structs.replace(mesh(entry("a", 443, "TLS")), mesh_config=None)
    seen = predicted_sidecar(made, 443).seen("a.example", 443)
    assert (seen.verdict, "policy" in seen.because) == ("unknown", True)


def test_private_goes_before_older_and_public() -> None:
    public = entry("a", 9000, "TCP", created=OLD)
    private = entry("b", 9000, "TCP", created=NEW, exportTo=["."])
    assert [h for h, _, _ in held(predicted_sidecar(mesh(public, private), 9000))] == ["b.example"]


def test_a_host_comes_from_one_namespace_the_own_one_first() -> None:
    theirs = entry("a", 443, "TLS", namespace="bank", created=OLD)
    ours = entry("mine", 8443, "TLS", host="a.example", created=NEW)
    seen = predicted_sidecar(mesh(theirs, ours, dns=DNS), 443, 8443)
    assert (seen.seen("a.example", 443).verdict, seen.seen("a.example", 8443).verdict) == ("blocked", "delivered")


def test_a_second_entry_that_differs_gets_a_listener_and_no_cluster() -> None:
    first = entry("a", 443, "TLS", created=OLD)
    second = entry("again", 8443, "TLS", host="a.example", created=NEW, resolution="STATIC", endpoints=[])
    seen = predicted_sidecar(mesh(first, second, dns=DNS), 443, 8443).seen("a.example", 8443)
    assert (seen.verdict, seen.owner) == ("blocked", "a.example")
    alike = entry("again", 8443, "TLS", host="a.example", created=NEW)
    assert predicted_sidecar(mesh(first, alike, dns=DNS), 8443).seen("a.example", 8443).verdict == "delivered"


def test_entries_of_one_second_leave_their_host_and_whatever_reaches_it_open() -> None:
    first = entry("one", 9000, "TCP", host="a.example")
    second = entry("two", 9001, "TCP", host="a.example", resolution="STATIC", endpoints=[{"address": "198.51.100.9"}])
    seen = predicted_sidecar(mesh(first, second, dns=DNS), 9000, 9001)
    assert {seen.seen(host, 9000).verdict for host in ("a.example", "b.example")} == {"unknown"}


def test_a_service_of_the_cluster_takes_the_wildcard_by_http() -> None:
    made = mesh(service("admin", 3306, "HTTP"), entry("a", 5432, "TCP"), dns=DNS)
    seen = predicted_sidecar(made, 3306).seen("a.example", 3306)
    assert (seen.verdict, seen.because.startswith("http_inspector waits")) == ("broken", True)
    tcp = predicted_sidecar(mesh(service("admin", 3306, "TCP"), dns=DNS), 3306)
    assert held(tcp) == [("admin.shop.svc.cluster.local", "tcp", "10.0.0.1")]


def test_an_envoy_filter_in_play_leaves_its_port_open() -> None:
    patch = {"applyTo": "LISTENER", "match": {"context": "SIDECAR_OUTBOUND", "listener": {"portNumber": 443}}}
    found = item("EnvoyFilter", "patch", configPatches=[patch])
    made = mesh(entry("a", 443, "TLS"), entry("b", 8443, "TLS"), found, dns=DNS)
    seen = predicted_sidecar(made, 443, 8443)
    assert "EnvoyFilter shop/patch" in seen.seen("a.example", 443).because
    assert seen.seen("b.example", 8443).verdict == "delivered"


@pytest.mark.parametrize(
    ("namespace", "selector", "patch", "open_"),
    [
        ("istio-system", None, {"applyTo": "CLUSTER"}, True),
        ("bank", None, {"applyTo": "CLUSTER"}, False),
        ("shop", {"app": "other"}, {"applyTo": "CLUSTER"}, False),
        ("shop", None, {"applyTo": "CLUSTER", "match": {"context": "SIDECAR_INBOUND"}}, False),
        ("shop", None, {"applyTo": "BOOTSTRAP"}, False),
        ("istio-system", None, {"applyTo": "HTTP_FILTER", "patch": {"value": {"name": "istio.stats"}}}, False),
        ("istio-system", None, {"applyTo": "HTTP_FILTER", "patch": {"value": {"name": "lua"}}}, True),
    ],
)
def test_which_envoy_filters_count(
    namespace: str, selector: dict[str, str] | None, patch: dict[str, Any], open_: bool
) -> None:
    given: dict[str, Any] = {"workloadSelector": {"labels": selector}} if selector else {}
    found = item("EnvoyFilter", "patch", namespace, configPatches=[patch], **given)
    seen = predicted_sidecar(mesh(entry("a", 443, "TLS"), found, dns=DNS), 443).seen("a.example", 443)
    assert (seen.verdict == "unknown") is open_


@pytest.mark.parametrize(
    ("protocol", "settings", "verdict"),
    [
        ("TLS", {"mode": "SIMPLE"}, "broken"),
        ("TLS", {"mode": "DISABLE"}, "delivered"),
        ("HTTP", {"mode": "SIMPLE"}, "delivered"),
        ("HTTP", {"mode": "ISTIO_MUTUAL"}, "broken"),
        ("HTTP", {"mode": "SIMPLE", "credentialName": "mine"}, "delivered"),
    ],
)
def test_tls_of_a_destination_rule(protocol: str, settings: dict[str, str], verdict: str) -> None:
    rule = item("DestinationRule", "tls", host="a.example", trafficPolicy={"tls": settings})
    made = mesh(entry("a", 9443, protocol), rule, dns=DNS)
    assert predicted_sidecar(made, 9443).seen("a.example", 9443).verdict == verdict


def test_settings_of_a_port_replace_the_general_ones() -> None:
    level = [{"port": {"number": 9443}, "tls": {"mode": "DISABLE"}}]
    rule = item(
        "DestinationRule",
        "tls",
        host="a.example",
        trafficPolicy={"tls": {"mode": "SIMPLE"}, "portLevelSettings": level},
    )
    assert (
        predicted_sidecar(mesh(entry("a", 9443, "TLS"), rule, dns=DNS), 9443).seen("a.example", 9443).verdict
        == "delivered"
    )


def test_a_tls_route_takes_the_place_of_the_own_server_name() -> None:
    route = {"match": [{"port": 443, "sniHosts": ["a.example"]}], "route": [{"destination": {"host": "b.example"}}]}
    routed = item("VirtualService", "away", hosts=["a.example"], tls=[route])
    seen = predicted_sidecar(mesh(entry("a", 443, "TLS"), entry("b", 443, "TLS"), routed, dns=DNS), 443).seen(
        "a.example", 443
    )
    assert (seen.verdict, seen.owner) == ("delivered", "b.example")


@pytest.mark.parametrize(
    ("rule", "verdict", "owner"),
    [
        ({"route": [{"destination": {"host": "b.example", "port": {"number": 80}}}]}, "delivered", "b.example"),
        ({"match": [{"port": 8080}], "route": [{"destination": {"host": "b.example"}}]}, "delivered", "a.example"),
        ({"match": [{"gateways": ["g"]}], "route": [{"destination": {"host": "b.example"}}]}, "delivered", "a.example"),
        ({"route": [{"destination": {"host": "b.example", "subset": "v1"}}]}, "blocked", "b.example"),
        ({"directResponse": {"status": 418}}, "misrouted", ""),
        ({"redirect": {"uri": "/new"}}, "misrouted", ""),
        (
            {
                "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 100}}},
                "route": [{"destination": {"host": "a.example"}}],
            },
            "broken",
            "a.example",
        ),
        (
            {"fault": {"abort": {"httpStatus": 503}}, "route": [{"destination": {"host": "a.example"}}]},
            "delivered",
            "a.example",
        ),
    ],
)
def test_http_routes(rule: dict[str, Any], verdict: str, owner: str) -> None:
    routed = item("VirtualService", "routes", hosts=["a.example"], http=[rule])
    made = mesh(entry("a", 80, "HTTP"), entry("b", 80, "HTTP"), routed, dns=DNS)
    seen = predicted_sidecar(made, 80).seen("a.example", 80)
    assert (seen.verdict, seen.owner) == (verdict, owner), seen.because


def test_an_unregistered_name_of_a_virtual_service_lives_on_port_80_alone() -> None:
    rule = {"route": [{"destination": {"host": "a.example", "port": {"number": 80}}}]}
    routed = item("VirtualService", "routes", hosts=["b.example"], http=[rule])
    made = mesh(entry("a", 80, "HTTP"), entry("other", 8080, "HTTP"), routed, dns=DNS)
    seen = predicted_sidecar(made, 80, 8080)
    assert [seen.seen("b.example", port, protocol="http").verdict for port in (80, 8080)] == ["delivered", "blocked"]


def test_a_subset_has_a_cluster_of_its_own() -> None:
    rule = item("DestinationRule", "sets", host="b.example", subsets=[{"name": "v1", "labels": {"v": "1"}}])
    sent = {"route": [{"destination": {"host": "b.example", "subset": "v1"}}]}
    routed = item("VirtualService", "routes", hosts=["a.example"], http=[sent])
    made = mesh(entry("a", 80, "HTTP"), entry("b", 80, "HTTP"), routed, rule, dns=DNS)
    assert predicted_sidecar(made, 80).seen("a.example", 80).verdict == "delivered"


def test_pods_of_a_workload_selector_are_left_open() -> None:
    made = mesh(entry("a", 443, "TLS", resolution="STATIC", workloadSelector={"labels": {"app": "vm"}}), dns=DNS)
    assert predicted_sidecar(made, 443).seen("a.example", 443).verdict == "unknown"


def test_only_an_ipv6_pod_binds_the_ipv6_wildcard() -> None:
    six = structs.replace(pod(), ip="2001:db8::1")
    found = predicted_sidecar(mesh(entry("a", 9000, "TCP"), six), 9000).predicted.proxy.listeners
    assert set(found) == {"virtualOutbound", "::_9000"}


def test_a_wanted_name_is_traced_by_its_scheme() -> None:
    made = mesh(entry("a", 9000, "TLS"), dns=DNS, dependencies=(dependency("a.example", 9000, scheme="https"),))
    seen = predicted_sidecar(made, 9000)
    verdicts = [
        seen.seen("a.example", 9000, dependency=dependency("a.example", 9000, scheme=scheme)).verdict
        for scheme in ("https", "http")
    ]
    assert verdicts == ["delivered", "blocked"]

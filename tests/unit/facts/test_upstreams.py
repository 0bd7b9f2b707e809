"""Upstreams: the TLS, the endpoints and the clients of external clusters."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.trace.outbound import Tracer
from tests.meshes import (
    POD,
    Mesh,
    Tree,
    cluster,
    destination_rule,
    dump,
    entry,
    http,
    listener,
    outbound,
    route_config,
    tcp,
    virtual_host,
)

HOST = "a.example"


def tls(**given: Any) -> Tree:
    """A proxy that takes the host's port 443 by server name."""
    return dump([listener("0.0.0.0", 443, tcp(outbound(HOST, 443), sni=[HOST]))], [cluster(HOST, 443, **given)])


def web(port: int = 80, **given: Any) -> Tree:
    """A proxy that takes the host as HTTP."""
    routes = [route_config(str(port), virtual_host(HOST, port))]
    return dump([listener("0.0.0.0", port, http(str(port)))], [cluster(HOST, port, **given)], routes)


def of(proxy: Tree, *objects: Tree, **given: Any) -> Any:
    [found] = Mesh(proxy, *objects, **given).facts("upstreams")
    return found


def test_tls_on_top_of_the_applications_tls() -> None:
    rule = destination_rule("a", HOST, tls={"mode": "SIMPLE", "sni": HOST})
    found = of(tls(tls=HOST, by="a"), entry("a", HOST, "443/TLS"), rule)
    assert (found.client, found.originates_tls, found.mutual) == ("tls", True, False)
    assert found.destination_rule == "shop/a"
    assert found.without_tls["spec"]["trafficPolicy"]["tls"] == {"mode": "SIMPLE", "sni": HOST}
    off = {"port": {"number": 443}, "tls": {"mode": "DISABLE"}}
    assert found.without_tls["spec"]["trafficPolicy"]["portLevelSettings"] == [off]


def test_http_with_tls_originated_to_port_443_is_as_it_should_be() -> None:
    found = of(web(tls=HOST, target=443, by="a"), entry("a", HOST, "80/HTTP>443"))
    assert (found.client, found.originates_tls, found.tls_port, found.plain_port) == ("http", True, True, False)
    assert (found.sends_sni, found.verifies_chain) == (True, True)


def test_plain_http_to_a_tls_port() -> None:
    found = of(web(target=443), entry("a", HOST, "80/HTTP>443"))
    assert (found.client, found.originates_tls, found.tls_port, found.protocol_mismatch) == ("http", False, True, False)


def test_http_declared_on_443_is_another_rules_matter() -> None:
    assert of(web(443), entry("a", HOST, "443/HTTP")).protocol_mismatch


def test_tls_to_a_plain_port() -> None:
    found = of(web(tls=HOST), entry("a", HOST, "80/HTTP"))
    assert (found.originates_tls, found.plain_port, found.endpoint_ports) == (True, True, (80,))


def test_mesh_certificates_for_an_outsider_and_for_a_virtual_machine() -> None:
    assert of(tls(mutual=True), entry("a", HOST, "443/TLS")).mutual
    inside = cluster(HOST, 443, "EDS", mutual=True, ips=["203.0.113.9"])
    inside["cluster"]["metadata"]["filter_metadata"]["istio"]["external"] = False
    mesh = Mesh(dump([], [inside]), entry("vm", HOST, "443/TLS", "STATIC", location="MESH_INTERNAL"))
    assert mesh.facts("upstreams") == []


def test_a_cluster_nothing_leads_to_has_no_client() -> None:
    assert of(dump([], [cluster(HOST, 443)]), entry("a", HOST, "443/TLS")).client == ""


def test_dns_without_an_answer() -> None:
    found = of(tls(ips=[]), entry("a", HOST, "443/TLS"))
    assert (found.endpoints_known, found.endpoint_count, found.from_entry) == (True, 0, True)
    assert found.reason == f"DNS returns no address for {HOST}"


def test_original_dst_has_no_endpoints_to_know() -> None:
    assert not of(tls(kind="ORIGINAL_DST"), entry("a", HOST, "443/TLS", "NONE")).endpoints_known


def test_without_endpoints_in_the_dump_they_are_unknown() -> None:
    proxy = tls(kind="EDS")
    proxy["configs"] = [c for c in proxy["configs"] if "Endpoints" not in c["@type"]]
    found = of(proxy, entry("a", HOST, "443/TLS", "STATIC"))
    assert (found.endpoints_known, found.endpoint_count) == (False, 0)


def test_services_of_the_cluster_are_not_upstreams() -> None:
    host = "reviews.shop.svc.cluster.local"
    assert Mesh(dump([], [cluster(host, 9080, "EDS")])).facts("upstreams") == []


def test_a_credential_that_a_sidecar_ignores() -> None:
    rule = destination_rule("a", HOST, tls={"mode": "SIMPLE", "credentialName": "ca"})
    assert of(web(by="a"), entry("a", HOST, "80/HTTP"), rule).ignored_credential == "ca"
    assert of(web(by="a", tls=HOST), entry("a", HOST, "80/HTTP"), rule).ignored_credential == ""
    rule["spec"]["workloadSelector"] = {"matchLabels": {"app": "web"}}
    assert of(web(by="a"), entry("a", HOST, "80/HTTP"), rule).ignored_credential == ""


def test_tls_settings_for_another_port_than_the_routed_one() -> None:
    rule = destination_rule("a", HOST, portLevelSettings=[{"port": {"number": 443}, "tls": {"mode": "SIMPLE"}}])
    assert of(web(by="a"), entry("a", HOST, "80/HTTP"), rule).other_port_tls == 443
    both = dump(
        [listener("0.0.0.0", 80, http("80")), listener("0.0.0.0", 443, tcp(outbound(HOST, 443), sni=[HOST]))],
        [cluster(HOST, 80), cluster(HOST, 443, tls=HOST)],
        [route_config("80", virtual_host(HOST, 80))],
    )
    found = {u.port: u for u in Mesh(both, entry("a", HOST, "80/HTTP 443/TLS"), rule).facts("upstreams")}
    assert found[80].other_port_tls == 0


def test_a_rule_that_sets_no_tls_says_nothing_about_it() -> None:
    rule = destination_rule("a", HOST, connectionPool={"tcp": {"maxConnections": 10}})
    found = of(web(by="a"), entry("a", HOST, "80/HTTP"), rule)
    assert (found.ignored_credential, found.other_port_tls, found.without_tls) == ("", 0, {})


def test_a_wildcard_rule_is_switched_off_for_the_host_alone() -> None:
    rule = destination_rule("all", "*.example", tls={"mode": "SIMPLE"})
    made = of(tls(tls=HOST, by="all"), entry("a", HOST, "443/TLS"), rule).without_tls
    assert (made["metadata"]["name"], made["spec"]["host"]) == ("all-a-example", HOST)


def test_tls_to_a_plain_port_moves_to_the_tls_port() -> None:
    found = of(web(tls=HOST, by="a"), entry("a", HOST, "80/HTTP"))
    assert found.on_tls_port["spec"]["ports"] == [
        {"number": 80, "name": "http-80", "protocol": "HTTP", "targetPort": 443}
    ]
    after = of(web(tls=HOST, by="a", target=443), found.on_tls_port)
    assert (after.plain_port, after.tls_port) == (False, True)


def test_the_endpoints_own_port_moves_along() -> None:
    listed = [{"address": "203.0.113.1", "ports": {"http-80": 80}}, {"address": "203.0.113.2"}]
    found = of(web(tls=HOST, by="a"), entry("a", HOST, "80/HTTP", "STATIC", endpoints=listed))
    assert [e.get("ports") for e in found.on_tls_port["spec"]["endpoints"]] == [{"http-80": 443}, None]


def test_a_target_port_that_an_old_proxy_passes_over_is_not_set() -> None:
    proxy = web(tls=HOST, kind="ORIGINAL_DST")
    assert of(proxy, entry("a", HOST, "80/HTTP", "NONE")).on_tls_port["spec"]["ports"][0]["targetPort"] == 443
    node = proxy["configs"][0]["bootstrap"]["node"]
    node["metadata"]["ISTIO_VERSION"] = "1.21.4"
    assert of(proxy, entry("a", HOST, "80/HTTP", "NONE")).on_tls_port == {}


def test_a_rule_that_originates_is_written_where_none_is() -> None:
    others = destination_rule("a-tls-80", "other.example")
    made = of(web(target=443), entry("a", HOST, "80/HTTP>443"), others).with_tls
    assert made["metadata"] == {"name": "a-tls-80-2", "namespace": "shop"}
    assert made["spec"]["trafficPolicy"]["portLevelSettings"] == [{"port": {"number": 80}, "tls": {"mode": "SIMPLE"}}]


@pytest.mark.parametrize("version", ["1.20.8", ""])
def test_a_proxy_that_verifies_no_name_by_itself_gets_it_written(version: str) -> None:
    proxy = web(target=443)
    proxy["configs"][0]["bootstrap"]["node"]["metadata"]["ISTIO_VERSION"] = version
    policy = of(proxy, entry("a", HOST, "80/HTTP>443")).with_tls["spec"]["trafficPolicy"]
    assert policy["portLevelSettings"][0]["tls"] == {"mode": "SIMPLE", "sni": HOST, "subjectAltNames": [HOST]}


def test_a_rule_that_is_there_originates_and_keeps_the_rest() -> None:
    rule = destination_rule("a", HOST, connectionPool={"tcp": {"maxConnections": 10}})
    made = of(web(by="a", target=443), entry("a", HOST, "80/HTTP>443"), rule).with_tls
    assert made["metadata"]["name"] == "a"
    assert made["spec"]["trafficPolicy"]["portLevelSettings"][0]["connectionPool"] == {"tcp": {"maxConnections": 10}}


def test_misplaced_settings_come_with_the_rule_that_has_them_in_place() -> None:
    rule = destination_rule("a", HOST, portLevelSettings=[{"port": {"number": 443}, "tls": {"mode": "SIMPLE"}}])
    made = of(web(by="a", target=443), entry("a", HOST, "80/HTTP>443"), rule).moved_tls
    assert made["spec"]["trafficPolicy"]["portLevelSettings"] == [{"port": {"number": 80}, "tls": {"mode": "SIMPLE"}}]


def test_a_dump_alone_tells_tls_and_endpoints_by_itself() -> None:
    found = of(tls(tls=HOST, by="a"), blind=True)
    assert (found.client, found.originates_tls, found.from_entry) == ("tls", True, True)
    assert (found.destination_rule, found.without_tls) == ("shop/a", {})


def sni_alone(made: Tree) -> Tree:
    """A cluster whose DestinationRule sets `sni` without `subjectAltNames`."""
    common = made["cluster"]["transport_socket"]["typed_config"]["common_tls_context"]
    del common["combined_validation_context"]["default_validation_context"]
    return made


def from_host_header(made: Tree) -> Tree:
    """A cluster that takes SNI and the name it verifies from the Host header, as istiod has it where neither is set."""
    del sni_alone(made)["cluster"]["transport_socket"]["typed_config"]["sni"]
    options = {"upstream_http_protocol_options": {"auto_sni": True, "auto_san_validation": True}}
    made["cluster"]["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
    }
    return made


@pytest.mark.parametrize(
    ("proxy", "checked"),
    [
        (
            dump(
                [listener("0.0.0.0", 80, http("80"))],
                [from_host_header(cluster(HOST, 80, tls=HOST))],
                [route_config("80", virtual_host(HOST, 80))],
            ),
            (True, True),
        ),
        (
            dump(
                [listener("0.0.0.0", 80, http("80"))],
                [sni_alone(cluster(HOST, 80, tls=HOST))],
                [route_config("80", virtual_host(HOST, 80))],
            ),
            (True, False),
        ),
        (
            dump(
                [listener("0.0.0.0", 443, tcp(outbound(HOST, 443)))], [from_host_header(cluster(HOST, 443, tls=HOST))]
            ),
            (False, False),
        ),
    ],
    ids=["from the Host header", "sni alone ends it", "TCP has no Host header"],
)
def test_sending_and_verifying_the_name(proxy: Tree, checked: tuple[bool, bool]) -> None:
    found = of(proxy)
    assert (found.sends_sni, found.verifies_name) == checked


def test_a_subset_counts_where_something_leads_to_it() -> None:
    subset = cluster(HOST, 80, "EDS", subset="v1")
    entries = entry("a", HOST, "80/HTTP", "STATIC")
    routed = [route_config("80", virtual_host(HOST, 80, outbound(HOST, 80, "v1")))]
    for routes, wanted in [([route_config("80", virtual_host(HOST, 80))], 1), (routed, 2)]:
        made = dump([listener("0.0.0.0", 80, http("80"))], [cluster(HOST, 80), subset], routes)
        assert len(Mesh(made, entries).facts("upstreams")) == wanted


@pytest.mark.parametrize("refused", [False, True])
def test_tls_that_waits_for_a_secret(refused: bool) -> None:
    proxy = web(tls=HOST)
    entry_of_dump: Tree = {"name": "file-root:system", "secret": {"name": "file-root:system"}}
    if refused:
        entry_of_dump["error_state"] = {"details": "Failed to load trusted CA"}
    section = {"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump"}
    proxy["configs"].append(section | {"dynamic_warming_secrets": [entry_of_dump]})
    mesh = Mesh(proxy)
    [found] = mesh.facts("upstreams")
    assert found.missing_secrets == ("file-root:system",)
    assert ("trusted CA" in found.refused_because) is refused
    assert found.evidence[0].path == f"$.configs[{len(proxy['configs']) - 1}].dynamic_warming_secrets[0]"
    traced = Tracer(mesh.case.mesh, POD).assess(HOST, 80)
    assert (traced.verdict, traced.reason, traced.expect.http_status) == ("broken", "secret-missing", 503)


def test_a_secret_that_nothing_needs_breaks_nothing() -> None:
    proxy = web(tls=HOST)
    section = {"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump"}
    proxy["configs"].append(section | {"dynamic_warming_secrets": [{"name": "kubernetes://other"}]})
    assert of(proxy).missing_secrets == ()

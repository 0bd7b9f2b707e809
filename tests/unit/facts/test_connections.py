"""Connections: what a pod wants or an entry registers, and everything a rule needs to know about it."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.semantics.istio.admission import refusals
from tests.meshes import (
    BLACKHOLE,
    NEW,
    PASSTHROUGH,
    Mesh,
    Tree,
    cluster,
    dump,
    entry,
    http,
    listener,
    namespace,
    outbound,
    pod,
    route_config,
    service,
    sidecar,
    tcp,
    virtual_host,
)

TLS = dump([listener("0.0.0.0", 443, tcp(outbound("a.example", 443), sni=["a.example"]))], [cluster("a.example", 443)])


def connections(proxy: Tree, *objects: Tree, **given: Any) -> dict[tuple[str, int], Any]:
    return {(c.host, c.port): c for c in Mesh(proxy, *objects, **given).facts("connections")}


def test_a_dependency_that_is_registered_is_delivered() -> None:
    found = connections(TLS, entry("a", "a.example", "443/TLS"), pod({"A_URL": "https://a.example/v1"}))
    [fact] = found.values()
    assert (fact.used, fact.registered, fact.verdict, fact.declared) == (True, True, "delivered", "TLS")
    assert fact.seen == ("env A_URL of container app",)
    assert (fact.own_cluster_exists, fact.own_cluster_used, fact.cluster_host) == (True, True, "a.example")


def test_a_dependency_that_nothing_registers_is_blocked_or_leaves_unseen() -> None:
    dependency = pod({"DB_HOST": "db.example", "DB_PORT": "5432"})
    closed = connections(dump(), dependency)["db.example", 5432]
    assert (closed.registered, closed.verdict, closed.reason) == (False, "blocked", "missing-service-entry")
    opened = connections(dump(policy=PASSTHROUGH), dependency)["db.example", 5432]
    assert (opened.verdict, opened.policy) == ("passthrough", "ALLOW_ANY")


def test_a_bare_name_is_no_connection() -> None:
    assert connections(dump(), pod({"DB_HOST": "db.example"})) == {}


def test_a_registered_host_nobody_wants_is_one_too_but_no_wildcard() -> None:
    found = connections(TLS, entry("a", "a.example *.b.example", "443/TLS"))
    assert {key: c.used for key, c in found.items()} == {("a.example", 443): False}


def test_the_port_that_is_not_registered_comes_with_the_entry_to_add_it_to() -> None:
    dependency = pod({"A": "tls://a.example:8443", "DB": "postgres://a.example:5432/x"})
    found = connections(TLS, entry("a", "a.example", "443/TLS"), dependency, dns={"a.example": ["203.0.113.1"]})
    tls, db = found["a.example", 8443], found["a.example", 5432]
    assert (tls.registered, tls.registered_host) == (False, True)
    assert [p["number"] for p in tls.with_port["spec"]["ports"]] == [443, 8443]
    assert "addresses" not in tls.with_port["spec"]
    assert db.with_port["spec"]["addresses"] == ["203.0.113.1"]


def test_a_tcp_port_is_never_added_without_addresses() -> None:
    proxy = dump([], [cluster("a.example", 443, ips=[])])
    found = connections(proxy, entry("a", "a.example", "443/TLS"), pod({"DB": "postgres://a.example:5432/x"}))
    assert found["a.example", 5432].with_port == {}


def test_an_entry_hidden_by_export_names_the_field_and_the_fix() -> None:
    hidden = entry("a", "a.example", "443/TLS", namespace="bank", exportTo=["."])
    [fact] = connections(dump(), hidden, pod({"A": "https://a.example"})).values()
    [entry_hidden] = fact.hidden
    assert (entry_hidden.field, entry_hidden.name) == ("spec.exportTo", "a")
    assert entry_hidden.fixed_export_to == (".", "shop")
    assert (fact.registered, fact.reason) == (False, "service-entry-not-visible")


def test_an_entry_exported_to_nobody_is_shown_to_its_own_namespace_and_the_pods() -> None:
    hidden = entry("a", "a.example", "443/TLS", namespace="bank", exportTo=["~"])
    [fact] = connections(dump(), hidden, pod({"A": "https://a.example"})).values()
    assert fact.hidden[0].fixed_export_to == ("bank", "shop")


def test_an_entry_hidden_twice_is_shown_by_both_changes() -> None:
    objects = entry("a", "a.example", "443/TLS", namespace="egress", exportTo=["."]), sidecar("./*")
    [fact] = connections(dump(), *objects, pod({"A": "https://a.example"})).values()
    [hidden] = fact.hidden
    assert (hidden.field, hidden.fixed_export_to) == ("spec.exportTo", (".", "shop"))
    assert hidden.sidecar["spec"]["egress"] == [{"hosts": ["./*", "egress/a.example"]}]


def test_a_wildcard_entry_is_listed_as_it_is_written() -> None:
    objects = entry("a", "*.a.example", "443/TLS", "NONE", namespace="egress"), sidecar("./*")
    [fact] = connections(dump(), *objects, pod({"A": "https://x.a.example"})).values()
    assert fact.hidden[0].sidecar["spec"]["egress"] == [{"hosts": ["./*", "egress/*.a.example"]}]


def test_an_egress_of_other_ports_gets_one_for_the_rest() -> None:
    narrow = sidecar("./*")
    narrow["spec"]["egress"][0]["port"] = {"number": 9080, "name": "http", "protocol": "HTTP"}
    objects = entry("a", "a.example", "443/TLS", namespace="egress"), narrow
    [fact] = connections(dump(), *objects, pod({"A": "https://a.example"})).values()
    assert fact.hidden[0].sidecar["spec"]["egress"][1:] == [{"hosts": ["egress/a.example"]}]


def test_a_sidecar_that_excludes_the_host_is_not_widened_in_vain() -> None:
    objects = entry("a", "a.example", "443/TLS", namespace="egress"), sidecar("*/*", "~egress/a.example")
    [fact] = connections(dump(), *objects, pod({"A": "https://a.example"})).values()
    assert (fact.hidden[0].sidecar, fact.hidden[0].fixed_export_to) == ({}, ())


@pytest.mark.parametrize(
    "objects",
    [
        (entry("a", "a.example", "443/TLS", namespace="bank", exportTo=["."]),),
        (entry("a", "a.example", "443/TLS", namespace="bank", exportTo=["~"]),),
        (entry("a", "a.example", "443/TLS", namespace="bank", exportTo=["bank"]), sidecar("./*", "~/*")),
        (entry("a", "a.example", "443/TLS", exportTo=["bank"]),),
        (entry("a", "*.example", "443/TLS", "NONE", namespace="bank"), sidecar("./*")),
        (entry("a", "a.example", "443/TLS", namespace="bank"), sidecar("~/*")),
    ],
    ids=["export", "nobody", "twice, with an exclusion", "own namespace", "wildcard", "import nothing"],
)
def test_after_its_own_fix_the_entry_is_visible_or_nothing_was_offered(objects: Any) -> None:
    dependency = pod({"A": "https://a.example"})
    [fact] = connections(dump(), *objects, dependency).values()
    [hidden] = fact.hidden
    shown = hidden.entry.manifest
    if hidden.fixed_export_to:
        shown = shown | {"spec": shown["spec"] | {"exportTo": list(hidden.fixed_export_to)}}
    assert refusals(shown) == ()
    widened = [hidden.sidecar] if hidden.sidecar else list(objects[1:])
    if not hidden.fixed_export_to and not hidden.sidecar:
        assert len(objects) > 1, "only an exclusion leaves nothing to offer"
        return
    [host] = shown["spec"]["hosts"]
    proxy = dump(
        [listener("0.0.0.0", 443, tcp(outbound(host, 443), sni=[host]))],
        [cluster(host, 443, namespace=hidden.namespace)],
    )
    [after] = [c for c in connections(proxy, shown, *widened, dependency).values() if c.used]
    assert (after.registered, after.hidden) == (True, ())


def test_an_entry_hidden_by_the_sidecar_names_it_and_widens_its_egress() -> None:
    objects = entry("a", "a.example", "443/TLS", namespace="egress"), sidecar("./*", "istio-system/*")
    [fact] = connections(dump(), *objects, pod({"A": "https://a.example"})).values()
    [entry_hidden] = fact.hidden
    assert entry_hidden.field == "Sidecar shop/default spec.egress"
    assert entry_hidden.fixed_export_to == ()
    assert entry_hidden.sidecar["spec"]["egress"] == [{"hosts": ["./*", "istio-system/*", "egress/a.example"]}]


def test_an_in_cluster_listener_on_the_port_is_told_as_a_services() -> None:
    host = "admin.shop.svc.cluster.local"
    proxy = dump(
        [listener("0.0.0.0", 3306, http("3306"))],
        [cluster(host, 3306, "EDS", ips=["10.244.0.30"])],
        [route_config("3306", virtual_host(host, 3306))],
    )
    objects = service("admin", {"name": "http", "port": 3306}), pod({"DB_URL": "mysql://db.example/x"})
    [fact] = connections(proxy, *objects, dns={"db.example": ["203.0.113.1"]}).values()
    assert (fact.listener, fact.listener_owners, fact.listener_owner_kind) == ("0.0.0.0_3306", (host,), "Service")
    assert (fact.hangs, fact.known_server_first) == (True, True)


def test_the_catch_all_belongs_to_nobody() -> None:
    [fact] = connections(dump(), pod({"A": "https://a.example"})).values()
    assert (fact.listener, fact.listener_owner_kind) == ("virtualOutbound", "")


def test_mysql_beside_tcp_is_crowded_out_but_a_tcp_loser_is_not() -> None:
    """MYSQL shares a listener with no other protocol: the later one is dropped whole."""
    for protocol, expected in (("MYSQL", True), ("TCP", False)):
        held = dump(
            [listener("0.0.0.0", 3306, tcp(outbound("a.example", 3306)))],
            [cluster("a.example", 3306), cluster("b.example", 3306)],
        )
        both = entry("a", "a.example", "3306/TCP"), entry("b", "b.example", f"3306/{protocol}", created=NEW)
        found = connections(held, *both)
        assert (found["a.example", 3306].crowded_out, found["b.example", 3306].crowded_out) == (False, expected)


def test_an_address_is_a_host() -> None:
    [fact] = connections(dump(), pod({"DB": "203.0.113.7:5432"})).values()
    assert (fact.host, fact.is_ip, fact.addresses, fact.address_cidrs) == (
        "203.0.113.7",
        True,
        ("203.0.113.7",),
        ("203.0.113.7/32",),
    )
    assert (fact.entry_protocol, fact.entry_resolution) == ("TCP", "STATIC")


def test_the_shape_of_a_new_entry_follows_the_client() -> None:
    dependencies = pod({"A": "https://a.example", "B": "http://b.example", "C": "postgres://c.example/x"})
    shapes = {c.host: (c.entry_protocol, c.entry_resolution) for c in connections(dump(), dependencies).values()}
    assert shapes == {"a.example": ("TLS", "DNS"), "b.example": ("HTTP", "DNS"), "c.example": ("TCP", "NONE")}


def test_a_bypass_is_told_by_its_setting() -> None:
    note = {"traffic.sidecar.istio.io/excludeOutboundPorts": "587"}
    [fact] = connections(dump(), pod({"SMTP": "mail.example:587"}, annotations=note)).values()
    assert fact.verdict == "bypassed"
    assert fact.because


def test_addresses_for_an_entry_without_any() -> None:
    proxy = dump([listener("0.0.0.0", 5432, tcp(outbound("db.example", 5432)))], [cluster("db.example", 5432)])
    dns = {"db.example": ["203.0.113.1", "203.0.113.2"]}
    fact = connections(proxy, entry("db", "db.example", "5432/TCP"), dns=dns)["db.example", 5432]
    assert fact.with_addresses["spec"]["addresses"] == ["203.0.113.1", "203.0.113.2"]
    listed = entry("db", "db.example", "5432/TCP", addresses=["203.0.113.1"])
    assert connections(proxy, listed, dns=dns)["db.example", 5432].with_addresses == {}


def test_a_dump_alone_tells_what_is_registered_by_its_clusters() -> None:
    found = connections(TLS, blind=True)
    assert [(key, c.registered, c.verdict) for key, c in found.items()] == [(("a.example", 443), True, "delivered")]


def test_without_listeners_the_verdict_is_unknown() -> None:
    partial = dump([], [cluster("a.example", 443)], without=("Listeners",))
    fact = connections(partial, entry("a", "a.example", "443/TLS"))["a.example", 443]
    assert fact.verdict == "unknown"


def test_every_pod_wants_for_itself() -> None:
    dumps = {"shop/web": dump(), "bank/api": dump(key="bank/api")}
    mesh = Mesh(dumps, pod({"A": "https://a.example"}), pod({"B": "https://b.example"}, key="bank/api"))
    assert {(c.pod, c.host) for c in mesh.facts("connections")} == {
        ("shop/web", "a.example"),
        ("bank/api", "b.example"),
    }
    assert {c.pod for c in mesh.sheet("bank").facts("connections")} == {"bank/api"}


def test_hosts_inside_the_cluster_are_not_wanted() -> None:
    inside = {
        "REVIEWS": "http://reviews:9080",
        "RATINGS": "http://ratings.shop.svc.cluster.local:9080",
        "OTLP": "http://otel.observability:4317",
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
        "LISTEN": "0.0.0.0:8080",
    }
    services = (
        service("kubernetes", {"name": "https", "port": 443}, namespace="default", ip="10.96.0.1"),
        service("otel", {"name": "grpc", "port": 4317}, namespace="observability"),
    )
    assert connections(dump(), pod(inside), namespace("observability"), *services) == {}


def test_the_policy_is_blackhole_by_default() -> None:
    assert (
        connections(dump(policy=BLACKHOLE), pod({"A": "https://a.example"}))["a.example", 443].policy == "REGISTRY_ONLY"
    )

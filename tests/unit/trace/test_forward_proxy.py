"""URLs that go by a forward proxy: dependencies, verdicts and facts are those of the connection to the proxy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from meshdoctor.facts.derived.host_rows import column_of, pairs_of, rows_of
from meshdoctor.facts.derived.proxy_context import ProxyContext
from meshdoctor.model.trace import Trace
from meshdoctor.model.verdict import Verdict
from meshdoctor.trace.outbound import Tracer
from tests.meshes import (
    PASSTHROUGH,
    POD,
    Mesh,
    Tree,
    cluster,
    dump,
    entry,
    http,
    listener,
    outbound,
    pod,
    route_config,
    service,
    tcp,
    virtual_host,
)

PROXY, PORT, IP = "proxy.corp.example", 3128, "198.51.100.60"
API = "api.partner.example"
ENV = {"HTTPS_PROXY": f"http://{PROXY}:{PORT}", "NO_PROXY": ".svc,10.0.0.0/8", "API_URL": f"https://{API}/v1"}
DNS: dict[str, Sequence[str]] = {PROXY: [IP]}

REGISTERED = (
    dump([listener(IP, PORT, tcp(outbound(PROXY, PORT)))], [cluster(PROXY, PORT, "ORIGINAL_DST")]),
    entry("proxy", PROXY, f"{PORT}/TCP", addresses=[f"{IP}/32"], resolution="NONE"),
)


def mesh(proxy: Tree, *objects: Tree) -> Mesh:
    return Mesh(proxy, *objects, dns=DNS)


def assess(found: Mesh, host: str = API, port: int = 443, **client: Any) -> Trace:
    return Tracer(found.case.mesh, POD).assess(host, port, **client)


def test_the_connection_to_the_proxy_is_traced() -> None:
    found = assess(mesh(*REGISTERED, pod(ENV)))
    assert (found.verdict, found.cluster) == (Verdict.DELIVERED, outbound(PROXY, PORT))
    assert (found.destination.host, found.destination.port, found.destination.protocol) == (API, 443, "tls")
    assert found.forward_proxy is not None
    by = found.forward_proxy
    assert (by.host, by.port, by.protocol, by.method, by.authority) == (PROXY, PORT, "http", "CONNECT", f"{API}:443")
    assert (found.steps[0].at, found.steps[0].chose) == ("client", f"{PROXY}:{PORT}")
    assert "env HTTPS_PROXY of container app" in found.steps[0].because


def test_the_proxy_itself_is_asked_the_same() -> None:
    found = assess(mesh(*REGISTERED, pod(ENV)), PROXY, PORT)
    assert (found.verdict, found.destination.method, found.forward_proxy) == (Verdict.DELIVERED, "CONNECT", None)
    assert found.destination.authority == f"{API}:443"


def test_nothing_is_missing_for_a_host_behind_the_proxy() -> None:
    found = mesh(*REGISTERED, pod(ENV))
    assert {(c.host, c.port): c.verdict for c in found.facts("connections") if c.used} == {(PROXY, PORT): "delivered"}
    [fact] = found.facts("proxied")
    assert (fact.host, fact.port, fact.proxy, fact.method, fact.verdict) == (
        API, 443, f"{PROXY}:{PORT}", "CONNECT", "delivered"
    )  # fmt: skip


def test_a_proxy_that_nothing_registers_is_the_dependency_that_fails() -> None:
    found = mesh(dump(), pod(ENV))
    [missing] = [c for c in found.facts("connections") if c.used]
    assert (missing.host, missing.port, missing.reason) == (PROXY, PORT, "missing-service-entry")
    assert (missing.entry_protocol, missing.address_cidrs) == ("TCP", (f"{IP}/32",))
    [fact] = found.facts("proxied")
    assert (fact.host, fact.verdict, fact.reason) == (API, "blocked", "missing-service-entry")


def test_hosts_say_what_trace_says() -> None:
    found = mesh(dump(), pod(ENV))
    sheet = found.sheet()
    context = ProxyContext(found.case.mesh, sheet.registry, POD)
    columns = {POD: column_of(context, pairs_of(sheet, []))}
    rows = {(row.host, row.port): row for row in rows_of(sheet, columns, pairs_of(sheet, columns.values()))}
    assert {key: row.verdicts[0].verdict for key, row in rows.items()} == {
        (API, 443): "blocked",
        (PROXY, PORT): "blocked",
    }
    assert rows[API, 443].used_by[0].seen == (f"env API_URL of container app, by forward proxy {PROXY}:{PORT}",)


@pytest.mark.parametrize(
    "options", [{"ip": "198.51.100.9"}, {"protocol": "tls"}, {"sni": API}, {"protocol": "http", "authority": API}]
)
def test_a_connection_that_is_described_goes_by_no_proxy(options: dict[str, Any]) -> None:
    found = assess(mesh(*REGISTERED, pod(ENV)), **options)
    assert (found.verdict, found.forward_proxy) == (Verdict.BLOCKED, None)


def test_a_url_that_is_no_dependency_goes_by_the_pods_proxy() -> None:
    found = mesh(*REGISTERED, pod(ENV))
    assert assess(found, "other.example", 443, scheme="https").verdict is Verdict.DELIVERED
    assert assess(found, "other.example", 80, scheme="http").verdict is Verdict.BLOCKED
    assert assess(found, "other.example", 443).verdict is Verdict.BLOCKED


def test_no_proxy_makes_it_a_dependency_of_its_own() -> None:
    found = mesh(*REGISTERED, pod({**ENV, "NO_PROXY": ".partner.example"}))
    assert assess(found).reason == "missing-service-entry"
    assert {c.host for c in found.facts("connections") if c.used} == {API, PROXY}
    assert found.facts("proxied") == []


def test_one_containers_proxy_does_not_speak_for_another() -> None:
    made = pod(ENV)
    other = {"name": "job", "env": [{"name": "API_URL", "value": f"https://{API}/v2"}]}
    made["spec"]["containers"].append(other)
    found = mesh(*REGISTERED, made)
    assert assess(found).verdict is Verdict.BLOCKED
    assert [c.reason for c in found.facts("connections") if c.host == API and c.used] == ["missing-service-entry"]
    assert [fact.verdict for fact in found.facts("proxied")] == ["delivered"]


def test_a_database_goes_by_no_http_proxy() -> None:
    found = mesh(*REGISTERED, pod({**ENV, "ALL_PROXY": ENV["HTTPS_PROXY"], "DB": "postgres://db.example/x"}))
    assert assess(found, "db.example", 5432).reason == "missing-service-entry"


def test_an_http_url_is_asked_for_in_absolute_form() -> None:
    env = {"http_proxy": f"{PROXY}:{PORT}", "PLAIN": "http://www.wiki.example/a"}
    found = assess(mesh(*REGISTERED, pod(env)), "www.wiki.example", 80)
    assert found.forward_proxy is not None
    by = found.forward_proxy
    assert (by.method, by.authority, by.path) == ("GET", "www.wiki.example", "/a")


@pytest.mark.parametrize("proxy", ["http://localhost:3128", "http://127.0.0.1:3128", "http://$(NODE_IP):3128"])
def test_where_the_proxy_leads_or_what_it_is_may_be_unknown(proxy: str) -> None:
    found = mesh(*REGISTERED, pod({**ENV, "HTTPS_PROXY": proxy}))
    assert assess(found).verdict is Verdict.UNKNOWN
    assert [(fact.verdict, fact.host) for fact in found.facts("proxied")] == [("unknown", API)]
    assert [c for c in found.facts("connections") if c.used] == []


def test_a_doubt_is_none_where_both_ways_are_delivered() -> None:
    env = {**ENV, "JAVA_TOOL_OPTIONS": "-Xmx1g"}
    assert assess(mesh(*REGISTERED, pod(env))).reason == "forward-proxy-unknown"
    sni = listener("0.0.0.0", 443, tcp(outbound(API, 443), sni=[API]))
    own = listener(IP, PORT, tcp(outbound(PROXY, PORT)))
    both = dump([sni, own], [cluster(PROXY, PORT, "ORIGINAL_DST"), cluster(API, 443)])
    assert assess(mesh(both, REGISTERED[1], entry("api", API, "443/TLS"), pod(env))).verdict is Verdict.DELIVERED


def test_a_proxy_in_the_cluster_is_found_at_its_service() -> None:
    host = "squid.infra.svc.cluster.local"
    proxy = dump(
        [listener("10.96.0.7", PORT, tcp(outbound(host, PORT)))], [cluster(host, PORT, "EDS", ips=["10.244.1.1"])]
    )
    for name in ("squid.infra", "squid.infra.svc", host):
        made = mesh(
            proxy,
            service("squid", {"port": PORT}, namespace="infra", ip="10.96.0.7"),
            pod({**ENV, "HTTPS_PROXY": f"http://{name}:{PORT}"}),
        )
        assert (assess(made).verdict, assess(made).cluster) == (Verdict.DELIVERED, outbound(host, PORT))


def test_a_proxys_port_that_is_http_is_a_mismatch() -> None:
    to = virtual_host(PROXY, PORT)
    proxy = dump([listener("0.0.0.0", PORT, http(str(PORT)))], [cluster(PROXY, PORT)], [route_config(str(PORT), to)])
    found = mesh(proxy, entry("proxy", PROXY, f"{PORT}/HTTP", resolution="DNS"), pod(ENV))
    traced = assess(found)
    assert (traced.verdict, traced.expect.http_status) == (Verdict.BLOCKED, 404)
    [fact] = [one for one in found.facts("entry_ports") if one.host == PROXY]
    assert (fact.mismatch, fact.breaks, fact.fixed_protocol) == ("forward-proxy", True, "TCP")


def test_allow_any_lets_the_proxy_be_reached_unregistered() -> None:
    assert assess(mesh(dump(policy=PASSTHROUGH), pod(ENV))).verdict is Verdict.PASSTHROUGH


WIKI = "www.wiki.example"
CAPITALS = {"HTTP_PROXY": f"http://{PROXY}:{PORT}", "PLAIN": f"http://{WIKI}/a"}


@pytest.mark.parametrize(("name", "verdict"), [("HTTP_PROXY", "blocked"), ("http_proxy", "delivered")])
def test_of_a_registered_host_clients_that_ignore_the_setting_count_too(name: str, verdict: str) -> None:
    """curl reads http_proxy in small letters only."""
    other = virtual_host("other.example", 80)
    listeners = [listener("0.0.0.0", 80, http("80")), listener(IP, PORT, tcp(outbound(PROXY, PORT)))]
    clusters = [cluster(WIKI, 80), cluster(PROXY, PORT, "ORIGINAL_DST")]
    proxy = dump(listeners, clusters, [route_config("80", other)])
    env = {name: CAPITALS["HTTP_PROXY"], "PLAIN": CAPITALS["PLAIN"]}
    found = mesh(proxy, REGISTERED[1], entry("wiki", WIKI, "80/HTTP", resolution="DNS"), pod(env))
    traced = assess(found, WIKI, 80)
    assert traced.verdict == verdict
    used = {c.host: c.verdict for c in found.facts("connections") if c.used}
    if verdict == "blocked":
        assert "curl" in traced.because
        assert (traced.destination.path, traced.forward_proxy) == ("/a", None)
        assert used == {WIKI: "blocked", PROXY: "delivered"}
    else:
        assert used == {PROXY: "delivered"}


def test_of_a_host_that_nothing_registers_the_proxy_is_the_way() -> None:
    found = mesh(*REGISTERED, pod(CAPITALS))
    assert assess(found, WIKI, 80).verdict is Verdict.DELIVERED
    assert {c.host for c in found.facts("connections") if c.used} == {PROXY}


def test_connect_to_an_http_port_is_a_protocol_mismatch() -> None:
    proxy = dump(
        [listener("0.0.0.0", PORT, http(str(PORT)))],
        [cluster(PROXY, PORT)],
        [route_config(str(PORT), virtual_host(PROXY, PORT))],
    )
    for protocol in ("/HTTP", ""):
        found = mesh(proxy, entry("proxy", PROXY, f"{PORT}{protocol}", resolution="DNS"), pod(ENV))
        assert [assess(found, *place).reason for place in ((API, 443), (PROXY, PORT))] == ["protocol-mismatch"] * 2

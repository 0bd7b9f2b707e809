"""What is not registered, where the outbound policy sends it to a proxy or to the host that the client names."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.model.trace import Trace
from tests.dumps import chain, cluster, endpoint, hcm, listener, route, routes, tcp, typed, virtual_host
from tests.unit.trace.worlds import entry, own, traced, world

PROXY = "outbound|443||squid.egress.svc.cluster.local"
IP = "198.51.100.1"
DYNAMIC: dict[str, Any] = {"type": None, "cluster_type": {"name": "envoy.clusters.dynamic_forward_proxy"}}


def through_proxy(*endpoints: dict[str, Any], **asked: Any) -> Trace:
    policy = chain(tcp(PROXY), name="PassthroughFilterChain")
    made = listener("0.0.0.0", 443, default_filter_chain=policy)
    mesh = world([made], policy=PROXY, clusters=[cluster(PROXY, "STRICT_DNS", *endpoints)])
    return traced(mesh, "news.example", 443, ip=IP, protocol="tls", **asked)


def test_an_egress_proxy_gets_what_is_not_registered() -> None:
    found = through_proxy(endpoint("10.244.0.9", 3128))
    assert (found.verdict, found.reason, found.cluster) == ("passthrough", "egress-proxy", PROXY)
    assert "squid.egress" in found.advice
    assert "PassthroughCluster" not in found.because


def test_a_virtual_host_of_the_policy_leads_there_too() -> None:
    to_proxy = virtual_host("allow_any", ["*"], route(PROXY))
    mesh = world(
        [listener("0.0.0.0", 80, chain(hcm("80")))],
        route_configs=[routes("80", to_proxy)],
        clusters=[cluster(PROXY, "STRICT_DNS", endpoint("10.244.0.9", 3128))],
    )
    found = traced(mesh, "news.example", 80, ip=IP, protocol="http")
    assert (found.verdict, found.reason) == ("passthrough", "egress-proxy")


def test_an_egress_proxy_that_cannot_work_is_no_passthrough() -> None:
    assert through_proxy().verdict == "broken"
    mesh = world(policy=PROXY)
    assert traced(mesh, "news.example", 443, ip=IP).verdict == "blocked"


def to_named(protocol: str, *, filters: bool = True, dns: Any = None, **asked: Any) -> Trace:
    """A connection to en.wiki.example by a wildcard's dynamic forward proxy."""
    name = own("*.wiki.example", 443 if protocol == "tls" else 80)
    sni = {"name": "envoy.filters.network.sni_dynamic_forward_proxy", "typed_config": typed("x.FilterConfig")}
    opaque = chain(tcp(name))
    opaque["filters"] = [*([sni] if filters else []), *opaque["filters"]]
    mesh = world(
        [listener("0.0.0.0", 443, opaque), listener("0.0.0.0", 80, chain(hcm("80")))],
        route_configs=[
            routes("80", virtual_host("wiki:80", ["*.wiki.example"], route(name)), ignore_port_in_host_matching=True)
        ],
        clusters=[cluster(name) | DYNAMIC],
        entries=[entry("*.wiki.example", 80, "HTTP", resolution="DYNAMIC_DNS")],
        dns=dns,
    )
    port = 443 if protocol == "tls" else 80
    return traced(mesh, "en.wiki.example", port, ip=IP, protocol=protocol, **asked)


@pytest.mark.parametrize(
    ("asked", "endpoint_"),
    [
        ({"protocol": "http"}, "en.wiki.example:80"),
        ({"protocol": "http", "authority": "de.wiki.example:8080"}, "de.wiki.example:8080"),
        ({"protocol": "http", "authority": "de.wiki.example"}, "de.wiki.example:80"),
        ({"protocol": "tls"}, "en.wiki.example:443"),
    ],
)
def test_the_endpoint_is_the_host_that_the_client_names(asked: dict[str, Any], endpoint_: str) -> None:
    found = to_named(**asked)
    assert (found.verdict, found.endpoint) == ("delivered", endpoint_)


def test_a_name_without_address_is_not_reached() -> None:
    assert to_named("http", dns={"en.wiki.example": ()}).expect.response_flags == ("DF",)
    assert to_named("tls", dns={"en.wiki.example": ()}).verdict == "broken"
    assert to_named("tls", dns={"en.wiki.example": ("198.51.100.2",)}).verdict == "delivered"


def test_a_server_name_is_resolved_by_a_filter() -> None:
    found = to_named("tls", filters=False)
    assert (found.verdict, found.expect.response_flags) == ("broken", ("UH",))
    assert "sni_dynamic_forward_proxy" in found.because


def test_other_custom_clusters_are_not_evaluated() -> None:
    name = own("db.example", 9000)
    aggregate = cluster(name, type=None, cluster_type={"name": "envoy.clusters.aggregate"})
    mesh = world([listener("0.0.0.0", 9000, chain(tcp(name)))], clusters=[aggregate])
    found = traced(mesh, "db.example", 9000, ip=IP, protocol="tcp")
    assert (found.verdict, found.missing) == ("unknown", ("cluster type envoy.clusters.aggregate",))

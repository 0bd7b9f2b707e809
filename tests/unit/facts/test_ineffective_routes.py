"""HTTP routes of VirtualServices that have no effect in a sidecar."""

from __future__ import annotations

from typing import Any

import pytest

from tests.meshes import Mesh, Tree, cluster, dump, entry, http, listener, pod, route_config, virtual_host
from tests.meshes import virtual_service as made

HOST = "a.example"
TO_HOST: Tree = {"route": [{"destination": {"host": HOST}}]}
TIMED: Tree = {**TO_HOST, "timeout": "2s"}


def fact_of(name: str, *objects: Tree, proxy: Tree | None = None) -> Any:
    found = Mesh(proxy or dump(), *objects).facts("virtual_service_hosts")
    [one] = [fact for fact in found if fact.name == name]
    return one


@pytest.mark.parametrize("port", ["443/TLS", "443/HTTPS", "5432/TCP"])
def test_a_timeout_for_ports_without_requests(port: str) -> None:
    found = fact_of("v", made("v", HOST, http=[TIMED]), entry("a", HOST, port))
    assert (found.http_policies, found.opaque_ports) == (("timeout",), (port,))
    assert found.evidence[-1].path.endswith(".spec.http[0].timeout")


@pytest.mark.parametrize(
    "objects",
    [
        (made("v", HOST, http=[TIMED]), entry("a", HOST, "443/TLS 80/HTTP")),
        (made("v", HOST, http=[TIMED]), entry("a", HOST, "443/TLS"), pod({"A": f"http://{HOST}"})),
        (made("v", HOST, http=[TIMED]),),
        (made("v", HOST, http=[TO_HOST]), entry("a", HOST, "443/TLS")),
        (made("v", HOST, http=[{**TIMED, "match": [{"gateways": ["out"]}]}]), entry("a", HOST, "443/TLS")),
    ],
    ids=["an HTTP port", "a dependency on another port", "not registered", "no policy", "for a gateway only"],
)
def test_not_where_a_request_may_be_seen_or_nothing_is_set(objects: tuple[Tree, ...]) -> None:
    found = fact_of("v", *objects)
    assert not (found.http_policies and found.opaque_ports)


def web(by: str) -> Tree:
    host = virtual_host(HOST, 80, by=by)
    return dump([listener("0.0.0.0", 80, http("80"))], [cluster(HOST, 80)], [route_config("80", host)])


def test_of_two_for_one_host_the_one_that_the_dump_has_shadows_the_other() -> None:
    pair = (made("a", HOST, http=[TO_HOST]), made("b", HOST, http=[TO_HOST]))
    found = fact_of("b", *pair, proxy=web("a"))
    assert (found.shadowed_by, found.shadowed_because) == (
        "shop/a",
        "both are of the same age, and its name sorts first",
    )
    assert [(r.name, r.role) for r in found.resources] == [("b", "shadowed"), ("a", "active")]
    assert fact_of("a", *pair, proxy=web("a")).shadowed_by == ""


def test_a_narrower_export_comes_first() -> None:
    pair = (made("z", HOST, exportTo=["."], http=[TO_HOST]), made("b", HOST, http=[TO_HOST]))
    assert fact_of("b", *pair, proxy=web("z")).shadowed_because == "its export to namespace shop is narrower"


@pytest.mark.parametrize("routes", [{"tls": [TO_HOST]}, {"http": [{**TO_HOST, "match": [{"gateways": ["out"]}]}]}])
def test_tls_routes_and_those_of_a_gateway_are_not_shadowed(routes: dict[str, Any]) -> None:
    assert fact_of("b", made("a", HOST, http=[TO_HOST]), made("b", HOST, **routes), proxy=web("a")).shadowed_by == ""


def test_not_where_the_order_says_otherwise_or_the_dump_has_neither() -> None:
    pair = (made("a", HOST, http=[TO_HOST]), made("b", HOST, http=[TO_HOST]))
    assert fact_of("a", *pair, proxy=web("b")).shadowed_by == ""
    assert fact_of("b", *pair).shadowed_by == ""

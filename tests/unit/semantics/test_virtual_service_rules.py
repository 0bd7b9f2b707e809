"""Which VirtualService made a filter chain: istiod writes nothing into chains of destinationSubnets."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.model.mesh import Mesh, VirtualService
from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.model.proxy import FilterChain
from meshdoctor.semantics.istio.registry import Registry, Viewer
from meshdoctor.semantics.istio.virtual_service_rules import chain_config
from tests.dumps import VIRTUAL_SERVICE, chain, listener, tcp
from tests.unit.trace.worlds import own, world

GATEWAY = "egress.istio-system.svc.cluster.local"
TO_GATEWAY = {"host": GATEWAY, "port": {"number": 27018}, "subset": "mongo"}
MATCH = {"destinationSubnets": ["198.51.100.80/32"], "port": 27017, "gateways": ["mesh"], "sourceLabels": {"app": "a"}}
CLUSTER = f"outbound|27018|mongo|{GATEWAY}"


def sent(name: str = "maker", match: dict[str, Any] | None = None, **given: Any) -> VirtualService:
    """A VirtualService with one tcp rule."""
    rule = {"match": [MATCH | (match or {})], "route": [{"destination": given.pop("to", TO_GATEWAY)}]}
    fields = {"gateways": ("mesh", "egress"), "tcp": (rule,), **given}
    return VirtualService(ObjectRef("VirtualService", "shop", name), ("mongo.example",), **fields)


def built(to: str | dict[str, int] = CLUSTER, ranges: tuple[str, ...] = ("198.51.100.80/32",)) -> FilterChain:
    made = listener("198.51.100.80", 27017, chain(tcp(to), ranges=ranges))
    (found,) = world([made]).proxies["shop/web"].listeners["198.51.100.80_27017"].filter_chains
    return found


def maker(*services: VirtualService, made: FilterChain | None = None, host: str = "mongo.example") -> str:
    registry = Registry(Mesh(virtual_services=services))
    return chain_config(registry, Viewer("shop", labels={"app": "a"}), made or built(), 27017, host)


def test_the_rule_with_the_ranges_and_the_clusters_made_it() -> None:
    assert maker(sent("other", {"port": 5432}), sent()) == VIRTUAL_SERVICE.format("maker").replace("v1alpha3", "v1")


@pytest.mark.parametrize(
    "service",
    [
        sent(match={"destinationSubnets": ["198.51.100.0/24"]}),
        sent(match={"destinationSubnets": []}),
        sent(match={"port": 27018}),
        sent(match={"gateways": ["egress"]}),
        sent(match={"sourceLabels": {"app": "b"}}),
        sent(match={"sourceNamespace": "bank"}),
        sent(to=TO_GATEWAY | {"subset": "other"}),
        sent(to=TO_GATEWAY | {"host": "mongo.example"}),
        sent(to=TO_GATEWAY | {"port": {"number": 1}}),
        sent(gateways=("egress",)),
        sent(export_to=("bank",)),
    ],
)
def test_a_rule_that_istiod_does_not_apply_here_made_nothing(service: VirtualService) -> None:
    assert maker(service) == ""


def test_a_destination_without_port_takes_that_of_its_host() -> None:
    assert maker(sent(to={"host": GATEWAY, "subset": "mongo"}))
    assert maker(sent(to={"host": "db"}), made=built(own("db.shop.svc.cluster.local", 5432)))


def test_of_several_the_one_for_the_host_counts() -> None:
    other = VirtualService(ObjectRef("VirtualService", "shop", "other"), ("a.example",), tcp=sent().tcp)
    assert maker(other, sent(), host="mongo.example").endswith("/maker")
    assert maker(sent(), other, host="a.example").endswith("/other")
    assert maker(sent(), other, host="b.example").endswith("/maker")


def test_chains_without_ranges_say_it_themselves() -> None:
    assert maker(sent(), made=built(ranges=())) == ""

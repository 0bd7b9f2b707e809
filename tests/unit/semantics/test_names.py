from __future__ import annotations

import pytest

from meshdoctor.model.mesh import Ref
from meshdoctor.semantics.names import cluster_name, config_ref, slug


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("outbound|443||github.com", ("outbound", 443, "", "github.com")),
        ("outbound|443|v1|github.com", ("outbound", 443, "v1", "github.com")),
        ("outbound|443||*.github.com", ("outbound", 443, "", "*.github.com")),
        ("outbound|443||GitHub.com", ("outbound", 443, "", "github.com")),
        ("inbound|8080||", ("inbound", 8080, "", "")),
        ("outbound_.443_.v1_.github.com", ("outbound", 443, "v1", "github.com")),
        ("outbound_.443_._.github.com", ("outbound", 443, "", "github.com")),
        ("outbound_.443_._.a_b.example", ("outbound", 443, "", "a_b.example")),
        ("outbound|http||github.com", None),
        ("outbound|443|github.com", None),
        ("xds-grpc", None),
        ("", None),
        ("PassthroughCluster", None),
        ("BlackHoleCluster", None),
        ("InboundPassthroughCluster", None),
        ("AllowAnyDynamicDNSCluster", None),
    ],
)
def test_cluster_names(name: str, wanted: tuple[str, int, str, str] | None) -> None:
    assert cluster_name(name) == wanted


PREFIX = "/apis/networking.istio.io"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (f"{PREFIX}/v1/namespaces/shop/virtual-service/db", Ref("VirtualService", "shop", "db")),
        (f"{PREFIX}/v1alpha3/namespaces/shop/destination-rule/db", Ref("DestinationRule", "shop", "db")),
        ("/apis/networking/v1alpha3/namespaces/shop/virtual-service/db", Ref("VirtualService", "shop", "db")),
        (f"{PREFIX}/v1/namespaces/shop/moon/db", Ref("moon", "shop", "db")),
        ("", None),
        ("db", None),
    ],
)
def test_the_resource_behind_an_object(path: str, wanted: Ref | None) -> None:
    assert config_ref(path) == wanted


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("db.payments.example", "db-payments-example"),
        ("*.Example", "any-example"),
        ("198.51.100.7", "198-51-100-7"),
        ("---", "external"),
        ("a" * 59 + ".bc", "a" * 59),
    ],
)
def test_a_host_as_the_name_of_an_object(host: str, wanted: str) -> None:
    assert slug(host) == wanted

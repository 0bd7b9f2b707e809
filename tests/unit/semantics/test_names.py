from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.model.object_ref import ObjectRef
from meshdoctor.semantics.istio.resource_names import cluster_name, config_ref, object_name, slug


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
        (f"{PREFIX}/v1/namespaces/shop/virtual-service/db", ObjectRef("VirtualService", "shop", "db")),
        (f"{PREFIX}/v1alpha3/namespaces/shop/destination-rule/db", ObjectRef("DestinationRule", "shop", "db")),
        ("/apis/networking/v1alpha3/namespaces/shop/virtual-service/db", ObjectRef("VirtualService", "shop", "db")),
        (f"{PREFIX}/v1/namespaces/shop/moon/db", ObjectRef("moon", "shop", "db")),
        ("", None),
        ("db", None),
    ],
)
def test_the_resource_behind_an_object(path: str, wanted: ObjectRef | None) -> None:
    assert config_ref(path) == wanted


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("db.payments.example", "db-payments-example"),
        ("*.Example", "any-example"),
        ("198.51.100.7", "198-51-100-7"),
        ("---", "external"),
        ("2001:db8::1", "2001-db8-0-0-0-0-0-1"),
        ("2001:db8:1::", "2001-db8-1-0-0-0-0-0"),
        ("::ffff:198.51.100.7", "ffff-198-51-100-7"),
    ],
)
def test_a_host_as_the_name_of_an_object(host: str, wanted: str) -> None:
    assert slug(host) == wanted


def test_long_hosts_that_begin_alike_have_names_of_their_own() -> None:
    hosts = [f"{'a' * 50}.{end}.example" for end in ("first-of-them", "second-of-them")]
    names = [object_name(host, 443) for host in hosts]
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name) for name in names)


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert object_name("db.example", 5432) == "db-example-5432"
    assert object_name("db.example", 5432, taken={"db-example-5432"}) == "db-example-5432-2"
    assert object_name("db.example", 5432, taken={"db-example-5432", "db-example-5432-2"}) == "db-example-5432-3"


@given(st.lists(st.text(max_size=300), min_size=1, max_size=3), st.integers(0, 12))
def test_every_name_is_a_dns_label(parts: list[str], taken: int) -> None:
    used: set[str] = set()
    for _ in range(taken + 1):
        name = object_name(*parts, taken=used)
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name)
        assert name not in used
        used.add(name)

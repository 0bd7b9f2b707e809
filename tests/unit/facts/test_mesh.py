"""A capture as a Mesh: one document that cannot be read costs only itself."""

from __future__ import annotations

from typing import Any

from meshdoctor.errors import Unreadable
from meshdoctor.facts.mesh_reader import read_mesh
from meshdoctor.model.evidence import Document
from tests.meshes import POD, Mesh, cluster, dump, entry, listener, outbound, pod, service, tcp


def test_a_bad_dump_beside_a_good_one() -> None:
    bad: Any = b'{"configs": ['
    found = read_mesh(Mesh({POD: dump(), "bank/api": bad}).capture)
    assert list(found.proxies) == [POD]
    assert list(found.proxies_unread) == ["bank/api"]
    assert [u.path for u in found.unread] == ["proxies/bank/api"]


def test_a_file_that_cannot_be_opened_is_a_bad_dump() -> None:
    def fail() -> bytes:
        raise Unreadable("it is not gzip")

    mesh = Mesh({POD: dump()})
    mesh.documents["proxies/bank/api/config_dump.json"] = Document("proxies/bank/api/config_dump.json", fail, 1)
    found = read_mesh(mesh.capture)
    assert "bank/api" not in found.proxies
    assert found.proxies_unread == {"bank/api": "it is not gzip"}


def test_a_bad_clusters_page_costs_the_page() -> None:
    mesh = Mesh(
        dump(
            [listener("0.0.0.0", 443, tcp(outbound("a.example", 443), sni=["a.example"]))], [cluster("a.example", 443)]
        )
    )
    path = f"proxies/{POD}/clusters.json"
    mesh.documents[path] = Document(path, lambda: b"no page", 7)
    found = read_mesh(mesh.capture)
    proxy = found.proxies[POD]
    assert [e.address for e in proxy.endpoints_of(proxy.clusters[outbound("a.example", 443)]) or ()] == ["198.51.100.1"]
    assert [u.path for u in found.unread] == [path]


def test_a_bad_resource_document_is_named_and_its_kind_not_read() -> None:
    mesh = Mesh(dump(), pod())
    mesh.documents["resources/serviceentries.yaml"] = Document("resources/serviceentries.yaml", lambda: b"a: [", 4)
    found = read_mesh(mesh.capture)
    assert "serviceentries" not in found.kinds_read
    assert "pods" in found.kinds_read
    assert [u.path for u in found.unread] == ["resources/serviceentries.yaml"]


def test_an_empty_list_counts_as_read() -> None:
    assert {"serviceentries", "pods", "services"} <= read_mesh(Mesh(dump()).capture).kinds_read


def test_a_pod_without_proxy_and_a_proxy_without_pod() -> None:
    found = read_mesh(Mesh({POD: dump()}, pod(key="bank/api")).capture)
    assert (list(found.proxies), list(found.pods)) == ([POD], ["bank/api"])


def test_versions_of_all_proxies() -> None:
    found = read_mesh(Mesh({POD: dump(), "bank/api": dump(key="bank/api", ISTIO_VERSION="1.28.1")}).capture)
    assert found.istio_versions == ("1.28.1", "1.30.0")


def test_services_are_parsed_late_and_still_there() -> None:
    found = read_mesh(
        Mesh(dump(), service("reviews", {"name": "http", "port": 9080}), entry("a", "a.example", "443/TLS")).capture
    )
    assert [s.host for s in found.services] == ["reviews.shop.svc.cluster.local"]

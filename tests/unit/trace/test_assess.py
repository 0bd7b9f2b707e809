"""One answer for a connection: what the pod's own configuration says of the client is part of it."""

from __future__ import annotations

import pytest

from meshdoctor.model.mesh import Dependency, Mesh
from meshdoctor.trace.outbound import Tracer
from tests.dumps import chain, cluster, endpoint, hcm, listener, route, routes, tcp, virtual_host
from tests.unit.trace.worlds import POD, entry, own, world

API = "api.example"
IP = "198.51.100.1"


def routed(*prefixes: str, uses: tuple[str, ...] = (), scheme: str = "http") -> Tracer:
    """A sidecar that routes these prefixes of api.example:80; the pod's URLs name the paths `uses`."""
    to = own(API, 80)
    host = virtual_host("api", [API], *(route(to, match={"prefix": prefix}) for prefix in prefixes))
    mesh = world(
        [listener("0.0.0.0", 80, chain(hcm("80")))],
        clusters=[cluster(to, "STATIC", endpoint(IP, 80))],
        route_configs=[routes("80", host)],
        entries=[entry(API, 80, "HTTP")],
        dns={API: (IP,)},
    )
    mesh.dependencies = (Dependency(POD, API, 80, scheme, (), uses),)
    return Tracer(mesh, POD)


@pytest.mark.parametrize(
    ("prefixes", "uses", "verdict", "path"),
    [
        (("/v1",), ("/v1/charge",), "delivered", "/v1/charge"),
        (("/v1",), ("/v2/charge",), "blocked", "/v2/charge"),
        (("/v1",), (), "blocked", "/"),
        (("/v1",), ("/v1/charge", "/v2/charge"), "blocked", "/v2/charge"),
        (("/v1", "/v2"), ("/v1/charge", "/v2/charge"), "delivered", "/v1/charge"),
    ],
)
def test_the_paths_of_the_urls_are_traced_and_the_worst_counts(
    prefixes: tuple[str, ...], uses: tuple[str, ...], verdict: str, path: str
) -> None:
    found = routed(*prefixes, uses=uses).assess(API, 80)
    assert (found.verdict, found.destination.path) == (verdict, path)


def test_what_is_given_replaces_what_the_pod_configures() -> None:
    tracer = routed("/v1", uses=("/v1/charge",))
    assert tracer.assess(API, 80, path="/other").verdict == "blocked"
    assert tracer.assess("API.example", 80).verdict == "delivered"
    assert tracer.assess(API, 80, dependency=Dependency("", API, 80)).verdict == "blocked"


def test_addresses_that_dns_does_not_answer_are_not_dialled() -> None:
    to = own(API, 9000)
    mesh = world(
        [listener(ip, 9000, chain(tcp(to))) for ip in (IP,)],
        clusters=[cluster(to, "ORIGINAL_DST")],
        entries=[entry(API, 9000, addresses=(IP, "198.51.100.2"), resolution="NONE")],
        dns={API: (IP,)},
    )
    tracer = Tracer(mesh, POD)
    assert (tracer.known_addresses(API, 9000), tracer.dialled_addresses(API, 9000)) == ((IP, "198.51.100.2"), (IP,))
    assert tracer.assess(API, 9000).verdict == "delivered"


@pytest.mark.parametrize(
    ("other", "verdict"), [("backend.shop.svc.cluster.local", "blocked"), ("files.example", "unknown")]
)
def test_an_outside_host_is_at_no_address_of_a_service(other: str, verdict: str) -> None:
    to = own(other, 443)
    mesh: Mesh = world([listener("10.96.0.7", 443, chain(tcp(to)))], clusters=[cluster(to)])
    assert Tracer(mesh, POD).assess(API, 443).verdict == verdict

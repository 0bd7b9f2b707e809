"""How complete a dump is: what cannot be read of it is named, and what hangs on it is unknown, never fine."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import doctor
from meshdoctor.facts.envoy.config_dump import read_dump
from meshdoctor.facts.envoy.istioctl_output import read_pasted
from meshdoctor.model.evidence import Document
from meshdoctor.model.proxy import Proxy
from tests.conftest import Cli
from tests.meshes import (
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
    tcp,
    virtual_host,
)

DB, API = "db.example", "api.example"


def world() -> Tree:
    """A sidecar that delivers TCP to one host and HTTP to another."""
    return dump(
        [listener("0.0.0.0", 3306, tcp(outbound(DB, 3306))), listener("0.0.0.0", 80, http("80"))],
        [cluster(DB, 3306), cluster(API, 80)],
        [route_config("80", virtual_host(API, 80))],
    )


def mesh(made: Tree) -> Mesh:
    answers: dict[str, Sequence[str]] = {DB: ["203.0.113.5"], API: ["203.0.113.6"]}
    return Mesh(made, pod(), entry("db", DB, "3306/TCP"), entry("api", API, "80/HTTP"), dns=answers)


def verdicts(made: Tree) -> tuple[str, str]:
    case = mesh(made).case
    return (
        doctor.trace(case, POD, DB, 3306, protocol="tcp").verdict.value,
        doctor.trace(case, POD, API, 80, protocol="http").verdict.value,
    )


def section(made: Tree, name: str) -> Tree:
    found: Tree = next(one for one in made["configs"] if name in one["@type"])
    return found


def listener_of(made: Tree, name: str) -> Tree:
    items = section(made, "Listeners")["dynamic_listeners"]
    found: Tree = next(one for one in items if one["name"] == name)["active_state"]["listener"]
    return found


def read(made: Tree) -> Proxy:
    proxy = read_dump(json.dumps(made).encode(), "config_dump.json")
    for each in (proxy.clusters, proxy.routes, proxy.endpoints):
        assert len(list(each.values())) == len(each)
    return proxy


def test_a_whole_dump_has_no_gaps() -> None:
    assert (verdicts(world()), read(world()).gaps) == (("delivered", "delivered"), {})


def lost_state(made: Tree) -> None:
    section(made, "Listeners")["dynamic_listeners"][0]["active_state"] = 7


def no_state(made: Tree) -> None:
    del section(made, "Listeners")["dynamic_listeners"][0]["active_state"]


def lost_chains(made: Tree) -> None:
    listener_of(made, "0.0.0.0_3306")["filter_chains"] = "x"


def lost_match(made: Tree) -> None:
    listener_of(made, "0.0.0.0_3306")["filter_chains"][0]["filter_chain_match"] = {"server_names": {}}


def odd_range(made: Tree) -> None:
    listener_of(made, "0.0.0.0_3306")["filter_chains"][0]["filter_chain_match"] = {"prefix_ranges": [{}]}


def lost_filter(made: Tree) -> None:
    listener_of(made, "0.0.0.0_3306")["filter_chains"][0]["filters"][-1]["typed_config"] = []


def lost_cluster_name(made: Tree) -> None:
    listener_of(made, "0.0.0.0_3306")["filter_chains"][0]["filters"][-1]["typed_config"]["cluster"] = {}


def lost_socket(made: Tree) -> None:
    section(made, "Clusters")["dynamic_active_clusters"][0]["cluster"]["transport_socket"] = 7


def lost_cluster(made: Tree) -> None:
    section(made, "Clusters")["dynamic_active_clusters"][0] = {"cluster": 7}


def lost_endpoints_page(made: Tree) -> None:
    del section(made, "Clusters")["dynamic_active_clusters"][0]["cluster"]["type"]
    section(made, "Clusters")["dynamic_active_clusters"][0]["cluster"]["type"] = "EDS"
    section(made, "Endpoints")["dynamic_endpoint_configs"][0]["endpoint_config"]["endpoints"] = "x"


@pytest.mark.parametrize(
    "damage",
    [
        lost_state,
        no_state,
        lost_chains,
        lost_match,
        odd_range,
        lost_filter,
        lost_cluster_name,
        lost_socket,
        lost_cluster,
        lost_endpoints_page,
    ],
)
def test_what_hangs_on_it_is_unknown_and_the_rest_stands(damage: Callable[[Tree], None]) -> None:
    made = world()
    damage(made)
    assert verdicts(made) == ("unknown", "delivered")
    found = doctor.diagnose(mesh(made).case).not_evaluated
    assert found
    assert any(gap.is_partial and gap.pods == (POD,) and gap.missing for gap in found)


def routes_of(made: Tree) -> Tree:
    found: Tree = section(made, "Routes")["dynamic_route_configs"][0]["route_config"]
    return found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("virtual_hosts",), "x"),
        (("virtual_hosts",), []),
        (("virtual_hosts", 0), 7),
        (("virtual_hosts", 0, "domains"), "x"),
        (("virtual_hosts", 0, "domains"), [7]),
        (("virtual_hosts", 0, "routes"), {}),
        (("virtual_hosts", 0, "routes", 0), "x"),
        (("virtual_hosts", 0, "routes", 0, "match"), {"headers": {}}),
        (("virtual_hosts", 0, "routes", 0, "match"), []),
        (("virtual_hosts", 0, "routes", 0, "route"), "x"),
        (("virtual_hosts", 0, "routes", 0, "route"), {"weighted_clusters": {"clusters": [{"name": 7, "weight": 1}]}}),
        (("virtual_hosts", 0, "typed_per_filter_config"), []),
    ],
)
def test_a_part_of_a_route_that_is_lost_is_never_taken_for_one_that_is_not_set(
    path: tuple[Any, ...], value: Any
) -> None:
    made = world()
    at: Any = routes_of(made)
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    assert verdicts(made) == ("delivered", "unknown")
    assert not read(made).coverage("routes").is_whole


@pytest.mark.parametrize("value", [{}, "x", 7])
@pytest.mark.parametrize(
    ("name", "key"),
    [("Listeners", "dynamic_listeners"), ("Clusters", "dynamic_active_clusters"), ("Routes", "dynamic_route_configs")],
)
def test_a_list_of_a_wrong_type_is_a_partial_section(name: str, key: str, value: Any) -> None:
    made = world()
    section(made, name)[key] = value
    coverage = read(made).coverage(name.lower())
    assert (coverage.is_whole, coverage.is_read, coverage.names_all, key in coverage.because) == (
        False,
        True,
        False,
        True,
    )
    assert "delivered" not in (verdicts(made)[0:1] if name != "Routes" else verdicts(made)[1:])
    assert not [finding for finding in doctor.diagnose(mesh(made).case).findings if finding.rule == "config-missing"]


def never_connected() -> Tree:
    """What Envoy has before istiod answers: the listeners and clusters of the bootstrap file."""
    made = dump(without=("Routes",))
    made["configs"].append({"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "static_route_configs": []})
    section(made, "Listeners").pop("dynamic_listeners")
    section(made, "Listeners")["static_listeners"] = [{"listener": listener("0.0.0.0", 15090, http("prometheus"))}]
    section(made, "Clusters").pop("dynamic_active_clusters")
    section(made, "Clusters")["static_clusters"] = [{"cluster": {"name": "xds-grpc", "type": "STATIC"}}]
    return made


def test_a_sidecar_that_istiod_never_reached() -> None:
    made = never_connected()
    assert read(made).not_received == ("listeners", "clusters")
    found = doctor.diagnose(mesh(made).case)
    [missing] = [finding for finding in found.findings if finding.rule == "config-missing"]
    assert (missing.severity, missing.pods, missing.confidence) == ("error", (POD,), "certain")
    assert verdicts(made) == ("blocked", "blocked")


@pytest.mark.parametrize(
    ("name", "key", "lost"),
    [("Listeners", "dynamic_listeners", "listeners"), ("Clusters", "dynamic_active_clusters", "clusters")],
)
def test_a_sidecar_that_got_a_part(name: str, key: str, lost: str) -> None:
    made = world()
    section(made, name).pop(key)
    assert read(made).not_received == (lost,)
    [missing] = [f for f in doctor.diagnose(mesh(made).case).findings if f.rule == "config-missing"]
    assert missing.confidence == "likely"


def test_an_interception_mode_without_virtual_outbound_is_whole() -> None:
    made = dump(INTERCEPTION_MODE="NONE")
    section(made, "Listeners")["dynamic_listeners"] = []
    assert read(made).coverage("listeners").is_whole


def test_a_catch_all_that_envoy_refused_is_no_missing_evidence() -> None:
    made = dump(refused={"virtualOutbound": "no such filter"})
    del section(made, "Listeners")["dynamic_listeners"][-1]["active_state"]
    found = doctor.trace(mesh(made).case, POD, DB, 3306)
    assert (found.verdict, found.reason) == ("blocked", "config-rejected")


def test_a_listener_at_the_very_address_decides_whatever_else_is_missing() -> None:
    made = dump([listener("203.0.113.5", 3306, tcp(outbound(DB, 3306)))], [cluster(DB, 3306)])
    section(made, "Listeners")["dynamic_listeners"] += ["x", {"active_state": {"listener": 7}}]
    assert not read(made).coverage("listeners").names_all
    assert verdicts(made) == ("delivered", "unknown")


def pasted(**arrays: Any) -> Proxy:
    documents = {
        f"{name}.json": (f"{name}.json", Document(name, json.dumps(value).encode, 0)) for name, value in arrays.items()
    }
    return read_pasted(documents, "-/pasted")


def test_a_filtered_paste_is_partial_and_breaks_nothing() -> None:
    made = world()
    listeners = [one["active_state"]["listener"] for one in section(made, "Listeners")["dynamic_listeners"]]
    clusters = [one["cluster"] for one in section(made, "Clusters")["dynamic_active_clusters"]]
    whole = pasted(listeners=listeners, clusters=clusters, routes=[routes_of(made)])
    assert not whole.gaps
    filtered = pasted(listeners=listeners, clusters=clusters[:1], routes=[])
    assert (filtered.may_hold("clusters", outbound(API, 80)), filtered.not_received) == (True, ())
    assert filtered.coverage("routes").missing == ("80",)
    assert (
        pasted(listeners=listeners[:1], clusters=clusters).coverage("listeners").because.startswith("virtualOutbound")
    )


CONSUL: Tree = {
    "configs": [
        {"@type": "x/BootstrapConfigDump", "bootstrap": {"node": {"id": "backend-1-sidecar-proxy"}}},
        {
            "@type": "x/ClustersConfigDump",
            "dynamic_active_clusters": [{"cluster": {"name": "frontend.default.dc1.internal.0000.consul"}}],
        },
        {"@type": "x/ListenersConfigDump", "dynamic_listeners": []},
        {"@type": "x/RoutesConfigDump"},
    ]
}


def foreign(node_id: str, cluster_name: str, **metadata: Any) -> Tree:
    made = copy.deepcopy(CONSUL)
    made["configs"][0]["bootstrap"]["node"] = {"id": node_id, "metadata": metadata}
    made["configs"][1]["dynamic_active_clusters"][0]["cluster"]["name"] = cluster_name
    return made


@pytest.mark.parametrize(
    ("made", "kind", "whose"),
    [
        (CONSUL, "envoy", "Consul"),
        (foreign("mesh/shop/virtualNode/web", "cds_egress_shop_web"), "envoy", "AWS App Mesh"),
        (foreign("default.web-1", "x", **{"dataplane.proxyType": "dataplane"}), "envoy", "Kuma"),
        (foreign("contour", "contour"), "envoy", "Contour"),
        (foreign("edge", "service_a"), "envoy", ""),
        (foreign("", "service_a"), "envoy", ""),
        (foreign("", "outbound|80||a.example"), "sidecar", ""),
        (foreign("edge", "a", ISTIO_VERSION="1.30.0"), "sidecar", ""),
        (foreign("router~10.0.0.1~gw.edge~edge.svc.cluster.local", "BlackHoleCluster"), "gateway", ""),
        (foreign("ingress~10.0.0.1~gw.edge~edge.svc.cluster.local", "BlackHoleCluster"), "gateway", ""),
        (foreign("waypoint~10.0.0.1~wp.shop~shop.svc.cluster.local", "a"), "waypoint", ""),
    ],
)
def test_every_proxy_is_called_what_it_is(made: Tree, kind: str, whose: str) -> None:
    proxy = read_dump(json.dumps(made).encode(), "config_dump.json")
    assert (proxy.kind, proxy.control_plane) == (kind, whose)


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (CONSUL, "1 Envoy that is not Istio's"),
        (dump(role="router"), "1 gateway"),
        (dump(role="waypoint"), "1 waypoint"),
    ],
)
def test_what_is_not_judged_is_counted_as_that(cli: Cli, tmp_path: Path, made: Tree, word: str) -> None:
    file = tmp_path / "config_dump.json"
    file.write_text(json.dumps(made))
    result = cli("check", "--from", str(file))
    assert result.code == 3
    assert f"not judged: {word}" in " ".join(result.out.split())
    assert "found nothing" not in result.out
    assert "0 sidecars" in result.out
    document = json.loads(cli("check", "--json", "--from", str(file)).out)
    assert (document["summary"]["proxies"], document["summary"]["not_judged"]) == (0, 1)


def test_a_gateway_is_not_traced_as_if_iptables_captured_it() -> None:
    found = doctor.trace(Mesh(dump(role="router")).case, POD, API, 443)
    assert (found.verdict, found.reason) == ("unknown", "gateway")
    assert [step.at for step in found.steps] == ["proxy"]


def test_hosts_without_any_sidecar_are_listed_without_verdicts() -> None:
    found = doctor.hosts(Mesh(None, pod(sidecar=False), entry("db", DB, "3306/TCP")).case)
    assert [(row.host, row.port, row.verdicts) for row in found.hosts] == [(DB, 3306, ())]

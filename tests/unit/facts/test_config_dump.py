"""One configuration in every spelling gives the same facts; what is broken in a dump costs only itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshdoctor.errors import Unreadable
from meshdoctor.facts.envoy.config_dump import node_of, read_dump
from meshdoctor.facts.envoy.wire import WireNode
from meshdoctor.model.proxy import Proxy
from tests import spellings
from tests.dumps import (
    DOCUMENT,
    Json,
    catch_all,
    chain,
    cidr,
    cluster,
    dump,
    endpoint,
    hcm,
    inspector,
    listener,
    metadata,
    route,
    routes,
    shares,
    tcp,
    tls,
    virtual_host,
)

NAMES = st.sampled_from(["outbound|443||a.example", "outbound|80||b.example", "PassthroughCluster"])
WEIGHTS = st.dictionaries(NAMES, st.integers(1, 100), min_size=2, max_size=3)
TARGETS = NAMES | WEIGHTS
HOSTS = st.sampled_from(["a.example", "*.b.example", "c.example:80"])
CONFIGS = st.sampled_from(["", "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/a"])
MATCHES = st.fixed_dictionaries(
    {},
    optional={
        "destination_port": st.integers(1, 65535),
        "prefix_ranges": st.lists(st.sampled_from(["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"]).map(cidr), max_size=2),
        "server_names": st.lists(HOSTS, max_size=2),
        "transport_protocol": st.sampled_from(["tls", "raw_buffer"]),
        "application_protocols": st.just(["http/1.1", "h2c"]),
        "source_type": st.sampled_from(["SAME_IP_OR_LOOPBACK", "EXTERNAL"]),
        "source_prefix_ranges": st.just([cidr("10.0.0.0/8")]),
        "source_ports": st.just([1, 2]),
    },
)
STRINGS = st.tuples(st.sampled_from(["exact", "prefix", "suffix"]), st.sampled_from(["a", "b-c"]))
HEADERS = st.builds(
    lambda string, invert: {"name": "x-env", "string_match": dict([string]), "invert_match": invert},
    STRINGS,
    st.booleans(),
)
PATHS = st.sampled_from([{"prefix": "/"}, {"path": "/a"}, {"safe_regex": {"regex": "/v[0-9]"}}])
ROUTE_MATCHES = st.builds(
    lambda path, headers, sensitive: {**path, "headers": headers, "case_sensitive": sensitive},
    PATHS,
    st.lists(HEADERS, max_size=2),
    st.booleans(),
)
FAULTS = st.integers(0, 100).map(
    lambda n: {"@type": "x/HTTPFault", "abort": {"http_status": 503, "percentage": {"numerator": n}}}
)


def action(to: str | dict[str, int], mirror: str, rewrite: str, timeout: str) -> Json:
    made: Json = {"cluster": to} if isinstance(to, str) else shares(to)
    made["timeout"] = timeout
    if mirror:
        made["request_mirror_policies"] = [{"cluster": mirror}]
    if rewrite:
        made["host_rewrite_literal"] = rewrite
    return {"route": made}


ACTIONS = st.one_of(
    st.builds(
        action, TARGETS, st.just("") | NAMES, st.sampled_from(["", "b.example"]), st.sampled_from(["0s", "1.500s"])
    ),
    st.just({"direct_response": {"status": 502}}),
    st.just({"redirect": {"https_redirect": True, "response_code": "FOUND"}}),
)
ROUTES = st.builds(
    lambda match, does, fault, config, name: route(
        match=match,
        config=config,
        name=name,
        **does,
        **({"typed_per_filter_config": {"envoy.filters.http.fault": fault}} if fault else {}),
    ),
    ROUTE_MATCHES,
    ACTIONS,
    st.none() | FAULTS,
    CONFIGS,
    st.sampled_from(["", "default"]),
)
VIRTUAL_HOSTS = st.builds(
    lambda domains, items: virtual_host("host", domains, *items),
    st.lists(HOSTS, max_size=2),
    st.lists(ROUTES, max_size=3),
)
FILTERS = st.one_of(
    TARGETS.map(tcp),
    st.just(hcm("80", http_filters=[{"name": "envoy.filters.http.fault", "typed_config": {"@type": "x/HTTPFault"}}])),
    VIRTUAL_HOSTS.map(lambda host: hcm(route_config=routes("inline", host))),
)
CHAINS = st.builds(
    lambda does, config, name, match: chain(does, config=config, name=name, **match),
    FILTERS,
    CONFIGS,
    st.sampled_from(["", "named"]),
    MATCHES,
)
LISTENERS = st.builds(
    lambda port, chains, filters, fields: listener("0.0.0.0", port, *chains, filters=filters, **fields),
    st.integers(1, 65535),
    st.lists(CHAINS, max_size=3),
    st.lists(st.sampled_from(["tls", "http"]), unique=True).map(lambda kinds: [inspector(kind) for kind in kinds]),
    st.fixed_dictionaries(
        {"bind_to_port": st.booleans(), "listener_filters_timeout": st.sampled_from(["0s", "0.100s", None])},
        optional={"use_original_dst": st.booleans(), "default_filter_chain": CHAINS},
    ),
)
ENDPOINTS = st.lists(st.builds(endpoint, st.sampled_from(["10.0.0.1", "a.example"]), st.integers(1, 65535)), max_size=2)
SOCKETS = st.none() | st.builds(tls, sni=st.sampled_from(["", "a.example"]), sds=st.sampled_from(["", "default"]))
CLUSTERS = st.builds(
    lambda name, kind, endpoints, socket, external: cluster(
        name,
        kind,
        *endpoints,
        metadata=metadata(external=external, services=[{"host": "a.example", "namespace": "shop"}]),
        **({"transport_socket": socket} if socket else {}),
    ),
    NAMES,
    st.sampled_from(["STATIC", "EDS", "STRICT_DNS", "LOGICAL_DNS", "ORIGINAL_DST"]),
    ENDPOINTS,
    SOCKETS,
    st.booleans(),
)
DUMPS = st.builds(
    lambda listeners, clusters, hosts: dump(listeners, clusters, [routes("80", *hosts)]),
    st.lists(LISTENERS, max_size=2, unique_by=lambda one: str(one["name"])),
    st.lists(CLUSTERS, max_size=2, unique_by=lambda one: str(one["name"])),
    st.lists(VIRTUAL_HOSTS, max_size=2),
)


def read(made: Any) -> Proxy:
    return read_dump(json.dumps(made).encode(), DOCUMENT, "shop/web")


def without_pointers(value: Any) -> Any:
    """Plain data without the evidence paths, which tell the spellings apart. A route match's own `path` stays."""
    if isinstance(value, dict):
        return {k: without_pointers(v) for k, v in value.items() if k != "path" or "path_separated_prefix" in value}
    return [without_pointers(one) for one in value] if isinstance(value, list | tuple) else value


def facts_of(proxy: Proxy) -> Any:
    parts = (proxy.listeners, dict(proxy.clusters), dict(proxy.routes), proxy.node, sorted(proxy.sections))
    return without_pointers(msgspec.to_builtins(parts))


@pytest.mark.parametrize("respelt", [spellings.v2, spellings.as_map, spellings.camel])
@settings(max_examples=40, derandomize=True, deadline=None)
@given(made=DUMPS)
def test_every_spelling_gives_the_same_facts(respelt: Callable[[Json], Json], made: Json) -> None:
    proxy = read(made)
    assert facts_of(read(respelt(made))) == facts_of(proxy)
    assert not proxy.unknown_types


def test_words_of_users_keep_their_spelling_in_a_camel_case_dump() -> None:
    match = {"name": "tlsMode-istio", "match": {"tlsMode": "istio"}, "transport_socket": tls(sds="default")}
    labelled = endpoint("10.0.0.1", 80, tls_mode="istio")
    node = {"LABELS": {"appName": "web"}}
    made = dump([], [cluster("c", "STATIC", labelled, transport_socket_matches=[match])], node=node)
    proxy = read(spellings.camel(made))
    (found,) = proxy.clusters["c"].socket_matches
    assert found.socket is not None
    assert found.labels == {"tlsMode": "istio"}
    assert proxy.clusters["c"].endpoints[0].socket_labels == {"tlsMode": "istio"}
    assert proxy.node.metadata["LABELS"] == {"appName": "web"}


SECTIONS = ["bootstrap", "clusters", "listeners", "routes", "endpoints"]


@pytest.mark.parametrize("missing", SECTIONS)
def test_a_section_that_is_missing_is_named_by_its_absence(missing: str) -> None:
    proxy = read(dump([listener("0.0.0.0", 80, chain(tcp("x")))], [cluster("x")], without=[missing]))
    assert proxy.sections == set(SECTIONS) - {missing}


def test_a_section_of_an_unknown_type_is_counted_and_costs_nothing() -> None:
    made = dump([listener("0.0.0.0", 80, chain(tcp("x")))])
    made["configs"].insert(1, {"@type": "type.googleapis.com/envoy.admin.v9.MoonConfigDump", "moons": [1]})
    made["configs"].insert(1, {"@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump", "static_secrets": []})
    proxy = read(made)
    assert proxy.unknown_types == {"type.googleapis.com/envoy.admin.v9.MoonConfigDump": 1}
    assert list(proxy.listeners) == ["0.0.0.0_80"]
    assert proxy.listeners["0.0.0.0_80"].path.startswith("$.configs[4]."), "the path counts the unknown ones too"


def broken_listener(made: Json) -> None:
    made["configs"][2]["dynamic_listeners"].insert(
        0, {"name": "bad", "active_state": {"listener": {"filter_chains": 7}}}
    )


def broken_filter(made: Json) -> None:
    bad = listener(
        "198.51.100.1", 80, {"filters": [{**tcp("x"), "typed_config": {"@type": "x/TcpProxy", "cluster": []}}]}
    )
    made["configs"][2]["dynamic_listeners"].insert(0, {"name": bad["name"], "active_state": {"listener": bad}})


def broken_cluster(made: Json) -> None:
    made["configs"][1]["dynamic_active_clusters"].insert(0, {"cluster": {"name": ["x"]}})


def broken_route(made: Json) -> None:
    made["configs"][3]["dynamic_route_configs"].insert(0, {"route_config": {"virtual_hosts": "none"}})


@pytest.mark.parametrize(
    ("damage", "places", "section", "missing", "names_all"),
    [
        (broken_listener, (1, 0, 0), "listeners", "bad", False),
        (broken_filter, (1, 0, 0), "listeners", "198.51.100.1_80", True),
        (broken_cluster, (0, 1, 0), "clusters", "$.configs[1].dynamic_active_clusters[0]", False),
        (broken_route, (0, 0, 1), "routes", "$.configs[3].dynamic_route_configs[0]", False),
    ],
)
def test_one_malformed_entry_costs_only_itself(
    damage: Callable[[Json], None], places: tuple[int, int, int], section: str, missing: str, names_all: bool
) -> None:
    """`places` of the good listener, cluster and route: what was left out still counts in a path."""
    whole = [cluster("c"), cluster("BlackHoleCluster")]
    made = dump([listener("0.0.0.0", 80, chain(tcp("c"))), catch_all("BlackHoleCluster")], whole, [routes("80")])
    damage(made)
    proxy = read(made)
    assert ("0.0.0.0_80" in proxy.listeners, "c" in proxy.clusters, list(proxy.routes)) == (True, True, ["80"])
    assert list(proxy.gaps) == [section]
    assert (proxy.coverage(section).missing, proxy.coverage(section).names_all) == ((missing,), names_all)
    kept = (proxy.listeners["0.0.0.0_80"], proxy.clusters["c"], proxy.routes["80"])
    assert [int(one.path.split("[")[2].split("]")[0]) for one in kept] == list(places)


@pytest.mark.parametrize(
    "section",
    [
        {"dynamic_listeners": 7},
        {"dynamic_listeners": {"a": 1}},
        {"dynamic_listeners": [7, None, "x", []]},
        {"bootstrap": {"node": 7}},
        {"bootstrap": {"node": {"metadata": []}}},
        {"bootstrap": []},
        {"static_clusters": [{"cluster": {"name": "c", "load_assignment": {"endpoints": 7}}}]},
        {"static_clusters": [{"cluster": {"name": "c", "typed_extension_protocol_options": 7}}]},
    ],
)
def test_odd_shapes_never_cost_the_rest(section: Json) -> None:
    made = dump([listener("0.0.0.0", 80, chain(tcp("x")))])
    made["configs"].append({"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", **section})
    made["configs"].append({"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", **section})
    made["configs"].append({"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", **section})
    proxy = read(made)
    assert "0.0.0.0_80" in proxy.listeners
    assert all(proxy.clusters[name] for name in proxy.clusters)


def test_a_cluster_whose_details_are_broken_is_still_there() -> None:
    proxy = read(dump([], [{"name": "c", "type": "EDS", "transport_socket_matches": {"a": 1}}]))
    assert (proxy.clusters["c"].type, proxy.clusters["c"].tls) == ("EDS", None)
    assert proxy.clusters["c"].unread.startswith("Expected `array`")
    assert proxy.coverage("clusters").missing == ("c",)


@pytest.mark.parametrize("match", [7, "x", {"headers": 7}, {"headers": [7]}, {"safe_regex": "x"}])
def test_a_route_that_does_not_decode_is_neither_lost_nor_trusted(match: Any) -> None:
    hosts = virtual_host("x", ["*"], route("a"), {**route("b"), "match": match}, route("c"))
    found = read(dump([], [], [routes("80", hosts)])).routes["80"].virtual_hosts[0].routes
    assert [one.action for one in found] == ["route", "other", "route"]
    assert found[1].match == found[0].match


def test_refused_and_waiting_resources() -> None:
    made = dump([listener("0.0.0.0", 80, chain(tcp("x")))], [cluster("c")], warming=[cluster("w")])
    listeners = made["configs"][2]["dynamic_listeners"]
    error = {"details": "bad server name", "last_update_attempt": "2026-01-01T00:00:00Z"}
    listeners[0]["error_state"] = error
    listeners.append({"name": "0.0.0.0_443", "warming_state": {"listener": listener("0.0.0.0", 443)}})
    listeners.append({"error_state": error})
    proxy = read(made)
    told = {(r.kind, r.name, r.state, r.has_active, r.details) for r in proxy.rejections}
    waits = "waiting for its routes, endpoints or secrets"
    assert told == {
        ("listener", "0.0.0.0_80", "error", True, "bad server name"),
        ("listener", "0.0.0.0_443", "warming", False, waits),
        ("cluster", "w", "warming", False, waits),
    }
    assert "0.0.0.0_443" not in proxy.listeners
    assert proxy.clusters["w"].state == "warming"


NO_DUMPS = [b"", b"null", b"7", b"[]", b"{}", b'{"configs": []}', b'{"a": 1}', b"not json"]
CUT = [b"{", b'{"configs": [{"@type": "x', b"[" * 100_000, b'{"configs": ' + b"[" * 100_000]
NOT_TEXT = [b"\xff\xfe{", b'{"configs": ["\xff"]}', b'{"configs": [{"@type": "\xff"}]}']


@pytest.mark.parametrize("data", [*NO_DUMPS, *CUT, *NOT_TEXT], ids=lambda data: repr(data[:40]))
def test_what_is_no_dump_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Unreadable, match=r"config_dump\.json: .*(not an Envoy config dump|incomplete JSON)"):
        read_dump(data, DOCUMENT)


def test_a_dump_cut_short_is_refused_wherever_it_was_cut() -> None:
    whole = json.dumps(dump([listener("0.0.0.0", 80, chain(tcp("x")))], [cluster("c")])).encode()
    for length in range(40, len(whole) - 1, 97):
        with pytest.raises(Unreadable, match="cut short"):
            read_dump(whole[:length], DOCUMENT)


def nulled(value: Any) -> Any:
    """Every list and object of the dump with a null beside what it holds."""
    if isinstance(value, dict):
        return {**{k: nulled(v) for k, v in value.items()}, "a_new_field": None}
    return [nulled(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "field", ["filter_chains", "listener_filters", "address", "default_filter_chain", "name", "bind_to_port"]
)
def test_null_is_as_good_as_absent(field: str) -> None:
    made = dump([listener("0.0.0.0", 80, chain(tcp("x"))) | {field: None}, listener("0.0.0.0", 81)], [cluster("c")])
    made["configs"][2]["dynamic_listeners"][0]["name"] = "first"
    proxy = read(nulled(made))
    assert len(proxy.listeners) == 2
    assert list(proxy.clusters) == ["c"]


@pytest.mark.parametrize(
    ("node_id", "wanted"),
    [
        ("sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local", ("sidecar", "10.0.0.1", "web-1", "shop")),
        ("router~10.0.0.1~gw.istio-system~x", ("router", "10.0.0.1", "gw", "istio-system")),
        ("sidecar~10.0.0.1~web.v1.shop~x", ("sidecar", "10.0.0.1", "web.v1", "shop")),
        ("something else", ("", "", "", "")),
        ("", ("", "", "", "")),
    ],
)
def test_who_the_proxy_is(node_id: str, wanted: tuple[str, str, str, str]) -> None:
    node = node_of(WireNode(id=node_id))
    assert (node.role, node.ip, node.pod, node.namespace) == wanted


def test_the_pods_name_comes_from_the_bootstrap_where_nothing_else_tells() -> None:
    assert read_dump(json.dumps(dump()).encode(), DOCUMENT).key == "shop/web"
    bare = json.dumps(dump(without=["bootstrap"])).encode()
    assert read_dump(bare, "my-dump.json").key == "-/my-dump.json"

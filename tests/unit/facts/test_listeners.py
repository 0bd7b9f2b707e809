"""Details of listeners, filters and sockets that only some proxies have."""

from __future__ import annotations

from typing import Any

import pytest

from meshdoctor.facts.envoy.extensions import percent, seconds
from meshdoctor.facts.lazy import LazyMap, LazySequence
from meshdoctor.model.proxy import Listener
from meshdoctor.model.routes import WeightedCluster
from tests.dumps import Json, chain, cluster, dump, endpoint, hcm, inspector, listener, read, socket, tcp, tls


def first_chain(does: Json, **match: Any) -> Any:
    return read(dump([listener("0.0.0.0", 80, chain(does, **match))])).listeners["0.0.0.0_80"].filter_chains[0]


def test_the_heaviest_cluster_comes_first_and_a_share_of_nothing_not_at_all() -> None:
    found = first_chain(tcp({"a": 1, "b": 9, "never": 0}))
    assert found.tcp.clusters == (WeightedCluster("b", 9), WeightedCluster("a", 1))


def test_a_network_filter_before_the_tcp_proxy_is_named() -> None:
    mongo = {"name": "envoy.filters.network.mongo_proxy", "typed_config": {"@type": "x/MongoProxy"}}
    made = {"filters": [mongo, tcp("a")]}
    found = read(dump([listener("0.0.0.0", 80, made)])).listeners["0.0.0.0_80"].filter_chains[0]
    assert (found.filters, found.tcp.clusters[0].name if found.tcp else "") == (("mongo_proxy", "tcp_proxy"), "a")


def test_the_type_decides_and_not_the_name_of_a_filter() -> None:
    assert first_chain({**tcp("a"), "name": "mine"}).tcp is not None


def test_a_redis_proxy_goes_to_its_catch_all_cluster() -> None:
    config = {"@type": "x/RedisProxy", "prefix_routes": {"catch_all_route": {"cluster": "r"}}}
    found = first_chain({"name": "envoy.filters.network.redis_proxy", "typed_config": config})
    assert found.tcp.clusters == (WeightedCluster("r"),)


def test_a_config_in_a_typed_struct() -> None:
    wrapped = {
        "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
        "type_url": "x/TcpProxy",
        "value": {"cluster": "a"},
    }
    found = first_chain({"name": "envoy.filters.network.tcp_proxy", "typed_config": wrapped})
    assert found.tcp.clusters == (WeightedCluster("a"),)


def test_a_repeated_field_of_one_item_may_stand_without_its_list() -> None:
    """In v2's `config`, a free Struct, Istio 1.0 wrote it so."""
    fault = {"name": "envoy.fault", "config": {"abort": {"http_status": 503, "percent": 100}}}
    config = {"rds": {"route_config_name": "80"}, "http_filters": fault}
    found = first_chain({"name": "envoy.http_connection_manager", "config": config})
    assert (found.http.route_config_name, found.http.fault.abort_status) == ("80", 503)


@pytest.mark.parametrize("old", [True, False])
def test_strip_port(old: bool) -> None:
    fields = {"strip_matching_host_port": True} if old else {"strip_any_host_port": True}
    found = first_chain(hcm("80", **fields)).http
    assert (found.strip_own_port, found.strip_port) == (old, not old)


SPAN: Json = {"destination_port_range": {"start": 10, "end": 20}}
OTHER: Json = {"destination_port_range": {"start": 30, "end": 40}}


@pytest.mark.parametrize(
    ("predicate", "disabled"),
    [
        (SPAN, {10, 19}),
        ({"or_match": {"rules": [SPAN, OTHER]}}, {10, 19, 30, 39}),
        ({"not_match": SPAN}, {1, 9, 20, 30, 39, 40, 65535}),
        ({"not_match": {"or_match": {"rules": [OTHER, SPAN]}}}, {1, 9, 20, 40, 65535}),
        ({"any_match": True}, {1, 9, 10, 19, 20, 30, 39, 40, 65535}),
        ({"not_match": {"any_match": True}}, set()),
        ({"not_match": {"not_match": SPAN}}, {10, 19}),
        ({"and_match": {"rules": [{"not_match": SPAN}, {"not_match": OTHER}]}}, {1, 9, 20, 40, 65535}),
        ({}, set()),
    ],
)
def test_filter_disabled(predicate: Json, disabled: set[int]) -> None:
    made = listener("0.0.0.0", 80, chain(tcp("a")), filters=[inspector("tls", filter_disabled=predicate)])
    (found,) = read(dump([made])).listeners["0.0.0.0_80"].listener_filters
    ports = {1, 9, 10, 19, 20, 30, 39, 40, 65535}
    off = {p for p in ports if found.disabled_always or any(a <= p < b for a, b in found.disabled_ports)}
    assert off == disabled


def one(**fields: Any) -> Listener:
    return read(dump([listener("0.0.0.0", 80, chain(tcp("a"))) | fields])).listeners["0.0.0.0_80"]


def test_defaults_are_envoys() -> None:
    made = listener("0.0.0.0", 80)
    for key in ("listener_filters_timeout", "continue_on_listener_filters_timeout", "bind_to_port"):
        del made[key]
    found = read(dump([made])).listeners["0.0.0.0_80"]
    assert (found.listener_filters_timeout, found.continue_on_listener_filters_timeout, found.bind_to_port) == (
        15.0,
        False,
        True,
    )


def test_additional_addresses() -> None:
    found = one(additional_addresses=[{"address": socket("::", 80)}])
    assert found.addresses == (("0.0.0.0", 80), ("::", 80))


def test_the_original_dst_filter_is_as_good_as_the_flag() -> None:
    assert not one().use_original_dst
    assert one(use_original_dst=True).use_original_dst
    assert one(listener_filters=[{"name": "envoy.filters.listener.original_dst"}]).use_original_dst


@pytest.mark.parametrize(
    ("text", "wanted"), [("0s", 0.0), ("0.100s", 0.1), ("15s", 15.0), (None, None), ("", None), ("soon", None)]
)
def test_seconds(text: str | None, wanted: float | None) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize(
    ("fraction", "wanted"),
    [
        ({"numerator": 50}, 50.0),
        ({"numerator": 100, "denominator": "TEN_THOUSAND"}, 1.0),
        ({"numerator": 1_000_000, "denominator": "MILLION"}, 100.0),
        ({"value": 12.5}, 12.5),
        ({}, 0.0),
        (7, 7.0),
        (None, 33.0),
    ],
)
def test_percent(fraction: Any, wanted: float) -> None:
    assert percent(fraction, 33.0) == wanted


def test_what_is_no_percentage_is_not_taken_for_none() -> None:
    with pytest.raises(ValueError, match="percentage"):
        percent("odd", 33.0)


def tls_of(**fields: Any) -> Any:
    return read(dump([], [cluster("c", "STATIC", endpoint("10.0.0.1", 443), **fields)])).clusters["c"].tls


def context(common: Json | None = None, **fields: Any) -> Json:
    made = tls()
    made["typed_config"] |= {"common_tls_context": common or {}, **fields}
    return {"transport_socket": made}


@pytest.mark.parametrize(
    ("common", "chain_checked", "name_checked"),
    [
        ({}, False, False),
        ({"validation_context": {"trusted_ca": {"filename": "/ca.pem"}}}, True, False),
        ({"validation_context": {"trusted_ca": {}}}, False, False),
        ({"validation_context": {"system_root_certs": {}}}, True, False),
        ({"validation_context_sds_secret_config": {"name": "ca"}}, True, False),
        (
            {
                "combined_validation_context": {
                    "default_validation_context": {"match_subject_alt_names": [{"exact": "a"}]},
                    "validation_context_sds_secret_config": {"name": "ca"},
                }
            },
            True,
            True,
        ),
        (
            {
                "validation_context": {
                    "trusted_ca": {"filename": "/ca.pem"},
                    "trust_chain_verification": "ACCEPT_UNTRUSTED",
                }
            },
            False,
            False,
        ),
        ({"validation_context": {"verify_certificate_hash": ["ab"]}}, False, True),
    ],
)
def test_what_a_socket_verifies(common: Json, chain_checked: bool, name_checked: bool) -> None:
    found = tls_of(**context(common))
    assert (found.verifies_chain, found.verifies_name) == (chain_checked, name_checked)


def test_a_socket_inside_another() -> None:
    outer = {
        "name": "envoy.transport_sockets.upstream_proxy_protocol",
        "typed_config": {"@type": "x/ProxyProtocolUpstreamTransport", "transport_socket": tls(sni="a.example")},
    }
    assert tls_of(transport_socket=outer).sni == "a.example"
    assert tls_of(transport_socket={"name": "envoy.transport_sockets.raw_buffer"}) is None


@pytest.mark.parametrize(
    ("fields", "mutual"),
    [
        ({"common": {"tls_certificate_sds_secret_configs": [{"name": "default"}]}}, True),
        ({"common": {"tls_certificates": [{"certificate_chain": {"filename": "/etc/certs/cert-chain.pem"}}]}}, True),
        ({"common": {"alpn_protocols": ["istio"]}}, True),
        ({"sni": "outbound_.443_._.a.example"}, True),
        ({"common": {"tls_certificate_sds_secret_configs": [{"name": "kubernetes://client"}]}}, False),
        ({"sni": "a.example"}, False),
    ],
)
def test_istio_mutual_tls(fields: dict[str, Any], mutual: bool) -> None:
    assert tls_of(**context(**fields)).istio_mutual is mutual


def test_a_lazy_map_makes_each_value_once_and_knows_its_keys_before() -> None:
    made: list[str] = []

    def make(source: str) -> str:
        made.append(source)
        return source.upper()

    values: LazyMap[str, str] = LazyMap({"a": "x", "b": "y"}, make)
    assert (list(values), len(values), "a" in values, made) == (["a", "b"], 2, True, [])
    assert (values["a"], values["a"], made) == ("X", "X", ["x"])
    with pytest.raises(KeyError):
        values["c"]


def test_a_lazy_sequence_is_made_on_first_sight() -> None:
    calls: list[int] = []

    def make() -> list[int]:
        calls.append(1)
        return [1, 2, 3]

    values: LazySequence[int] = LazySequence(make)
    assert not calls
    assert (values[0], values[1:], len(values), list(values)) == (1, [2, 3], 3, [1, 2, 3])
    assert calls == [1]

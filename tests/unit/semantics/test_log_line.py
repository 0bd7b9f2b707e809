"""One log line: Istio's own formats are read in every spelling, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest

from meshdoctor.semantics.envoy.log_line import MAX_LINE, LogLine, Other, read_line

TCP = (
    '[2026-11-21T10:45:34.559Z] "- - -" 0 UH - - "-" 0 0 3 - "-" "-" "-" "-" "-" BlackHoleCluster - '
    "203.0.113.10:3306 10.244.0.9:54308 - -"
)
HTTP = (
    '[2026-11-21T10:44:21.983Z] "GET /a?token=x HTTP/1.1" 502 - direct_response - "-" 0 0 0 - "192.0.2.7" "curl/8" '
    '"ea9718fe" "bing.example:80" "-" - - 198.51.100.40:80 10.244.0.9:47792 - block_all'
)
TLS = (
    '[2026-11-21T10:45:15.543Z] "- - -" 0 - - - "-" 0 0 22 - "-" "-" "-" "-" "198.51.100.30:443" PassthroughCluster '
    "10.244.0.9:1 198.51.100.30:443 10.244.0.9:60200 httpbin.example -"
)
# before 1.9 no response details, before 1.1 no route name
OF_1_8 = (
    '[2020-11-21T10:44:21.983Z] "GET / HTTP/1.1" 502 - "-" "-" 0 0 0 - "-" "curl/7" "ea97" "bing.example" "-" - - '
    "198.51.100.40:80 10.244.0.9:47792 - block_all"
)
OF_1_0 = (
    '[2018-11-21T10:44:21.983Z] "- - -" 0 - 1 2 3 - "-" "-" "-" "-" "203.0.113.10:3306" PassthroughCluster '
    "10.244.0.9:1 203.0.113.10:3306 10.244.0.9:2 -"
)
FIELDS = {
    "start_time": "2026-11-21T10:45:15.543Z",
    "route_name": None,
    "method": None,
    "response_code": 0,
    "response_flags": "UH",
    "upstream_cluster": "BlackHoleCluster",
    "authority": None,
    "downstream_local_address": "203.0.113.10:3306",
    "downstream_remote_address": "10.244.0.9:54308",
    "requested_server_name": "-",
}


def read(text: str) -> LogLine:
    found = read_line(text)
    assert isinstance(found, LogLine)
    return found


def test_a_tcp_line() -> None:
    assert read(TCP) == LogLine(
        time="2026-11-21T10:45:34Z",
        http=False,
        flags="UH",
        cluster="BlackHoleCluster",
        route="",
        authority="",
        sni="",
        ip="203.0.113.10",
        port=3306,
    )


def test_an_http_and_a_tls_line() -> None:
    http, tls = read(HTTP), read(TLS)
    assert (http.http, http.authority, http.route, http.port) == (True, "bing.example:80", "block_all", 80)
    assert (tls.http, tls.sni, tls.cluster) == (False, "httpbin.example", "PassthroughCluster")


def test_formats_of_old_releases() -> None:
    assert (read(OF_1_8).authority, read(OF_1_8).route) == ("bing.example", "block_all")
    assert (read(OF_1_0).cluster, read(OF_1_0).ip, read(OF_1_0).whole) == ("PassthroughCluster", "203.0.113.10", False)


@pytest.mark.parametrize(
    "before",
    [
        "2026-11-21T10:46:00.123456789Z ",
        "2026-11-21T10:46:00.123456789+00:00 stdout F ",
        "2026-11-21T12:46:00+02:00 stderr F ",
    ],
)
@pytest.mark.parametrize("line", [TCP, json.dumps(FIELDS)])
def test_the_time_of_the_container_runtime_may_stand_before_it(before: str, line: str) -> None:
    assert read(before + line) == read(line)


def test_the_runtimes_time_counts_where_the_line_has_none() -> None:
    line = json.dumps({name: value for name, value in FIELDS.items() if name != "start_time"})
    assert read("2026-11-21T12:46:00.5+02:00 stdout F " + line).time == "2026-11-21T10:46:00Z"
    assert read(line).time == ""


def test_json_with_further_keys_and_without_empty_ones() -> None:
    given = {name: value for name, value in FIELDS.items() if value is not None} | {"trace_id": {"a": [1]}}
    assert read(json.dumps(given)) == read(json.dumps(FIELDS)) == read(TCP.replace("45:34", "45:15"))


def test_fields_added_at_the_end_of_the_default_format() -> None:
    assert read(HTTP + ' "one more"') == read(HTTP + " 7 -") == read(HTTP)


def test_an_ipv6_address() -> None:
    assert (read(TCP.replace("203.0.113.10:3306", "[2001:db8::1]:3306")).ip) == "2001:db8::1"


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-21T10:00:00.1Z\tinfo\txdsproxy\tconnected to upstream XDS server: istiod:15012",
        "2026-11-21T10:00:01Z 2026-11-21T10:00:00.1Z\twarning\tenvoy config external/envoy/a.cc:1\tBlackHoleCluster",
        "2026-11-21T10:00:00.1Z info  ads  ADS: new connection",
        "[2019-04-10 10:00:00.000][22][warning][config] gRPC config stream closed",
        "[Envoy (Epoch 0)] [2019-04-10 10:00:00.000][22][warning] x",
        '{"level":"info","time":"2026-11-21T10:00:00Z","scope":"xdsproxy","msg":"connected"}',
    ],
)
def test_pilot_agents_and_envoys_own_lines(line: str) -> None:
    assert read_line(line) is Other.AGENT


@pytest.mark.parametrize(
    "line",
    [
        "",
        "GET / 200 api.example 203.0.113.10:443",
        "{",
        "{}",
        '{"level": "info"}',
        "[" * 5000,
        '{"a":' * 5000,
        '{"downstream_local_address": 7, "upstream_cluster": "x"}',
        TCP[1:],
        TCP[:-70],
        TCP.replace("203.0.113.10:3306", "somewhere"),
        TCP + ' "one more" "and another"',
        TCP.replace('"-" BlackHole', '"somewhere" BlackHole'),
        "x" * (MAX_LINE + 1),
    ],
)
def test_what_is_neither(line: str) -> None:
    assert read_line(line) is Other.UNKNOWN


def test_what_a_client_sends_cannot_pass_for_the_end_of_the_line() -> None:
    forged = '" "-" "evil.example" "-" BlackHoleCluster - 192.0.2.1:443 192.0.2.2:1 evil.example -'
    line = read(HTTP.replace("curl/8", forged))
    assert (line.ip, line.cluster, line.authority) == ("198.51.100.40", "", "bing.example:80")


@pytest.mark.parametrize(
    "time", ["yesterday", "2026-11-21T10:45:34", "2026-13-21T10:45:34Z", "0001-01-01T00:00:00+23:00"]
)
def test_a_time_that_is_none(time: str) -> None:
    assert read(TCP.replace("2026-11-21T10:45:34.559Z", time)).time == ""

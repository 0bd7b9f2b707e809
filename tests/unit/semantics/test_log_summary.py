"""The digest of a log: which connections count, that nothing private stays, and that the figures add up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.errors import Unreadable
from meshdoctor.model.access_log import AccessLog, LogEntry
from meshdoctor.semantics.envoy import log_summary
from meshdoctor.semantics.envoy.log_summary import MAX_ENTRIES, decode, digest, encode, host_name
from tests.unit.semantics.test_log_line import FIELDS, HTTP, OF_1_0, TCP, TLS

AGENT = "2026-11-21T10:00:00.1Z\tinfo\txdsproxy\tconnected"


def digested(*lines: str, **given: Any) -> AccessLog:
    """The digest of whole lines, none of them the first of the log."""
    return digest("\n".join([AGENT, *lines, ""]).encode(), **given)


def places(log: AccessLog) -> list[tuple[str, int, str, str, int]]:
    return [(e.host, e.port, e.protocol, e.outcome, e.count) for e in log.entries]


def test_blocked_and_passed_through() -> None:
    log = digested(TCP, HTTP, TLS, TCP.replace("45:34", "50:00"), since_seconds=600, read_at="2026-11-21T11:00:00Z")
    assert places(log) == [
        ("203.0.113.10", 3306, "tcp", "blocked", 2),
        ("httpbin.example", 443, "tls", "passthrough", 1),
        ("bing.example", 80, "http", "blocked", 1),
    ]
    first = log.entries[0]
    assert (first.first, first.last) == ("2026-11-21T10:45:34Z", "2026-11-21T10:50:00Z")
    assert (first.cluster, first.flags, first.ip) == ("BlackHoleCluster", ("UH",), "203.0.113.10")
    assert (log.lines, log.parsed, log.skipped, log.unparsed, log.left_out) == (5, 4, 1, 0, 0)
    assert (log.since_seconds, log.read_at) == (600, "2026-11-21T11:00:00Z")


def test_json_lines_tell_the_same() -> None:
    text, fields = digested(TCP), digested(json.dumps(FIELDS | {"start_time": "2026-11-21T10:45:34.559Z"}))
    assert text.entries == fields.entries


@pytest.mark.parametrize(
    "line",
    [
        TCP.replace("BlackHoleCluster", "outbound|3306||db.example"),
        HTTP.replace('"-" - - 198', '"198.51.100.40:80" outbound|80||bing.example - 198').replace(
            "block_all", "default"
        ),
        HTTP.replace("block_all", "default"),
        TCP.replace("203.0.113.10:3306", "-"),
        TCP.replace("203.0.113.10:3306", "203.0.113.10:15001"),
    ],
)
def test_what_is_no_entry(line: str) -> None:
    log = digested(line)
    assert (log.parsed, log.entries) == (1, ())


@pytest.mark.parametrize(
    ("flags", "outcome"), [("NR", ["blocked"]), ("NC", ["blocked"]), ("UH", ["blocked"]), ("DC", []), ("-", [])]
)
def test_no_cluster_at_all(flags: str, outcome: list[str]) -> None:
    log = digested(TCP.replace("BlackHoleCluster", "-").replace(" UH ", f" {flags} "))
    assert [e.outcome for e in log.entries] == outcome


def test_the_route_tells_where_the_cluster_does_not() -> None:
    assert places(digested(HTTP.replace("block_all", "allow_any"))) == [("bing.example", 80, "http", "passthrough", 1)]


@pytest.mark.parametrize("cluster", ["inbound|8080||", "InboundPassthroughCluster", "InboundPassthroughClusterIpv4"])
def test_inbound_lines_never_count_and_tell_the_pods_own_address(cluster: str) -> None:
    refused = TCP.replace("BlackHoleCluster", "-").replace("UH", "NR").replace("203.0.113.10:3306", "10.244.0.9:8080")
    served = refused.replace(" - - 10.244", f" {cluster} - 10.244")
    assert places(digested(refused)) == [("10.244.0.9", 8080, "tcp", "blocked", 1)]
    assert digested(refused, served).entries == ()
    assert digested(refused, own_ips=("10.244.0.9",)).entries == ()


def test_an_inbound_route_without_cluster_is_inbound() -> None:
    assert digested(HTTP.replace(" - block_all", " - inbound|8080||").replace("502 -", "404 NR")).entries == ()


def test_nothing_private_is_kept() -> None:
    kept = encode(digested(HTTP, TLS, TCP)).decode()
    for private in ("token", "GET", "/a", "192.0.2.7", "curl", "ea9718fe", "10.244.0.9", "47792"):
        assert private not in kept


def test_a_host_that_is_none_is_the_address() -> None:
    odd = HTTP.replace("bing.example:80", "user:pw@bing.example")
    assert [e.host for e in digested(odd).entries] == ["198.51.100.40"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("API.Example.:8443", "api.example"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("a_b.example", "a_b.example"),
        ("localhost", "localhost"),
        ("", ""),
        ("a..b", ""),
        ("a\x1b[31m.example", ""),
        ("x" * 300, ""),
    ],
)
def test_host_names(text: str, name: str) -> None:
    assert host_name(text, with_port=True) == name


def test_torn_ends_are_skipped_and_never_half_read() -> None:
    whole = f"{TCP[40:]}\n{TLS}\n"
    torn = digest((whole + TLS.removesuffix("pbin.example -")).encode())
    assert places(torn) == [("httpbin.example", 443, "tls", "passthrough", 1)]
    assert (torn.lines, torn.parsed, torn.skipped, torn.unparsed) == (3, 1, 2, 0)


def test_the_last_line_counts_without_its_line_break_where_it_is_whole() -> None:
    assert digest(f"{AGENT}\n{TLS}".encode()).parsed == 1
    assert digest(f"{AGENT}\n{OF_1_0}".encode()).parsed == 0
    assert digest(f"{AGENT}\n{OF_1_0}\n".encode()).parsed == 1


def test_a_format_of_its_own_is_counted() -> None:
    log = digested(TCP, "GET / 200 api.example", "POST / 502 api.example")
    assert (log.parsed, log.skipped, log.unparsed) == (1, 1, 2)


def test_what_pilot_agent_prints_over_several_lines_is_skipped() -> None:
    printed = [
        "binaryPath: /usr/local/bin/envoy",
        "configPath: ./etc",
        "  - a",
        "",
        "goroutine 1 [running]:",
        "main.f(1)",
    ]
    log = digested(*printed)
    assert (log.skipped, log.unparsed) == (7, 0)
    assert digested(TCP, "binaryPath: /usr/local/bin/envoy").unparsed == 1


def test_invalid_utf_8_and_huge_lines() -> None:
    huge = TCP.replace('"- - -"', '"GET /' + "a" * 100_000 + ' HTTP/1.1"')
    log = digest(f"{AGENT}\n{huge}\n".encode() + b'\xff\xfe"\n' + f"{TCP}\r\n".encode())
    assert (log.parsed, log.unparsed) == (1, 2)


def test_lines_may_come_one_by_one() -> None:
    lines = [AGENT.encode(), TCP.encode() + b"\n", TLS.encode()]
    assert digest(iter(lines)).entries == digest(b"\n".join(x.rstrip() for x in lines) + b"\n").entries


def many(count: int) -> Iterable[str]:
    for index in range(count):
        yield TCP.replace("203.0.113.10", f"203.{index // 250}.{index % 250}.1").replace("45:34", f"45:{index % 60:02}")


def test_the_most_frequent_and_latest_are_kept_and_the_rest_is_counted() -> None:
    log = digested(*many(MAX_ENTRIES + 30), TLS, TLS)
    assert (len(log.entries), log.left_out) == (MAX_ENTRIES, 31)
    assert log.entries[0].host == "httpbin.example"
    assert [e.last for e in log.entries[1:]] == sorted((e.last for e in log.entries[1:]), reverse=True)


def test_a_flood_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_summary, "MAX_DISTINCT", 10)
    log = digested(*many(25))
    assert (len(log.entries), log.left_out) == (10, 15)


def test_the_document_comes_back_as_it_was() -> None:
    log = digested(TCP, HTTP, TLS, since_seconds=600, read_at="2026-11-21T11:00:00Z")
    assert decode(encode(log), "x") == log
    told = json.loads(encode(log))
    assert told["schema"] == 1
    assert set(told["entries"][0]) == set(LogEntry.__struct_fields__)


def test_keys_of_a_later_version_are_ignored_and_its_schema_is_refused() -> None:
    told = json.loads(encode(digested(TCP)))
    assert decode(msgspec.json.encode(told | {"new": 1}), "x").lines == 2
    with pytest.raises(Unreadable, match="x: schema 2 is newer"):
        decode(msgspec.json.encode(told | {"schema": 2}), "x")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"entries": 1}',
        b'{"entries": [{"host": "a", "port": 0, "ip": "", "protocol": "tcp", "outcome": "blocked", "count": 1}]}',
        b'{"entries": [{"host": "a", "port": 1, "ip": "", "protocol": "tcp", "outcome": "lost", "count": 1}]}',
        b'{"entries": [{"host": "a", "port": 1, "ip": "", "protocol": "tcp", "outcome": "blocked", "count": 1}, 1]}',
        b'{"entries": [{"host": "a", "port": 1, "ip": "", "protocol": "tcp", "outcome": "blocked", "count": 0}]}',
        b"\xff",
    ],
)
def test_other_content_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(Unreadable, match=r"proxies/a/b/access_log\.json: expected"):
        decode(content, "proxies/a/b/access_log.json")


PIECES = [
    AGENT,
    TCP,
    HTTP,
    TLS,
    OF_1_0,
    json.dumps(FIELDS),
    " - ",
    '" "',
    "[",
    "{",
    "NR",
    "block_all",
    "\r",
    "a: b",
    "x",
]
LINES = st.lists(st.one_of(st.sampled_from(PIECES), st.text(), st.lists(st.sampled_from(PIECES)).map(" ".join)))


@given(LINES.map("\n".join).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary())
def test_never_raises_and_the_figures_add_up(content: bytes) -> None:
    log = digest(content)
    assert (
        log.lines
        == log.parsed + log.skipped + log.unparsed
        == content.count(b"\n") + (content[-1:] not in (b"", b"\n"))
    )
    assert min(log.parsed, log.skipped, log.unparsed, log.left_out) >= 0
    assert sum(e.count for e in log.entries) <= log.parsed
    assert decode(encode(log), "x") == log


@given(st.lists(st.sampled_from([TCP, HTTP, TLS]), max_size=30), st.randoms())
def test_order_of_the_lines_does_not_matter(lines: list[str], random: Any) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)
    assert digested(*lines) == digested(*shuffled)

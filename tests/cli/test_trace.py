from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from meshdoctor.model.verdict import Verdict
from tests.cli.fake import FakeDoctor
from tests.conftest import Cli
from tests.golden.outputs import FILES
from tests.golden.results import DELIVERED, MISROUTED


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("format_", [(), ("--json",)])
def test_exit_code_is_0_for_delivered_and_1_for_every_other_verdict(
    cli: Cli, doctor: FakeDoctor, verdict: str, format_: tuple[str, ...]
) -> None:
    doctor.traced = replace(DELIVERED, verdict=verdict)
    assert cli("trace", "p", "a.example:443", "--from", "x", *format_).code == int(verdict != "delivered")


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ("a.example:443", {}),
        ("a.example:443 --ip 2001:DB8::1", {"ip": "2001:db8::1"}),
        ("a.example:443 --protocol server-first", {"protocol": "server-first"}),
        ("a.example:443 --sni b.example", {"protocol": "tls", "sni": "b.example"}),
        ("a.example:443 --sni=", {"protocol": "tls", "sni": ""}),
        ("a.example:80 --authority b", {"protocol": "http", "authority": "b"}),
        ("a.example:80 --path /x", {"protocol": "http", "path": "/x"}),
        ("https://a.example:443/x", {"scheme": "https"}),
        ("http://a.example:80/x", {"scheme": "http", "path": "/x"}),
        ("http://a.example:80/x --path /y", {"scheme": "http", "path": "/y"}),
        ("http://a.example:80/x --protocol tcp", {"protocol": "tcp"}),
        ("a.example:80 --method connect", {"protocol": "http", "method": "connect"}),
        ("a.example:80 --http-version 1.0", {"protocol": "http", "http_version": "1.0"}),
        ("a.example:80 --header X-Env:canary", {"protocol": "http", "headers": (("x-env", "canary"),)}),
        ("a.example:443 --alpn h2,http/1.1", {"protocol": "tls", "alpn": ("h2", "http/1.1")}),
    ],
)
def test_what_is_asked(cli: Cli, doctor: FakeDoctor, arguments: str, options: dict[str, Any]) -> None:
    assert cli("trace", "shop/web", *arguments.split(), "--from", "x").code == 0
    assert doctor.asked["trace"] in {("shop/web", "a.example", port) for port in (80, 443)}
    assert doctor.asked["options"] == options


@pytest.mark.parametrize(
    "arguments",
    [
        "p",
        "p a.example",
        "p a.example:443 --ip nonsense",
        "p a.example:443 --protocol udp",
        "p a.example:443 --sni b --protocol http",
        "p a.example:443 --sni b --authority c",
        "p a.example:443 --authority b --protocol tls",
        "p a.example:443 surplus",
    ],
)
def test_wrong_usage(cli: Cli, doctor: FakeDoctor, arguments: str) -> None:
    finished = cli("trace", *arguments.split(), "--from", "x")
    assert (finished.code, finished.out) == (2, "")
    assert finished.err


def test_a_pasted_url_is_explained_on_stderr(cli: Cli, doctor: FakeDoctor) -> None:
    finished = cli("trace", "p", "https://u:hunter2@a.example/x", "--from", "x")
    assert finished.err == "meshdoctor: tracing a.example port 443 as tls, taken from the URL\n"


def test_stdout_is_the_golden_story(cli: Cli, doctor: FakeDoctor) -> None:
    doctor.traced = MISROUTED
    asked = ("trace", "p", "github.com:443", "--from", "x")
    assert cli(*asked).out == (FILES / "trace-misrouted.txt").read_text("utf-8")
    assert json.loads(cli(*asked, "--json").out) == json.loads((FILES / "trace-misrouted.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("where", "hosts"),
    [
        (["github.com:443"], ("github.com",)),
        (["github.com:443", "--ip", "198.51.100.20"], ()),
        (["198.51.100.20:443"], ()),
    ],
)
def test_a_live_trace_asks_for_one_pod_and_only_the_addresses_it_needs(
    cli: Cli, doctor: FakeDoctor, where: list[str], hosts: tuple[str, ...]
) -> None:
    cli("trace", "shop/web", *where)
    assert doctor.asked["narrowed"] == ("shop/web", hosts)

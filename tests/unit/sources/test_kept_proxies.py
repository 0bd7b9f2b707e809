"""Settings of forward proxies in a capture: what decides which proxy a URL goes by stays, and nothing else."""

from __future__ import annotations

import re

import pytest

from meshdoctor.facts.dependencies.from_configuration import configured_dependencies
from meshdoctor.sources.kept.texts import kept_arguments, kept_setting
from meshdoctor.text.secrets import form_of_secret
from tests.unit.facts.pod_builder import pod

TOKEN = "AKIAIOSFODNN7EXAMPLE12345abc"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NO_PROXY", ".svc,.cluster.local, 10.0.0.0/8,fd00::/8,[2001:db8::1]:443,*.b.example:80,localhost"),
        ("no_proxy", "*"),
        ("HTTPS_PROXY", "http://squid:3128"),
        ("https_proxy", "squid.infra.svc:3128"),
        ("HTTP_PROXY", "http://localhost:3128/"),
        ("JAVA_OPTS", "-Dhttps.proxyHost=squid -Dhttps.proxyPort=3128 -Dhttp.nonProxyHosts='localhost|*.svc'"),
    ],
)
def test_what_decides_stays(name: str, value: str) -> None:
    assert kept_setting(name, value) == value


def test_the_rest_leaves() -> None:
    kept = kept_setting("NO_PROXY", f".svc,{TOKEN},p@ss")
    assert re.fullmatch(r"\.svc,\[redacted[^\]]*\],\[redacted[^\]]*\]", kept)
    assert TOKEN not in kept_setting("HTTPS_PROXY", TOKEN)
    options = kept_setting("JAVA_OPTS", "-Dkey=hunter2 -Dhttps.proxyHost=squid -Dhttp.nonProxyHosts=a|b -Dpass=hunter3")
    assert "hunter" not in options
    assert "-Dhttps.proxyHost=squid -Dhttp.nonProxyHosts=a|b" in options


def test_a_login_leaves_and_still_counts() -> None:
    for host in ("squid:3128", "proxy.corp.example:3128"):
        value = f"http://alice:hunter2@{host}"
        kept = kept_setting("HTTPS_PROXY", value)
        assert "hunter2" not in kept
        assert "alice" not in kept
        assert kept.endswith(f"@{host}")
        assert form_of_secret("HTTPS_PROXY", kept) == form_of_secret("HTTPS_PROXY", value) == "url"


def test_a_placeholder_for_a_login_is_no_literal() -> None:
    value = "http://$(USER):$(PASS)@proxy.corp.example:3128"
    assert kept_setting("HTTPS_PROXY", value) == value
    assert form_of_secret("HTTPS_PROXY", value) == ""


def test_properties_in_a_command_line_stay() -> None:
    given = [
        "java",
        "-Dhttps.proxyHost=squid",
        "-Dhttps.proxyPort=3128",
        "-Dhttp.nonProxyHosts=localhost|*.svc",
        "-jar",
    ]
    assert kept_arguments(given)[:4] == given[:4]
    script = kept_arguments(
        ["sh", "-c", "exec java -Dhttps.proxyHost=squid -Dhttp.nonProxyHosts='a|*.svc' -Dx=hunter2"]
    )
    assert "-Dhttps.proxyHost=squid -Dhttp.nonProxyHosts='a|*.svc'" in script[2]
    assert "hunter2" not in script[2]


@pytest.mark.parametrize(
    "env",
    [
        {"HTTPS_PROXY": "http://alice:hunter2@proxy.corp.example:3128", "NO_PROXY": ".svc,10.0.0.0/8,*.inner.example"},
        {"https_proxy": "squid.infra:3128", "no_proxy": "www.inner.example"},
        {"HTTP_PROXY": "http://squid:3128", "ALL_PROXY": "socks5h://proxy.corp.example"},
        {"JAVA_TOOL_OPTIONS": "-Dhttps.proxyHost=squid -Dhttps.proxyPort=3128 -Dhttp.nonProxyHosts=*.inner.example"},
        {"JAVA_OPTS": "-Dpass=hunter2 -Dhttp.proxyHost=proxy.corp.example", "HTTPS_PROXY": "http://127.0.0.1:3128"},
    ],
)
def test_a_capture_has_the_same_dependencies(env: dict[str, str]) -> None:
    urls = {"A": "https://api.partner.example/v1", "B": "http://www.inner.example/", "DB": "postgres://db.example/x"}
    whole = pod(env | urls)
    body = pod({name: kept_setting(name, value) for name, value in (env | urls).items()})
    one, other = (configured_dependencies([made], lambda host, namespace: True) for made in (whole, body))
    assert one == other
    assert any(dependency.proxied for dependency in one)

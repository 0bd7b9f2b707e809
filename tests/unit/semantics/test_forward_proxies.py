"""Which forward proxy the settings of a container send a URL to, and which URLs they leave alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from meshdoctor.model.forward_proxy import ProxiedRequest
from meshdoctor.semantics.clients.forward_proxies import ContainerProxies, is_excluded
from tests.unit.facts.pod_builder import pod, read_body

PROXY = "http://proxy.corp.example:3128"


def asked(
    env: Mapping[str, str], url: str = "https://api.partner.example", args: Sequence[str] = (), **more: Any
) -> ProxiedRequest | None:
    """What a client with these settings asks a proxy for, instead of dialling the URL's host."""
    scheme, _, host = url.partition("://")
    [container] = pod(env, args, **more).containers
    return ContainerProxies(container).request(scheme, host, 443 if scheme == "https" else 80, "/v1")


def place(request: ProxiedRequest | None) -> tuple[str, int] | None:
    return (request.proxy.host, request.proxy.port) if request else None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_https_goes_by_connect(name: str) -> None:
    found = asked({name: PROXY})
    assert found is not None
    assert place(found) == ("proxy.corp.example", 3128)
    assert (found.method, found.authority) == ("CONNECT", "api.partner.example:443")
    assert found.proxy.setting == f"env {name} of container app"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_http_goes_in_absolute_form(name: str) -> None:
    found = asked({name: PROXY}, "http://api.partner.example")
    assert found is not None
    assert (found.method, found.authority, found.path) == ("GET", "api.partner.example", "/v1")


def test_each_scheme_has_its_own_variable() -> None:
    assert asked({"HTTP_PROXY": PROXY}) is None
    assert asked({"HTTPS_PROXY": PROXY}, "http://api.partner.example") is None
    assert asked({"HTTPS_PROXY": PROXY}, "postgres://db.example") is None
    assert asked({"HTTP_PROXY": PROXY}, "ws://live.example") is not None
    assert asked({"HTTPS_PROXY": PROXY}, "dns://grpc.example") is not None


def test_lower_case_comes_first_and_empty_is_unset() -> None:
    assert place(asked({"HTTPS_PROXY": PROXY, "https_proxy": "http://b.example:1"})) == ("b.example", 1)
    assert place(asked({"HTTPS_PROXY": PROXY, "https_proxy": ""})) == ("proxy.corp.example", 3128)
    assert place(asked({"ALL_PROXY": "http://b.example:1", "HTTPS_PROXY": PROXY})) == ("proxy.corp.example", 3128)
    assert asked({"HTTPS_PROXY": ""}) is None
    assert asked({"Https_Proxy": PROXY}) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("proxy.corp.example:3128", ("proxy.corp.example", 3128)),
        ("http://user:pa55@proxy.corp.example:3128/", ("proxy.corp.example", 3128)),
        ("http://[redacted by meshdoctor]@proxy.corp.example:3128", ("proxy.corp.example", 3128)),
        ("'http://Proxy.Corp.Example.:3128'", ("proxy.corp.example", 3128)),
        ("http://proxy.corp.example", ("proxy.corp.example", 80)),
        ("https://proxy.corp.example", ("proxy.corp.example", 443)),
        ("socks5h://proxy.corp.example", ("proxy.corp.example", 1080)),
        ("198.51.100.60:3128", ("198.51.100.60", 3128)),
        ("http://[2001:DB8::60]:3128", ("2001:db8::60", 3128)),
        ("http://squid:3128", ("squid", 3128)),
        ("http://squid.infra.svc:3128", ("squid.infra.svc", 3128)),
        ("http://$(NODE_IP):3128", ("", 0)),
        ("[redacted by meshdoctor: 20 characters, ab12]", ("", 0)),
        ("not a proxy", ("", 0)),
    ],
)
def test_forms_of_the_proxys_value(value: str, expected: tuple[str, int]) -> None:
    assert place(asked({"HTTPS_PROXY": value})) == expected


def test_a_value_from_a_secret_is_a_proxy_that_is_not_known() -> None:
    secret = {"name": "HTTPS_PROXY", "valueFrom": {"secretKeyRef": {"name": "egress", "key": "proxy"}}}
    spec = {"containers": [{"name": "app", "env": [secret]}]}
    [container] = read_body({"metadata": {"name": "a", "namespace": "b"}, "spec": spec}).containers
    assert place(ContainerProxies(container).request("https", "api.partner.example", 443)) == ("", 0)


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "expected"),
    [
        ("*", "api.partner.example", 443, True),
        ("partner.example", "api.partner.example", 443, True),
        (".partner.example", "api.partner.example", 443, True),
        (".partner.example", "partner.example", 443, True),
        ("*.partner.example", "api.partner.example", 443, True),
        ("*.partner.example", "partner.example", 443, False),
        ("API.Partner.Example.", "api.partner.example", 443, True),
        ("ner.example", "api.partner.example", 443, False),
        ("a.example, api.partner.example", "api.partner.example", 443, True),
        ("a.example api.partner.example", "api.partner.example", 443, True),
        ("api.partner.example:443", "api.partner.example", 443, True),
        ("api.partner.example:8443", "api.partner.example", 443, False),
        ("198.51.100.0/24", "198.51.100.7", 443, True),
        ("198.51.100.0/24", "198.51.101.7", 443, False),
        ("198.51.100.0/24", "api.partner.example", 443, False),
        ("198.51.100.7", "198.51.100.7", 443, True),
        ("198.51.100.7:80", "198.51.100.7", 443, False),
        ("2001:db8::/32", "2001:db8::7", 443, True),
        ("[2001:db8::7]", "2001:db8::7", 443, True),
        (".svc,.cluster.local,10.0.0.0/8", "api.partner.example", 443, False),
        ("", "api.partner.example", 443, False),
        (",,", "api.partner.example", 443, False),
    ],
)
def test_forms_of_no_proxy(no_proxy: str, host: str, port: int, expected: bool) -> None:
    assert is_excluded(no_proxy, host, port) is expected


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_no_proxy_names_is_dialled(name: str) -> None:
    assert asked({"HTTPS_PROXY": PROXY, name: ".partner.example"}) is None
    assert asked({"HTTPS_PROXY": PROXY, name: ".other.example"}) is not None


def test_a_redacted_no_proxy_leaves_a_doubt() -> None:
    found = asked({"HTTPS_PROXY": PROXY, "NO_PROXY": "[redacted by meshdoctor: 20 characters, ab12]"})
    assert found is not None
    assert "api.partner.example is excluded" in found.proxy.doubt


JAVA = "-Xmx1g -Dhttps.proxyHost=proxy.corp.example -Dhttps.proxyPort=3128 -Dhttp.proxyHost=web.corp.example"


@pytest.mark.parametrize("name", ["JAVA_TOOL_OPTIONS", "JAVA_OPTS", "JDK_JAVA_OPTIONS", "CATALINA_OPTS"])
def test_system_properties_in_variables(name: str) -> None:
    assert place(asked({name: JAVA})) == ("proxy.corp.example", 3128)
    assert place(asked({name: JAVA}, "http://api.partner.example")) == ("web.corp.example", 80)


def test_system_properties_in_arguments_come_before_variables() -> None:
    args = ["java", "-Dhttps.proxyHost=proxy.corp.example", "-Dhttps.proxyPort=3128", "-jar", "app.jar"]
    assert place(asked({"HTTPS_PROXY": "http://b.example:1"}, args=args)) == ("proxy.corp.example", 3128)
    script = ["sh", "-c", f"exec java {JAVA} -Dhttp.nonProxyHosts='localhost|*.partner.example' -jar app.jar"]
    assert asked({}, args=script) is None
    assert place(asked({}, "https://other.example", args=script)) == ("proxy.corp.example", 3128)


@pytest.mark.parametrize(
    ("patterns", "is_direct"),
    [
        ("*.partner.example|localhost", True),
        ("api.*", True),
        ("api.partner.example", True),
        ("partner.example", False),
        (".partner.example", False),
        ("", False),
    ],
)
def test_non_proxy_hosts(patterns: str, is_direct: bool) -> None:
    found = asked({"JAVA_OPTS": f"{JAVA} -Dhttp.nonProxyHosts={patterns}"})
    assert (found is None) is is_direct


def test_the_jvm_does_not_read_the_variables_itself() -> None:
    found = asked({"HTTPS_PROXY": PROXY, "JAVA_TOOL_OPTIONS": "-Xmx1g"})
    assert found is not None
    assert "the JVM itself does not read" in found.proxy.doubt
    assert asked({"HTTPS_PROXY": PROXY}).proxy.doubt == ""  # type: ignore[union-attr]


def test_socks_of_the_jvm_is_in_doubt_for_every_connection() -> None:
    for url in ("https://api.partner.example", "postgres://db.example"):
        found = asked({"JAVA_OPTS": "-DsocksProxyHost=proxy.corp.example"}, url)
        assert place(found) == ("proxy.corp.example", 1080)
        assert found is not None
        assert found.proxy.is_socks
        assert found.proxy.doubt

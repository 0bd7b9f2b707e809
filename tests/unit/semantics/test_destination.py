from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshdoctor.errors import UsageError
from meshdoctor.semantics.istio.host_port import HostPort, address, read_host_port


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("github.com:443", HostPort("github.com", 443)),
        ("GitHub.COM.:443", HostPort("github.com", 443)),
        (" db:1 ", HostPort("db", 1)),
        ("my_db.example:65535", HostPort("my_db.example", 65535)),
        ("198.51.100.20:3306", HostPort("198.51.100.20", 3306)),
        ("[2001:DB8::20]:443", HostPort("2001:db8::20", 443)),
        ("bücher.example:443", HostPort("xn--bcher-kva.example", 443)),
        ("https://github.com", HostPort("github.com", 443, "tls", scheme="https")),
        ("https://github.com:8443/istio?tab=x#y", HostPort("github.com", 8443, "tls", scheme="https")),
        ("HTTP://httpbin.example/delay/5?a=b#c", HostPort("httpbin.example", 80, "http", "/delay/5?a=b", "http")),
        ("http://httpbin.example?q=/a", HostPort("httpbin.example", 80, "http", "/?q=/a", "http")),
        ("http://httpbin.example#q", HostPort("httpbin.example", 80, "http", None, "http")),
        ("mysql://root:s3:cret@db.example/ratings", HostPort("db.example", 3306, "server-first", scheme="mysql")),
        ("https://[2001:db8::20]/", HostPort("2001:db8::20", 443, "tls", scheme="https")),
        ("tcp://db.example:9000", HostPort("db.example", 9000, "tcp", scheme="tcp")),
    ],
)
def test_what_people_type_is_understood(text: str, read: HostPort) -> None:
    assert read_host_port(text) == read


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("github.com", "github.com:443 for HTTPS"),
        ("2001:db8::20", "[2001:db8::20]:443"),
        ("[2001:db8::20]", "has no port"),
        ("[2001:db8::20", "[2001:db8::20]:443"),
        ("github.com:", "not a port"),
        ("github.com:0", "1 to 65535"),
        ("github.com:65536", "1 to 65535"),
        ("github.com:99999999999999999999", "1 to 65535"),
        ("github.com:https", "not a port"),
        ("github.com:-1", "not a port"),
        ("github.com:٤٤٣", "not a port"),
        (":443", "has no host"),
        (".:443", "has no host"),
        ("", "has no port"),
        ("*.wiki.example:443", "wildcard"),
        ("a b:443", "not a host name"),
        ("-a.example:443", "not a host name"),
        ("a..b:443", "not a host name"),
        ("x" * 64 + ".example:443", "not a host name"),
        ("999.1.1.1:80", "neither a host name nor an IPv4"),
        ("github.com/istio:443", "`/`"),
        ("user@github.com:22", "`@`"),
        ("file:///etc/passwd", "file://"),
        ("kubernetes://x", "kubernetes://"),
        ("tcp://db.example", "db.example:PORT"),
        ("https://", "has no host"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_one_line(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_host_port(text)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["mysql://root:hunter2@:x", "https://a:hunter2@b c/", "x://hunter2@a", "a:hunter2@b:443"]
)
def test_a_password_is_never_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_host_port(text)
    assert "hunter2" not in str(caught.value)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = read_host_port(text)
    except UsageError:
        return
    assert read.host
    assert 1 <= read.port <= 65535


def test_addresses() -> None:
    assert address("2001:DB8:0::20") == "2001:db8::20"
    with pytest.raises(UsageError, match="not an IP address"):
        address("198.51.100.256")

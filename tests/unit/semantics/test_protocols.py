"""Protocol classes, well-known ports, and what a client is taken to do."""

from __future__ import annotations

import pytest

from meshdoctor.semantics.istio import protocols


@pytest.mark.parametrize(
    ("declared", "family"),
    [
        ("HTTP", "http"),
        ("http2", "http"),
        ("gRPC", "http"),
        ("GRPC-Web", "http"),
        ("HTTP_PROXY", "http"),
        ("HTTPS", "tls"),
        ("tls", "tls"),
        ("TCP", "tcp"),
        ("Mongo", "tcp"),
        ("REDIS", "tcp"),
        ("mysql", "tcp"),
        ("udp", "udp"),
        ("", "auto"),
        ("quic", "auto"),
    ],
)
def test_class_of_a_service_entry_port(declared: str, family: str) -> None:
    assert protocols.protocol_class(declared) == family


@pytest.mark.parametrize(
    ("number", "name", "transport", "app_protocol", "expected"),
    [
        (80, "http", "TCP", None, "HTTP"),
        (80, "http-web", "TCP", None, "HTTP"),
        (80, "HTTP2-api", "TCP", None, "HTTP2"),
        (80, "grpc-web-ui", "TCP", None, "GRPC-WEB"),
        (80, "grpc-ui", "TCP", None, "GRPC"),
        (80, "web", "TCP", None, ""),
        (80, "httpx", "TCP", None, ""),
        (3306, "", "TCP", None, "TCP"),
        (3306, "db", "TCP", None, "TCP"),
        (3306, "mysql", "TCP", None, "MYSQL"),
        (27017, "store", "TCP", None, "TCP"),
        (5432, "store", "TCP", None, ""),
        (80, "tcp-x", "TCP", "http", "HTTP"),
        (80, "http", "TCP", "kubernetes.io/h2c", "HTTP2"),
        (80, "http", "TCP", "kubernetes.io/wss", "HTTPS"),
        (80, "http", "TCP", "kubernetes.io/ws", "HTTP"),
        (80, "http", "TCP", "example.com/own", ""),
        (53, "http", "UDP", "http", "UDP"),
    ],
)
def test_service_port_follows_convert_protocol(
    number: int, name: str, transport: str, app_protocol: str | None, expected: str
) -> None:
    assert protocols.service_protocol(number, name, transport, app_protocol) == expected


@pytest.mark.parametrize("port", [8080, 8000, 9000, 3000, 9443, 9200, 50051, 10000])
def test_ports_used_for_anything_say_nothing(port: int) -> None:
    assert protocols.known_protocol(port) == ""
    assert not protocols.is_tls_port(port)
    assert not protocols.is_plain_http_port(port)


@pytest.mark.parametrize(("port", "first"), [(3306, True), (25, True), (587, True), (21, True), (143, True)])
def test_server_first_ports(port: int, first: bool) -> None:
    assert protocols.is_server_first(protocols.known_protocol(port)) is first


@pytest.mark.parametrize("port", [5432, 6379, 1433, 27017, 443, 80, 465, 993, 22, 8080])
def test_ports_where_the_client_speaks_first(port: int) -> None:
    assert not protocols.is_server_first(protocols.known_protocol(port))


@pytest.mark.parametrize("port", [443, 8443, 636, 6514, 465, 993, 995, 853, 5671])
def test_tls_ports(port: int) -> None:
    assert protocols.is_tls_port(port)


@pytest.mark.parametrize("port", [80, 389, 25, 587, 143, 3306, 5672])
def test_ports_that_start_in_plain_text(port: int) -> None:
    assert not protocols.is_tls_port(port)


@pytest.mark.parametrize(
    ("declared", "port", "scheme", "does"),
    [
        ("HTTP", 8080, "", "http"),
        ("HTTPS", 9999, "", "tls"),
        ("HTTP", 443, "", "http"),
        ("TCP", 443, "", "tls"),
        ("TCP", 80, "", "http"),
        ("", 3306, "", "server-first"),
        ("TCP", 3306, "", "server-first"),
        ("MYSQL", 13306, "", "server-first"),
        ("MONGO", 27017, "", "tcp"),
        ("TCP", 5432, "", "tcp"),
        ("TCP", 9999, "", "tcp"),
        ("", 9999, "", "tcp"),
        ("", 9999, "https", "tls"),
        ("HTTP", 443, "https", "tls"),
        ("HTTPS", 443, "http", "http"),
        ("TCP", 13306, "mysql", "server-first"),
        ("TCP", 5000, "smtp", "server-first"),
        ("TCP", 6379, "rediss", "tls"),
        ("TCP", 6379, "redis", "tcp"),
        ("TCP", 443, "tcp", "tls"),
    ],
)
def test_what_a_client_does(declared: str, port: int, scheme: str, does: str) -> None:
    assert protocols.client_protocol(declared, port, scheme) == does


@pytest.mark.parametrize(
    ("scheme", "port"), [("https", 443), ("MySQL", 3306), ("amqps", 5671), ("mongodb+srv", None), ("tcp", None)]
)
def test_default_port_of_a_scheme(scheme: str, port: int | None) -> None:
    assert protocols.default_port(scheme) == port


def test_unknown_schemes_are_no_network_schemes() -> None:
    assert not protocols.is_network_scheme("file")
    assert not protocols.is_network_scheme("arn")
    assert protocols.is_network_scheme("wss")

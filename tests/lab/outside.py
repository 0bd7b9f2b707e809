"""The outside hosts of one pod: run in its network namespace as `python -m tests.lab.outside SPEC`.

The spec is JSON: a list of {host, names, ips, ports: {port: kind}, certificate, key}. Kinds: `tcp` greets with its name
and waits for nothing; `http` and `tls` (HTTP inside TLS) say who served, or 404 for a Host that is not theirs; `any`
does what the client does: TLS, HTTP, or a greeting to who stays silent or speaks anything else, inside TLS as well;
`plain` does so without TLS; HTTP may be HTTP/2 with prior knowledge. `proxy` is a forward proxy: it agrees to CONNECT
and to requests in absolute form, and answers 400 to others, as Squid does.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

from tests.lab import h2c

SILENCE, PATIENCE = 0.15, 20.0
"""Seconds after which `any` takes the client for one that waits for a greeting, and others give a client up."""

TLS_HELLO = b"\x16"

HTTP_METHODS = (b"GET ", b"POST", b"HEAD", b"PUT ", b"DELE", b"PRI ")


class Host:
    """One outside host."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.name: str = spec["host"]
        self.names: set[str] = {spec["host"], *spec["names"]}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(spec["certificate"], spec["key"])

    async def serve(self, connection: socket.socket, kind: str) -> None:
        """Serve one connection and close it."""
        try:
            await asyncio.wait_for(self._serve(connection, kind), 30)
        except (OSError, ssl.SSLError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            connection.close()

    async def _serve(self, connection: socket.socket, kind: str) -> None:
        adaptive, secured = kind in ("any", "plain"), kind == "any"
        if adaptive:
            said = await _peek(connection)
            kind = "tls" if secured and said[:1] == TLS_HELLO else "http" if said.startswith(HTTP_METHODS) else "tcp"
        reader, writer = await _streams(connection, self.context if kind == "tls" else None)
        if kind == "proxy":
            await self._relay(reader, writer)
            writer.close()
            return
        first = b"" if kind == "tcp" else await _first(reader, SILENCE if adaptive else PATIENCE)
        if kind == "tcp" or (adaptive and first[:1] != TLS_HELLO and first not in HTTP_METHODS):
            writer.write(f"hello from {self.name}\n".encode())
            await writer.drain()
            await reader.read(100)
        else:
            await self._answer(first, reader, writer)
        writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ", 2)
        agrees = method == "CONNECT" or "://" in target
        status = "200 OK" if agrees else "400 Bad Request"
        writer.write(f"HTTP/1.1 {status}\r\nconnection: close\r\n\r\n{json.dumps({'served_by': self.name})}".encode())
        await writer.drain()

    async def _answer(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if first == b"PRI ":
            await h2c.answer(reader, writer, json.dumps({"served_by": self.name}).encode())
        head = (await reader.readuntil(b"\r\n\r\n") if first in HTTP_METHODS else b"").decode("latin-1").lower()
        asked = [line.split(":")[1].strip() for line in head.split("\r\n") if line.startswith("host:")]
        mine = any(_covers(name, asked[0]) for name in self.names) if asked else True
        body = json.dumps({"served_by": self.name})
        status = "400 Bad Request" if first not in HTTP_METHODS else "200 OK" if mine else "404 Not Found"
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode())
        await writer.drain()


async def _first(reader: asyncio.StreamReader, limit: float) -> bytes:
    """The first four bytes, nothing where they do not come."""
    try:
        return await asyncio.wait_for(reader.readexactly(4), limit)
    except TimeoutError:
        return b""


def _covers(name: str, asked: str) -> bool:
    return asked == name or (name.startswith("*.") and asked.endswith(name[1:]))


async def _peek(connection: socket.socket) -> bytes:
    """What the client has said, left in the socket; nothing where it stays silent."""
    loop = asyncio.get_running_loop()
    said = asyncio.Event()
    loop.add_reader(connection, said.set)
    try:
        await asyncio.wait_for(said.wait(), SILENCE)
        return connection.recv(8, socket.MSG_PEEK)
    except TimeoutError:
        return b""
    finally:
        loop.remove_reader(connection)


async def _streams(
    connection: socket.socket, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def listen(host: Host, ip: str, port: int, kind: str) -> None:
    """Accept for ever."""
    loop = asyncio.get_running_loop()
    server = socket.create_server((ip, port), backlog=128)
    server.setblocking(False)
    serving: set[asyncio.Task[None]] = set()
    while True:
        connection, _ = await loop.sock_accept(server)
        task = loop.create_task(host.serve(connection, kind))
        serving.add(task)
        task.add_done_callback(serving.discard)


async def main(spec: list[dict[str, Any]]) -> None:
    """Listen everywhere, say so, serve."""
    waiting = []
    for one in spec:
        host = Host(one)
        waiting += [listen(host, ip, int(port), kind) for ip in one["ips"] for port, kind in one["ports"].items()]
    tasks = [asyncio.ensure_future(each) for each in waiting]
    await asyncio.sleep(0)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_bytes())))

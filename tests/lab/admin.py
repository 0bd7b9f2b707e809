"""Stand-ins for Envoy's admin port. Run as `python -m tests.lab.admin MANNER ...`; says `ready` when it listens.

`replay PLAN` answers for many pods from captures: PLAN is a JSON file with a list of {address, port, folder, renamed},
the folder one of a capture's `proxies/NAMESPACE/POD`, `renamed` what to replace in its pages.
`trickle|silent|html|cut PORT PAUSE` answers badly: byte by byte what the real admin port says, not at all, with a
login page, or with a body that ends too early.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

REAL = ("127.0.0.1", 15000)
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PAGES = {
    "/config_dump": ("config_dump.json", "application/json"),
    "/server_info": ("server_info.json", "application/json"),
    "/clusters": ("clusters.json", "application/json"),
    "/stats": ("stats.txt", "text/plain"),
    "/ready": ("", "text/plain"),
}
LOGIN = b"<!DOCTYPE html><html><body><h1>Sign in</h1><form><input name=user></form></body></html>"


def answer(status: str, kind: str, body: bytes, size: int | None = None, *, last: bool = True) -> bytes:
    """An HTTP answer, by default the last of its connection; `size` is what it claims to be long."""
    length = len(body) if size is None else size
    ending = "connection: close\r\n" if last else ""
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n{ending}\r\n".encode() + body


async def _request(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def replaying(pod: dict[str, Any]) -> Handler:
    """Answers with the pages of one captured proxy."""
    folder = Path(pod["folder"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:  # as Envoy does, until the client goes
            path = (await _request(reader)).split()[1].decode().partition("?")[0]
            writer.write(page(path))
            await writer.drain()

    def page(path: str) -> bytes:
        name, kind = PAGES.get(path, ("", ""))
        if not kind or (name and not (folder / name).is_file()):
            return answer("404 Not Found", "text/plain", b"invalid path", last=False)
        content = (folder / name).read_bytes() if name else b"LIVE\n"
        for old, new in pod["renamed"].items():
            content = content.replace(old.encode(), new.encode())
        return answer("200 OK", kind, content, last=False)

    return serve


def trickling(pause: float) -> Handler:
    """Passes on what the real admin port says, a byte at a time."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source, sink = await asyncio.open_connection(*REAL)
        head = (await _request(reader)).replace(b"keep-alive", b"close")
        sink.write(head[:-2] + b"connection: close\r\n\r\n")
        try:
            while part := await source.read(4096):
                for number in range(len(part)):
                    writer.write(part[number : number + 1])
                    await writer.drain()
                    await asyncio.sleep(pause)
        finally:
            sink.close()

    return serve


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Reads and says nothing until the client goes."""
    while await reader.read(4096):
        pass


async def html(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A login page with status 200."""
    await _request(reader)
    writer.write(answer("200 OK", "text/html", LOGIN))


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Half a dump."""
    await _request(reader)
    writer.write(answer("200 OK", "application/json", b'{"configs": [', 100_000))


def closing(handler: Handler) -> Handler:
    """The handler, with its connection closed whatever happens."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await handler(reader, writer)
        writer.close()

    return serve


async def main(manner: str, *words: str) -> None:
    """Listen, say so, serve for ever."""
    if manner == "replay":
        plan = json.loads(Path(words[0]).read_bytes())
        for pod in plan:
            await asyncio.start_server(closing(replaying(pod)), pod["address"], pod["port"])
    else:
        bad: dict[str, Handler] = {"silent": silent, "html": html, "cut": cut, "trickle": trickling(float(words[1]))}
        await asyncio.start_server(closing(bad[manner]), "127.0.0.1", int(words[0]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

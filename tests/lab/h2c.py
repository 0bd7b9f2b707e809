"""HTTP/2 with prior knowledge, as much as an outside host needs: one request, one answer.

Header blocks are not decoded (HPACK would need its tables), so any Host is served. RFC 9113, sections 4.1 and 6.
"""

from __future__ import annotations

import asyncio
import struct

PREFACE_REST = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") - 4
"""Octets of the connection preface behind the four that told it from HTTP/1.1."""

DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
STATUS_200 = b"\x88"
"""RFC 7541, appendix A: entry 8 of the static table, `:status: 200`."""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    """Answer the first request whose four first octets have been read. Raises IncompleteReadError at the end."""
    await reader.readexactly(PREFACE_REST)
    writer.write(_frame(SETTINGS, 0, 0, b""))
    while True:
        kind, flags, stream, payload = await _read(reader)
        if kind == SETTINGS and not flags & ACK:
            writer.write(_frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            writer.write(_frame(PING, ACK, 0, payload))
        elif kind == HEADERS:
            writer.write(_frame(HEADERS, END_HEADERS, stream, STATUS_200))
            writer.write(_frame(DATA, END_STREAM, stream, body))
        await writer.drain()


async def _read(reader: asyncio.StreamReader) -> tuple[int, int, int, bytes]:
    """(type, flags, stream, payload) of the next frame."""
    head = await reader.readexactly(9)
    size = int.from_bytes(head[:3])
    kind, flags, stream = struct.unpack(">BBI", head[3:])
    return kind, flags, stream & 0x7FFFFFFF, await reader.readexactly(size)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + struct.pack(">BBI", kind, flags, stream) + payload

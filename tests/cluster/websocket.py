"""The server's side of a WebSocket (RFC 6455), as far as Kubernetes' channels use it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BINARY, _CLOSE = 0x2, 0x8


class Gone(Exception):
    """The other side has hung up."""


class ServerSocket:
    """An accepted upgrade: one message is a channel's number and its bytes."""

    def __init__(self, request: BaseHTTPRequestHandler, spoken: Sequence[str]) -> None:
        self._read = request.rfile
        self._write = request.wfile
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        self.protocol = next(name for name in spoken if name in offered)
        key = request.headers["Sec-WebSocket-Key"].encode()
        request.close_connection = True
        request.send_response(101)
        request.send_header("Upgrade", "websocket")
        request.send_header("Connection", "Upgrade")
        request.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key + _MAGIC).digest()).decode())
        request.send_header("Sec-WebSocket-Protocol", self.protocol)
        request.end_headers()

    def send(self, channel: int, data: bytes) -> None:
        """Raises `Gone`."""
        self._frame(_BINARY, bytes([channel]) + data)

    def hang_up(self) -> None:
        """Says goodbye."""
        self._frame(_CLOSE, (1000).to_bytes(2, "big"))

    def _frame(self, opcode: int, data: bytes) -> None:
        size = len(data)
        if size < 126:
            head = bytes([0x80 | opcode, size])
        elif size < 65536:
            head = bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big")
        try:
            self._write.write(head + data)
        except OSError:
            raise Gone from None

    def receive(self) -> tuple[int, bytes]:
        """The next message. Raises `Gone` after the last."""
        first, second = self._exactly(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(self._exactly(2 if size == 126 else 8), "big")
        mask = self._exactly(4) if second & 0x80 else bytes(4)
        data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self._exactly(size)))
        if first & 0x0F == _CLOSE:
            raise Gone
        return data[0], data[1:]

    def _exactly(self, size: int) -> bytes:
        try:
            data = self._read.read(size)
        except OSError:
            raise Gone from None
        if len(data) < size:
            raise Gone
        return data

"""A sidecar's admin port as one finds it: healthy, slow, silent, broken, or somebody else's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from enum import Enum, auto

from tests.cluster.websocket import ServerSocket

HTML = b"<!DOCTYPE html><html><body>\x1b[31mIt works!</body></html>"


class Manner(Enum):
    """How the port answers."""

    WHOLE = auto()
    """Content-Length, one message."""
    CHUNKED = auto()
    """Transfer-Encoding: chunked, as Envoy does."""
    IN_CRUMBS = auto()
    """Whole, a few bytes a message."""
    DRIPPING = auto()
    """A byte now and then, for ever."""
    STALLED = auto()
    """Begins to answer, then sends nothing more."""
    SILENT = auto()
    """Takes the request, never answers."""
    HTML = auto()
    """Another server's page."""
    UNAVAILABLE = auto()
    """503."""
    CUT = auto()
    """Hangs up in the middle."""
    NO_HTTP = auto()
    """Talks some other protocol."""
    REFUSED = auto()
    """Nothing listens."""


class Envoy:
    """One sidecar: its pages by path and query, and how it answers. `asked` counts the requests."""

    def __init__(self, pages: dict[str, bytes], *manners: Manner) -> None:
        self.pages = pages
        self.manners = [*(manners or (Manner.WHOLE,))]
        """One for each connection; the last one stays."""
        self.asked: list[str] = []

    def serve(self, socket: ServerSocket, port: int, closing: threading.Event) -> None:
        """One forwarded connection, until either side ends it."""
        manner = self.manners.pop(0) if len(self.manners) > 1 else self.manners[0]
        for channel in (0, 1):
            socket.send(channel, port.to_bytes(2, "little"))
        if manner is Manner.REFUSED:
            socket.send(1, f"an error occurred forwarding {port} -> {port}: connect: connection refused".encode())
            socket.hang_up()
            return
        waiting = b""
        while not closing.is_set():
            while b"\r\n\r\n" not in waiting:
                waiting += socket.receive()[1]
            request, _, waiting = waiting.partition(b"\r\n\r\n")
            page = request.split(b" ", 2)[1].decode()
            self.asked.append(page)
            for piece in self._answer(manner, page, closing):
                socket.send(0, piece)
            if manner in (Manner.CUT, Manner.NO_HTTP):
                return

    def _answer(self, manner: Manner, page: str, closing: threading.Event) -> Iterator[bytes]:
        body = HTML if manner is Manner.HTML else self.pages.get(page, b"")
        status = b"200 OK" if page in self.pages else b"404 Not Found"
        if manner is Manner.UNAVAILABLE:
            status = b"503 Service \x1b[2JUnavailable"
        whole = b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)
        if manner is Manner.SILENT:
            closing.wait()
        elif manner is Manner.STALLED:
            yield whole[: len(whole) * 2 // 3]
            closing.wait()
        elif manner is Manner.NO_HTTP:
            yield b"\x4a\x00\x00\x00\x0a8.0.36\x00 not the protocol you meant\r\n"
        elif manner is Manner.CHUNKED:
            yield from _in_chunks(status, body)
        elif manner is Manner.DRIPPING:
            yield from _dripping(whole, closing)
        else:
            size = {Manner.CUT: len(whole) // 2, Manner.IN_CRUMBS: 700}.get(manner, len(whole))
            sent = whole[:size] if manner is Manner.CUT else whole
            yield from (sent[start : start + size] for start in range(0, len(sent), size))


def _in_chunks(status: bytes, body: bytes) -> Iterator[bytes]:
    yield b"HTTP/1.1 %b\r\ntransfer-encoding: chunked\r\n\r\n" % status
    for start in range(0, len(body), 40_000):
        piece = body[start : start + 40_000]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _dripping(whole: bytes, closing: threading.Event) -> Iterator[bytes]:
    for byte in whole:
        if closing.wait(0.01):
            return
        yield bytes([byte])

"""The session on a web page: textual-serve starts a `meshdoctor` for each page that is opened and carries its terminal.

Visitors act with the credentials of the user who serves the page. So the address holds a secret, only requests with
this Host header are answered (which prevents DNS rebinding), and only this page may open the terminal.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import socket
import sys
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from textual_serve.server import Server

_REFUSED = "Open the whole address that `meshdoctor serve` printed, with its key.\n"


_ELSEWHERE = re.compile(r"<link\b[^>]*\bhref=\"https:[^>]*>")
"""Links to other machines in textual-serve's page: a font, which the package has as well."""
_FOCUS = """<script>
  const opened = new MutationObserver(() => {
    const typing = document.querySelector(".xterm-helper-textarea");
    if (typing && document.body.classList.contains("-first-byte")) { typing.focus(); opened.disconnect(); }
  });
  opened.observe(document.body, {attributes: true});
</script>"""
"""Focuses the terminal, so keys work without a click."""


class WebPage(Server):
    """Serves `command` on a listening socket. `name` replaces its address in the URL where that cannot be opened."""

    def __init__(self, command: str, listening: socket.socket, name: str = "") -> None:
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        super().__init__(command, host, port, title="meshdoctor", public_url=f"http://{name or shown}:{port}")
        self._listening = listening
        self._secret = secrets.token_urlsafe(24)
        self._cookie = f"meshdoctor-{port}"

    @property
    def address(self) -> str:
        """The URL to open."""
        return f"{self.public_url}/?key={self._secret}"

    def serve(self, debug: bool = False) -> None:
        """Serves until the process is asked to end."""
        self.initialize_logging()
        app = web.Application()
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path))
        app.add_routes(
            [
                web.get("/", self.handle_index, name="index"),
                web.get("/ws", self.handle_websocket, name="websocket"),
                web.get("/download/{key}", self.handle_download, name="download"),
                web.static("/static", self.statics_path, name="static"),
            ]
        )
        app.on_response_prepare.append(self._restrict_origins)
        web.run_app(app, sock=self._listening, print=None)

    def initialize_logging(self) -> None:
        """Logs warnings and errors to stderr, one line each."""
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_OneLine("meshdoctor: %(message)s"))
        logging.basicConfig(level="WARNING", handlers=[handler])

    async def handle_index(self, request: web.Request) -> Any:
        """The page. The secret moves into a cookie, so it appears in no history."""
        key = request.query.get("key")
        if key is None:
            self._check(request)
            page: Any = await super().handle_index(request)
            page.text = _ELSEWHERE.sub("", page.text or "").replace("</body>", f"{_FOCUS}</body>")
            return page
        if not (self._is_own_host(request) and self._is_secret(key)):
            raise web.HTTPForbidden(text=_REFUSED)
        found = web.HTTPSeeOther("/")
        found.set_cookie(self._cookie, self._secret, httponly=True, samesite="Lax")
        raise found

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """The terminal."""
        self._check(request)
        if request.headers.get("Origin") != self.public_url:
            raise web.HTTPForbidden(text=_REFUSED)
        return await super().handle_websocket(request)

    async def handle_download(self, request: web.Request) -> web.StreamResponse:
        """A file that the session hands out."""
        self._check(request)
        return await super().handle_download(request)

    def _check(self, request: web.Request) -> None:
        if not (self._is_own_host(request) and self._is_secret(request.cookies.get(self._cookie, ""))):
            raise web.HTTPForbidden(text=_REFUSED)

    def _is_own_host(self, request: web.Request) -> bool:
        return f"http://{request.host}" == self.public_url

    def _is_secret(self, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self._secret.encode())

    async def _restrict_origins(self, request: web.Request, response: web.StreamResponse) -> None:
        """Nothing may be loaded from other sites, and no other site may frame the page."""
        terminal = self.public_url.replace("http", "ws", 1)
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; connect-src 'self' {terminal}; img-src 'self' data:; font-src 'self' data:; "
            "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "no-referrer"


class _OneLine(logging.Formatter):
    """The message, without the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return (self._fmt or "") % {"message": record.getMessage()}

"""The session on a web page: textual-serve starts a `meshdoctor` for each page that is opened and carries its terminal.

Whoever opens the page acts with the rights of whoever serves it. So the address has a secret in it, only requests that
name the very address are answered (no name of a stranger's may point here), and only this page may open the terminal.
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

_REFUSED = "This page opens by the whole address that `meshdoctor serve` printed, and from nowhere else.\n"


_ELSEWHERE = re.compile(r"<link\b[^>]*\bhref=\"https:[^>]*>")
"""What the page would load from other machines: a font, which the package has as well."""
_FOCUS = """<script>
  const opened = new MutationObserver(() => {
    const typing = document.querySelector(".xterm-helper-textarea");
    if (typing && document.body.classList.contains("-first-byte")) { typing.focus(); opened.disconnect(); }
  });
  opened.observe(document.body, {attributes: true});
</script>"""
"""Keys go to the session without a click into it first."""


class WebPage(Server):
    """Serves `command` on a socket that listens. `name` stands for its address where that is none to open."""

    def __init__(self, command: str, listening: socket.socket, name: str = "") -> None:
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        super().__init__(command, host, port, title="meshdoctor", public_url=f"http://{name or shown}:{port}")
        self._listening = listening
        self._secret = secrets.token_urlsafe(24)
        self._cookie = f"meshdoctor-{port}"

    @property
    def address(self) -> str:
        """What to open."""
        return f"{self.public_url}/?key={self._secret}"

    def serve(self, debug: bool = False) -> None:
        """Answers until the process is told to end."""
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
        app.on_response_prepare.append(self._forbid_strangers)
        web.run_app(app, sock=self._listening, print=None)

    def initialize_logging(self) -> None:
        """Only what goes wrong is told, a line each, on stderr."""
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_OneLine("meshdoctor: %(message)s"))
        logging.basicConfig(level="WARNING", handlers=[handler])

    async def handle_index(self, request: web.Request) -> Any:
        """The page. The secret goes into a cookie, so that it stays in no history and no title."""
        key = request.query.get("key")
        if key is None:
            self._check(request)
            page: Any = await super().handle_index(request)
            page.text = _ELSEWHERE.sub("", page.text or "").replace("</body>", f"{_FOCUS}</body>")
            return page
        if not (self._is_at_home(request) and self._is_secret(key)):
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
        if not (self._is_at_home(request) and self._is_secret(request.cookies.get(self._cookie, ""))):
            raise web.HTTPForbidden(text=_REFUSED)

    def _is_at_home(self, request: web.Request) -> bool:
        return f"http://{request.host}" == self.public_url

    def _is_secret(self, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self._secret.encode())

    async def _forbid_strangers(self, request: web.Request, response: web.StreamResponse) -> None:
        """Nothing is loaded from elsewhere, and nobody frames the page."""
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

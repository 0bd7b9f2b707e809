"""A headless Chromium, driven by the WebDriver protocol (W3C): enough of it to open a page, type, and look."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,800",
)
ESCAPE = "\ue00c"
LISTENING = """
window.received = "";
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", async (event) => {
      window.received += typeof event.data === "string" ? event.data
        : new TextDecoder().decode(event.data instanceof Blob ? await event.data.arrayBuffer() : event.data);
    });
  }
};
"""
"""Keeps what a page's socket got: a terminal on a canvas has no text to ask for."""


class Browser:
    """One page."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, address: str) -> None:
        """Goes there; what the page's socket gets is kept."""
        self._ask("goog/cdp/execute", {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": LISTENING}})
        self._ask("url", {"url": address})

    def run(self, script: str) -> Any:
        """What a script gives back."""
        return self._ask("execute/sync", {"script": script, "args": []})

    def type(self, *keys: str) -> None:
        """Presses keys, whatever has the focus."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def until(self, holds: Callable[[], Any], seconds: float = 30) -> Any:
        """Waits until something is true. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = holds()
            if found:
                return found
            time.sleep(0.05)
        raise TimeoutError(f"not within {seconds} s")

    def picture(self) -> bytes:
        """The page as PNG."""
        with urlopen(f"{self._session}/screenshot", timeout=30) as answer:
            return base64.b64decode(json.load(answer)["value"])

    def _ask(self, what: str, body: dict[str, Any]) -> Any:
        return ask(f"{self._session}/{what}", body)


def ask(url: str, body: dict[str, Any]) -> Any:
    """What the driver answers."""
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return json.load(answer)["value"]


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in this folder."""
    assert DRIVER
    assert BROWSER
    with socket.socket() as trying:
        trying.bind(("127.0.0.1", 0))
        port = trying.getsockname()[1]
    driver = subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}/session"
    session = ""
    try:
        options = {"binary": BROWSER, "args": [*ARGUMENTS, f"--user-data-dir={folder}"]}
        session = f"{base}/{_begin(base, options)}"
        yield Browser(session)
    finally:
        if session:
            urlopen(Request(session, method="DELETE"), timeout=30).close()
        driver.terminate()
        driver.wait(10)


def _begin(base: str, options: dict[str, Any]) -> str:
    body = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
    for _ in range(200):
        try:
            found: str = ask(base, body)["sessionId"]
        except ConnectionError:
            time.sleep(0.05)
        except OSError as problem:
            if not isinstance(getattr(problem, "reason", None), ConnectionError):
                raise
            time.sleep(0.05)
        else:
            return found
    raise TimeoutError("chromedriver does not answer")

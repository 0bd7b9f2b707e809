"""The session on a web page: who may open it, and that it works in a real browser."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import pytest

from meshdoctor.cli.main import run
from tests.tui.browser import BROWSER, DRIVER, ESCAPE, browser

pytestmark = pytest.mark.live
needs_server = pytest.mark.skipif(
    not importlib.util.find_spec("textual_serve"), reason="textual-serve is not installed"
)
needs_browser = pytest.mark.skipif(not (DRIVER and BROWSER), reason="there is no Chromium with its driver")
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
}


@contextmanager
def served(folder: Path, *arguments: str) -> Iterator[str]:
    """The address that is printed."""
    environment = {**os.environ, "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [sys.executable, "-m", "meshdoctor", "serve", *arguments]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        assert server.stdout
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        assert server.wait(20) == 0
        assert server.stdout
        server.stdout.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("serve"), "--from", "demo:mysql-blocked") as found:
        yield found


def status(opener: OpenerDirector, url: str, **headers: str) -> int:
    try:
        with opener.open(
            Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
        ) as got:
            return int(got.status)
    except HTTPError as problem:
        problem.close()
        return problem.code


def home(address: str) -> str:
    return "http://" + urlsplit(address).netloc


@needs_server
def test_the_address_opens_the_page_and_nothing_else_does(address: str) -> None:
    assert urlsplit(address).hostname == "127.0.0.1"
    base = home(address)
    assert status(build_opener(), base) == 403
    assert status(build_opener(), f"{base}/?key=guessed") == 403
    assert status(build_opener(), address, Host="elsewhere.test") == 403, "another name that points here"
    opener = build_opener(HTTPCookieProcessor())
    assert status(opener, address) == 200
    assert status(opener, base) == 200, "again, by its cookie"
    assert status(opener, base, Host="elsewhere.test") == 403


@needs_server
def test_only_its_own_page_may_open_the_terminal(address: str) -> None:
    socket, opener = home(address) + "/ws", build_opener(HTTPCookieProcessor())
    assert status(build_opener(), socket, Origin=home(address), **UPGRADE) == 403
    assert status(opener, address) == 200
    assert status(opener, socket, Origin="http://elsewhere.test", **UPGRADE) == 403
    assert status(opener, socket, **UPGRADE) == 403
    assert status(opener, home(address) + "/download/x", Origin="http://elsewhere.test") == 404


@needs_server
def test_the_page_loads_nothing_from_elsewhere(address: str) -> None:
    with build_opener(HTTPCookieProcessor()).open(address) as page:
        text, policy = page.read().decode(), page.headers["Content-Security-Policy"]
    assert "https://" not in text
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


@needs_server
@needs_browser
def test_a_browser_shows_the_session_and_its_keys_reach_it(address: str, tmp_path: Path) -> None:
    with browser(tmp_path) as page:
        page.open(address)
        page.until(lambda: "db.payments.example" in page.run("return window.received"))
        for key, shown in (("?", "row.down"), (ESCAPE, "missing-service-entry")):
            page.run("window.received = ''")
            page.type(key)
            page.until(lambda shown=shown: shown in page.run("return window.received"))  # type: ignore[misc]
        page.type("q")
        page.until(lambda: "-closed" in page.run("return document.body.className"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "0.0.0.0"], "lets other machines open the page"),
        (["--host", "10.1.2.3"], "--remote"),
        (["--host", "somewhere.test"], "is not an IP address"),
        (["--from", ""], "--from is empty"),
        (["-n", "shop", "-A"], "give one of them"),
        (["--from", "x", "--context", "y"], "give one of them"),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_listens(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", *arguments]) == 2
    told = capsys.readouterr()
    assert says in told.err
    assert told.out == ""


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "textual_serve" else find(name))
    assert run(["serve", "--from", "demo:healthy"]) == 4
    assert "pip install 'meshdoctor[serve]'" in capsys.readouterr().err


@needs_server
def test_a_port_that_is_taken_is_one_sentence(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    port = str(urlsplit(address).port)
    assert run(["serve", "--from", "demo:healthy", "--port", port]) == 4
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


@needs_server
def test_all_options_reach_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    import shlex

    from meshdoctor.cli import serve
    from meshdoctor.cli.main import app

    commands: list[str] = []
    monkeypatch.setattr(serve, "_serve", lambda command, *_: commands.append(command))
    given = [
        "--from",
        "-odd name",
        "-f",
        "a b.yaml",
        "-n",
        "shop",
        "-l",
        "app in (x, y)",
        "--logs-since",
        "5m",
        "--read-only",
    ]
    run(["serve", *given, "--theme", "light"])
    words = shlex.split(commands[0])
    assert words[1:3] == ["-m", "meshdoctor"]
    seen: dict[str, object] = {}
    monkeypatch.setattr("meshdoctor.cli.main.is_interactive", lambda: True)
    monkeypatch.setattr("meshdoctor.cli.main.open_session", lambda source, place, **how: seen.update(how, place=place))
    app(args=words[3:], standalone_mode=False)
    assert (seen["place"], seen["namespaces"], seen["labels"]) == ("-odd name", ("shop",), "app in (x, y)")
    assert (seen["read_only"], seen["theme"]) == (True, "light")

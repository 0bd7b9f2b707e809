"""A login ends: by its time limit, by Ctrl-C, and when the session does; and it tells nobody what is secret."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.kube import login, login_plugin
from meshdoctor.kube.deadline import Cancelled, Deadline
from meshdoctor.kube.login import log_in
from meshdoctor.kube.pod_requests import Forward
from meshdoctor.kube.server_url import hides_credentials, request_url, without_password
from meshdoctor.kube.session import Session
from tests.cluster.apiserver import FakeApi
from tests.cluster.conftest import soon, write_kubeconfig
from tests.cluster.test_login import plugin
from tests.conftest import Cli

CHECK = ("check", "--json", "--dns", "off", "--logs-since", "0")
HANGS = """
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"])
open({pids!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""
CREDENTIAL = """
import json, os
count = int(open({count!r}).read() or 0) + 1 if os.path.exists({count!r}) else 1
open({count!r}, "w").write(str(count))
{more}
status = {{"token": f"token-{{count}}", "expirationTimestamp": "2020-01-01T00:00:00Z"}}
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}}))
"""
"""Each credential has expired when it comes, so that every request asks for the next one."""


def until(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1500):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError("it never came")


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def written(path: Path) -> list[int]:
    until(lambda: path.is_file() and len(path.read_text().split()) == 2)
    return [int(pid) for pid in path.read_text().split()]


@pytest.fixture
def hanging(tmp_path: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a plugin that never ends writes its pid and that of its child; KUBECONFIG names it."""
    pids = tmp_path / "pids"
    user = plugin(tmp_path, HANGS.format(pids=str(pids)))
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", api.address, **user)))
    return pids


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for processes")
class TestOnLinux:
    """What became of the processes."""

    def test_a_plugin_that_hangs_is_ended_with_its_children_and_named(
        self, cli: Cli, hanging: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        done = cli(*CHECK, "--timeout", "2s")
        assert (done.code, done.out) == (4, "")
        assert "context lab" in done.err
        assert "the login plugin plugin.py took longer than 2 s" in " ".join(done.err.split())
        assert "--timeout" in done.err
        assert "Traceback" not in done.err
        until(lambda: not any(map(is_running, written(hanging))))
        assert capfd.readouterr().err == ""

    @pytest.mark.parametrize("at_a_terminal", [False, True])
    def test_ctrl_c_while_a_plugin_runs(self, hanging: Path, at_a_terminal: bool) -> None:
        """The whole program, because Ctrl-C is a signal."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "meshdoctor", *CHECK],
            stdin=slave if at_a_terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        pids = written(hanging)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        os.close(master)
        os.close(slave)
        assert (process.returncode, out) == (130, "")
        assert "Traceback" not in err
        until(lambda: not any(map(is_running, pids)))

    def test_a_renewal_that_hangs_ends_too_and_is_not_tried_for_each_pod(self, tmp_path: Path, api: FakeApi) -> None:
        count, pids = tmp_path / "count", tmp_path / "pids"
        hangs = f"if count > 1:\n    exec({HANGS.format(pids=str(pids))!r})"
        path = write_kubeconfig(
            tmp_path / "kubeconfig", api.address, **plugin(tmp_path, CREDENTIAL.format(count=str(count), more=hangs))
        )
        opened = Session(log_in(path, seconds=2.0))
        for _ in range(3):
            with pytest.raises(
                Unreadable, match=r"context lab could not be renewed: .* plugin\.py took longer than 2 s"
            ):
                opened.get("/api/v1/pods", deadline=soon())
        assert count.read_text() == "2"
        assert api.asked == []
        until(lambda: not any(map(is_running, written(pids))))

    def test_a_renewal_is_stopped_with_whoever_waits_for_it(self, tmp_path: Path, api: FakeApi) -> None:
        count, pids = tmp_path / "count", tmp_path / "pids"
        hangs = f"if count > 1:\n    exec({HANGS.format(pids=str(pids))!r})"
        path = write_kubeconfig(
            tmp_path / "kubeconfig", api.address, **plugin(tmp_path, CREDENTIAL.format(count=str(count), more=hangs))
        )
        opened, stop, raised = Session(log_in(path)), threading.Event(), []

        def ask() -> None:
            with pytest.raises(Cancelled):
                opened.get("/api/v1/pods", deadline=Deadline(300.0, stop))
            raised.append(True)

        thread = threading.Thread(target=ask)
        thread.start()
        running = written(pids)
        stop.set()
        thread.join(20)
        assert raised == [True]
        until(lambda: not any(map(is_running, running)))


def test_credentials_are_renewed_and_the_time_for_it_is_nobodys(
    tmp_path: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = CREDENTIAL.format(count=str(tmp_path / "count"), more="")
    opened = Session(log_in(write_kubeconfig(tmp_path / "kubeconfig", api.address, **plugin(tmp_path, script))))
    real = login_plugin.LoginRun.result

    def late(self: login_plugin.LoginRun[Any], *arguments: Any) -> Any:
        threading.Event().wait(0.6)
        return real(self, *arguments)

    monkeypatch.setattr(login_plugin.LoginRun, "result", late)
    api.objects["pods"] = []
    opened.get("/api/v1/pods", deadline=Deadline(0.5))
    opened.get("/api/v1/pods", deadline=Deadline(0.5))
    assert [asked.headers["authorization"] for asked in api.asked] == ["Bearer token-2", "Bearer token-3"]


def test_a_renewal_that_fails_says_what_the_plugin_said(
    tmp_path: Path, api: FakeApi, capfd: pytest.CaptureFixture[str]
) -> None:
    more = "if count > 1: raise SystemExit('SSO session has expired')"
    script = CREDENTIAL.format(count=str(tmp_path / "count"), more=more)
    opened = Session(log_in(write_kubeconfig(tmp_path / "kubeconfig", api.address, **plugin(tmp_path, script))))
    with pytest.raises(Unreadable, match=r"context lab could not be renewed: .*SSO session has expired"):
        opened.get("/api/v1/pods", deadline=soon())
    assert (api.asked, capfd.readouterr().err) == ([], "")


def test_a_plugin_that_nobody_can_answer_is_told_so(tmp_path: Path, api: FakeApi) -> None:
    said = tmp_path / "said"
    more = f"import sys; open({str(said)!r}, 'w').write(os.environ['KUBERNETES_EXEC_INFO'] + repr(sys.stdin.read()))"
    script = CREDENTIAL.format(count=str(tmp_path / "count"), more=more)
    log_in(write_kubeconfig(tmp_path / "kubeconfig", api.address, **plugin(tmp_path, script)))
    info, rest = json.JSONDecoder().raw_decode(said.read_text())
    assert (info["spec"]["interactive"], said.read_text()[rest:]) == (False, "''")


SECRET = "s3cret"


@pytest.mark.parametrize("password", [SECRET, f"a@{SECRET}", f"{SECRET}@b", f"{SECRET}%2F"])
@pytest.mark.parametrize("verbose", [(), ("-v",)])
def test_a_password_in_the_servers_url_is_never_printed(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, verbose: tuple[str, ...]
) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", f"https://sam:{password}@127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", str(path))
    done = cli("check", *verbose, "--dns", "off")
    assert (done.code, done.out) == (4, "")
    assert "https://127.0.0.1:1 (context lab) does not answer" in done.err
    assert SECRET not in done.err


@pytest.mark.parametrize("server", ["https://u:s3cret@[::1", "https://u:s3cret@h:port", "u:s3cret@h", "https://"])
def test_a_server_that_is_no_url(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "kubeconfig", server)))
    done = cli("check", "--dns", "off")
    assert (done.code, done.out) == (4, "")
    assert "URL" in done.err
    assert SECRET not in done.err
    assert "Traceback" not in done.err


def test_a_password_in_the_servers_url_is_in_no_capture(
    cli: Cli, tmp_path: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", api.address.replace("//", f"//sam:{SECRET}@"))
    monkeypatch.setenv("KUBECONFIG", str(path))
    done = cli("capture", str(tmp_path / "capture"), "--dns", "off")
    assert done.code == 0, done.err
    files = [file for file in (tmp_path / "capture").rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if SECRET.encode() in file.read_bytes()]
    assert SECRET not in done.out + done.err
    assert {asked.headers["authorization"] for asked in api.asked} == {"Bearer sams-token"}


def test_a_websocket_does_not_print_it_either(tmp_path: Path) -> None:
    opened = Session(log_in(write_kubeconfig(tmp_path / "kubeconfig", f"https://sam:{SECRET}@127.0.0.1:1")))
    with Forward(opened, "shop", "web", 15000, soon()) as forward, pytest.raises(Unreadable) as problem:
        forward.fetch("/")
    assert SECRET not in str(problem.value)


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("https://cluster.example:6443", True),
        ("http://127.0.0.1:8001", True),
        ("http://127.8.8.8:8001", True),
        ("http://[::1]:8001", True),
        ("http://localhost:8001/prefix", True),
        ("http://cluster.example:8080", False),
        ("http://10.0.0.1:8080", False),
        ("http://localhost.example:8001", False),
        ("http://127.0.0.1.example", False),
        ("http://127.0.0.1@cluster.example", False),
        ("HTTP://cluster.example", False),
        ("HTTPS://cluster.example", True),
    ],
)
def test_where_credentials_may_go(url: str, hidden: bool) -> None:
    assert hides_credentials(request_url(url)) is hidden


@pytest.mark.parametrize("user", [{"token": SECRET}, {"username": "sam", "password": SECRET}])
def test_credentials_are_not_sent_over_plain_http(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: dict[str, str]
) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", "http://cluster.example:8080", **user)
    monkeypatch.setenv("KUBECONFIG", str(path))
    done = cli("check", "--dns", "off")
    assert (done.code, done.out) == (4, "")
    assert "would send its credentials to http://cluster.example:8080 unencrypted" in " ".join(done.err.split())
    assert SECRET not in done.err


def test_plain_http_without_credentials_is_what_it_is(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", "http://cluster.example:8080", username="sam")
    assert log_in(path).configuration.host == "http://cluster.example:8080"


def test_text_around_a_url_stays() -> None:
    assert without_password("cannot open https://u:p@h:1/x: a@b") == "cannot open https://h:1/x: a@b"
    assert without_password("mail a@b about https://h/x") == "mail a@b about https://h/x"
    assert login._one_line("at https://u:p@h") == "at https://h"

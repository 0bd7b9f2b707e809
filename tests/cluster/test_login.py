"""Whose cluster: kubeconfig files good and bad, contexts, credentials, and the account of a pod."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from meshdoctor.errors import Unreadable, UsageError
from meshdoctor.kube import login
from meshdoctor.kube.login import log_in
from meshdoctor.kube.pod_requests import Forward
from meshdoctor.kube.session import Refused, Session, Unreachable
from tests.cluster.apiserver import FakeApi, status
from tests.cluster.conftest import soon, write_kubeconfig


def test_the_current_context(kubeconfig: Path, api: FakeApi) -> None:
    found = log_in()
    assert (found.context, found.namespace) == ("lab", "bookinfo")
    Session(found).get("/api/v1/pods", deadline=soon())
    assert api.asked[0].headers["authorization"] == "Bearer sams-token"


def test_another_context_and_its_namespace(kubeconfig: Path) -> None:
    assert (log_in(context="staging").namespace, log_in(context="prod").namespace) == ("nowhere", "default")


def test_a_wrong_context_offers_those_there_are(kubeconfig: Path) -> None:
    with pytest.raises(UsageError, match=rf"no context prd in .*{kubeconfig.name}\. Did you mean prod\?"):
        log_in(context="prd")
    with pytest.raises(UsageError, match=r"lab, prod.*staging"):
        log_in(context="zzz")


def test_no_kubeconfig_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"no kubeconfig \(~/.kube/config\).*--from PATH.*meshdoctor demo"):
        log_in()
    with pytest.raises(Unreadable, match=f"no kubeconfig at {tmp_path}/none"):
        log_in(tmp_path / "none")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/a:{tmp_path}/b")
    with pytest.raises(Unreadable, match=r"tmp.*/a.* so no context prod"):
        log_in(context="prod")


def test_the_home_directorys_kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    write_kubeconfig(tmp_path / ".kube" / "config", "http://127.0.0.1:1")
    assert log_in().context == "lab"


def test_several_files_in_one_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, api: FakeApi) -> None:
    write_kubeconfig(tmp_path / "one", api.address)
    extra = {"contexts": [{"name": "extra", "context": {"cluster": "c", "user": "sam", "namespace": "more"}}]}
    (tmp_path / "two").write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **extra}))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/missing:{tmp_path}/one::{tmp_path}/two")
    found = log_in(context="extra")
    assert found.namespace == "more"
    Session(found).get("/api/v1/pods", deadline=soon())


@pytest.mark.parametrize(
    "content",
    [
        "clusters: [",
        "\tx: 1",
        "\x00",
        "!!python/object/apply:os.system ['true']",
        "",
        "just text",
        "- a\n- b",
        "contexts: 7\ncurrent-context: x",
        "current-context: gone\ncontexts: []",
        "current-context: a\ncontexts:\n- name: a",
        "current-context: a\ncontexts:\n- name: a\n  context: {cluster: none, user: none}\nclusters: []\nusers: []",
        "current-context: a\ncontexts:\n- name: a\n  context: {cluster: c}\nclusters:\n- name: c\n  cluster:\n"
        "    {server: 'https://127.0.0.1:1', certificate-authority: /nowhere/ca.pem}",
    ],
)
def test_a_broken_kubeconfig_is_named_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken"
    path.write_text(content)
    with pytest.raises(Unreadable, match="broken") as problem:
        Session(log_in(path))
    assert "\n" not in str(problem.value)
    assert str(problem.value).isprintable()


def test_a_kubeconfig_that_may_not_be_read_or_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unreadable, match="folder"):
        log_in(tmp_path / "folder")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(Unreadable, match="bytes"):
        log_in(tmp_path / "bytes")


def test_an_expired_token(api: FakeApi, connected: Session) -> None:
    api.faults.append(lambda asked: status(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(Refused, match=r"credentials of context lab.*Log in again") as refused:
        connected.get("/api/v1/pods", deadline=soon())
    assert refused.value.status == 401


def plugin(folder: Path, script: str) -> dict[str, object]:
    path = folder / "plugin.py"
    path.write_text(f"#!{sys.executable}\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": str(path), "interactiveMode": "Never", "args": []}}


def test_a_login_plugin(tmp_path: Path, api: FakeApi) -> None:
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    script = f"import json; print(json.dumps({ {**credential, 'status': {'token': 'fresh'}}!r}))"
    path = write_kubeconfig(tmp_path / "kubeconfig", api.address, **plugin(tmp_path, script))
    Session(log_in(path)).get("/api/v1/pods", deadline=soon())
    assert api.asked[0].headers["authorization"] == "Bearer fresh"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; sys.exit('SSO session has expired\\x1b[31m')", "SSO session has expired"),
        ("print('no json')", "decode process output"),
        ("print('{}')", "missing key 'apiVersion'"),
        ('print(\'{"apiVersion": "client.authentication.k8s.io/v1", "status": {}}\')', "missing key 'kind'"),
        ("print('[1]')", "malformed"),
    ],
)
def test_a_login_plugin_that_fails_is_told_as_such(
    tmp_path: Path, api: FakeApi, script: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", api.address, **plugin(tmp_path, script))
    with pytest.raises(Unreadable, match=f"context lab of .*kubeconfig gives no credentials: .*{said}") as problem:
        log_in(path)
    assert str(problem.value).isprintable()
    assert capfd.readouterr().err == ""
    assert api.asked == []


@pytest.mark.parametrize("authority", ["", "!!!", "aGVsbG8="])
def test_a_certificate_authority_that_is_none(tmp_path: Path, api: FakeApi, authority: str) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", api.address.replace("http:", "https:"))
    body = json.loads(path.read_text())
    body["clusters"][0]["cluster"]["certificate-authority-data"] = authority
    path.write_text(json.dumps(body))
    session = Session(log_in(path))
    with pytest.raises(Unreadable, match="context lab"):
        session.get("/api/v1/pods", deadline=soon())
    with Forward(session, "shop", "web", 15000, soon()) as opened, pytest.raises(Unreadable, match="127"):
        opened.fetch("/")


def test_a_login_plugin_that_is_not_installed(tmp_path: Path, api: FakeApi) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "nobody-has-this-plugin"}}
    path = write_kubeconfig(tmp_path / "kubeconfig", api.address, **user)
    with pytest.raises(Unreadable, match="nobody-has-this-plugin"):
        log_in(path)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pod's service account, as the kubelet mounts it."""
    from kubernetes.config import incluster_config

    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("pods-token")
    (folder / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    (folder / "namespace").write_text("tools\n")
    monkeypatch.setattr(login, "_ACCOUNT", folder)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(folder / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    return folder


def test_in_a_pod_its_account_is_used(account: Path) -> None:
    found = log_in()
    assert (found.context, found.namespace) == ("in-cluster", "tools")
    assert found.configuration.host == "https://127.0.0.1:6443"
    (setting,) = found.configuration.auth_settings().values()
    assert setting["value"].lower() == "bearer pods-token"


def test_in_a_pod_a_kubeconfig_comes_first(account: Path, kubeconfig: Path) -> None:
    assert log_in().context == "lab"


def test_a_pods_account_is_no_context(account: Path) -> None:
    with pytest.raises(Unreadable, match="so no context prod"):
        log_in(context="prod")


def test_a_pods_account_without_its_certificate(account: Path) -> None:
    (account / "ca.crt").unlink()
    with pytest.raises(Unreadable, match="service account cannot be used"):
        log_in()


def test_an_unreachable_server(tmp_path: Path) -> None:
    import socket

    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        path = write_kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{port}")
        with pytest.raises(Unreachable, match=rf"127.0.0.1:{port} \(context lab\) does not answer: connection refused"):
            Session(log_in(path)).get("/api/v1/pods", deadline=soon())

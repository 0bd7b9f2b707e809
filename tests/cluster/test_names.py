"""Names of outside hosts: asked in the pod that wants them where exec is allowed, and it is said who was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.sources.live import dns_lookup
from tests.cluster.apiserver import FakeApi, Ran
from tests.cluster.meshes import RATINGS
from tests.cluster.test_live import forbid
from tests.conftest import Cli

pytestmark = pytest.mark.usefixtures("kubeconfig")


def getent(answers: dict[str, list[str]]) -> Any:
    def run(pod: str, command: list[str]) -> Ran:
        found = answers.get(command[-1], [])
        lines = "".join(f"{ip:15} STREAM {command[-1]}\n{ip:15} DGRAM\n" for ip in found)
        return Ran(lines.encode(), code=0 if found else 2)

    return run


def dns_of(cli: Cli, tmp_path: Any, *more: str) -> Any:
    assert cli("capture", str(tmp_path / "saved"), "--logs-since", "0", *more).code == 0
    path = tmp_path / "saved" / "dns.json"
    return json.loads(path.read_text()) if path.exists() else None


def test_names_are_resolved_in_the_pod_that_wants_them(cli: Cli, api: FakeApi, tmp_path: Any) -> None:
    api.run = getent({"localhost": ["127.0.0.1"], "github.com": ["198.51.100.20", "2001:db8::1"]})
    told = dns_of(cli, tmp_path)
    assert told["resolved_from"] == f"pod {RATINGS}"
    assert told["answers"]["github.com"] == ["198.51.100.20", "2001:db8::1"]
    assert told["answers"]["www.huaweicloud.com"] == []


def test_without_exec_this_machine_resolves_and_it_is_said(
    cli: Cli, api: FakeApi, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(api, "pods/exec")
    asked: list[str] = []

    def local(host: str) -> tuple[str, ...]:
        asked.append(host)
        if host == "github.com":
            return ("198.51.100.20",)
        raise Unreadable("name or service not known")

    monkeypatch.setattr(dns_lookup, "_local", local)
    told = dns_of(cli, tmp_path)
    assert "this machine" in told["resolved_from"]
    assert told["answers"] == {"github.com": ["198.51.100.20"]}
    assert len(asked) > 1
    assert "www.huaweicloud.com" in (tmp_path / "saved" / "capture.yaml").read_text()


def test_dns_off_asks_nobody(cli: Cli, api: FakeApi, tmp_path: Any) -> None:
    assert dns_of(cli, tmp_path, "--dns", "off") is None
    assert "pods/exec" not in {asked.resource for asked in api.asked}


def test_dns_local_opens_no_exec(cli: Cli, api: FakeApi, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_lookup, "_local", lambda host: ("192.0.2.1",))
    assert dns_of(cli, tmp_path, "--dns", "local")["answers"]["github.com"] == ["192.0.2.1"]
    assert "pods/exec" not in {asked.resource for asked in api.asked}

"""Which pods and ConfigMaps a live run reads, and that what it may not read is never taken for what is not there."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from meshdoctor.diagnosis import cluster_reader
from meshdoctor.errors import Unreadable
from meshdoctor.sources.live import dns_lookup, object_reader
from meshdoctor.sources.redact import Removals
from meshdoctor.sources.redaction import Redaction
from tests.cluster.apiserver import FakeApi, Ran, status
from tests.cluster.conftest import MakeSource
from tests.cluster.meshes import RATINGS, copy_pod, put_snapshot
from tests.cluster.test_live import CHECK, reasons
from tests.cluster.test_names import getent
from tests.conftest import Cli

pytestmark = pytest.mark.usefixtures("kubeconfig")


def test_gateways_are_not_taken_for_the_pods_that_were_asked_for(cli: Cli, api: FakeApi, tmp_path: Any) -> None:
    put_snapshot(api, "egress-gateway")
    gateways = {pod.split("/")[0] for pod in api.envoys} - {"bookinfo"}
    for scope in (("-l", "app=nobody"), ("-l", "app=nobody", "-n", gateways.pop())):
        done = cli("capture", str(tmp_path / "saved"), "--dns", "off", "--logs-since", "0", *scope)
        assert (done.code, done.out) == (3, "")
        assert "labels app=nobody" in done.err
    assert "pods/portforward" not in {asked.resource for asked in api.asked}


@pytest.mark.parametrize("code", [400, 403, 500])
def test_gateways_that_cannot_be_listed_cost_only_themselves(cli: Cli, api: FakeApi, code: int) -> None:
    put_snapshot(api, "egress-gateway")
    api.faults.append(
        lambda asked: status(code, "no") if asked.resource == "pods" and "labelSelector" in asked.query else None
    )
    done = cli(*CHECK, "-n", "bookinfo")
    assert done.code in (0, 1)
    assert reasons(done.out)["resources/pods.yaml"].startswith("gateways with ")


def kinds_of(source: MakeSource) -> set[str]:
    return {path.split("/")[1].split(".")[0] for path in cluster_reader.read_cluster(source()).capture().documents}


def test_configmaps_that_could_not_be_read_are_no_empty_list(
    api: FakeApi, source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.objects["configmaps"] = []
    assert "configmaps" in kinds_of(source)
    api.faults.append(lambda asked: status(503, "etcd is down") if asked.resource == "configmaps" else None)
    assert "configmaps" not in kinds_of(source)
    monkeypatch.setattr(object_reader, "SECONDS", 0.5)
    api.faults[:] = [lambda asked: api.never(asked) if asked.resource == "configmaps" else None]
    assert "configmaps" not in kinds_of(source)


def test_configmaps_forbidden_in_one_namespace(api: FakeApi, source: MakeSource) -> None:
    api.objects["configmaps"] = [
        {"kind": "ConfigMap", "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": "{}"}}
    ]
    container = {"name": "app", "envFrom": [{"configMapRef": {"name": name}} for name in ("one", "two")]}
    api.objects["pods"][0]["spec"]["containers"].append(container)
    api.forbidden = lambda asked: asked.resource == "configmaps" and asked.namespace == "bookinfo"
    capture = cluster_reader.read_cluster(source()).capture()
    assert "resources/configmaps.yaml" in capture.documents
    (note,) = [note for note in capture.unread if note.path == "resources/configmaps.yaml"]
    assert 'namespace "bookinfo"' in note.because


def test_without_one_answer_dns_was_not_read(
    cli: Cli, api: FakeApi, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(host: str) -> tuple[str, ...]:
        raise Unreadable("temporary failure in name resolution")

    monkeypatch.setattr(dns_lookup, "_local", nobody)
    assert cli("capture", str(tmp_path / "saved"), "--dns", "local", "--logs-since", "0").code == 0
    assert not (tmp_path / "saved" / "dns.json").exists()
    assert "temporary failure" in (tmp_path / "saved" / "capture.yaml").read_text()


def test_another_pod_is_asked_where_the_first_cannot(api: FakeApi, connected: Any) -> None:
    api.envoys["shop/bare"] = api.envoys[RATINGS]
    answers = getent({"localhost": ["127.0.0.1"], "github.com": ["198.51.100.20"]})
    api.run = lambda pod, command: Ran(code=127) if pod == "shop/bare" else answers(pod, command)
    ratings = (RATINGS.split("/")[0], RATINGS.split("/")[1])
    told = dns_lookup.resolve_in_pods(connected, {"gitlab.com": ("shop", "bare"), "github.com": ratings})
    assert told is not None
    assert told.addresses == {"github.com": ("198.51.100.20",)}
    assert "gitlab.com" in told.problems[0]
    assert dns_lookup.resolve_in_pods(connected, {"gitlab.com": ("shop", "bare")}) is None


@pytest.mark.parametrize("where", [("github.com:443", "--ip", "198.51.100.20"), ("198.51.100.20:443",)])
def test_nobody_resolves_an_address(cli: Cli, api: FakeApi, where: tuple[str, ...]) -> None:
    done = cli("trace", RATINGS, *where, "--json")
    assert (done.code, done.err) == (1, "")
    assert "pods/exec" not in {asked.resource for asked in api.asked}


def test_a_trace_resolves_its_host_and_no_other(cli: Cli, api: FakeApi) -> None:
    commands: list[list[str]] = []
    answers = getent({"localhost": ["127.0.0.1"], "github.com": ["198.51.100.20"]})

    def run(pod: str, command: list[str]) -> Ran:
        commands.append(command)
        ran: Ran = answers(pod, command)
        return ran

    api.run = run
    assert '"198.51.100.20"' in cli("trace", RATINGS, "github.com:443", "--json").out
    assert [command[-1] for command in commands] == ["localhost", "github.com"]


def test_ctrl_c_while_names_are_looked_for(cli: Cli, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def struck(*_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster_reader, "names_to_resolve", struck)
    for command in ("check", "hosts"):
        done = cli(command, "--json", "--logs-since", "0")
        assert done.code == 130
        assert done.out


def test_dumps_are_cleaned_one_at_a_time(api: FakeApi, source: MakeSource, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = 0, 0
    pause = threading.Event()

    plainly = Redaction.page

    def counted(self: Redaction, path: str, content: bytes, removals: Removals) -> bytes:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        pause.wait(0.01)
        inside -= 1
        return plainly(self, path, content, removals)

    monkeypatch.setattr(Redaction, "page", counted)
    for number in range(5):
        copy_pod(api, f"other-{number}")
    assert len(cluster_reader.read_cluster(source()).read_pods) == 6
    assert most == 1

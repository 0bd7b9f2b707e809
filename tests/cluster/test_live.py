"""A live cluster from the command line: the same answers as from files, and one clear sentence for what is missing."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from meshdoctor.diagnosis import cluster_reader
from meshdoctor.sources.live import object_reader
from tests.cluster.apiserver import FakeApi, status
from tests.cluster.conftest import SNAPSHOT
from tests.cluster.envoy import Manner
from tests.cluster.meshes import RATINGS, copy_pod, pages_of, put_snapshot
from tests.conftest import Cli

pytestmark = pytest.mark.usefixtures("kubeconfig")
CHECK = ("check", "--json", "--dns", "off", "--logs-since", "0")


def forbid(api: FakeApi, *resources: str) -> None:
    api.forbidden = lambda asked: asked.resource in resources


def rules_of(out: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return sorted((f["rule"], f["severity"], tuple(f["pods"])) for f in json.loads(out)["findings"])


def reasons(out: str) -> dict[str, str]:
    """Every path that was not read, and why."""
    return {note["path"]: note["because"] for note in json.loads(out)["unread"]}


def test_a_cluster_is_judged_as_its_snapshot(cli: Cli, api: FakeApi) -> None:
    seen, told = cli(*CHECK), cli("check", "--json", "--from", f"demo:{SNAPSHOT}")
    assert (seen.code, told.code, seen.err) == (1, 1, "")
    assert rules_of(seen.out) == rules_of(told.out)
    report = json.loads(seen.out)
    assert report["source"]["kind"] == "cluster"
    assert report["source"]["location"] == "lab"
    assert report["summary"]["proxies"] == 1


def test_nothing_is_written_and_no_secret_is_read(cli: Cli, api: FakeApi) -> None:
    cli(*CHECK)
    assert {asked.verb for asked in api.asked} == {"list", "get"}
    assert not [asked.path for asked in api.asked if "secret" in asked.path]


def test_hosts_and_trace(cli: Cli, api: FakeApi) -> None:
    told = cli("hosts", "--json", "--dns", "off", "--logs-since", "0")
    assert told.code == 0
    assert "github.com" in {row["host"] for row in json.loads(told.out)["hosts"]}
    copy_pod(api, "other")
    api.asked.clear()
    traced = cli("trace", RATINGS, "github.com:443", "--ip", "198.51.100.20", "--json", "--dns", "off")
    assert (traced.code, json.loads(traced.out)["verdict"]) == (1, "misrouted")
    assert {asked.name for asked in api.asked if "/" in asked.resource} == {RATINGS.split("/")[1]}


@pytest.mark.parametrize("plural", ["serviceentries", "virtualservices", "namespaces", "peerauthentications"])
def test_a_forbidden_kind_is_named_and_the_rest_is_judged(cli: Cli, api: FakeApi, plural: str) -> None:
    forbid(api, plural)
    done = cli(*CHECK)
    assert done.code in (0, 1)
    assert json.loads(done.out)["summary"]["proxies"] == 1
    assert f'cannot list resource "{plural}"' in reasons(done.out)[f"resources/{plural}.yaml"]


def test_a_kind_that_is_not_installed_is_named(cli: Cli, api: FakeApi) -> None:
    del api.objects["sidecars"]
    assert "is not installed" in reasons(cli(*CHECK).out)["resources/sidecars.yaml"]


def test_no_right_to_list_pods(cli: Cli, api: FakeApi) -> None:
    forbid(api, "pods")
    done = cli(*CHECK)
    assert (done.code, done.out) == (4, "")
    assert 'cannot list resource "pods"' in done.err
    assert "meshdoctor rbac" in done.err


def test_rights_in_the_contexts_namespace_only(cli: Cli, api: FakeApi) -> None:
    api.forbidden = lambda asked: asked.resource == "pods" and not asked.namespace
    done = cli(*CHECK)
    assert (done.code, json.loads(done.out)["summary"]["proxies"]) == (1, 1)
    assert "only pods of namespace bookinfo were listed" in reasons(done.out)["resources/pods.yaml"]


def test_a_namespace_that_was_asked_for_is_never_replaced_by_another(cli: Cli, api: FakeApi) -> None:
    api.forbidden = lambda asked: asked.resource == "pods"
    done = cli(*CHECK, "-n", "payments")
    assert done.code == 4
    assert 'in the namespace "payments"' in done.err


def test_where_port_forward_is_forbidden_exec_reads_the_same(cli: Cli, api: FakeApi) -> None:
    copy_pod(api, "other")
    by_forward = cli(*CHECK)
    forbid(api, "pods/portforward")
    api.asked.clear()
    by_exec = cli(*CHECK, "--concurrency", "1")
    assert rules_of(by_exec.out) == rules_of(by_forward.out)
    assert [asked.resource for asked in api.asked].count("pods/portforward") == 1


def test_port_forward_that_one_namespace_forbids_is_asked_for_in_the_next(cli: Cli, api: FakeApi) -> None:
    copy_pod(api, "later", to="payments")
    here = RATINGS.split("/")[0]
    api.forbidden = lambda asked: (
        asked.resource == "pods/exec" or (asked.resource == "pods/portforward" and asked.namespace == here)
    )
    done = cli(*CHECK, "--concurrency", "1")
    assert json.loads(done.out)["summary"]["proxies"] == 1
    assert [path for path in reasons(done.out) if path.startswith("proxies/")] == [
        f"proxies/{RATINGS}/config_dump.json"
    ]


def test_pods_that_may_not_be_asked_share_one_reason(cli: Cli, api: FakeApi) -> None:
    copy_pod(api, "other")
    forbid(api, "pods/portforward", "pods/exec")
    because = {text for path, text in reasons(cli(*CHECK).out).items() if path.startswith("proxies/")}
    assert len(because) == 1


def test_a_trace_says_why_its_sidecar_was_not_read(cli: Cli, api: FakeApi) -> None:
    forbid(api, "pods/portforward", "pods/exec")
    done = cli("trace", RATINGS, "github.com:443", "--dns", "off")
    assert "unknown [evidence-missing]" in done.out
    assert "meshdoctor rbac" in done.out


def test_a_trace_says_that_the_name_does_not_resolve(cli: Cli, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.getaddrinfo

    def look_up(host: str, *asked: Any, **more: Any) -> Any:
        if host == "nobody.example":
            raise socket.gaierror(-2, "Name or service not known")
        return known(host, *asked, **more)

    forbid(api, "pods/exec")
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    done = cli("trace", RATINGS, "nobody.example:443", "--json")
    told = json.loads(done.out)
    assert told["steps"][0]["at"] == "client"
    assert "no answer for nobody.example (name or service not known)" in told["steps"][0]["because"]


def test_where_neither_is_allowed_both_permissions_are_named(cli: Cli, api: FakeApi) -> None:
    forbid(api, "pods/portforward", "pods/exec")
    done = cli(*CHECK)
    because = reasons(done.out)[f"proxies/{RATINGS}/config_dump.json"]
    for word in ("pods/portforward", "pods/exec", "meshdoctor rbac"):
        assert word in because


def test_one_dead_pod_delays_nobody_and_each_is_named(cli: Cli, api: FakeApi) -> None:
    dead = {
        copy_pod(api, f"dead-{manner.name.lower().replace('_', '-')}", manner): manner
        for manner in (
            Manner.SILENT,
            Manner.DRIPPING,
            Manner.HTML,
            Manner.UNAVAILABLE,
            Manner.CUT,
            Manner.NO_HTTP,
            Manner.REFUSED,
        )
    }
    deleted = copy_pod(api, "deleted")
    del api.envoys[deleted]
    alive = copy_pod(api, "alive")
    done = cli(*CHECK, "--timeout", "3s")
    assert done.code == 1
    assert {pod for finding in json.loads(done.out)["findings"] for pod in finding["pods"]} >= {RATINGS, alive}
    found = reasons(done.out)
    told = {manner: found[f"proxies/{pod}/config_dump.json"] for pod, manner in dead.items()}
    assert "longer than 3 s" in told[Manner.SILENT]
    assert "longer than 3 s" in told[Manner.DRIPPING]
    assert "is not Envoy's /config_dump" in told[Manner.HTML]
    assert "answered 503" in told[Manner.UNAVAILABLE]
    assert "nothing listens on Envoy's admin port 15000" in told[Manner.REFUSED]
    assert told[Manner.CUT]
    assert told[Manner.NO_HTTP]
    assert "was deleted" in found[f"proxies/{deleted}/config_dump.json"]
    assert done.out.isascii()
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize("manner", [Manner.CUT, Manner.REFUSED, Manner.NO_HTTP])
def test_a_sidecar_that_answers_the_second_time_is_judged(cli: Cli, api: FakeApi, manner: Manner) -> None:
    api.envoys[RATINGS].manners = [manner, Manner.CHUNKED]
    done = cli(*CHECK)
    assert rules_of(done.out) == rules_of(cli("check", "--json", "--from", f"demo:{SNAPSHOT}").out)


def test_a_page_besides_the_dump_may_be_missing(cli: Cli, api: FakeApi) -> None:
    api.envoys[RATINGS].pages = {page: text for page, text in pages_of(SNAPSHOT).items() if "clusters" not in page}
    done = cli(*CHECK)
    assert done.code == 1
    assert "404" in reasons(done.out)[f"proxies/{RATINGS}/clusters.json"]


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"status": {"phase": "Pending"}}, "not running yet (Pending)"),
        ({"status": {}}, "not running yet (no phase)"),
    ],
)
def test_a_pod_that_does_not_run_is_not_asked(cli: Cli, api: FakeApi, change: dict[str, Any], because: str) -> None:
    pod = copy_pod(api, "waiting")
    api.objects["pods"][-1].update(change)
    done = cli(*CHECK)
    assert because in reasons(done.out)[f"proxies/{pod}/config_dump.json"]
    assert "waiting" not in {asked.name for asked in api.asked}


def test_a_pod_that_has_ended_lacks_nothing(cli: Cli, api: FakeApi) -> None:
    pod = copy_pod(api, "done")
    api.objects["pods"][-1].update({"status": {"phase": "Succeeded"}})
    done = cli(*CHECK)
    assert f"proxies/{pod}/config_dump.json" not in reasons(done.out)
    assert json.loads(done.out)["summary"]["pods"]["finished"] == 1


def test_no_sidecar_read_is_no_verdict(cli: Cli, api: FakeApi) -> None:
    api.envoys[RATINGS].manners = [Manner.HTML] * 8
    for command in (CHECK, ("hosts", "--json")):
        done = cli(*command)
        assert (done.code, "no verdict was possible" in done.err) == (3, True)


def test_mesh_settings_that_are_not_there_are_named(cli: Cli) -> None:
    said = reasons(cli(*CHECK, "--istio-namespace", "elsewhere").out)
    assert "no ConfigMap istio in namespace elsewhere" in said["resources/configmaps.yaml"]


def test_ctrl_c_keeps_what_was_read(cli: Cli, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    from meshdoctor.cli.progress import ProgressBar

    def struck(self: ProgressBar, pod: str, because: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "fetched", struck)
    silent = copy_pod(api, "silent", Manner.SILENT)
    done = cli(*CHECK)
    assert done.code == 130
    assert json.loads(done.out)["summary"]["proxies"] == 1
    assert "interrupted" in reasons(done.out)[f"proxies/{silent}/config_dump.json"]
    assert "interrupted" in done.err


def test_ctrl_c_while_names_are_resolved(cli: Cli, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def struck(*_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(cluster_reader, "resolve_here", struck)
    done = cli("check", "--json", "--dns", "local", "--logs-since", "0")
    assert (done.code, json.loads(done.out)["summary"]["proxies"]) == (130, 1)
    assert "interrupted" in reasons(done.out)["dns.json"]


def test_ctrl_c_before_anything_was_read(cli: Cli, api: FakeApi) -> None:
    def struck(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(object_reader, "Lister", struck)
        done = cli(*CHECK)
    assert (done.code, done.out) == (130, "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--context", "prd"), 2, "Did you mean prod?"),
        (("--kubeconfig", "nowhere.yaml"), 4, "no kubeconfig at nowhere.yaml"),
        (("--timeout", "0"), 2, "--timeout must be more than 0"),
        (("--timeout", "soon"), 2, "is not a duration"),
        (("--logs-since", "1d"), 2, "is not a duration"),
        (("--concurrency", "0"), 2, "--concurrency"),
        (("-l", "app==="), 2, "is not a label selector"),
        (("-n", "bokinfo"), 3, "Did you mean bookinfo?"),
        (("-l", "app=nobody"), 3, "no pod has the labels app=nobody"),
        (("--context", "lab", "--from", "x"), 2, "give one of them"),
        (("--kubeconfig", "x", "-f", "x"), 2, "give one of them"),
    ],
)
def test_what_is_asked_for_wrongly(cli: Cli, api: FakeApi, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = cli(*CHECK, *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_an_expired_token_ends_in_4_with_what_to_do(cli: Cli, api: FakeApi) -> None:
    api.faults.append(lambda asked: status(401, "Unauthorized"))
    done = cli(*CHECK)
    assert (done.code, done.out) == (4, "")
    assert "Log in again" in done.err


def test_a_cluster_without_istio(cli: Cli, api: FakeApi) -> None:
    api.groups.clear()
    for plural in [plural for plural in api.objects if plural not in ("pods", "namespaces", "services", "configmaps")]:
        del api.objects[plural]
    for pod in api.objects["pods"]:
        pod["spec"] = {"containers": [{"name": "app"}]}
    done = cli(*CHECK)
    assert (done.code, done.out) == (3, "")
    assert "networking.istio.io" in done.err


def test_a_server_that_is_no_kubernetes(cli: Cli, api: FakeApi) -> None:
    api.faults.append(lambda asked: (404, b"<html>nginx</html>"))
    done = cli(*CHECK)
    assert (done.code, done.out) == (4, "")
    assert "it is not a Kubernetes API server" in done.err


def test_a_server_that_stops_answering_in_mid_run(cli: Cli, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_reader, "SECONDS", 0.5)
    api.faults.append(lambda asked: api.never(asked) if asked.group else None)
    done = cli(*CHECK)
    assert done.code in (0, 1, 3)
    assert "resources/serviceentries.yaml" in reasons(done.out)


def test_only_some_pods_are_asked(cli: Cli, api: FakeApi) -> None:
    copy_pod(api, "labelled")
    api.objects["pods"][-1]["metadata"]["labels"] = {"app": "labelled"}
    done = cli(*CHECK, "-n", "bookinfo", "-l", "app=labelled")
    assert json.loads(done.out)["summary"]["proxies"] == 1
    assert {asked.name for asked in api.asked if asked.resource == "pods/portforward"} == {"labelled"}


def test_gateways_are_read_whatever_pods_are_asked_for(cli: Cli, api: FakeApi) -> None:
    put_snapshot(api, "egress-gateway")
    everywhere = cli(*CHECK)
    there = {pod.split("/")[0] for pod in api.envoys}
    assert len(there) > 1
    some = cli(*CHECK, "-n", "bookinfo")
    assert [f["rule"] for f in json.loads(some.out)["findings"]] == [
        f["rule"] for f in json.loads(everywhere.out)["findings"]
    ]
    assert {a.name for a in api.asked if a.resource == "pods/portforward"} == {p.split("/")[1] for p in api.envoys}


def test_names_of_the_cluster_cannot_move_the_cursor(cli: Cli, api: FakeApi) -> None:
    evil = "evil\x1b[2J\u202e\nname"
    copy_pod(api, "x")
    body = api.objects["pods"][-1]
    body["metadata"]["name"] = body["metadata"]["labels"]["app"] = evil
    api.objects["serviceentries"][0]["metadata"]["name"] = evil
    api.faults.append(lambda asked: status(403, f"no {evil} for you") if asked.resource == "sidecars" else None)
    for command in ("check", "hosts"):
        done = cli(command, "-v", "--dns", "off", "--logs-since", "0")
        assert done.out
        assert "\x1b" not in done.out + done.err
        assert "\u202e" not in done.out + done.err

"""What a live run saves is what it judged, and no Secret of the cluster is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshdoctor import yamlio
from meshdoctor.sources.read_source import read_capture
from meshdoctor.text.marks import REDACTED
from tests.cluster.apiserver import FakeApi
from tests.cluster.envoy import Manner
from tests.cluster.meshes import PAGES, RATINGS, copy_pod, put_snapshot
from tests.conftest import Cli
from tests.unit.sources.test_redact import CONFIG_MAP, ENVOY_FILTER, POD, SECRET, VIRTUAL_SERVICE

pytestmark = pytest.mark.usefixtures("kubeconfig")
QUIET = ("--dns", "off", "--logs-since", "0")


def judged(cli: Cli, command: str, *arguments: str) -> Any:
    said = cli(command, "--json", *arguments).out
    taken_at = (json.loads(said).get("source") or {}).get("captured_at")  # a fix says of when its addresses are
    report = json.loads(said.replace(f", at {taken_at}.", ", at its time."))
    source = report.pop("source", None) or {}
    report.pop("location", None)
    return report, source.get("istio_versions")


@pytest.mark.parametrize("name", ["saved", "saved.tar.gz", "saved.tar.zst"])
@pytest.mark.parametrize("snapshot", ["tcp-port-clash", "mysql-blocked", "egress-gateway"])
def test_check_and_hosts_from_it_equal_the_live_ones(
    cli: Cli, api: FakeApi, tmp_path: Path, name: str, snapshot: str
) -> None:
    put_snapshot(api, snapshot)
    if RATINGS in api.envoys:
        copy_pod(api, "cut", Manner.CUT)
    api.forbidden = lambda asked: asked.resource == "envoyfilters"
    assert cli("capture", str(tmp_path / name), *QUIET).code == 0
    for command in ("check", "hosts"):
        assert judged(cli, command, "--from", str(tmp_path / name)) == judged(cli, command, *QUIET)


def test_every_page_and_kind_is_in_it(cli: Cli, api: FakeApi, tmp_path: Path) -> None:
    done = cli("capture", str(tmp_path / "saved"), *QUIET)
    assert (done.code, done.out) == (0, f"{tmp_path / 'saved'}\n")
    capture = read_capture(tmp_path / "saved")
    assert {f"proxies/{RATINGS}/{page}" for page in PAGES} <= {*capture.documents}
    assert {f"resources/{plural}.yaml" for plural in api.objects} <= {*capture.documents}
    assert not [path for path in capture.documents if "secret" in path]
    (card,) = yamlio.load_documents((tmp_path / "saved" / "capture.yaml").read_bytes(), "capture.yaml")
    assert (card["context"], card["interrupted"], card["unread"]) == ("lab", False, [])
    assert "1 sidecar" in done.err


def test_secrets_stay_in_the_cluster(cli: Cli, api: FakeApi, tmp_path: Path) -> None:
    pod = json.loads(json.dumps(POD))
    pod["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "c"}}]
    api.objects["pods"].append(pod)
    api.objects["configmaps"].append(json.loads(json.dumps(CONFIG_MAP)))
    api.objects["virtualservices"].append(json.loads(json.dumps(VIRTUAL_SERVICE)))
    api.objects["envoyfilters"].append(json.loads(json.dumps(ENVOY_FILTER)))
    pages = api.envoys[RATINGS].pages
    dump = json.loads(pages["/config_dump?include_eds"])
    dump["configs"][0]["bootstrap"]["node"]["metadata"] = {"DB_PASSWORD": SECRET}
    pages["/config_dump?include_eds"] = json.dumps(dump).encode()
    done = cli("capture", str(tmp_path / "saved"), *QUIET)
    files = {path: path.read_text() for path in (tmp_path / "saved").rglob("*") if path.is_file()}
    assert not [path for path, text in files.items() if SECRET in text]
    assert "redacted" in done.err
    assert SECRET not in done.err
    configmaps = next(text for path, text in files.items() if path.name == "configmaps.yaml")
    assert f":{REDACTED}@db.example.com/x" in configmaps
    report = cli("check", "-v", *QUIET)
    assert SECRET not in report.out + cli("check", "--json", *QUIET).out + cli("hosts", "--json", *QUIET).out


def test_keep_all_keeps_what_is_no_secret_and_warns(cli: Cli, api: FakeApi, tmp_path: Path) -> None:
    pages = api.envoys[RATINGS].pages
    dump = json.loads(pages["/config_dump?include_eds"])
    dump["configs"][0]["bootstrap"]["node"]["metadata"] |= {"NOTE": "call the owner", "DB_PASSWORD": SECRET}
    pages["/config_dump?include_eds"] = json.dumps(dump).encode()
    pod = json.loads(json.dumps(POD))
    pod["metadata"]["annotations"]["team.example.com/note"] = "call the owner"
    api.objects["pods"].append(pod)
    done = cli("capture", str(tmp_path / "all"), "--keep-all", *QUIET)
    assert "--keep-all" in done.err
    texts = [path.read_text() for path in (tmp_path / "all").rglob("*") if path.is_file()]
    assert sum(text.count("call the owner") for text in texts) == 2
    assert not [text for text in texts if SECRET in text]
    cli("capture", str(tmp_path / "less"), *QUIET)
    assert not [path for path in (tmp_path / "less").rglob("*") if path.is_file() and "the owner" in path.read_text()]


def test_only_configmaps_that_matter_are_read(cli: Cli, api: FakeApi, tmp_path: Path) -> None:
    other = {"kind": "ConfigMap", "metadata": {"name": "other", "namespace": "bookinfo"}, "data": {"a": "b"}}
    api.objects["configmaps"].append(other)
    cli("capture", str(tmp_path / "saved"), *QUIET)
    assert "other" not in {asked.name for asked in api.asked}
    assert ("list", "configmaps") not in {(asked.verb, asked.resource) for asked in api.asked}


def test_an_interrupted_capture_says_so(
    cli: Cli, api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshdoctor.cli.progress import ProgressBar

    def struck(self: ProgressBar, pod: str, because: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "fetched", struck)
    silent = copy_pod(api, "silent", Manner.SILENT)
    assert cli("capture", str(tmp_path / "saved"), *QUIET).code == 130
    (card,) = yamlio.load_documents((tmp_path / "saved" / "capture.yaml").read_bytes(), "capture.yaml")
    assert card["interrupted"] is True
    assert silent in str(card["unread"])


def test_a_cluster_that_cannot_be_read_leaves_nothing(cli: Cli, api: FakeApi, tmp_path: Path) -> None:
    api.forbidden = lambda asked: True
    assert cli("capture", str(tmp_path / "saved"), *QUIET).code == 4
    assert not (tmp_path / "saved").exists()
    assert not list(tmp_path.glob(".saved*"))

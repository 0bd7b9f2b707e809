"""Sources on the command line: what counts, what is named, and the exit codes."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli

SNAPSHOT = ROOT / "snapshots" / "tcp-port-clash"
FORBIDDEN = '{"kind": "Status", "apiVersion": "v1", "reason": "Forbidden", "code": 403}'


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A copy of a capture with an error in it."""
    return Path(shutil.copytree(SNAPSHOT, tmp_path / "capture"))


def dump_of(capture: Path) -> Path:
    return next(capture.glob("proxies/*/*/config_dump.json"))


@pytest.mark.parametrize("kind", ["serviceentries", "pods", "services", "virtualservices"])
@pytest.mark.parametrize("how", ["refused", "cut", "removed", "another kind"])
def test_less_of_a_kind_never_looks_better(cli: Cli, capture: Path, kind: str, how: str) -> None:
    before = json.loads(cli("check", "--json", "--from", str(capture)).out)
    file = capture / "resources" / f"{kind}.yaml"
    text = file.read_text()
    file.write_text(FORBIDDEN if how == "refused" else text[: text.rindex("kind: List") * 2 // 3])
    if how == "another kind":
        file.write_text("apiVersion: v1\nitems: []\nkind: DeploymentList\n")
    if how == "removed":
        file.unlink()
    done = cli("check", "--json", "--strict", "--from", str(capture))
    after = json.loads(done.out)
    lost = {f["rule"] for f in before["findings"]} - {f["rule"] for f in after["findings"]}
    assert done.code != 0
    named = [entry for entry in after["not_evaluated"] if f"{kind}.yaml" in " ".join(entry["missing"])]
    assert named or after["unread"]
    assert lost <= {entry["rule"] for entry in after["not_evaluated"]}


def test_parts_of_one_dump_and_standard_input(
    cli: Cli, capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = json.loads(dump_of(capture).read_bytes())["configs"]
    listeners = next(s for s in sections if s["@type"].endswith("ListenersConfigDump"))["dynamic_listeners"]
    clusters = next(s for s in sections if s["@type"].endswith("ClustersConfigDump"))["dynamic_active_clusters"]
    parts = {
        "l.json": [entry["active_state"]["listener"] for entry in listeners if "active_state" in entry],
        "c.json": [entry["cluster"] for entry in clusters],
    }
    for name, value in parts.items():
        (tmp_path / name).write_text(json.dumps(value))
    done = cli("check", "--json", "--from", str(tmp_path / "c.json"), "--from", str(tmp_path / "l.json"))
    assert json.loads(done.out)["summary"]["proxies"] == 1
    assert "no section for listeners" not in done.out
    text = b'Defaulted container "istio-proxy" out of: istio-proxy, app\n' + dump_of(capture).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    piped = json.loads(cli("check", "--json", "--from", "-").out)
    assert piped["source"]["location"] == "standard input"
    assert [f["rule"] for f in piped["findings"]].count("tcp-port-clash") == 1


@pytest.mark.parametrize("name", ["se.yaml", ""])
def test_a_manifest_that_cannot_be_parsed_ends_in_4(cli: Cli, capture: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "se.yaml").write_text("kind: ServiceEntry\nspec:\n  hosts: [a.example\n")
    done = cli("check", "--from", str(capture), "-f", str(folder / name))
    assert (done.code, done.out) == (4, "")
    assert f"{folder}/se.yaml:" in done.err
    assert "not YAML" in done.err


def test_a_dump_cut_short_that_was_named_ends_in_4(cli: Cli, capture: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes(dump_of(capture).read_bytes()[:5000])
    done = cli("check", "--from", str(capture), "--from", str(cut))
    assert (done.code, done.out) == (4, "")
    assert "cut.json: incomplete JSON" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--from - -f -", "standard input can be read once"),
        ("--from demo:healthy --from x", "demo:healthy is a mesh of its own"),
        ("--from=", "--from is empty"),
    ],
)
def test_sources_that_exclude_each_other(cli: Cli, arguments: str, words: str) -> None:
    done = cli("check", *arguments.split())
    assert done.code == 2
    assert words in done.err


def test_a_folder_of_anything_says_what_was_looked_for(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "a/b/c/dump.json").write_text('{"configs": []}')
    done = cli("check", "--from", str(tmp_path))
    assert done.code == 3
    assert "Looked for proxies/ and resources/ in it and in its folders" in " ".join(done.err.split())


def test_evidence_of_a_manifest_names_the_users_path(cli: Cli, capture: Path, tmp_path: Path) -> None:
    text = (capture / "resources" / "serviceentries.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text)
    (capture / "resources" / "serviceentries.yaml").unlink()
    found = json.loads(cli("check", "--json", "--from", str(capture), "-f", str(tmp_path / "mine.yaml")).out)
    documents = {e["document"] for f in found["findings"] for e in f["evidence"]}
    assert str(tmp_path / "mine.yaml") in documents
    assert not any(document.startswith("manifests/") for document in documents)

"""The bundled snapshots: what meshdoctor says about each, compared as bytes, and what a snapshot has to bring.

`python -m tests.golden.snapshots` writes the golden files anew; read the diff it makes.
"""

from __future__ import annotations

import json
import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from meshdoctor import yamlio
from meshdoctor.bundled import snapshot_names, snapshots_dir
from meshdoctor.cli.main import run
from meshdoctor.text.wrapping import columns
from tests.golden.snapshots import FILES, OUTPUTS

HINT = "run: python -m tests.golden.snapshots"
NAMES = snapshot_names()
STORIES = {
    "the database outside": {"mysql-blocked", "mysql-tcp-ok", "mysql-no-addresses", "mysql-one-ip-missing"},
    "two services on one port": {"tcp-port-clash", "tcp-port-clash-addresses", "tcp-port-clash-scoped"},
    "controlled egress": {"http-ok", "https-none", "tcp-443-none-leak", "tls-virtualservice"},
    "old worlds": {"envoy-v2", "pasted-proxy-config"},
    "nothing wrong": {"healthy"},
}
PASTED = "pasted-proxy-config"
"""The one snapshot that is no whole capture: what istioctl printed is all there is."""
KEYS = {"title", "order", "story", "istio_version", "captured", "expected", "try"}
PRIVATE_KEY = re.compile(r"PRIVATE KEY|\"private_key\": \{\s*\"inline_bytes\": \"(?!W3JlZGFjdGVkXQ==)")
"""A key in PEM, or one that Envoy has not replaced by `[redacted]`, in base64 as it writes it."""


def card(name: str) -> dict[str, Any]:
    path = snapshots_dir() / name / "snapshot.yaml"
    (about,) = yamlio.load_documents(path.read_bytes(), path.name)
    assert isinstance(about, dict)
    return about


each_snapshot = pytest.mark.parametrize("name", NAMES)
commands = [pytest.param(line, id=line.removeprefix("meshdoctor ")) for name in NAMES for line in card(name)["try"]]


@pytest.mark.parametrize("name", OUTPUTS)
def test_output_is_the_golden_file(name: str) -> None:
    assert OUTPUTS[name]() == (FILES / name).read_bytes(), HINT


def test_every_golden_file_has_a_maker() -> None:
    assert {path.name for path in FILES.iterdir()} == set(OUTPUTS), HINT


@each_snapshot
def test_json_fits_the_schema_that_ships(name: str) -> None:
    schema = json.loads((files("meshdoctor") / "schemas" / "check-v1.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(json.loads(OUTPUTS[f"check-{name}.json"]()))


@pytest.mark.parametrize("story", STORIES)
def test_every_story_can_be_lived_through(story: str) -> None:
    assert STORIES[story] <= set(NAMES)


def test_no_two_snapshots_share_a_place_in_the_list() -> None:
    assert len({card(name)["order"] for name in NAMES}) == len(NAMES) >= 12


@each_snapshot
def test_a_card_says_what_a_newcomer_needs(name: str) -> None:
    about = card(name)
    assert set(about) == KEYS
    assert columns(about["title"]) <= 80
    assert 100 < len(about["story"]) < 500
    assert set(about["expected"]) == {"errors", "also", "never"}
    assert all(f"demo:{name}" in line or " rules explain " in line for line in about["try"])


@pytest.mark.parametrize("line", commands)
def test_what_a_card_tells_to_try_works(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    program, *arguments = shlex.split(line)
    assert program == "meshdoctor"
    assert run(arguments) in (0, 1)
    out, err = capfd.readouterr()
    assert out
    assert err == ""


def test_the_list_is_readable_at_80_columns(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--list"]) == 0
    out = capfd.readouterr().out
    assert max(columns(line) for line in out.splitlines()) <= 80
    assert all(f"\n{name}: " in f"\n{out}" for name in NAMES)


def test_the_demo_begins_with_a_fault_and_its_story(capfd: pytest.CaptureFixture[str]) -> None:
    first = min((card(name) for name in NAMES), key=lambda about: about["order"])
    assert first["expected"]["errors"]
    assert run(["demo"]) == 1
    assert capfd.readouterr().out.startswith(f"{first['title']}\n")


def test_what_was_pasted_is_all_there_is() -> None:
    found = {path.name for path in (snapshots_dir() / PASTED).iterdir()}
    assert found == {"snapshot.yaml", "listeners.json", "clusters.json", "routes.json"}


@pytest.mark.parametrize("name", [name for name in NAMES if name != PASTED])
def test_a_snapshot_is_a_whole_capture_and_nothing_more(name: str) -> None:
    folder = snapshots_dir() / name
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {
        "snapshot.yaml",
        "dns.json",
        "observed.json",
        "resources/pods.yaml",
        "resources/serviceentries.yaml",
    } <= found
    dumps = {path for path in found if path.endswith("/config_dump.json")}
    assert dumps
    assert {str(Path(path).with_name("clusters.json")) for path in dumps} <= found
    assert not [path for path in found if path.endswith(("server_info.json", "stats.txt", "replicasets.yaml"))]


@each_snapshot
def test_a_snapshot_holds_no_secret(name: str) -> None:
    folder = snapshots_dir() / name
    for path in [*folder.rglob("*.json"), *folder.rglob("*.yaml")]:
        assert PRIVATE_KEY.search(path.read_text(encoding="utf-8")) is None, path
    for path in folder.rglob("pods.yaml"):
        values = re.findall(r"name: \w*(?:PASSWORD|TOKEN|SECRET)\w*\n\s+value: (.*)", path.read_text(encoding="utf-8"))
        assert all(value == "'[redacted by meshdoctor]'" for value in values)

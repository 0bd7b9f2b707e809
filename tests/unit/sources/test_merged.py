"""Several sources as one: parts of one dump, captures of one mesh."""

from __future__ import annotations

import io
import json
import sys
from itertools import permutations
from pathlib import Path

import pytest

from meshdoctor.errors import Unreadable
from meshdoctor.sources.read_source import read_captures
from tests.unit.sources.sources import CAPTURE, DUMP, PODS, PROXY, gzipped, tar_of, write

LISTENERS = b'[{"name": "0.0.0.0_443", "address": {}}]'
CLUSTERS = b'[{"name": "BlackHoleCluster", "type": "STATIC"}]'
ROUTES = b'[{"name": "80", "virtualHosts": []}]'
PARTS = {"pod/l.json": LISTENERS, "pod/c.json": CLUSTERS, "pod/r.json": ROUTES}


@pytest.mark.parametrize("order", list(permutations(PARTS)))
def test_pasted_files_are_parts_of_one_dump_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    write(tmp_path, PARTS)
    capture = read_captures([tmp_path / name for name in order])
    assert sorted(capture.documents) == [f"proxies/-/pod/{kind}.json" for kind in ("clusters", "listeners", "routes")]
    assert capture.location == " ".join(sorted(str(tmp_path / name) for name in PARTS))


def test_parts_from_several_folders_and_pages_beside_a_dump(tmp_path: Path) -> None:
    write(tmp_path, {"a/l.json": LISTENERS, "b/c.json": CLUSTERS})
    both = read_captures([tmp_path / "a/l.json", tmp_path / "b/c.json"])
    assert len({key.rsplit("/", 1)[0] for key in both.documents}) == 1
    write(tmp_path, {"d.json": DUMP, "cs.json": b'{"cluster_statuses": []}'})
    assert sorted(read_captures([tmp_path / "cs.json", tmp_path / "d.json"]).documents) == [
        "proxies/-/d/clusters.json",
        "proxies/-/d/config_dump.json",
    ]


def test_files_of_one_name_in_two_folders_are_two_proxies(tmp_path: Path) -> None:
    write(tmp_path, {"a/listeners.json": LISTENERS, "b/listeners.json": CLUSTERS.replace(b"type", b"address")})
    capture = read_captures([tmp_path / "a/listeners.json", tmp_path / "b/listeners.json"])
    assert len({key.rsplit("/", 1)[0] for key in capture.documents}) == 2


def test_a_named_file_that_is_nothing_ends_it(tmp_path: Path) -> None:
    write(tmp_path, {"l.json": LISTENERS, "x.json": b'{"hello": 1}'})
    with pytest.raises(Unreadable, match=r"x\.json is not a file that meshdoctor reads"):
        read_captures([tmp_path / "l.json", tmp_path / "x.json"])


def test_captures_are_shards_of_one_mesh(tmp_path: Path) -> None:
    other = {key.replace("web-1", "web-2"): content for key, content in CAPTURE.items()}
    write(tmp_path / "one", {**CAPTURE, "dns.json": b'{"answers": {"a.x": ["1.1.1.1"]}}'})
    write(tmp_path / "two", {**other, "dns.json": b'{"answers": {"a.x": ["1.1.1.2"], "b.x": null}}'})
    (tmp_path / "two.tgz").write_bytes(gzipped(tar_of({str(k): v for k, v in other.items()})))
    capture = read_captures([tmp_path / "two", tmp_path / "one"])
    assert set(capture.proxy_documents()) == {"shop/web-1", "shop/web-2"}
    assert {key for key in capture.documents if key.startswith("resources/")} == {
        "resources/pods/1.yaml",
        "resources/pods/2.yaml",
    }
    assert capture.documents["resources/pods/1.yaml"].path == f"{tmp_path}/one/resources/pods.yaml"
    assert json.loads(capture.documents["dns.json"].read())["answers"] == {"a.x": ["1.1.1.1", "1.1.1.2"], "b.x": []}
    packed = read_captures([tmp_path / "one", tmp_path / "two.tgz"])
    assert set(packed.proxy_documents()) == {"shop/web-1", "shop/web-2"}


def test_a_second_dump_of_one_pod_is_kept_for_the_choice(tmp_path: Path) -> None:
    write(tmp_path / "one", CAPTURE)
    write(tmp_path / "two", CAPTURE)
    capture = read_captures([tmp_path / "one", tmp_path / "two"])
    assert [pod for pod in capture.proxy_documents()] == ["shop/web-1", "-/shop.web-1~2"]
    again = capture.documents["proxies/-/shop.web-1~2/config_dump.json"]
    assert again.path == f"{tmp_path}/two/{PROXY}config_dump.json"


@pytest.mark.parametrize("content", [DUMP, gzipped(DUMP), tar_of(CAPTURE), gzipped(tar_of(CAPTURE)), PODS])
def test_standard_input_is_a_file_or_an_archive(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    capture = read_captures([Path("-")])
    assert capture.location == "standard input"
    assert capture.documents


def test_the_same_path_twice_is_one(tmp_path: Path) -> None:
    write(tmp_path, {"d.json": DUMP})
    assert list(read_captures([tmp_path / "d.json"] * 2).documents) == ["proxies/-/d/config_dump.json"]

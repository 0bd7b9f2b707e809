"""Raw dumps, pasted arrays and plain manifests, one by one and by the folder."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from meshdoctor.errors import NothingToJudge, Unreadable
from meshdoctor.sources import Limits, read_capture
from tests.unit.sources.sources import DUMP, PODS, gzipped, write

LISTENERS = b'[{"name": "0.0.0.0_443", "address": {}}]'
CLUSTERS = b'[{"name": "BlackHoleCluster", "type": "STATIC"}]'
ENDPOINTS = b'[{"name": "outbound|80||a", "hostStatuses": []}]'


@pytest.mark.parametrize("name", ["web.json", "web", "web.json.gz", "config_dump?include_eds"])
def test_one_raw_dump_is_one_proxy(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzipped(DUMP) if name.endswith(".gz") else DUMP)
    capture = read_capture(path)
    ((key, document),) = capture.documents.items()
    assert key == f"proxies/-/{'config_dump?include_eds' if '?' in name else 'web'}/config_dump.json"
    assert (capture.kind, capture.location) == ("dump", str(path))
    assert document.read() == DUMP
    assert document.path == key
    assert document.origin == str(path)


def test_a_dump_cut_short_is_still_known_as_a_dump(tmp_path: Path) -> None:
    write(tmp_path, {"web.json": DUMP[:30]})
    assert list(read_capture(tmp_path / "web.json").documents) == ["proxies/-/web/config_dump.json"]


def test_a_pasted_array_is_named_by_what_it_is(tmp_path: Path) -> None:
    write(tmp_path, {"out.json": LISTENERS})
    assert list(read_capture(tmp_path / "out.json").documents) == ["proxies/-/out/listeners.json"]


def test_pasted_arrays_of_one_folder_are_one_proxy(tmp_path: Path) -> None:
    pasted = {"l.json": LISTENERS, "c.json": CLUSTERS, "endpoints.json": b"[]", "b.json": b'{"bootstrap": {}}'}
    capture = read_capture(write(tmp_path / "ratings", pasted))
    names = ["bootstrap", "clusters", "endpoints", "listeners"]
    assert sorted(capture.documents) == [f"proxies/-/ratings/{name}.json" for name in names]
    assert capture.documents["proxies/-/ratings/listeners.json"].origin == str(tmp_path / "ratings" / "l.json")


def test_whole_dumps_of_one_folder_are_a_proxy_each(tmp_path: Path) -> None:
    files = {
        "a.json": DUMP,
        "b.json": DUMP,
        "old/a.json": DUMP,
        "se.yaml": b"kind: ServiceEntry\n",
        "dns.json": b'{"answers": {}}',
    }
    capture = read_capture(write(tmp_path, files))
    assert sorted(capture.documents) == [
        "dns.json",
        "manifests/se.yaml",
        "proxies/-/a/config_dump.json",
        "proxies/-/b/config_dump.json",
        "proxies/-/old.a/config_dump.json",
    ]


def test_the_files_beside_the_one_dump_are_of_its_proxy(tmp_path: Path) -> None:
    files = {"config_dump.json": DUMP, "server_info.json": b'{"hot_restart_version": "x"}', "stats.txt": b"a: 1\n"}
    capture = read_capture(write(tmp_path, {**files, "clusters.json": b'{"cluster_statuses": []}'}))
    names = ["clusters.json", "config_dump.json", "server_info.json", "stats.txt"]
    assert sorted(capture.documents) == [f"proxies/-/config_dump/{name}" for name in names]


def test_admin_pages_that_belong_to_no_one_dump_are_named(tmp_path: Path) -> None:
    pages = {"clusters.json": b'{"cluster_statuses": []}', "stats.txt": b"a: 1\n"}
    capture = read_capture(write(tmp_path / "mixed", {"listeners.json": LISTENERS, **pages}))
    assert list(capture.documents) == ["proxies/-/mixed/listeners.json"]
    assert {note.path for note in capture.unread} == {"clusters.json", "stats.txt"}
    with pytest.raises(Unreadable, match=r"(?s)contains no file that can be used.*only beside one config dump"):
        read_capture(write(tmp_path / "pages", pages))


def test_arrays_and_a_dump_in_one_folder_are_two_proxies(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path / "x", {"web.json": DUMP, "clusters.json": CLUSTERS}))
    assert sorted(capture.documents) == ["proxies/-/web/config_dump.json", "proxies/-/x/clusters.json"]


def test_the_same_page_of_one_proxy_twice(tmp_path: Path) -> None:
    """Equal ones are one; of different ones none is used, whatever their names."""
    equal = {"1.json": LISTENERS, "2.json": LISTENERS, "3.json": ENDPOINTS}
    capture = read_capture(write(tmp_path / "x", equal))
    assert sorted(capture.documents) == ["proxies/-/x/endpoints.json", "proxies/-/x/listeners.json"]
    assert capture.unread == ()
    (note,) = capture.notes
    assert "1.json" in note
    assert "2.json are the same" in note
    other = LISTENERS.replace(b"443", b"444")
    for name, (one, two) in {"y": (LISTENERS, other), "z": (other, LISTENERS)}.items():
        differing = read_capture(write(tmp_path / name, {"1.json": one, "2.json": two}))
        with pytest.raises(Unreadable, match=r"1\.json and \S+2\.json are the same page .* and differ"):
            differing.documents[f"proxies/-/{name}/listeners.json"].read()


def test_a_stranger_among_dumps_costs_only_a_note(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, {"a.json": DUMP, "package.json": b'{"name": "x"}', "empty.json": b""}))
    assert list(capture.documents) == ["proxies/-/a/config_dump.json"]
    assert {note.path for note in capture.unread} == {"package.json", "empty.json"}


def test_manifests_alone(tmp_path: Path) -> None:
    capture = read_capture(write(tmp_path, {"se.yaml": PODS, "sub/vs.json": b'{"kind": "VirtualService"}'}))
    assert capture.kind == "manifests"
    assert sorted(capture.documents) == ["manifests/se.yaml", "manifests/sub/vs.json"]


@pytest.mark.parametrize("content", [b'{"hello": 1}', b"<html></html>", b"no healthy upstream", b"[]", b"\x7fELF\x02"])
def test_a_file_of_no_known_kind_says_what_was_expected(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {"it": content})
    with pytest.raises(Unreadable, match=r"it is not a file that meshdoctor reads\. Expected: a capture"):
        read_capture(tmp_path / "it")


def test_a_folder_of_no_known_kind_names_its_files(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"(?s)contains no file that can be used.*a\.json.*b\.json"):
        read_capture(write(tmp_path, {"a.json": b"{}", "b.json": b"[1]"}))


@pytest.mark.parametrize("content", [b"", b" \n", gzipped(b"")], ids=["nothing", "blank", "packed"])
def test_an_empty_file_is_nothing_to_judge(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {"it.json": content})
    with pytest.raises(NothingToJudge, match=r"it\.json is empty"):
        read_capture(tmp_path / "it.json")


def test_control_characters_of_a_file_name_never_reach_the_document_path(tmp_path: Path) -> None:
    write(tmp_path, {"\x1b[31m.json": DUMP})
    assert list(read_capture(tmp_path / "\x1b[31m.json").documents) == ["proxies/-/\\x1b[31m/config_dump.json"]


def test_a_file_beyond_the_limit_is_refused_at_reading(tmp_path: Path) -> None:
    write(tmp_path, {"web.json": DUMP})
    (document,) = read_capture(tmp_path / "web.json", Limits(document=50)).documents.values()
    with pytest.raises(Unreadable, match=r"web\.json is larger than 50 bytes"):
        document.read()


def test_a_cut_gzip_is_told_at_reading(tmp_path: Path) -> None:
    noise = os.urandom(300_000).hex().encode()
    write(tmp_path, {"web.json.gz": gzipped(DUMP + noise)[:-1000]})
    (document,) = read_capture(tmp_path / "web.json.gz").documents.values()
    with pytest.raises(Unreadable, match=r"web\.json\.gz is cut short"):
        document.read()


def test_a_pipe_is_read_once_and_kept(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(DUMP,))
    writer.start()
    (document,) = read_capture(pipe).documents.values()
    writer.join()
    assert document.read() == document.read() == DUMP


def test_real_old_dumps(shared: Path) -> None:
    capture = read_capture(shared / "dumps")
    assert len(capture.documents) == 6
    assert capture.unread == ()
    assert "proxies/-/istio-1.2.echo/config_dump.json" in capture.documents


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_powershell_writes_is_read(tmp_path: Path, encoding: str) -> None:
    dump = tmp_path / "dump.json"
    dump.write_bytes('{"configs": []}'.encode(encoding))
    (document,) = read_capture(dump).documents.values()
    assert document.read() == b'{"configs": []}'
